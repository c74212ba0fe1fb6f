use super::*;
use crate::{
    files,
    journal::{Journal, JournalConfig, Segment},
    ledger::statement::Statement,
    manifest::FILE,
    schema::Family,
    testing::{HOUR_BEGIN, Plain, Random, SECOND, expected, read_family, small_batch},
};
use logweir_decode::batch::Batch;
use std::{fs, time::Duration};

mod compaction;

const MINUTE: UnixNanos = 60 * SECOND;

fn open(data: &Path) -> Keeper {
    Keeper::open(data, KeeperConfig::default(), HOUR_BEGIN).unwrap().0
}

/// Journals batches, each as a segment of its own, as a collector that is killed then.
fn journal(data: &Path, batches: &[Batch]) {
    let (incoming, _) = Incoming::open(data).unwrap();
    let (mut journal, _) = Journal::open(&incoming, JournalConfig::default()).unwrap();
    for batch in batches {
        journal.append(batch, HOUR_BEGIN).unwrap();
        journal.rotate();
    }
    assert!(journal.sync(Duration::from_secs(60)));
}

/// Opens a store as a collector does at its start, and seals what the journal has.
fn start(data: &Path) -> Keeper {
    let mut keeper = open(data);
    let (_, recovered) = Journal::open(keeper.incoming(), JournalConfig::default()).unwrap();
    for segment in recovered.segments {
        keeper.seal(&segment, HOUR_BEGIN).unwrap();
    }
    keeper
}

fn batches(count: u64) -> Vec<Batch> {
    let batch = |seed| {
        let mut batch = small_batch();
        Random::new(seed).add_records(&mut batch, 12);
        batch
    };
    (0..count).map(batch).collect()
}

/// The records of all families, in an order of their own.
fn records(of: impl Fn(Family) -> Vec<Plain>) -> Vec<Plain> {
    let mut all: Vec<_> = Family::ALL.into_iter().flat_map(of).collect();
    all.sort();
    all
}

fn stored(data: &Path) -> Vec<Plain> {
    records(|family| read_family(data, family.name()))
}

fn sent(batches: &[Batch]) -> Vec<Plain> {
    records(|family| batches.iter().flat_map(|batch| expected(batch, family.name())).collect())
}

fn segments(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join(crate::journal::DIRECTORY)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_was_journaled_is_sealed_once_and_the_journal_is_empty_then() {
    let data = tempfile::tempdir().unwrap();
    let batches = batches(3);
    journal(data.path(), &batches);
    let keeper = start(data.path());
    assert_eq!(stored(data.path()), sent(&batches));
    assert!(segments(data.path()).is_empty());
    let rows: u64 = keeper.manifest().parts().map(|part| part.rows).sum();
    assert_eq!(rows, sent(&batches).len() as u64);
    for part in keeper.manifest().parts() {
        let again = Part::of_file(
            data.path(),
            &keeper.manifest().path(&part.path),
            (part.family, part.hour),
            part.rows,
        );
        assert_eq!(again.unwrap(), *part, "the entry is true of the file");
    }
}

/// What a crash leaves after any step of sealing: the steps' files, and the segment.
#[test]
fn sealing_that_a_crash_ended_anywhere_is_done_once() {
    let batches = batches(2);
    let data = tempfile::tempdir().unwrap();
    journal(data.path(), &batches);
    let kept: Vec<_> =
        segments(data.path()).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    let books = |data: &Path| {
        let hours = crate::partition::hours_below(&data.join("ledger")).unwrap();
        let read = |hour| ledger::files::read(data, hour).unwrap().books().clone();
        hours.into_iter().map(read).collect::<Vec<_>>()
    };
    drop(start(data.path()));
    let whole = books(data.path());
    let manifest = fs::read_to_string(data.path().join(FILE)).unwrap();
    let lines: Vec<_> = manifest.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 2);
    // After the entry, before the segment was removed; and before the entry, with all files there.
    for entries in [2, 1] {
        for (bytes, path) in &kept {
            fs::write(path, bytes).unwrap();
        }
        fs::write(data.path().join(FILE), lines[..entries].concat()).unwrap();
        drop(start(data.path()));
        assert_eq!(stored(data.path()), sent(&batches), "{entries} entries");
        assert_eq!(books(data.path()), whole, "{entries} entries");
        assert!(segments(data.path()).is_empty());
    }
    // Before the second entry, with some of its files missing.
    let part = files::parquet_files(data.path(), Family::Session).unwrap().pop().unwrap();
    let second = kept.iter().find(|(_, path)| lines[1].contains(&*segment_name(path))).unwrap();
    assert!(part.to_string_lossy().contains("part-"));
    fs::write(&second.1, &second.0).unwrap();
    fs::write(data.path().join(FILE), lines[0]).unwrap();
    for path in files::parquet_files(data.path(), Family::Session).unwrap() {
        if path.to_string_lossy().contains(&*segment_name(&second.1)) {
            fs::remove_file(path).unwrap();
        }
    }
    drop(start(data.path()));
    assert_eq!(stored(data.path()), sent(&batches));
}

/// `TAG-NUMBER` of a segment's file.
fn segment_name(path: &Path) -> String {
    let stem = path.file_stem().unwrap().to_string_lossy();
    stem.strip_prefix("segment-").unwrap().to_owned()
}

