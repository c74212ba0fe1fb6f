//! Answers as lines for people.

use super::{Assignment, held};
use crate::output::rfc3339;
use logweir_decode::context::UnixNanos;
use logweir_store::{
    found::{StoredPortBlock, StoredSession},
    lookup::{Found, Session},
};
use std::net::{IpAddr, SocketAddr};

/// An address with its port, as far as they are known.
pub(super) fn end(address: Option<IpAddr>, port: Option<u16>) -> String {
    match (address, port) {
        (Some(address), Some(port)) => SocketAddr::new(address, port).to_string(),
        (Some(address), None) => address.to_string(),
        _ => "-".into(),
    }
}

/// A value, `-` where it is absent.
fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or("-".into(), |value| value.to_string())
}

fn time(time: Option<UnixNanos>) -> String {
    or_dash(time.map(|time| rfc3339(time, 0)))
}

/// A session, and below it the places of its evidence, a line each.
pub(super) fn session(answer: &Session) -> String {
    let evidence = answer.records.iter().map(evidence).collect::<String>();
    let Some(Found { record: session, .. }) = answer.records.first() else { return String::new() };
    let users = answer.records.iter().find_map(|found| found.record.user.as_ref());
    format!(
        "{:<10} {} as {} to {} protocol {} from {} until {} user {}{evidence}",
        held(answer.held),
        end(session.src_addr, session.src_port),
        end(session.nat_src_addr_v4.or(session.nat_src_addr_v6), session.nat_src_port),
        end(session.dst_addr, session.dst_port),
        or_dash(session.protocol),
        time(answer.begin),
        time(answer.end),
        or_dash(users),
    )
}

fn evidence(found: &Found<StoredSession>) -> String {
    let session = &found.record;
    format!(
        "\n    {} by {} domain {} sequence {} in {} row {}",
        or_dash(session.event.as_ref()),
        or_dash(session.exporter),
        or_dash(session.observation_domain),
        or_dash(session.sequence),
        found.file.display(),
        found.row,
    )
}

/// A port block with the place of its evidence.
pub(super) fn port_block(found: &Found<StoredPortBlock>) -> String {
    let block = &found.record;
    format!(
        "{:<10} {} as {} ports {}-{} protocol {} {} at {} exporter {}\n    {} row {}",
        held(found.held),
        or_dash(block.private_addr),
        or_dash(block.public_addr),
        or_dash(block.port_first),
        or_dash(block.port_last),
        or_dash(block.protocol),
        or_dash(block.event.as_ref()),
        time(block.event_time),
        or_dash(block.exporter),
        found.file.display(),
        found.row,
    )
}

/// What a mapping of deterministic NAT says.
pub(super) fn assignment(assignment: &Assignment) -> String {
    let [first, last] = assignment.assigned.ports;
    format!(
        "{:<10} {} as {} ports {first}-{last} by deterministic NAT\n    {} mapping {}",
        "throughout",
        assignment.assigned.inside,
        assignment.assigned.outside,
        assignment.file.display(),
        assignment.number,
    )
}
