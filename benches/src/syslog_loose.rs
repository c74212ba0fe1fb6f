//! The crate `syslog_loose` for the header, and the message split at commas and equals signs: how a
//! program reads `key=value` lines when nobody looks at the clock.

use crate::{
    answer::{Answer, Facts},
    engine::Engine,
    pattern::protocol_number,
    workload::Workload,
};
use std::{hint::black_box, str};
use syslog_loose::{Variant, parse_message_with_year};

/// See the module's description.
#[derive(Debug, Default)]
pub struct KeyValue;

impl KeyValue {
    fn read(workload: &Workload) -> Answer {
        let mut answer = Answer::default();
        let lines = workload.payloads().filter_map(|payload| str::from_utf8(payload).ok());
        lines.filter_map(facts).for_each(|facts| answer.add(&facts));
        answer
    }
}

impl Engine for KeyValue {
    fn name(&self) -> String {
        "syslog_loose".to_owned()
    }

    fn run(&mut self, workload: &Workload) {
        black_box(Self::read(workload));
    }

    fn check(&mut self, workload: &Workload) {
        assert_eq!(Self::read(workload), workload.truth(), "syslog_loose");
    }
}

/// A line with *Default* content of a Huawei USG.
fn facts(line: &str) -> Option<Facts> {
    let message = parse_message_with_year(line, |_| 2026, Variant::RFC3164);
    let (tag, content) = message.msg.split_once("(l):")?;
    let mut facts = Facts { ended: tag.ends_with("SESSION_TEARDOWN"), ..Facts::default() };
    for pair in content.trim_end_matches('.').split(',') {
        let (key, value) = pair.trim_start().split_once('=')?;
        match key {
            "Protocol" => facts.protocol = protocol_number(value.as_bytes()),
            "SourceIP" => facts.src = value.parse().ok(),
            "DestinationIP" => facts.dst = value.parse().ok(),
            "SourceNatIP" => facts.nat_src = value.parse().ok(),
            "SourcePort" => facts.src_port = value.parse().ok()?,
            "DestinationPort" => facts.dst_port = value.parse().ok()?,
            "SourceNatPort" => facts.nat_src_port = value.parse().ok()?,
            "SendPkts" => facts.sent_packets = value.parse().ok()?,
            "SendBytes" => facts.sent_bytes = value.parse().ok()?,
            "RcvPkts" => facts.received_packets = value.parse().ok()?,
            "RcvBytes" => facts.received_bytes = value.parse().ok()?,
            _ => {}
        }
    }
    Some(facts)
}