/// A store with several parts in each of its hours, and a time at which these are over.
fn with_parts_to_merge(data: &Path, batches: &[Batch]) -> (Keeper, UnixNanos) {
    journal(data, batches);
    let keeper = start(data);
    let later = keeper.open_hours.last().unwrap().end() + 10 * MINUTE;
    (keeper, later)
}

#[test]
fn a_segment_with_a_flipped_bit_is_sealed_up_to_there_and_kept() {
    let data = tempfile::tempdir().unwrap();
    let batches = batches(1);
    journal(data.path(), &batches);
    let mut keeper = open(data.path());
    let (_, recovered) = Journal::open(keeper.incoming(), JournalConfig::default()).unwrap();
    let segment = &recovered.segments[0];
    let mut bytes = fs::read(&segment.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment.path, bytes).unwrap();
    let sealed = keeper.seal(segment, HOUR_BEGIN).unwrap();
    assert!(sealed.parts.is_empty(), "its only frame is the damaged one");
    assert!(sealed.damaged.is_some_and(|aside| aside.exists()));
    assert!(keeper.manifest().is_sealed(&segment.id.to_string()));
}

/// The one segment of a journal that was recovered.
fn only_segment(keeper: &Keeper) -> Segment {
    let (_, recovered) = Journal::open(keeper.incoming(), JournalConfig::default()).unwrap();
    let mut segments = recovered.segments;
    assert_eq!(segments.len(), 1);
    segments.remove(0)
}

/// A disk that loses what it said to have: parts were made of two batches, and one is left.
#[test]
fn the_entry_is_true_of_parts_that_were_made_of_more_than_is_left() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let (mut journal, _) = Journal::open(&incoming, JournalConfig::default()).unwrap();
    let mut ends = Vec::new();
    for batch in batches(2) {
        journal.append(&batch, HOUR_BEGIN).unwrap();
        ends.push(journal.bytes());
    }
    drop((journal, incoming));
    let path = segments(data.path()).remove(0);
    let segment = fs::read(&path).unwrap();
    drop(start(data.path()));
    let sealed = stored(data.path());
    fs::write(&path, &segment[..ends[0] as usize]).unwrap();
    fs::write(data.path().join(FILE), "").unwrap();
    let keeper = start(data.path());
    assert_eq!(stored(data.path()), sealed);
    let rows: u64 = keeper.manifest().parts().map(|part| part.rows).sum();
    assert_eq!(rows, sealed.len() as u64);
}

/// What cannot be removed is, here, a directory with the name of an old file.
#[test]
fn a_segment_whose_clearing_away_failed_is_told_once_it_succeeds() {
    let data = tempfile::tempdir().unwrap();
    let batches = batches(1);
    journal(data.path(), &batches);
    let mut keeper = open(data.path());
    let segment = only_segment(&keeper);
    let in_the_way = data.path().join("ledger/standing-x.json");
    fs::create_dir_all(&in_the_way).unwrap();
    for _ in 0..2 {
        keeper.seal(&segment, HOUR_BEGIN).unwrap_err();
        assert!(segment.path.exists(), "else nobody would try again");
    }
    fs::remove_dir(&in_the_way).unwrap();
    let sealed = keeper.seal(&segment, HOUR_BEGIN).unwrap();
    assert_eq!(sealed.parts.iter().map(|part| part.rows).sum::<u64>(), sent(&batches).len() as u64);
    assert!(segments(data.path()).is_empty());
}

#[test]
fn a_segment_that_is_cut_or_has_no_header_is_set_aside() {
    for kept in [|whole| whole - 1, |_| 20] {
        let data = tempfile::tempdir().unwrap();
        journal(data.path(), &batches(1));
        let mut keeper = open(data.path());
        let segment = only_segment(&keeper);
        let mut bytes = fs::read(&segment.path).unwrap();
        bytes.truncate(kept(bytes.len()));
        fs::write(&segment.path, &bytes).unwrap();
        let aside = keeper.seal(&segment, HOUR_BEGIN).unwrap().damaged.unwrap();
        assert_eq!(fs::read(aside).unwrap(), bytes);
    }
}

#[test]
fn a_segment_that_somebody_removed_is_given_up() {
    let data = tempfile::tempdir().unwrap();
    journal(data.path(), &batches(1));
    let mut keeper = open(data.path());
    let segment = only_segment(&keeper);
    fs::remove_file(&segment.path).unwrap();
    assert!(keeper.seal(&segment, HOUR_BEGIN).unwrap().is_lost);
    assert!(!keeper.manifest().is_sealed(&segment.id.to_string()));
}

#[test]
fn an_hour_whose_ledger_cannot_be_read_keeps_no_other_one_open() {
    let data = tempfile::tempdir().unwrap();
    let (mut keeper, later) = with_parts_to_merge(data.path(), &batches(1));
    let hours = keeper.open_hours.clone();
    assert!(hours.len() > 1);
    let first = *hours.first().unwrap();
    let broken = data.path().join("ledger").join(first.path()).join("broken.json");
    fs::write(&broken, "{").unwrap();
    let error = keeper.close_hours(later).unwrap_err().to_string();
    assert!(error.contains("broken.json"), "{error}");
    assert_eq!(keeper.open_hours, [first].into());
    fs::remove_file(broken).unwrap();
    keeper.close_hours(later).unwrap();
    assert!(keeper.open_hours.is_empty());
}
