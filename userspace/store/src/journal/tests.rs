//! What was appended comes back, once and in order, whatever happens behind what was synced.

use super::*;
use crate::testing::{HOUR_BEGIN, Random, SECOND, SmallDisk, small_batch};
use logweir_decode::{batch::Capacity, record};
use proptest::{collection::vec, prelude::*};

const PATIENCE: Duration = Duration::from_secs(60);

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

/// A batch with notes, and with so many changes of columns that some are gathered.
fn mixed_batch(seed: u64) -> Batch {
    let mut random = Random::new(seed);
    let capacity = Capacity { session_rows: 512, unparsed_rows: 64, text_bytes: 256 << 10 };
    let mut batch = Batch::new(capacity);
    random.dirty(&mut batch, 100);
    let runs = random.below(60);
    random.add_records(&mut batch, runs);
    for _ in 0..random.below(20) {
        assert!(batch.notes.push(random.note()));
    }
    batch
}

/// What a crash leaves: the journal in another directory, with its files as `change` makes them.
fn crashed(
    data: &std::path::Path,
    mut change: impl FnMut(&std::path::Path, Vec<u8>) -> Vec<u8>,
) -> (tempfile::TempDir, Recovered) {
    let after = tempfile::tempdir().unwrap();
    fs::create_dir(after.path().join(DIRECTORY)).unwrap();
    for entry in fs::read_dir(data.join(DIRECTORY)).unwrap() {
        let path = entry.unwrap().path();
        let bytes = change(&path, fs::read(&path).unwrap());
        fs::write(after.path().join(DIRECTORY).join(path.file_name().unwrap()), bytes).unwrap();
    }
    let (_, _, recovered) = open(after.path(), config());
    (after, recovered)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_image_gives_back_the_batch(seed: u64) {
        let batch = mixed_batch(seed);
        let image: Vec<_> = batch.image().unwrap().pieces().flatten().copied().collect();
        let mut back = Batch::new(logweir_decode::image::capacity(&image).unwrap());
        back.restore(&image).unwrap();
        prop_assert_eq!(contents(&back), contents(&batch));
        prop_assert_eq!(back.arrivals().map(|(_, rows)| rows).sum::<u64>(), batch.records() as u64);
    }

    #[test]
    fn a_damaged_image_does_no_harm(seed: u64, changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let batch = mixed_batch(seed);
        let mut image: Vec<_> = batch.image().unwrap().pieces().flatten().copied().collect();
        for (at, byte) in changes {
            *at.get_mut(&mut image) = byte;
        }
        let mut back = small_batch();
        if back.restore(&image).is_ok() {
            prop_assert_eq!(record::records(&back).count(), back.records());
        } else {
            prop_assert!(back.is_empty());
        }
    }

    /// Power is lost: what was synced is on disk, and of what came after it any part, then anything.
    #[test]
    fn every_synced_frame_comes_back_once(
        seed: u64,
        synced in 0_usize..6,
        unsynced in 0_usize..4,
        kept: prop::sample::Index,
        garbage in vec(any::<u8>(), 0..200),
    ) {
        let data = tempfile::tempdir().unwrap();
        let (_incoming, mut journal, _) = open(data.path(), config());
        let mut random = Random::new(seed);
        let (mut expected, mut records) = (Vec::new(), 0);
        for frame in 0..synced + unsynced {
            if frame == synced {
                prop_assert!(journal.sync(PATIENCE));
            }
            if random.below(4) == 0 {
                journal.rotate();
            }
            let batch = mixed_batch(random.next());
            journal.append(&batch, HOUR_BEGIN + frame as i64).unwrap();
            if frame < synced {
                records += batch.records() as u64;
            }
            expected.push(contents(&batch));
        }
        if unsynced == 0 {
            prop_assert!(journal.sync(PATIENCE));
        }
        let rounds = journal.take_rounds();
        let end = rounds.last().and_then(|round| round.end);
        prop_assert_eq!(rounds.iter().map(|round| round.records).sum::<u64>(), records);
        let (_after, recovered) = crashed(data.path(), |path, mut bytes| {
            let id = SegmentId::of_file(path).unwrap();
            let safe = match end {
                Some((last, end)) if last == id => end as usize,
                Some((last, _)) if id < last => bytes.len(),
                _ => 0,
            };
            if safe < bytes.len() {
                bytes.truncate(safe + kept.index(bytes.len() - safe + 1));
                bytes.extend(&garbage);
            }
            bytes
        });
        let back = read_back(&recovered.segments);
        prop_assert!(back.len() >= synced);
        // What was not synced may be there as well, one segment less or more.
        let mut rest = expected.iter();
        prop_assert_eq!(&back[..synced], &expected[..synced]);
        prop_assert!(back.iter().all(|frame| rest.any(|appended| appended == frame)));
        let damaged = recovered.damaged.iter().map(|path| path.metadata().unwrap().len());
        let kept: u64 = recovered.segments.iter().map(|segment| segment.bytes).sum();
        prop_assert!(damaged.sum::<u64>() <= recovered.torn_bytes);
        prop_assert!(kept > 0 || back.is_empty());
    }
}

