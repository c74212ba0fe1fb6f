//! What is measured of each system: the search, then its latencies at half of what it found.

use std::time::Instant;

use anyhow::{Context as _, Error, Result, anyhow, ensure};

use super::{
    Session, XDP,
    place::Receiving,
    search,
    systems::{self, Logweir, Source, System, Way},
    traffic::Traffic,
    trial::Trial,
};

/// What was found of a system.
pub struct Measured {
    pub name: String,
    pub traffic: Traffic,
    /// Which of ours it is, where it is ours.
    pub way: Option<Way>,
    /// All trials of its search.
    pub trials: Vec<Trial>,
    /// The one of the highest rate without loss.
    pub highest: Option<Trial>,
    /// It lost nothing however much was sent: the generator and the link were the limit.
    pub is_limited_by_sender: bool,
}

/// From arrival to decoded, at half of the highest rate without loss.
pub struct Latencies {
    pub name: String,
    /// The worker spins: row 8 is of this one.
    pub is_busy_polling: bool,
    /// Datagrams a second.
    pub rate: f64,
    /// (percentile, microseconds).
    pub percentiles: Vec<(f64, f64)>,
}

impl Latencies {
    pub fn p999(&self) -> f64 {
        self.percentiles
            .iter()
            .find(|(percentile, _)| *percentile == 99.9)
            .map_or(f64::NAN, |p| p.1)
    }
}

/// The highest rate without loss of one of ours.
pub fn highest(measured: &[Measured], way: Way) -> Option<Trial> {
    measured.iter().find(|one| one.way == Some(way))?.highest
}

impl Session {
    /// Measures a system; says why where it can't, and then there is no figure of it.
    pub fn measure(&mut self, system: &dyn System) -> Option<Measured> {
        let name = system.name();
        if self.only.as_ref().is_some_and(|word| !name.contains(word.as_str())) {
            return None;
        }
        if Instant::now() > self.deadline {
            self.leave_out(&name, &anyhow!("the time is up"));
            return None;
        }
        let measured = system.install().and_then(|()| self.search(system));
        let measured = measured.map_err(|error| self.leave_out(&name, &error)).ok()?;
        if measured.highest.is_none() {
            let what = format!("{name}, {}", measured.traffic.words());
            self.leave_out(&what, &anyhow!("lost records at every rate tried"));
        }
        Some(measured)
    }

    /// Says that there is no figure of something, and why, at once and in the results.
    fn leave_out(&mut self, what: &str, why: &Error) {
        let left_out = format!("{what}: {why:#}");
        println!("left out: {left_out}");
        self.left_out.push(left_out);
    }

    fn search(&self, system: &dyn System) -> Result<Measured> {
        let name = system.name();
        // As much as the link takes: no rate above it can be offered, and what is stored of it is
        // near to what the system bears.
        let flood = self.trial(system, None, Receiving::Thread)?;
        ensure!(flood.sent.records > 0, "the generator sent nothing");
        let stored_rate = flood.stored as f64 / flood.sent.seconds;
        let mut trials = vec![flood];
        let mut highest = None;
        search::highest(flood.sent.rate(), stored_rate, self.resolution, |rate| {
            let trial = self.fair_trial(system, rate, Receiving::Thread)?;
            trials.push(trial);
            if trial.is_lossless() {
                highest = Some(trial);
            }
            Ok(trial.is_lossless())
        })?;
        const BUSY: f64 = 0.9;
        let is_limited_by_sender =
            flood.is_lossless() && flood.cpu_seconds() < BUSY * flood.sent.seconds;
        let (traffic, way) = (system.traffic(), system.way());
        Ok(Measured { name, traffic, way, trials, highest, is_limited_by_sender })
    }

    /// A trial that lost a little has a second chance: a host does other things, too.
    fn fair_trial(&self, system: &dyn System, rate: f64, receiving: Receiving) -> Result<Trial> {
        const A_LITTLE: f64 = 0.02;
        let trial = self.trial(system, Some(rate), receiving)?;
        if trial.is_lossless() || trial.loss() > A_LITTLE {
            return Ok(trial);
        }
        self.trial(system, Some(rate), receiving)
    }

