//! What is measured of each system: the search, then its latencies at half of what it found.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{
    Session,
    place::Receiving,
    search,
    systems::{self, Source, System, Way},
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
    /// Datagrams a second.
    pub rate: f64,
    /// (percentile, microseconds).
    pub percentiles: Vec<(f64, f64)>,
}

impl Latencies {
    pub fn p999(&self) -> f64 {
        self.percentiles.iter().find(|(percentile, _)| *percentile == 99.9).map_or(0.0, |p| p.1)
    }
}

/// The highest rate without loss of one of ours.
pub fn highest(measured: &[Measured], way: Way) -> Option<Trial> {
    measured.iter().find(|one| one.way == Some(way))?.highest
}

impl Session {
    /// Measures a system; says why where it can't, and then there is no figure of it.
    pub fn measure(&self, system: &dyn System) -> Option<Measured> {
        let name = system.name();
        if self.only.as_ref().is_some_and(|word| !name.contains(word.as_str())) {
            return None;
        }
        if Instant::now() > self.deadline {
            println!("{name}: left out, the time is up");
            return None;
        }
        match system.install().and_then(|()| self.search(system)) {
            Ok(measured) => Some(measured),
            Err(error) => {
                println!("{name}: left out: {error:#}");
                None
            }
        }
    }

    fn search(&self, system: &dyn System) -> Result<Measured> {
        let name = system.name();
        // As much as the link takes: no rate above it can be offered, and what is stored of it is
        // near to what the system bears.
        let flood = self.trial(system, None)?;
        ensure!(flood.sent.records > 0, "the generator sent nothing");
        let stored_rate = flood.stored as f64 / flood.sent.seconds;
        let mut trials = vec![flood];
        let mut highest = None;
        search::highest(flood.sent.rate(), stored_rate, self.resolution, |rate| {
            let trial = self.fair_trial(system, rate)?;
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
    fn fair_trial(&self, system: &dyn System, rate: f64) -> Result<Trial> {
        const A_LITTLE: f64 = 0.02;
        let trial = self.trial(system, Some(rate))?;
        if trial.is_lossless() || trial.loss() > A_LITTLE {
            return Ok(trial);
        }
        self.trial(system, Some(rate))
    }

    fn trial(&self, system: &dyn System, rate: Option<f64>) -> Result<Trial> {
        let trial = self.bench.trial(system, rate, Receiving::Thread)?;
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
    pub fn at_common_rate(&self, measured: &[Measured]) -> Result<Vec<(String, Trial)>> {
        let ways = [Source::Xdp { busy_poll: false }, Source::Udp].map(Way::decoding);
        let rates: Option<Vec<_>> =
            ways.iter().map(|way| highest(measured, *way).map(|trial| trial.sent.rate())).collect();
        let Some(rate) = rates.and_then(|rates| rates.into_iter().reduce(f64::min)) else {
            return Ok(Vec::new());
        };
        let systems = ways.map(|way| self.decoding(way));
        systems.iter().map(|way| Ok((way.name(), self.fair_trial(way, rate)?))).collect()
    }

    /// Ours, decoding only: each way in at half of the rate that it bears without loss.
    pub fn latencies(&self, measured: &[Measured]) -> Result<Vec<Latencies>> {
        let ways = [
            (Source::Xdp { busy_poll: true }, Source::Xdp { busy_poll: false }),
            (Source::Xdp { busy_poll: false }, Source::Xdp { busy_poll: false }),
            (Source::Udp, Source::Udp),
        ];
        let mut all = Vec::new();
        for (source, searched) in ways {
            let Some(highest) = highest(measured, Way::decoding(searched)) else { continue };
            all.push(self.latency(source, highest.sent.rate() / 2.0)?);
        }
        Ok(all)
    }

    fn latency(&self, source: Source, rate: f64) -> Result<Latencies> {
        let system = self.decoding(Way::decoding(source));
        let receiving = match source {
            Source::Xdp { busy_poll: true } => Receiving::BusyPolling,
            _ => Receiving::Thread,
        };
        let trial = self.bench.trial(&system, Some(rate), receiving)?;
        let balance = systems::balance(&self.bench.directory)?;
        let latency = &balance["arrival_to_decoded"];
        let micros = |name: &str| latency[name].as_f64().unwrap_or(0.0) / 1e3;
        let percentiles = vec![
            (50.0, micros("p50_ns")),
            (99.0, micros("p99_ns")),
            (99.9, micros("p999_ns")),
            (100.0, micros("max_ns")),
        ];
        Ok(Latencies { name: system.name(), rate: trial.sent.datagram_rate(), percentiles })
    }
}