#[test]
fn a_torn_tail_is_cut_off_and_counted_once() {
    let data = tempfile::tempdir().unwrap();
    let (_incoming, mut journal, _) = open(data.path(), config());
    let batches = [1, 2].map(mixed_batch);
    for batch in &batches {
        journal.append(batch, HOUR_BEGIN).unwrap();
    }
    let (after, recovered) = crashed(data.path(), |_, mut bytes| {
        bytes.pop();
        bytes
    });
    assert_eq!(read_back(&recovered.segments), [contents(&batches[0])]);
    assert_eq!(recovered.torn_segments, 1);
    assert!(recovered.torn_bytes > 0 && recovered.damaged.is_empty());
    let kept = recovered.segments[0].bytes;
    assert_eq!(recovered.segments[0].path.metadata().unwrap().len(), kept);
    let (_, journal, again) = open(after.path(), config());
    assert_eq!((again.torn_segments, again.torn_bytes, journal.bytes()), (0, 0, kept));
}

/// Frames of another segment are none, even where their numbers fit.
#[test]
fn a_frame_in_the_wrong_segment_is_none() {
    let data = tempfile::tempdir().unwrap();
    let (_incoming, mut journal, _) = open(data.path(), config());
    let mut files = Vec::new();
    for seed in [1, 2] {
        journal.append(&mixed_batch(seed), HOUR_BEGIN).unwrap();
        journal.rotate();
        files.push(fs::read(&journal.closed.last().unwrap().path).unwrap());
    }
    let foreign = files.pop().unwrap();
    let (_after, recovered) = crashed(data.path(), |path, bytes| {
        let is_first = SegmentId::of_file(path).unwrap().number == 0;
        if is_first { [&bytes[..Header::BYTES], &foreign[Header::BYTES..]].concat() } else { bytes }
    });
    assert_eq!(recovered.segments.len(), 1, "the first one holds nothing");
    assert_eq!(read_back(&recovered.segments), [contents(&mixed_batch(2))]);
}

