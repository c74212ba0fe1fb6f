//! `cargo xtask bench lossless`: the highest rate without loss, ours and that of other collectors
//! (RFC 2544 §26.1), and what a record costs each.

pub mod buffers;
mod cpu;
pub mod leftovers;
mod measure;
pub mod place;
mod report;
mod search;
pub mod systems;
pub mod traffic;
pub mod trial;

use std::{
    env,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use self::{
    buffers::RaisedLimit,
    place::Stage,
    systems::{Keep, Logweir, Source, Way},
    traffic::Traffic,
    trial::Bench,
};
use super::result::Results;
use crate::shell;

/// Search the highest rate without loss
#[derive(clap::Args)]
pub struct Arguments {
    /// Coarser and sooner done: trials of 1.5 s, to within 20 %
    #[arg(long)]
    quick: bool,
    /// Seconds that a trial sends [default: 4]
    #[arg(long, value_name = "SECONDS", value_parser = parse_time, allow_negative_numbers = true)]
    seconds: Option<f64>,
    /// How near to the highest rate the search ends [default: 5%]
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, allow_negative_numbers = true)]
    resolution: Option<f64>,
    /// Minutes after which no further measurement is begun [default: 14; quick: 4]
    #[arg(long, value_name = "MINUTES", value_parser = parse_time, allow_negative_numbers = true)]
    minutes: Option<f64>,
    /// Only systems whose names contain this, such as nfcapd or AF_XDP
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// Interface to collect from, which has an IPv4 address [default: a veth pair]
    #[arg(long, value_name = "IF")]
    interface: Option<String>,
    /// Interface to send by, of this host or the sender's; without one you send by hand
    #[arg(long, value_name = "IF", requires = "interface")]
    sender_interface: Option<String>,
    /// What runs `logweir` on the sender's host, such as "ssh sender sudo logweir"
    #[arg(long, value_name = "COMMAND", requires = "sender_interface")]
    sender_command: Option<String>,
    /// Processors of the collector and of the kernel's receive thread
    #[arg(long, value_name = "LIST", default_value = "0")]
    collector_cpus: String,
    /// Processors of the sender
    #[arg(long, value_name = "LIST", default_value = "1")]
    sender_cpus: String,
    /// Where records are stored meanwhile [default: in memory, /dev/shm]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// Seconds or minutes.
fn parse_time(text: &str) -> Result<f64, String> {
    const MOST: f64 = 10_000.0;
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= MOST => Ok(number),
        _ => Err(format!("'{text}' is no number above 0 and up to {MOST}")),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse::<f64>();
    match number {
        Ok(percent) if percent > 0.0 && percent < 100.0 => Ok(percent / 100.0),
        _ => Err(format!("'{text}' is no percentage between 0 and 100")),
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(shell::is_root(), "AF_XDP and namespaces need root: run it by sudo");
    let mut session = Session::new(arguments)?;
    let _limit = RaisedLimit::new()?;
    let mut measured = Vec::new();
    for traffic in Traffic::ALL {
        for system in systems::storing(traffic, &session.bench.stage.logweir) {
            measured.extend(session.measure(system.as_ref()));
        }
    }
    for source in [XDP, Source::Udp] {
        measured.extend(session.measure(&session.decoding(Way::decoding(source))));
    }
    let common = session.at_common_rate(&measured);
    let latencies = session.latencies(&measured);
    measured.extend(session.measure(&session.decoding(TWO_WORKERS)));
    let mode = format!("{}; {}", report::mode(&session.bench.stage), session.conditions());
    let mut results = Results::new(&mode);
    report::fill(&mut results, &measured, &common, &latencies);
    results.figures.extend(report::one_exporter(&measured, &session.bench.stage));
    report::print(&measured, &common, &latencies);
    results.save("lossless")
}

/// Builds what is measured, and sees to the tools that make a link.
pub fn prepare() -> Result<()> {
    println!("building logweir (release)");
    shell::run(shell::cargo().args(["build", "--release", "--quiet", "--package", "logweir"]))?;
    if ["ip", "tc", "taskset", "ethtool"].iter().any(|tool| shell::find(tool).is_none()) {
        shell::apt_install(&["iproute2", "util-linux", "ethtool"], "a link of our own")?;
    }
    Ok(())
}

pub const XDP: Source = Source::Xdp { busy_poll: false };

/// What an exporter wants that one worker cannot decode.
const TWO_WORKERS: Way = Way { source: XDP, workers: 2, keep: Keep::Count };

/// A run of this benchmark.
struct Session {
    bench: Bench,
    is_quick: bool,
    resolution: f64,
    only: Option<String>,
    deadline: Instant,
    /// What there is no figure of, and why.
    left_out: Vec<String>,
}

impl Session {
    fn new(arguments: &Arguments) -> Result<Self> {
        prepare()?;
        let quick = arguments.quick;
        let seconds = arguments.seconds.unwrap_or(if quick { 1.5 } else { 4.0 });
        let minutes = arguments.minutes.unwrap_or(if quick { 4.0 } else { 14.0 });
        let memory = PathBuf::from("/dev/shm");
        let memory = if memory.is_dir() { memory } else { env::temp_dir() };
        let store = arguments.store.clone().unwrap_or(memory);
        leftovers::clear(&store);
        Ok(Self {
            bench: Bench {
                stage: Stage {
                    logweir: shell::target_dir().join("release/logweir"),
                    interface: arguments.interface.clone(),
                    sender_interface: arguments.sender_interface.clone(),
                    sender_command: arguments.sender_command.clone(),
                    collector_cpus: arguments.collector_cpus.clone(),
                    sender_cpus: arguments.sender_cpus.clone(),
                },
                directory: leftovers::directory(&store),
                duration: Duration::from_secs_f64(seconds),
                replays: true,
            },
            is_quick: quick,
            resolution: arguments.resolution.unwrap_or(if quick { 0.2 } else { 0.05 }),
            only: arguments.only.clone(),
            deadline: Instant::now() + Duration::from_secs_f64(minutes * 60.0),
            left_out: Vec::new(),
        })
    }

    /// By which options it was measured, and what there is no figure of.
    fn conditions(&self) -> String {
        let quick = if self.is_quick { "quick: " } else { "" };
        let seconds = self.bench.duration.as_secs_f64();
        let percent = (1e4 * self.resolution).round() / 100.0;
        let mut words = vec![format!("{quick}trials of {seconds} s, to within {percent} %")];
        words
            .extend(self.only.iter().map(|word| format!("only systems with '{word}' in the name")));
        if let Some(store) = self.bench.directory.parent() {
            words.push(format!("records stored in {}", store.display()));
        }
        if !self.left_out.is_empty() {
            words.push(format!("left out: {}", self.left_out.join("; ")));
        }
        words.join("; ")
    }

    /// Ours, receiving and decoding syslog only.
    fn decoding(&self, way: Way) -> Logweir {
        let program = self.bench.stage.logweir.clone();
        Logweir { program, traffic: Traffic::Syslog, way }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_above_none() {
        assert_eq!(parse_time("1.5"), Ok(1.5));
        for wrong in ["-1", "0", "nan", "inf", "1e9", "soon", ""] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_percentage_is_a_share() {
        assert_eq!(parse_percent("5%"), Ok(0.05));
        for wrong in ["0", "100", "-5%", "nan", "half"] {
            assert!(parse_percent(wrong).is_err(), "{wrong}");
        }
    }
}