    /// A trial of which something is said only if it was without loss.
    fn lossless_trial(
        &self,
        system: &dyn System,
        rate: f64,
        receiving: Receiving,
    ) -> Result<Trial> {
        let trial = self.fair_trial(system, rate, receiving)?;
        let (name, loss, sent) = (system.name(), 100.0 * trial.loss(), trial.sent.rate());
        ensure!(
            trial.is_lossless(),
            "{name}: {loss:.3} % lost, {sent:.0} records/s sent where {rate:.0} were to be"
        );
        Ok(trial)
    }

    fn trial(&self, system: &dyn System, rate: Option<f64>, receiving: Receiving) -> Result<Trial> {
        let trial = self.bench.trial(system, rate, receiving)?;
        println!(
            "  {}: {} records/s offered, {:.0} sent, {:.3} % lost, {:.2} s of processor time",
            system.name(),
            rate.map_or_else(|| "all".into(), |rate| format!("{rate:.0}")),
            trial.sent.rate(),
            100.0 * trial.loss(),
            trial.cpu_seconds(),
        );
        Ok(trial)
    }

    /// Ours, decoding only: each way in at the highest rate that all of them bear without loss. At a
    /// lower rate a packet costs more, because a wake-up costs the same for fewer packets.
    pub fn at_common_rate(&mut self, measured: &[Measured]) -> Vec<(String, Trial)> {
        let ways = [XDP, Source::Udp].map(Way::decoding);
        let rates: Option<Vec<_>> =
            ways.iter().map(|way| highest(measured, *way).map(|trial| trial.sent.rate())).collect();
        let Some(rate) = rates.and_then(|rates| rates.into_iter().reduce(f64::min)) else {
            return Vec::new();
        };
        let systems = ways.map(|way| self.decoding(way));
        let trial = |way| self.lossless_trial(way, rate, Receiving::Thread);
        let trials: Result<Vec<_>> =
            systems.iter().map(|way| Ok((way.name(), trial(way)?))).collect();
        trials.map_err(|error| self.leave_out("a common rate", &error)).unwrap_or_default()
    }

    /// Ours, decoding only: each way in at half of the rate that it bears without loss.
    pub fn latencies(&mut self, measured: &[Measured]) -> Vec<Latencies> {
        let ways = [(Source::Xdp { busy_poll: true }, XDP), (XDP, XDP), (Source::Udp, Source::Udp)];
        let mut all = Vec::new();
        for (source, searched) in ways {
            let Some(highest) = highest(measured, Way::decoding(searched)) else { continue };
            let system = self.decoding(Way::decoding(source));
            match self.latency(&system, highest.sent.rate() / 2.0) {
                Ok(latencies) => all.push(latencies),
                Err(error) => self.leave_out("arrival to decoded", &error),
            }
        }
        all
    }

    fn latency(&self, system: &Logweir, rate: f64) -> Result<Latencies> {
        let is_busy_polling = system.way.source == Source::Xdp { busy_poll: true };
        let receiving = if is_busy_polling { Receiving::BusyPolling } else { Receiving::Thread };
        let trial = self.lossless_trial(system, rate, receiving)?;
        let balance = systems::balance(&self.bench.directory)?;
        let micros = |name: &str| {
            let nanos = balance["arrival_to_decoded"][name].as_f64();
            nanos.map(|nanos| nanos / 1e3).context("no latency in the balance")
        };
        let percentiles = vec![
            (50.0, micros("p50_ns")?),
            (99.0, micros("p99_ns")?),
            (99.9, micros("p999_ns")?),
            (100.0, micros("max_ns")?),
        ];
        let rate = trial.sent.datagram_rate();
        Ok(Latencies { name: system.name(), is_busy_polling, rate, percentiles })
    }
}
