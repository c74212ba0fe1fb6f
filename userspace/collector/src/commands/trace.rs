//! `logweir trace`: who had a public address and port at a time.

use crate::{cli::Failure, output::rfc3339};
use logweir_decode::context::UnixNanos;
use logweir_store::{
    found::{StoredPortBlock, StoredSession},
    lookup::{Answer, Found, Held, Lookup},
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
    /// The public address, with its port where it is known
    #[arg(value_name = "ADDR[:PORT]")]
    held: Address,
    /// The time in question, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: UnixNanos,
    /// How far clocks may be apart, as 500ms, 5s or 2m
    #[arg(long, value_name = "DUR", default_value = "5s", value_parser = parse_duration)]
    within: Duration,
    /// IP protocol number, or tcp, udp, icmp, …
    #[arg(long, value_name = "P", value_parser = parse_protocol)]
    protocol: Option<u8>,
    /// Directory of the store
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
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

/// The exit code of an answer that may lack records, because a file could not be read.
const INCOMPLETE: u8 = 3;

/// Looks it up. Exits with 1 when nothing was found, with 3 when a file could not be read.
///
/// # Errors
/// When the store cannot be read.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    if !args.data.is_dir() {
        return Err(Failure::input(format!("no directory {}", args.data.display())));
    }
    let lookup = Lookup {
        nat_addr: args.held.address,
        port: args.held.port,
        at: args.at,
        within: args.within,
        protocol: args.protocol,
    };
    let answer = lookup.search(&args.data).map_err(|error| Failure::other(error.to_string()))?;
    for found in &answer.found {
        crate::say(&match args.output {
            Output::Table => line(found),
            Output::Json => present(session(found)),
        });
    }
    for found in &answer.blocks {
        crate::say(&match args.output {
            Output::Table => block_line(found),
            Output::Json => present(port_block(found)),
        });
    }
    close(&answer);
    let incomplete = !answer.unreadable.is_empty();
    let code = if incomplete { INCOMPLETE } else { u8::from(answers(&answer) == 0) };
    Ok(ExitCode::from(code))
}

const fn answers(answer: &Answer) -> usize {
    answer.found.len() + answer.blocks.len()
}

/// What the answer rests on.
fn close(answer: &Answer) {
    crate::tell(&format!(
        "{} answers in {} files: {} row groups read, {} ruled out by their statistics",
        answers(answer),
        answer.files,
        answer.row_groups_read,
        answer.row_groups_skipped,
    ));
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

fn end(address: Option<IpAddr>, port: Option<u16>) -> String {
    match (address, port) {
        (Some(address), Some(port)) => SocketAddr::new(address, port).to_string(),
        (Some(address), None) => address.to_string(),
        _ => "-".into(),
    }
}

/// A value of the table, `-` where it is absent.
fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or("-".into(), |value| value.to_string())
}

fn line(found: &Found<StoredSession>) -> String {
    let session = &found.record;
    let time = |time: Option<UnixNanos>| or_dash(time.map(|time| rfc3339(time, 0)));
    format!(
        "{:<10} {} as {} to {} protocol {} from {} until {} user {} ({} row {})",
        held(found.held),
        end(session.src_addr, session.src_port),
        end(session.nat_src_addr_v4.or(session.nat_src_addr_v6), session.nat_src_port),
        end(session.dst_addr, session.dst_port),
        or_dash(session.protocol),
        time(session.start_time),
        time(session.end_time),
        or_dash(session.user.as_ref()),
        found.file.display(),
        found.row,
    )
}

fn block_line(found: &Found<StoredPortBlock>) -> String {
    let block = &found.record;
    format!(
        "{:<10} {} as {} ports {}-{} protocol {} {} at {} exporter {} ({} row {})",
        held(found.held),
        or_dash(block.private_addr),
        or_dash(block.public_addr),
        or_dash(block.port_first),
        or_dash(block.port_last),
        or_dash(block.protocol),
        or_dash(block.event.as_ref()),
        or_dash(block.event_time.map(|time| rfc3339(time, 0))),
        or_dash(block.exporter),
        found.file.display(),
        found.row,
    )
}

fn session(found: &Found<StoredSession>) -> Json {
    let session = &found.record;
    let time = |time: Option<UnixNanos>| time.map(|time| rfc3339(time, 6));
    json!({
        "record": "session",
        "held": held(found.held),
        "format": session.format,
        "exporter": session.exporter,
        "observation_domain": session.observation_domain,
        "sequence": session.sequence,
        "received_at": time(session.received_at),
        "event_time": time(session.event_time),
        "time_source": session.time_source,
        "event": session.event,
        "protocol": session.protocol,
        "src_addr": session.src_addr,
        "src_port": session.src_port,
        "dst_addr": session.dst_addr,
        "dst_port": session.dst_port,
        "nat_src_addr": session.nat_src_addr_v4.or(session.nat_src_addr_v6),
        "nat_src_port": session.nat_src_port,
        "tunnel_addr": session.tunnel_addr,
        "start_time": time(session.start_time),
        "end_time": time(session.end_time),
        "user": session.user,
        "file": found.file,
        "row": found.row,
    })
}

fn port_block(found: &Found<StoredPortBlock>) -> Json {
    let block = &found.record;
    let extra: Option<Json> =
        block.extra.as_deref().and_then(|extra| serde_json::from_str(extra).ok());
    let time = |time: Option<UnixNanos>| time.map(|time| rfc3339(time, 6));
    json!({
        "record": "port_block",
        "held": held(found.held),
        "format": block.format,
        "exporter": block.exporter,
        "observation_domain": block.observation_domain,
        "sequence": block.sequence,
        "received_at": time(block.received_at),
        "event_time": time(block.event_time),
        "time_source": block.time_source,
        "event": block.event,
        "private_addr": block.private_addr,
        "public_addr": block.public_addr,
        "port_first": block.port_first,
        "port_last": block.port_last,
        "protocol": block.protocol,
        "src_vrf": block.src_vrf,
        "session_id": block.session_id,
        "scene": block.scene,
        "extra": extra,
        "file": found.file,
        "row": found.row,
    })
}

/// An answer's fields that are present, as a line.
fn present(mut fields: Json) -> String {
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    fields.to_string()
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
