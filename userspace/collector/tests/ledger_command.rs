//! `logweir ledger` on a store of two hours: one that is complete, and one in which an exporter's
//! numbers have a gap.

use logweir_decode::{
    batch::{Batch, Capacity},
    context::{Context, EventTime, Flags, Format, UnixNanos},
    decoder::Outcome,
    note::{DatagramNote, Sequence},
    session::SessionRow,
    text::Text,
};
use logweir_store::{
    journal::{Journal, JournalConfig},
    keeper::{Keeper, KeeperConfig},
};
use serde_json::Value;
use std::{
    net::IpAddr,
    path::Path,
    process::{Command, Output},
};

const LOGWEIR: &str = env!("CARGO_BIN_EXE_logweir");

/// 2026-03-01T14:00:00 UTC.
const HOUR_BEGIN: UnixNanos = 1_772_373_600_000_000_000;
const HOUR: UnixNanos = 3_600_000_000_000;

/// Adds a datagram of this number with one session, of an exporter that it is the only one of.
fn add(batch: &mut Batch, number: u32, received_at: UnixNanos) {
    let exporter: IpAddr = [192, 0, 2, 1].into();
    let sequence = Sequence {
        version: 9,
        domain: 7,
        number,
        units: Some(1),
        uptime_ms: None,
        templates_only: false,
    };
    let note = DatagramNote {
        exporter,
        exporter_port: 9995,
        received_at,
        outcome: Outcome::Decoded,
        waited: false,
        records: 1,
        unparsed: 0,
        sequence: Some(sequence),
    };
    assert!(batch.notes.push(note));
    let context = Context {
        exporter,
        exporter_port: 9995,
        format: Format::NetflowV9,
        observation_domain: Some(7),
        sequence: Some(number),
        host: Text::EMPTY,
        received_at,
        event_time: EventTime::Received,
        flags: Flags::NONE,
    };
    assert!(batch.session.push(&context, &SessionRow::default()));
}

/// A store of two hours that are over.
fn store(data: &Path) {
    let keeper = Keeper::open(data, KeeperConfig::default(), HOUR_BEGIN);
    let (mut keeper, _) = keeper.expect("a store");
    let journal = Journal::open(keeper.incoming(), JournalConfig::default());
    let (mut journal, _) = journal.expect("a journal");
    let mut batch = Batch::new(Capacity { session_rows: 16, unparsed_rows: 16, text_bytes: 1024 });
    for (number, at) in [(1, 0), (2, 1), (3, HOUR), (8, HOUR + 1)] {
        add(&mut batch, number, HOUR_BEGIN + at);
    }
    journal.append(&batch, HOUR_BEGIN).expect("appended");
    journal.rotate();
    for segment in journal.take_closed() {
        keeper.seal(&segment, HOUR_BEGIN).expect("sealed");
    }
    keeper.close_hours(HOUR_BEGIN + 10 * HOUR).expect("closed");
}

fn ask(data: &Path, question: &[&str]) -> (Output, Vec<Value>) {
    let mut command = Command::new(LOGWEIR);
    command.args(question).args(["--output", "json", "--data"]).arg(data);
    let output = command.output().expect("the program starts");
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (output, lines)
}

#[test]
fn an_hour_is_complete_or_says_what_is_missing_and_where() {
    let data = tempfile::tempdir().expect("a directory");
    store(data.path());
    let (output, hours) = ask(data.path(), &["ledger"]);
    assert_eq!(output.status.code(), Some(1), "one of them is not complete");
    let [first, second] = &hours[..] else { panic!("two hours: {hours:?}") };
    assert_eq!(first["hour"], "2026-03-01T14");
    assert_eq!(first["completeness"], "complete");
    assert_eq!((&first["records"]["session"], &first["stored"]["session"]), (&2.into(), &2.into()));
    assert_eq!(second["completeness"], "incomplete");
    assert_eq!(second["unaccounted"], 0);
    let missing = &second["missing"][0];
    assert_eq!((&missing["exporter"], &missing["count"]), (&"192.0.2.1".into(), &4.into()));
    assert_eq!(missing["gaps"][0]["after"], HOUR_BEGIN + HOUR);

    let until = ["ledger", "--to", "2026-03-01T14:59:59Z"];
    let (output, hours) = ask(data.path(), &until);
    assert_eq!((output.status.code(), hours.len()), (Some(0), 1));
}

#[test]
fn trace_tells_the_word_on_the_hour() {
    let data = tempfile::tempdir().expect("a directory");
    store(data.path());
    for (at, completeness) in
        [("2026-03-01T14:30:00Z", "complete"), ("2026-03-01T15:30:00Z", "incomplete")]
    {
        let (output, said) = ask(data.path(), &["trace", "203.0.113.7:40001", "--at", at]);
        assert_eq!(output.status.code(), Some(1), "nobody had it");
        assert_eq!(said.len(), 1);
        assert_eq!(
            (&said[0]["record"], &said[0]["completeness"]),
            (&"ledger".into(), &completeness.into())
        );
    }
}

#[test]
fn a_store_that_cannot_be_read_is_not_one_in_which_nothing_was_found() {
    let data = tempfile::tempdir().expect("a directory");
    store(data.path());
    let hour = data.path().join("ledger/date=2026-03-01/hour=14/closed-000000.json");
    std::fs::write(hour, "no JSON").expect("written");
    let question = ["trace", "203.0.113.7:40001", "--at", "2026-03-01T14:30:00Z"];
    for question in [&["ledger"][..], &question] {
        assert_eq!(ask(data.path(), question).0.status.code(), Some(3), "{question:?}");
    }
}
