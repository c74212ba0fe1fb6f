//! `logweir generate`: sends the logs of a seeded model of exporters, and says what it sent.

mod outlet;
mod replay;

use crate::{cli::Failure, output::rfc3339};
use logweir_decode::nearest::meant_of;
use logweir_traffic::{
    DatagramInfo, EventKind, Format, Model, ModelConfig, Session, Truth, frame::UdpChecksum,
};
use outlet::{Outlet, Target};
use replay::Replay;
use serde_json::json;
use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    process::ExitCode,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Arguments of `generate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to: an interface (by AF_XDP), udp://HOST:PORT, or FILE.pcap
    #[arg(long, value_name = "IF|udp://HOST:PORT|FILE.pcap")]
    to: Target,
    /// What the exporters send
    #[arg(long, default_value = "huawei-usg-netflow", value_parser = parse_format)]
    format: Format,
    /// Records a second; 0 for as fast as it goes
    #[arg(long, value_name = "R", default_value_t = 0)]
    rate: u64,
    /// Records in all; the last datagram may carry a few more
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    count: u64,
    /// Stop after so many seconds, however much is out
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    seconds: Option<Duration>,
    /// Make so many datagrams first and send them over and over, to an interface, so that making
    /// them does not limit the rate; their sequence numbers repeat, their UDP checksums are zero
    #[arg(long, value_name = "N")]
    replay: Option<NonZeroUsize>,
    /// The same seed sends the same sessions, but for their times
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Exporters; to udp:// all of them send from this host's address, so that with more than 1 their
    /// numbers look like one exporter's that restarts again and again
    #[arg(long, value_name = "N", default_value_t = 4)]
    exporters: u32,
    /// Subscribers behind them
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    subscribers: u32,
    /// Share of NAT64 sessions, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    nat64: f64,
    /// Destination of the datagrams, to an interface or a file
    #[arg(long, value_name = "ADDR:PORT", default_value = "192.0.2.1:2055")]
    target: SocketAddr,
    /// Ethernet address of the destination, to an interface or a file
    #[arg(long, value_name = "MAC", default_value = "ff:ff:ff:ff:ff:ff", value_parser = parse_mac)]
    target_mac: [u8; 6],
}

fn parse_format(name: &str) -> Result<Format, String> {
    name.parse().map_err(|_| {
        let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
        format!("unknown format '{name}'{}", meant_of(name, &names))
    })
}

fn parse_mac(text: &str) -> Result<[u8; 6], String> {
    crate::nic::parse_mac(text).ok_or_else(|| format!("'{text}' is no Ethernet address"))
}

/// Sends everything, then prints what was sent as one JSON object.
///
/// # Errors
/// Says what cannot be sent to, or which number is out of range.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let config = ModelConfig {
        seed: args.seed,
        format: args.format,
        exporters: args.exporters,
        subscribers: args.subscribers,
        nat64_share: args.nat64,
        start_time: now().as_secs() as u32,
        events_per_second: if args.rate == 0 { 1_000_000 } else { args.rate },
        ..ModelConfig::default()
    };
    let model = Model::new(config).map_err(|error| Failure::input(error.to_string()))?;
    let checksum = if args.replay.is_some() { UdpChecksum::Zero } else { UdpChecksum::Computed };
    let outlet =
        Outlet::open(&args.to, args.target, args.target_mac, checksum).map_err(Failure::other)?;
    let mut generator =
        Generator { model, outlet, sent: Sent::default(), sample: None, truth: Vec::new() };
    let started = match args.replay {
        Some(datagrams) => generator.replay(datagrams.get(), args).map_err(Failure::other)?,
        None => {
            let started = Instant::now();
            let deadline = args.deadline(started);
            generator.send_all(args.count, args.rate, deadline).map_err(Failure::other)?;
            started
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    crate::say(&generator.summary(seconds));
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn deadline(&self, started: Instant) -> Option<Instant> {
        started.checked_add(self.seconds?)
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| format!("'{text}' is no number of seconds"))
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Datagrams that are written before the clock is looked at.
const BURST: usize = 32;

/// How far the pace may fall behind and still be made up for.
const BACKLOG_MAX: Duration = Duration::from_millis(20);

struct Generator {
    model: Model,
    outlet: Outlet,
    sent: Sent,
    sample: Option<Session>,
    truth: Vec<Truth>,
}

#[derive(Default)]
struct Sent {
    datagrams: u64,
    records: u64,
    bytes: u64,
}

impl Sent {
    fn add(&mut self, info: &DatagramInfo) {
        self.datagrams += 1;
        self.records += info.records as u64;
        self.bytes += info.len as u64;
    }
}

impl Generator {
    /// Makes datagrams first and then sends them; when it began to send.
    fn replay(&mut self, datagrams: usize, args: &Args) -> Result<Instant, String> {
        let Outlet::Interface { sender, framer } = &mut self.outlet else {
            return Err("only to an interface can datagrams be sent over and over".into());
        };
        let replay = Replay::prepare(&mut self.model, framer, datagrams);
        let started = Instant::now();
        self.sent = replay.send(sender, args.count, args.rate, args.deadline(started))?;
        Ok(started)
    }

    fn send_all(&mut self, count: u64, rate: u64, deadline: Option<Instant>) -> Result<(), String> {
        let mut pace = Pace::new(rate);
        let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        while self.sent.records < count && !is_late() {
            let due = pace.due(self.sent.records).min(count - self.sent.records);
            if due == 0 {
                thread::sleep(Duration::from_micros(100));
                continue;
            }
            self.model.advance_to(now().as_nanos() as u64);
            self.send_burst(due)?;
        }
        self.outlet.finish()
    }

    /// Sends datagrams until so many records are out, or a burst is.
    fn send_burst(&mut self, records: u64) -> Result<(), String> {
        let goal = self.sent.records + records;
        let Self { model, outlet, sent, sample, truth } = self;
        outlet.send(BURST, |out| {
            if sent.records >= goal {
                return None;
            }
            // Truth costs time: it is asked for until there is a session to look up.
            let wanted = sample.is_none() && sent.datagrams >= 100;
            truth.clear();
            let info = model.next_datagram(out, wanted.then_some(&mut *truth));
            let mut sessions = truth.drain(..).filter_map(Truth::into_session);
            *sample = sample.take().or_else(|| sessions.find(is_traceable));
            sent.add(&info);
            Some(info)
        })
    }

    fn summary(&self, seconds: f64) -> String {
        let Sent { datagrams, records, bytes } = self.sent;
        let mut summary = json!({
            "datagrams": datagrams,
            "records": records,
            "payload_bytes": bytes,
            "seconds": seconds,
            "records_per_second": (records as f64 / seconds).round(),
        });
        if let Some(session) = &self.sample {
            summary["sample"] = json!({
                "exporter": session.exporter,
                "protocol": session.protocol,
                "src_addr": session.src_addr,
                "src_port": session.src_port,
                "nat_src_addr": session.nat_src_addr,
                "nat_src_port": session.nat_src_port,
                "start_time": session.start.map(time),
                "end_time": session.end.map(time),
            });
        }
        summary.to_string()
    }
}

fn time(seconds: u32) -> String {
    rfc3339(i64::from(seconds) * 1_000_000_000, 0)
}

/// A finished session with a public address, which can be looked up.
fn is_traceable(session: &Session) -> bool {
    session.event == EventKind::End
        && session.nat_src_addr.is_some()
        && session.nat_src_port.is_some()
        && session.end.is_some()
}

/// Spreads records evenly over time.
struct Pace {
    rate: u64,
    since: Instant,
    sent_before: u64,
}

impl Pace {
    fn new(rate: u64) -> Self {
        Self { rate, since: Instant::now(), sent_before: 0 }
    }

    /// Records that are due now. A backlog beyond [`BACKLOG_MAX`] is forgotten: a generator that
    /// was held up does not send it all at once.
    fn due(&mut self, sent: u64) -> u64 {
        if self.rate == 0 {
            return u64::MAX;
        }
        let planned = self.sent_before
            + (self.since.elapsed().as_secs_f64() * self.rate as f64).round() as u64;
        let due = planned.saturating_sub(sent);
        let most = (BACKLOG_MAX.as_secs_f64() * self.rate as f64).ceil() as u64;
        if due > most {
            self.since = Instant::now();
            self.sent_before = sent + most;
        }
        due.min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_forgets_a_long_backlog() {
        let mut pace = Pace::new(1_000_000);
        pace.since -= Duration::from_secs(10);
        let most = 20_000;
        assert_eq!(pace.due(0), most);
        assert!(pace.due(most) < most);
        assert_eq!(Pace::new(0).due(5), u64::MAX);
    }
}
