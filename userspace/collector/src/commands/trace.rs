//! `logweir trace`: who had a public address and port at a time, and what an inside address or a
//! user had.

mod det_nat;
mod json;
mod table;
mod word;

use crate::{
    cli::{Failure, UNREADABLE},
    login,
};
use det_nat::{Assignment, DetNat};
use logweir_decode::context::UnixNanos;
use logweir_store::{
    audit,
    lookup::{Answer, Asked, Clock, Held, Lookup},
};
use serde_json::{Value as Json, json};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
    time::Duration,
};

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    who: Who,
    /// The time in question, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: UnixNanos,
    /// Whose clock the time is by: the device's, or the collector's when it received the record
    #[arg(long, value_enum, value_name = "CLOCK", default_value_t)]
    by: By,
    /// How far clocks may be apart, as 500ms, 5s or 2m
    #[arg(long, value_name = "DUR", default_value = "5s", value_parser = parse_duration)]
    within: Duration,
    /// IP protocol number, or tcp, udp, icmp, …
    #[arg(long, value_name = "P", value_parser = parse_protocol)]
    protocol: Option<u8>,
    /// Directory of the store
    #[arg(long, value_name = "DIR", default_value = super::DATA)]
    data: PathBuf,
    /// Mappings of deterministic NAT (RFC 7422) [default: det-nat.toml in the directory]
    #[arg(long, value_name = "FILE")]
    det_nat: Option<PathBuf>,
    /// Reference of the case, for the audit log
    #[arg(long, value_name = "REF")]
    case: Option<String>,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Who is asked for.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// The public address, with its port where it is known
    #[arg(value_name = "ADDR[:PORT]")]
    held: Option<Address>,
    /// What an inside address had: a source, or a tunnel of DS-Lite
    #[arg(long, value_name = "ADDR[:PORT]")]
    inside: Option<Address>,
    /// What a user had, by the name that the device gives
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

impl Who {
    fn asked(&self) -> Asked {
        match (self.held, self.inside, &self.user) {
            (Some(Address { address, port }), _, _) => Asked::Public { address, port },
            (_, Some(Address { address, port }), _) => Asked::Inside { address, port },
            (_, _, user) => Asked::User(user.clone().unwrap_or_default()),
        }
    }
}

/// Whose clock the time is by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// The device's.
    #[default]
    Device,
    /// The collector's.
    Received,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// A line an answer.
    #[default]
    Table,
    /// One JSON object an answer, a line each.
    Json,
}

/// An address with or without a port.
#[derive(Clone, Copy, Debug)]
struct Address {
    address: IpAddr,
    port: Option<u16>,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self { address, port: None });
        }
        let with_port: SocketAddr = text.parse().map_err(|_| {
            format!("'{text}' is neither an address nor ADDRESS:PORT ([ADDRESS]:PORT for IPv6)")
        })?;
        Ok(Self { address: with_port.ip(), port: Some(with_port.port()) })
    }
}

/// Reads a time of RFC 3339.
pub(super) fn parse_time(text: &str) -> Result<UnixNanos, String> {
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|_| format!("'{text}' is no time as in RFC 3339, 2026-11-22T10:21:57Z"))?;
    i64::try_from(time.as_nanosecond()).map_err(|_| format!("'{text}' is too far away"))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration =
        text.parse().map_err(|_| format!("'{text}' is no duration like 500ms, 5s or 2m"))?;
    duration.try_into().map_err(|_| format!("'{text}' is negative"))
}

fn parse_protocol(text: &str) -> Result<u8, String> {
    logweir_decode::syslog::scan::protocol(text.as_bytes())
        .ok_or_else(|| format!("'{text}' is neither an IP protocol number nor a known name"))
}