#[test]
fn a_segment_of_a_later_version_is_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, mut journal, _) = open(data.path(), config());
    journal.append(&mixed_batch(1), HOUR_BEGIN).unwrap();
    journal.rotate();
    let path = journal.take_closed()[0].path.clone();
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..32]);
    bytes[32..40].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = Journal::open(&incoming, config()).unwrap_err().to_string();
    assert!(error.ends_with("is of version 2, which only a later logweir reads"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_segment_ends_by_size_by_age_and_with_its_hour() {
    let data = tempfile::tempdir().unwrap();
    let config = JournalConfig { segment_bytes_max: 1, ..config() };
    let (incoming, mut journal, _) = open(data.path(), config);
    journal.append(&mixed_batch(1), HOUR_BEGIN).unwrap();
    assert_eq!(journal.take_closed().len(), 1);
    let (mut journal, _) = Journal::open(&incoming, self::config()).unwrap();
    let hour = 3_600 * SECOND;
    for (opened, due) in [
        (HOUR_BEGIN, HOUR_BEGIN + 60 * SECOND),
        (HOUR_BEGIN + hour - SECOND, HOUR_BEGIN + hour + 5 * SECOND),
    ] {
        journal.append(&mixed_batch(1), opened).unwrap();
        journal.rotate_due(due - 1);
        assert!(journal.take_closed().is_empty());
        journal.rotate_due(due);
        assert_eq!(journal.take_closed().len(), 1);
    }
    journal.append(&mixed_batch(1), HOUR_BEGIN).unwrap();
    journal.rotate_due(HOUR_BEGIN - 1);
    assert_eq!(journal.take_closed().len(), 1, "a clock that was set back");
}

#[test]
fn a_full_journal_refuses_until_a_segment_is_removed() {
    let data = tempfile::tempdir().unwrap();
    let batch = mixed_batch(7);
    let config = JournalConfig { bytes_max: 3 * batch.image().unwrap().bytes() as u64, ..config() };
    let (_incoming, mut journal, _) = open(data.path(), config);
    let mut appended = 0;
    let error = loop {
        match journal.append(&batch, HOUR_BEGIN) {
            Ok(()) => appended += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::JournalFull { .. }), "{error}");
    let mut closed = journal.take_closed();
    assert_eq!((closed.len(), read_back(&closed).len()), (1, appended));
    assert!(journal.append(&batch, HOUR_BEGIN).is_err());
    closed.pop().unwrap().remove().unwrap();
    journal.append(&batch, HOUR_BEGIN).unwrap();
}

/// A file system of its own, which is full before long: each batch goes in whole or not at all, and
/// when there is room again the same journal takes more.
#[test]
fn a_full_disk_costs_no_frame() {
    let Some(disk) = SmallDisk::mount("512k") else { return };
    let (_incoming, mut journal, _) = open(disk.path(), config());
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0; 128 << 10]).unwrap();
    let mut expected = Vec::new();
    let mut refused = 0;
    for seed in 0..400 {
        let batch = mixed_batch(seed);
        match journal.append(&batch, HOUR_BEGIN) {
            Ok(()) => expected.push(contents(&batch)),
            Err(StoreError::Io { source, .. }) => {
                assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
                refused += 1;
                if refused == 5 {
                    fs::remove_file(&ballast).unwrap();
                }
            }
            Err(other) => panic!("{other}"),
        }
        if refused == 10 {
            break;
        }
    }
    assert_eq!(refused, 10);
    journal.rotate();
    assert_eq!(read_back(&journal.take_closed()), expected);
}

/// Where the directory was there is a file, and later it is gone.
#[test]
fn a_directory_that_is_lost_and_comes_back_is_survived() {
    let data = tempfile::tempdir().unwrap();
    let (_incoming, mut journal, _) = open(data.path(), config());
    let batch = mixed_batch(3);
    journal.append(&batch, HOUR_BEGIN).unwrap();
    journal.rotate();
    let directory = data.path().join(DIRECTORY);
    let aside = data.path().join("aside");
    fs::rename(&directory, &aside).unwrap();
    fs::write(&directory, "in the way").unwrap();
    assert!(journal.append(&batch, HOUR_BEGIN).is_err());
    assert!(journal.append(&batch, HOUR_BEGIN).is_err());
    fs::remove_file(&directory).unwrap();
    fs::rename(&aside, &directory).unwrap();
    journal.append(&batch, HOUR_BEGIN).unwrap();
    journal.rotate();
    assert_eq!(read_back(&journal.take_closed()), [contents(&batch), contents(&batch)]);
}

/// A file that cannot be read: nothing is mapped at this process's address 0.
#[test]
fn a_segment_that_the_device_cannot_read_does_not_stop_the_start() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, mut journal, _) = open(data.path(), config());
    journal.append(&mixed_batch(1), HOUR_BEGIN).unwrap();
    journal.rotate();
    let unreadable = data.path().join(DIRECTORY).join(SegmentId { tag: 1, number: 1 }.file_name());
    std::os::unix::fs::symlink("/proc/self/mem", &unreadable).unwrap();
    let (_, recovered) = Journal::open(&incoming, config()).unwrap();
    assert_eq!(read_back(&recovered.segments), [contents(&mixed_batch(1))]);
}
