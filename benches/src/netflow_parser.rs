//! The crate `netflow_parser`: every field of every record as a value of its own.

use crate::{
    answer::{Answer, Facts},
    engine::Engine,
    workload::Workload,
};
use netflow_parser::{
    FieldValue, IpfixField, NetflowPacket, NetflowParser,
    variable_versions::{ipfix, v9},
};
use std::hint::black_box;

/// One parser for all exporters, whose templates are the same: less work than a parser for each.
#[derive(Debug, Default)]
pub struct Parser(NetflowParser);

impl Engine for Parser {
    fn name(&self) -> String {
        "netflow_parser".to_owned()
    }

    fn run(&mut self, workload: &Workload) {
        for payload in workload.payloads() {
            let _ = black_box(self.0.parse_bytes(payload));
        }
    }

    fn check(&mut self, workload: &Workload) {
        let mut answer = Answer::default();
        for payload in workload.payloads() {
            let parsed = self.0.parse_bytes(payload);
            assert!(parsed.is_ok(), "{:?}", parsed.error);
            parsed.packets.iter().flat_map(facts).for_each(|facts| answer.add(&facts));
        }
        assert_eq!(answer, workload.truth(), "netflow_parser");
    }
}

/// What a packet's records say.
fn facts(packet: &NetflowPacket) -> Vec<Facts> {
    let mut records = Vec::new();
    match packet {
        NetflowPacket::V9(packet) => {
            for flowset in &packet.flowsets {
                let v9::FlowSetBody::Data(data) = &flowset.body else { continue };
                let is_usg = matches!(flowset.header.flowset_id, 1315 | 1316);
                let elements = |fields: &v9::V9FlowRecord| {
                    let fields = fields.iter().map(|(field, value)| (u16::from(*field), value));
                    if is_usg { of_usg(of_fields(fields)) } else { of_fields(fields) }
                };
                records.extend(data.fields.iter().map(elements));
            }
        }
        NetflowPacket::IPFix(packet) => {
            for set in &packet.flowsets {
                let ipfix::FlowSetBody::Data(data) = &set.body else { continue };
                let elements = |fields: &ipfix::IPFixFlowRecord| {
                    of_fields(fields.iter().map(|(field, value)| (element(field), value)))
                };
                records.extend(data.fields.iter().map(elements));
            }
        }
        _ => {}
    }
    records
}

/// A Huawei USG puts the way there into 23 and 24, and the way back into 1 and 2.
fn of_usg(facts: Facts) -> Facts {
    Facts {
        sent_packets: facts.received_packets,
        sent_bytes: facts.received_bytes,
        received_packets: facts.sent_packets,
        received_bytes: facts.sent_bytes,
        ..facts
    }
}

/// The number of an element; 0 of one that no answer needs.
fn element(field: &IpfixField) -> u16 {
    let is_it = |number: &u16| IpfixField::new(*number, None) == *field;
    Facts::ELEMENTS.into_iter().find(is_it).unwrap_or(0)
}

fn of_fields<'a>(fields: impl Iterator<Item = (u16, &'a FieldValue)>) -> Facts {
    let mut facts = Facts::default();
    for (element, value) in fields {
        match value {
            FieldValue::Ip4Addr(address) => facts.tell_address(element, (*address).into()),
            FieldValue::Ip6Addr(address) => facts.tell_address(element, (*address).into()),
            FieldValue::ProtocolType(protocol) => {
                facts.tell_number(element, u8::from(*protocol).into());
            }
            FieldValue::NatEvent(event) => facts.tell_number(element, u8::from(*event).into()),
            value => facts.tell_number(element, value.as_u64().unwrap_or(0)),
        }
    }
    facts
}
