//! The ledger as a person at a terminal meets it: what each exporter sent, what of it was rejected
//! and why, and what is missing.

mod common {
    pub mod frames;
}

use std::process::Command;

use common::frames::capture;
use logweir_traffic::{
    netflow::{CountField, Header, Layout, Limits, Packet},
    record::Record,
};

/// What the command says beside its records.
fn decode(path: &std::path::Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_logweir"))
        .args(["decode", "--output", "csv"])
        .arg(path)
        .output()
        .expect("the program starts");
    let complaints = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{complaints}");
    complaints
}

const LINE: &[u8] = b"<190>%%: Built an udp session, 192.0.2.1:1 (a) to 192.0.2.2:2 (b).";

#[test]
fn rejects_are_told_by_exporter_and_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("two.pcap");
    let sflow: &[u8] = &[0, 0, 0, 5, 0, 0, 0, 1];
    capture(
        &path,
        [
            ("198.51.100.1", LINE),
            ("198.51.100.2", sflow),
            ("2001:db8::3", LINE),
            ("198.51.100.2", LINE),
            ("198.51.100.1", b"<190>what is this?"),
            ("198.51.100.2", sflow),
            ("198.51.100.2", b""),
        ],
    );
    let said = decode(&path);
    let expected = "\
logweir: 7 datagrams, 7 records (3 session, 4 unparsed), 4 rejected
logweir:   rejected: empty 1
logweir:   rejected: sflow 2
logweir:   rejected: syslog_unknown 1
logweir:   198.51.100.1: 2 datagrams, 1 decoded, 1 rejected (syslog_unknown 1)
logweir:   198.51.100.2: 4 datagrams, 1 decoded, 3 rejected (empty 1, sflow 2)
";
    assert_eq!(said, expected);
}

/// A NetFlow v9 datagram of a Huawei USG with this number: its template and one session.
fn v9(number: u32) -> Vec<u8> {
    let limits = Limits { bytes_max: 1400, flowsets_max: 20, records_per_flowset: 1 };
    let mut bytes = vec![0; 1400];
    let mut packet = Packet::new(&mut bytes, Layout::V4, limits, true);
    packet.push(&Record {
        protocol: 17,
        src_v4: 0x0a00_0001,
        start: 1_767_225_600,
        ..Record::default()
    });
    let len = packet.finish(&Header {
        uptime_ms: 3_600_000 + number,
        unix_seconds: 1_767_225_600,
        sequence: number,
        source_id: Layout::V4.source_id(11),
        count: CountField::FlowSets,
    });
    bytes.truncate(len);
    bytes
}

/// An IPFIX message that follows so many records: a template of two addresses if it is the first,
/// and so many records.
fn ipfix(before: u32, records: u8) -> Vec<u8> {
    const TEMPLATE: [u8; 16] = [0, 2, 0, 16, 1, 0, 0, 2, 0, 8, 0, 4, 0, 12, 0, 4];
    let mut sets = if before == 0 { TEMPLATE.to_vec() } else { Vec::new() };
    sets.extend([1, 0, 0, 4 + 8 * records]);
    for record in 0..records {
        sets.extend([10, 0, 0, record, 192, 0, 2, 1]);
    }
    let mut message = vec![0, 10];
    message.extend((16 + sets.len() as u16).to_be_bytes());
    message.extend(1_767_225_600u32.to_be_bytes());
    message.extend(before.to_be_bytes());
    message.extend(5u32.to_be_bytes());
    message.extend(sets);
    message
}

#[test]
fn what_is_missing_is_told_by_exporter_and_domain() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("gaps.pcap");
    let mut datagrams: Vec<(&str, Vec<u8>)> = Vec::new();
    for number in 0..40 {
        datagrams.push(("198.51.100.2", v9(number)));
        // Three of them are lost.
        if ![5, 6, 20].contains(&number) {
            datagrams.push(("198.51.100.1", v9(5_000_000 + number)));
        }
        if number != 7 {
            datagrams.push(("198.51.100.3", ipfix(number * 9, 9)));
        }
    }
    // It starts again; one comes late, and another one twice.
    for number in [0, 1, 3, 2, 3] {
        datagrams.push(("198.51.100.1", v9(number)));
    }
    capture(&path, datagrams.iter().map(|(exporter, payload)| (*exporter, payload.as_slice())));
    let said = decode(&path);
    let lines: Vec<_> = said.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "logweir:   198.51.100.1: 42 datagrams, 42 decoded; \
             3 datagrams missing in domain 0x100000b of NetFlow v9, restarted once",
            "logweir:   198.51.100.3: 39 datagrams, 39 decoded; \
             9 records missing in domain 0x5 of IPFIX",
        ],
        "{said}"
    );
}
