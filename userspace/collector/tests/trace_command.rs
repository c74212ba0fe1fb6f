//! What `logweir trace` says of port blocks and sessions, and by rules.

mod common {
    pub mod command;
}

use std::path::Path;
use std::process::Command;

use common::command::{LOGWEIR, succeed};
use logweir_decode::{
    batch::{Batch, Capacity},
    context::{Context, EventTime, Flags, Format},
    port_block::{PortBlock, PortBlockEvent},
    session::{Event, SessionRow},
    text::Text,
};
use logweir_store::{
    incoming::Incoming,
    index::Indexes,
    layout::Layout,
    seal::{Beside, Sealer},
};
use serde_json::{Value, json};

/// 2026-03-01T14:00:00 UTC.
const HOUR_BEGIN: i64 = 1_772_373_600_000_000_000;

/// A subscriber has a block from 14:01 to 14:10.
fn store(data: &Path) {
    let capacity = Capacity { session_rows: 16, unparsed_rows: 16, text_bytes: 1024 };
    let mut batch = Batch::new(capacity);
    let scene = batch.text.push(b"NAT444").expect("room");
    for (event, minute) in [(PortBlockEvent::Allocate, 1), (PortBlockEvent::Release, 10)] {
        let event_time = HOUR_BEGIN + minute * 60_000_000_000;
        let context = Context {
            exporter: [198, 51, 100, 7].into(),
            exporter_port: 514,
            format: Format::CgnCn,
            observation_domain: None,
            sequence: None,
            host: Text::EMPTY,
            received_at: event_time + 1_000_000,
            event_time: EventTime::Own(event_time),
            flags: Flags::NONE,
        };
        let block = PortBlock {
            event,
            private_addr: Some([100, 64, 0, 1].into()),
            public_addr: Some([203, 0, 113, 1].into()),
            port_first: Some(1024),
            port_last: Some(2047),
            scene,
            ..PortBlock::default()
        };
        assert!(batch.port_block.push(&context, block));
    }
    let (incoming, _) = Incoming::open(data).expect("a store");
    seal(&incoming, "1", &batch, &mut ());
}

/// Makes a part of a batch, and what is to be beside it.
fn seal(incoming: &Incoming, name: &str, batch: &Batch, beside: &mut dyn Beside) {
    let mut sealer = Sealer::new();
    sealer.push(batch).expect("columns");
    sealer.finish(name, incoming, Layout::default(), beside).expect("a part");
}

fn trace(data: &Path, held: &str, at: &str, output: &str) -> Command {
    let mut trace = Command::new(LOGWEIR);
    trace.args(["trace", held, "--at", at, "--output", output, "--data"]).arg(data);
    trace
}

#[test]
fn a_port_block_is_an_answer() {
    let data = tempfile::tempdir().expect("a directory");
    store(data.path());
    let mut ask = trace(data.path(), "203.0.113.1:1500", "2026-03-01T14:05:00Z", "json");
    let mut answer: Value = serde_json::from_str(&succeed(&mut ask)).expect("one JSON object");
    let file = answer.as_object_mut().and_then(|fields| fields.remove("file")).expect("a file");
    assert!(file.as_str().is_some_and(|file| file.contains("family=port_block")), "{file}");
    let expected = json!({
        "record": "port_block",
        "held": "throughout",
        "format": "cgn-cn",
        "exporter": "198.51.100.7",
        "received_at": "2026-03-01T14:01:00.001000Z",
        "event_time": "2026-03-01T14:01:00.000000Z",
        "time_source": "record",
        "event": "allocate",
        "private_addr": "100.64.0.1",
        "public_addr": "203.0.113.1",
        "port_first": 1024,
        "port_last": 2047,
        "scene": "NAT444",
        "row": 0,
    });
    assert_eq!(answer, expected);

    let line = succeed(&mut trace(data.path(), "203.0.113.1", "2026-03-01T14:05:00Z", "table"));
    let words = "throughout 100.64.0.1 as 203.0.113.1 ports 1024-2047 protocol - allocate at \
                 2026-03-01T14:01:00Z exporter 198.51.100.7\n    ";
    assert!(line.starts_with(words), "{line}");
}

#[test]
fn a_block_that_was_released_or_has_other_ports_is_none() {
    let data = tempfile::tempdir().expect("a directory");
    store(data.path());
    for (held, at) in [
        ("203.0.113.1:1500", "2026-03-01T14:15:00Z"),
        ("203.0.113.1:1500", "2026-03-01T14:00:00Z"),
        ("203.0.113.1:2048", "2026-03-01T14:05:00Z"),
        ("203.0.113.2:1500", "2026-03-01T14:05:00Z"),
    ] {
        let ran = trace(data.path(), held, at, "json").output().expect("the program starts");
        assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(1), &[][..]), "{held} {at}");
    }
}

/// Asks and gives the exit code and the answers.
fn ask(data: &Path, question: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut trace = Command::new(LOGWEIR);
    trace.arg("trace").args(question).args(["--output", "json", "--data"]).arg(data);
    let ran = trace.output().expect("the program starts");
    let text = String::from_utf8(ran.stdout).expect("UTF-8");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (ran.status.code(), lines)
}

