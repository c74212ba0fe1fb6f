//! What `logweir trace` says of port blocks.

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
    text::Text,
};
use logweir_store::writer::{Writer, WriterConfig};
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
    let (mut writer, _) = Writer::open(WriterConfig::new(data)).expect("a store");
    writer.append(&batch, HOUR_BEGIN);
    assert_eq!(writer.finish().1.stored, 2);
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
                 2026-03-01T14:01:00Z exporter 198.51.100.7 (";
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
