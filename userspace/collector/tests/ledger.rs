//! The ledger as a person at a terminal meets it: what each exporter sent, what of it was rejected
//! and why, and what is missing.

mod common {
    pub mod frames;
}

use std::process::Command;

use common::frames::capture;

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
