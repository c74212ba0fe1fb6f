//! Answers as JSON, an object a line.

use super::{Assignment, held};
use crate::output::rfc3339;
use logweir_decode::context::UnixNanos;
use logweir_store::{
    found::{StoredPortBlock, StoredSession},
    lookup::{Found, Session},
};
use serde_json::{Value as Json, json};

/// A session: the fields of the record that tells the most, and each record as evidence.
pub(super) fn session(answer: &Session) -> String {
    let Some(found) = answer.records.first() else { return String::new() };
    let session = &found.record;
    let user = answer.records.iter().find_map(|found| found.record.user.as_ref());
    let evidence: Vec<_> = answer.records.iter().map(|found| present(evidence(found))).collect();
    let fields = json!({
        "record": "session",
        "held": held(answer.held),
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
        "start_time": time(answer.begin),
        "end_time": time(answer.end),
        "user": user,
        "file": found.file,
        "row": found.row,
        "evidence": evidence,
    });
    present(fields).to_string()
}

fn evidence(found: &Found<StoredSession>) -> Json {
    let session = &found.record;
    json!({
        "event": session.event,
        "held": held(found.held),
        "exporter": session.exporter,
        "exporter_port": session.exporter_port,
        "observation_domain": session.observation_domain,
        "sequence": session.sequence,
        "received_at": time(session.received_at),
        "event_time": time(session.event_time),
        "file": found.file,
        "row": found.row,
    })
}

/// A port block.
pub(super) fn port_block(found: &Found<StoredPortBlock>) -> String {
    let block = &found.record;
    let extra: Option<Json> =
        block.extra.as_deref().and_then(|extra| serde_json::from_str(extra).ok());
    let fields = json!({
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
    });
    present(fields).to_string()
}

/// What a mapping of deterministic NAT says.
pub(super) fn assignment(assignment: &Assignment) -> String {
    let [first, last] = assignment.assigned.ports;
    let fields = json!({
        "record": "det_nat",
        "held": "throughout",
        "private_addr": assignment.assigned.inside,
        "public_addr": assignment.assigned.outside,
        "port_first": first,
        "port_last": last,
        "file": assignment.file,
        "mapping": assignment.number,
    });
    fields.to_string()
}

fn time(time: Option<UnixNanos>) -> Option<String> {
    time.map(|time| rfc3339(time, 6))
}

/// The fields that are present.
pub(super) fn present(mut fields: Json) -> Json {
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    fields
}
