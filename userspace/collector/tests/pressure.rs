//! A journal that cannot be appended to: workers drop what memory cannot hold, counted by exporter,
//! and go on when there is room again.

mod common {
    pub mod narrow;
    pub mod port;
    pub mod waiting;
}

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{
    narrow::{self, Exporter},
    port,
    waiting::{arrived, wait_for},
};
use crossbeam_channel::{Receiver, unbounded};
use logweir::{
    balance::Balance,
    pipeline::Pipeline,
    sink::{JournalSink, SinkCounters},
};
use logweir_store::{
    incoming::Incoming,
    journal::{DIRECTORY, Frame, Journal, JournalConfig, Reader, Segment},
};

/// A collector on a journal of its own, an exporter, and the other end of its segments.
struct Rig {
    pipeline: Pipeline<JournalSink>,
    segments: Receiver<Segment>,
    exporter: Exporter,
    _incoming: Incoming,
}

impl Rig {
    fn start(data: &Path, journal: JournalConfig) -> Rig {
        let (incoming, _) = Incoming::open(data).expect("a data directory");
        let (journal, _) = Journal::open(&incoming, journal).expect("a journal");
        let (sealer, segments) = unbounded();
        let counters = Arc::new(SinkCounters::default());
        let sink = JournalSink::new(journal, counters.clone(), sealer);
        let port = port::free();
        let pipeline = Pipeline::start(&narrow::config(port), sink, counters).expect("a pipeline");
        Rig { pipeline, segments, exporter: Exporter::to(port), _incoming: incoming }
    }

    fn send(&mut self, lines: u64) {
        self.exporter.send(lines);
        let sent = self.exporter.sent;
        let balance = wait_for(&self.pipeline, |balance| arrived(balance) == sent);
        assert_eq!(arrived(&balance), sent, "the worker stalls: {balance}");
    }

    /// Sends until something is dropped for want of batches.
    fn overload(&mut self) {
        const ROUNDS_MAX: u32 = 100;
        for _ in 0..ROUNDS_MAX {
            self.send(1_000);
            if self.pipeline.balance().datagrams.dropped_no_batch > 0 {
                return;
            }
        }
        panic!("no pressure: {}", self.pipeline.balance());
    }

    fn stop(self) -> (Balance, Receiver<Segment>) {
        let summary = self.pipeline.stop();
        assert!(summary.errors.is_empty(), "{:?}", summary.errors);
        (summary.balance, self.segments)
    }
}

/// What is in a segment: records, and datagrams that were dropped.
fn contents(segment: &Segment) -> (u64, u64) {
    let mut reader = Reader::open(segment).expect("a segment");
    let (mut records, mut dropped) = (0, 0);
    while let Some(frame) = reader.next_frame().expect("a frame") {
        match frame {
            Frame::Batch(batch) => records += batch.records() as u64,
            Frame::Drops(drops) => {
                assert_eq!((drops.place.as_str(), drops.exporter), ("no_batch", Some(LOOPBACK)));
                dropped += drops.datagrams;
            }
        }
    }
    (records, dropped)
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn assert_even(balance: &Balance) {
    assert_eq!(balance.unaccounted.total, 0, "{balance}");
    assert_eq!(balance.records.pending, 0, "{balance}");
    let exporters = balance.exporters.as_deref().expect("a ledger");
    let dropped: u64 = exporters.iter().map(|exporter| exporter.dropped_no_batch).sum();
    assert_eq!(dropped, balance.datagrams.dropped_no_batch, "{balance}");
    assert!(dropped > 0, "{balance}");
}

#[test]
fn a_full_journal_drops_and_goes_on_when_there_is_room() {
    let data = tempfile::tempdir().expect("a directory");
    let mut rig = Rig::start(
        data.path(),
        JournalConfig {
            segment_bytes_max: 100 << 10,
            bytes_max: 400 << 10,
            sync_interval: Duration::from_millis(20),
            ..JournalConfig::default()
        },
    );
    rig.overload();
    let (mut records, mut dropped) = (0, 0);
    let mut seal = |segment: Segment| {
        let (more, lost) = contents(&segment);
        records += more;
        dropped += lost;
        segment.remove().expect("removed");
    };
    // All that there is is sealed, and there is room again.
    rig.segments.try_iter().for_each(&mut seal);
    let before = rig.pipeline.balance().records.stored;
    wait_for(&rig.pipeline, |balance| balance.records.stored > before);
    rig.send(200);
    let (balance, segments) = rig.stop();
    segments.try_iter().for_each(&mut seal);
    assert_even(&balance);
    assert_eq!(balance.records.failed, 0, "{balance}");
    assert!(balance.records.stored > before, "{balance}");
    assert_eq!(records, balance.records.stored, "{balance}");
    assert_eq!(dropped, balance.datagrams.dropped_no_batch, "{balance}");
}

/// The directory is lost after the first segment, and does not come back.
#[test]
fn what_cannot_be_appended_until_the_end_is_counted() {
    let data = tempfile::tempdir().expect("a directory");
    let config = JournalConfig {
        segment_bytes_max: 1,
        sync_interval: Duration::from_millis(20),
        ..JournalConfig::default()
    };
    let mut rig = Rig::start(data.path(), config);
    rig.send(1_000);
    wait_for(&rig.pipeline, |balance| balance.records.stored > 0);
    let journal = data.path().join(DIRECTORY);
    fs::rename(&journal, data.path().join("aside")).expect("moved");
    fs::write(&journal, "in the way").expect("a file");
    rig.overload();
    let (balance, _) = rig.stop();
    assert_even(&balance);
    let records = &balance.records;
    assert!(records.stored > 0 && records.failed > 0, "{balance}");
    assert_eq!(records.stored + records.failed, records.session, "{balance}");
}
