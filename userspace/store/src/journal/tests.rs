//! What was appended comes back, once and in order, whatever happens behind what was synced.

use super::*;
use crate::testing::{HOUR_BEGIN, Random, small_batch};
use logweir_decode::record;

fn config() -> JournalConfig {
    // Rounds are asked for.
    JournalConfig { sync_interval: Duration::from_secs(3_600), ..JournalConfig::default() }
}

fn open(data: &std::path::Path, config: JournalConfig) -> (Incoming, Journal, Recovered) {
    let (incoming, _) = Incoming::open(data).unwrap();
    let (journal, recovered) = Journal::open(&incoming, config).unwrap();
    (incoming, journal, recovered)
}

fn some_batch(random: &mut Random) -> Batch {
    let mut batch = small_batch();
    random.add_records(&mut batch, 3);
    batch
}

/// All that is in a batch, in a form that can be compared.
fn contents(batch: &Batch) -> String {
    let records: Vec<_> = record::records(batch).collect();
    let runs: Vec<_> = batch.session.runs().collect();
    let notes: Vec<_> = batch.notes.iter().collect();
    format!("{records:?} {runs:?} {notes:?}")
}

fn read_back(segments: &[Segment]) -> Vec<String> {
    let mut all = Vec::new();
    for segment in segments {
        let mut reader = Reader::open(segment).unwrap();
        while let Some(frame) = reader.next_frame().unwrap() {
            all.push(match frame {
                Frame::Batch(batch) => contents(batch),
                Frame::Drops(drops) => format!("{drops:?}"),
            });
        }
    }
    all
}

#[test]
fn what_was_appended_comes_back_in_order() {
    let data = tempfile::tempdir().unwrap();
    let (_incoming, mut journal, recovered) = open(data.path(), config());
    assert!(recovered.segments.is_empty());
    let mut random = Random::new(1);
    let mut expected = Vec::new();
    for round in 0..20 {
        let batch = some_batch(&mut random);
        journal.append(&batch, HOUR_BEGIN).unwrap();
        expected.push(contents(&batch));
        let drops = Drops {
            at: HOUR_BEGIN + round,
            place: "no_batch".into(),
            exporter: None,
            datagrams: 7,
        };
        journal.append_drops(&drops, HOUR_BEGIN).unwrap();
        expected.push(format!("{drops:?}"));
        if round % 7 == 6 {
            journal.rotate();
        }
    }
    journal.rotate();
    let closed = journal.take_closed();
    assert_eq!(closed.len(), 3);
    assert_eq!(read_back(&closed), expected);
    assert_eq!(closed.iter().map(|segment| segment.bytes).sum::<u64>(), journal.bytes());
    for segment in closed {
        assert_eq!(segment.path.metadata().unwrap().len(), segment.bytes);
        segment.remove().unwrap();
    }
    assert_eq!(journal.bytes(), 0);
}