/// Looks it up. Exits with 1 when nothing was found, with 3 when something could not be read.
///
/// # Errors
/// When the store or the mappings cannot be read, or the question cannot be recorded.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    if !args.data.is_dir() {
        return Err(Failure::input(format!("no directory {}", args.data.display())));
    }
    let lookup = Lookup {
        asked: args.who.asked(),
        at: args.at,
        within: args.within,
        protocol: args.protocol,
        clock: match args.by {
            By::Device => Clock::Device,
            By::Received => Clock::Received,
        },
    };
    let det_nat = DetNat::load(args.det_nat.as_deref(), &args.data)?;
    let answer = lookup.search(&args.data).map_err(|error| Failure::unreadable(&error))?;
    let assignments = det_nat.assignments(&lookup);
    let count = answer.sessions.len() + answer.blocks.len() + assignments.len();
    record(args, &lookup, count)?;
    print(args.output, &answer, &assignments);
    let files = crate::counted(answer.files, "file");
    crate::tell(&format!("{} in {files}", crate::counted(count as u64, "answer")));
    completeness(&answer);
    word::say(&args.data, args.at, args.within, args.output)?;
    let incomplete = !answer.unreadable.is_empty();
    Ok(ExitCode::from(if incomplete { UNREADABLE } else { u8::from(count == 0) }))
}

fn print(output: Output, answer: &Answer, assignments: &[Assignment]) {
    let (sessions, blocks) = (answer.sessions.iter(), answer.blocks.iter());
    match output {
        Output::Table => {
            let lines = sessions.map(table::session).chain(blocks.map(table::port_block));
            lines
                .chain(assignments.iter().map(table::assignment))
                .for_each(|line| crate::say(&line));
        }
        Output::Json => {
            let lines = sessions.map(json::session).chain(blocks.map(json::port_block));
            lines
                .chain(assignments.iter().map(json::assignment))
                .for_each(|line| crate::say(&line));
        }
    }
}

/// Puts the question into the audit log, before an answer is seen.
fn record(args: &Args, lookup: &Lookup, answers: usize) -> Result<(), Failure> {
    let asked = audit::Asked {
        uid: rustix::process::getuid().as_raw(),
        login: login::name(),
        case: args.case.clone(),
        question: question(lookup),
        answers: answers as u64,
    };
    let now = crate::clock::now();
    audit::append(&args.data, &asked, now).map(drop).map_err(|error| Failure::unreadable(&error))
}

/// The question, as the audit log has it.
fn question(lookup: &Lookup) -> Json {
    let (kind, who) = match &lookup.asked {
        Asked::Public { address, port } => ("public", table::end(Some(*address), *port)),
        Asked::Inside { address, port } => ("inside", table::end(Some(*address), *port)),
        Asked::User(user) => ("user", user.clone()),
    };
    let by = match lookup.clock {
        Clock::Device => "device",
        Clock::Received => "received",
    };
    let within_ms = u64::try_from(lookup.within.as_millis()).unwrap_or(u64::MAX);
    let at = crate::output::rfc3339(lookup.at, 9);
    json::present(json!({
        kind: who, "at": at, "by": by, "within_ms": within_ms, "protocol": lookup.protocol,
    }))
}

/// What the answer rests on, and what it may lack.
fn completeness(answer: &Answer) {
    if answer.without_index > 0 {
        crate::tell(&format!(
            "{} files have no index: {} row groups read, {} ruled out by their statistics",
            answer.without_index, answer.row_groups_read, answer.row_groups_skipped,
        ));
    }
    for error in &answer.damaged {
        crate::tell(&format!("searched without an index: {error}"));
    }
    for error in &answer.unreadable {
        crate::tell(&format!("the answer may lack records: {error}"));
    }
}

const fn held(held: Held) -> &'static str {
    match held {
        Held::Throughout => "throughout",
        Held::Open => "open",
        Held::Near => "near",
        Held::Until => "until",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_or_told_in_words() {
        let address: Address = "203.0.113.7:40001".parse().unwrap();
        assert_eq!(address.port, Some(40001));
        assert!("2001:db8::1".parse::<Address>().unwrap().port.is_none());
        assert!("203.0.113.7:x".parse::<Address>().unwrap_err().contains("203.0.113.7:x"));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert!(parse_duration("-1s").is_err());
        assert_eq!(parse_protocol("tcp"), Ok(6));
        assert_eq!(parse_time("1970-01-01T00:00:01Z"), Ok(1_000_000_000));
        assert!(parse_time("yesterday").unwrap_err().contains("RFC 3339"));
    }
}