/// A session of 14:01 to 14:10, its creation and its end in parts of their own, of which one has an
/// index; and when the records arrived: two seconds later.
fn store_session(data: &Path) {
    // Opened once: a process that another test starts has the lock, too, until it is itself.
    let incoming = Incoming::open(data).expect("a store").0;
    for (event, minute) in [(Event::Create, 1), (Event::End, 10)] {
        let capacity = Capacity { session_rows: 16, unparsed_rows: 16, text_bytes: 1024 };
        let mut batch = Batch::new(capacity);
        let user = batch.text.push(b"alice").expect("room");
        let received_at = HOUR_BEGIN + minute * 60_000_000_000 + 2_000_000_000;
        let context = Context {
            exporter: [198, 51, 100, 7].into(),
            exporter_port: 9995,
            format: Format::Ipfix,
            observation_domain: Some(5),
            sequence: Some(minute as u32),
            host: Text::EMPTY,
            received_at,
            event_time: EventTime::Own(received_at - 2_000_000_000),
            flags: Flags::NONE,
        };
        let row = SessionRow {
            event: Some(event as u8),
            protocol: Some(6),
            src_v4: Some(0x6440_0001),
            src_port: Some(40_000),
            dst_v4: Some(0xc633_6409),
            dst_port: Some(443),
            nat_src_v4: Some(0xcb00_7101),
            nat_src_port: Some(1_500),
            user: Some(user),
            ..SessionRow::default()
        };
        assert!(batch.session.push(&context, &row));
        match event {
            Event::End => seal(&incoming, "end", &batch, &mut Indexes::default()),
            _ => seal(&incoming, "create", &batch, &mut ()),
        }
    }
}

const AT: [&str; 2] = ["--at", "2026-03-01T14:05:00Z"];

#[test]
fn a_session_is_one_answer_with_both_records_as_evidence() {
    let data = tempfile::tempdir().expect("a directory");
    store_session(data.path());
    for who in [&["203.0.113.1:1500"][..], &["--inside", "100.64.0.1"], &["--user", "alice"]] {
        let (code, answers) = ask(data.path(), &[who, &AT].concat());
        assert_eq!((code, answers.len()), (Some(0), 1), "{who:?}");
        let answer = &answers[0];
        assert_eq!(answer["held"], "throughout");
        assert_eq!(answer["start_time"], "2026-03-01T14:01:00.000000Z");
        assert_eq!(answer["end_time"], "2026-03-01T14:10:00.000000Z");
        assert_eq!(answer["src_addr"], "100.64.0.1");
        let evidence = answer["evidence"].as_array().expect("evidence");
        let sequences: Vec<_> = evidence.iter().map(|own| own["sequence"].as_u64()).collect();
        assert_eq!(sequences, [Some(1), Some(10)]);
        assert!(evidence.iter().all(|own| own["exporter"] == "198.51.100.7"));
        assert!(evidence.iter().all(|own| own["observation_domain"] == 5));
    }
    for nobody in [&["203.0.113.1:1501"][..], &["--inside", "100.64.0.2"], &["--user", "bob"]] {
        assert_eq!(ask(data.path(), &[nobody, &AT].concat()), (Some(1), Vec::new()), "{nobody:?}");
    }
}

#[test]
fn the_time_may_be_that_of_arrival() {
    let data = tempfile::tempdir().expect("a directory");
    store_session(data.path());
    let within = ["203.0.113.1:1500", "--within", "0s", "--at"];
    let after = [&within[..], &["2026-03-01T14:10:01Z"]].concat();
    assert_eq!(ask(data.path(), &after).0, Some(1));
    let (code, answers) = ask(data.path(), &[&after[..], &["--by", "received"]].concat());
    assert_eq!((code, answers.len()), (Some(0), 1));
}

#[test]
fn each_question_is_in_the_audit_log() {
    let data = tempfile::tempdir().expect("a directory");
    store_session(data.path());
    ask(data.path(), &[&["203.0.113.1:1500", "--case", "2026/17"], &AT[..]].concat());
    ask(data.path(), &[&["--inside", "100.64.0.9"], &AT[..]].concat());
    let log = std::fs::read_to_string(data.path().join("audit.jsonl")).expect("a log");
    let entries: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let entries: Vec<_> = entries.iter().map(|line| &line["entry"]).collect();
    assert_eq!(entries[0]["case"], "2026/17");
    assert_eq!(entries[0]["question"]["public"], "203.0.113.1:1500");
    assert_eq!(
        (entries[0]["answers"].as_u64(), entries[1]["answers"].as_u64()),
        (Some(1), Some(0))
    );
}

#[test]
fn a_rule_answers_without_a_log() {
    let data = tempfile::tempdir().expect("a directory");
    let rule = r#"
        [[mapping]]
        inside = "198.51.100.1-198.51.100.14"
        outside = "192.0.2.1"
        ports = "1024-65535"
        dynamic_factor = 2
        algorithm = "sequential"
        to = "2026-04-01T00:00:00Z"
    "#;
    let file = data.path().join("det-nat.toml");
    std::fs::write(&file, rule).expect("a file");
    let expected = json!({
        "record": "det_nat",
        "held": "throughout",
        "private_addr": "198.51.100.2",
        "public_addr": "192.0.2.1",
        "port_first": 5056,
        "port_last": 9087,
        "file": file,
        "mapping": 1,
    });
    for who in [&["192.0.2.1:9087"][..], &["--inside", "198.51.100.2"]] {
        assert_eq!(ask(data.path(), &[who, &AT].concat()), (Some(0), vec![expected.clone()]));
    }
    assert_eq!(ask(data.path(), &[&["192.0.2.1:57472"], &AT[..]].concat()).0, Some(1));
    let later = ["192.0.2.1:9087", "--at", "2026-04-02T00:00:00Z"];
    assert_eq!(ask(data.path(), &later).0, Some(1));
    std::fs::write(&file, rule.replace("192.0.2.1", "nowhere")).expect("a file");
    assert_eq!(ask(data.path(), &later).0, Some(2));
}
