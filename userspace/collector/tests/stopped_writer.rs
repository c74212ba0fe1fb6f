//! A writer that stands still, and a store that cannot be written to: the workers go on, what is
//! lost is counted, and the balance comes out even.

mod common {
    pub mod collector;
    pub mod command;
    pub mod generator;
    pub mod narrow;
    pub mod port;
    pub mod root;
    pub mod waiting;
}

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use common::{
    collector::{Collector, Stopped},
    command::{LOGWEIR, succeed},
    generator::Generated,
    narrow::{self, Exporter},
    port, root,
    waiting::{arrived, wait_for},
};
use hdrhistogram::Histogram;
use logweir::{
    pipeline::Pipeline,
    sink::{Sink, SinkCounters, Taken},
};
use logweir_decode::{batch::Batch, context::UnixNanos};
use logweir_store::schema::Family;

/// Opened once, by the test.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let closed = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = self.opened.wait_while(closed, |open| !*open);
        drop(passed.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Opens the gate when a test ends, however it ends: the writer must not wait for ever.
struct OpenAtEnd(Arc<Gate>);

impl Drop for OpenAtEnd {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// A sink that takes nothing until its gate is opened, and then everything.
struct Gated {
    gate: Arc<Gate>,
    counters: Arc<SinkCounters>,
}

impl Sink for Gated {
    fn take(&mut self, batch: &Batch, _: UnixNanos) -> Taken {
        self.gate.pass();
        self.counters.taken.add(batch.records() as u64);
        self.counters.stored.add(batch.records() as u64);
        Taken::All
    }

    fn tick(&mut self, _: UnixNanos) {}

    fn finish(&mut self, _: UnixNanos) -> Option<Histogram<u64>> {
        None
    }
}

fn start(port: u16, gate: &Arc<Gate>) -> Pipeline<Gated> {
    let counters = Arc::new(SinkCounters::default());
    let sink = Gated { gate: gate.clone(), counters: counters.clone() };
    Pipeline::start(&narrow::config(port), sink, counters).expect("a pipeline")
}

#[test]
fn workers_go_on_while_the_writer_stands_still() {
    let gate = Arc::new(Gate::default());
    let _opened = OpenAtEnd(gate.clone());
    let port = port::free();
    let pipeline = start(port, &gate);
    let mut exporter = Exporter::to(port);
    let mut dropped_before = 0;
    let mut rounds = Vec::new();
    for round in 0..4 {
        exporter.send(2_000);
        let sent = exporter.sent;
        let balance = wait_for(&pipeline, |balance| {
            arrived(balance) == sent
                && balance.datagrams.received > 0
                && balance.unaccounted.total == 0
        });
        assert_eq!(arrived(&balance), sent, "the worker stalls: {balance}");
        // Three batches hold some hundred lines each; then every datagram is lost.
        let dropped = balance.datagrams.dropped_no_batch;
        assert!(dropped > dropped_before, "round {round}: {balance}");
        assert_eq!(balance.records.stored, 0);
        assert_eq!(balance.records.pending, balance.records.decoded(), "{balance}");
        assert_eq!(balance.unaccounted.total, 0, "{balance}");
        dropped_before = dropped;
        rounds.push(pipeline.rounds());
    }
    // Who watches the threads sees which of them stands still.
    for (before, after) in rounds[2].iter().zip(&rounds[3]) {
        assert_eq!(before.0, after.0);
        assert_eq!(before == after, before.0 == "lw-writer", "{before:?} {after:?}");
    }
    gate.open();
    // The batches circulate again: the worker takes them.
    exporter.send(100);
    let sent = exporter.sent;
    wait_for(&pipeline, |balance| arrived(balance) == sent);
    let summary = pipeline.stop();
    assert!(summary.errors.is_empty(), "{:?}", summary.errors);
    let balance = summary.balance;
    assert_eq!(balance.unaccounted.total, 0, "{balance}");
    assert_eq!(arrived(&balance), sent, "{balance}");
    let datagrams = &balance.datagrams;
    let rejected: u64 = datagrams.rejected.values().sum();
    assert_eq!(datagrams.received, datagrams.decoded + rejected + datagrams.dropped_no_batch);
    assert_eq!((rejected, datagrams.waiting), (0, 0), "{balance}");
    // One record a line.
    assert_eq!(balance.records.session, datagrams.decoded, "{balance}");
    assert_eq!(balance.records.stored, balance.records.session, "{balance}");
    assert!(balance.records.stored > 100, "{balance}");
}

/// Collects some thousand records over loopback with `run`, a command that begins a collector.
fn collect(run: &mut Command, directory: &Path) -> (Stopped, u64) {
    let port = port::free();
    run.args(["run", "--source", "udp", "--listen", &format!("127.0.0.1:{port}")]);
    let collector = Collector::start(run, directory);
    let mut from = Command::new(LOGWEIR);
    from.args(["generate", "--to", &format!("udp://127.0.0.1:{port}")]);
    let generated = Generated::by(from.args(["--count", "40000", "--rate", "40000"]));
    (collector.stop(), generated.count("records"))
}

fn assert_lost_and_counted(stopped: &Stopped, records: u64) {
    assert!(stopped.status.success(), "{}", stopped.printed);
    assert_eq!(stopped.count("/unaccounted/total"), 0, "{}", stopped.printed);
    assert_eq!(stopped.count("/records/session"), records, "{}", stopped.printed);
    let (stored, failed) = (stopped.count("/records/stored"), stopped.count("/records/failed"));
    assert!(failed > 0, "{}", stopped.printed);
    assert_eq!(stored + failed, records, "{}", stopped.printed);
    assert_eq!(stopped.count("/records/pending"), 0);
    assert!(stopped.printed.contains("records lost"), "{}", stopped.printed);
}

/// Where the directories of the days should be, there are files: nothing can be sealed, and the
/// journal keeps all of it for the next start.
#[test]
fn records_that_cannot_be_sealed_wait_in_the_journal() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let family = data.join("family=session");
    fs::create_dir_all(&family).expect("a directory");
    let today = jiff::Timestamp::now();
    let days = [today, today + jiff::SignedDuration::from_hours(24)];
    let in_the_way = days.map(|day| family.join(day.strftime("date=%Y-%m-%d").to_string()));
    for path in &in_the_way {
        fs::write(path, "in the way").expect("a file");
    }
    let (stopped, records) = collect(&mut Command::new(LOGWEIR), directory.path());
    assert!(stopped.status.success(), "{}", stopped.printed);
    assert_eq!(stopped.count("/unaccounted/total"), 0, "{}", stopped.printed);
    assert_eq!(stopped.count("/records/stored"), records, "{}", stopped.printed);
    assert!(stopped.printed.contains("sealing has to wait: cannot "), "{}", stopped.printed);
    assert!(stopped.printed.contains("stay in the journal"), "{}", stopped.printed);

    for path in &in_the_way {
        fs::remove_file(path).expect("removed");
    }
    let (stopped, more) = collect(&mut Command::new(LOGWEIR), directory.path());
    assert_eq!(stopped.count("/records/recovered"), records, "{}", stopped.printed);
    assert_eq!(stopped.count("/records/sealed"), more, "{}", stopped.printed);
    let rows = logweir_store::files::count_rows(&data, Family::Session).expect("parts");
    assert_eq!(rows, records + more);
}

/// A file system of its own, which is full before the records are in it.
#[test]
fn a_full_file_system_is_survived() {
    if !root::is_root("a_full_file_system_is_survived") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    fs::create_dir(&data).expect("a directory");
    // The mount is the collector's alone, and gone with it.
    let mut run = Command::new("unshare");
    run.args(["--mount", "sh", "-c"]);
    run.arg("mount -t tmpfs -o size=64k tmpfs \"$0\" && exec \"$@\"").arg(&data).arg(LOGWEIR);
    let (stopped, records) = collect(&mut run, directory.path());
    assert_lost_and_counted(&stopped, records);
    let ls = succeed(Command::new("ls").arg(&data));
    assert!(ls.is_empty(), "the mount was not the collector's alone: {ls}");
}
