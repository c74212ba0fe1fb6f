//! What is taken away or put there twice is seen.

use super::*;
use crate::chaos::{planted, rows::Fault};
use logweir_store::{
    journal::{Journal, JournalConfig},
    keeper::{Keeper, KeeperConfig},
};

/// A data directory with two segments in the journal.
fn journaled() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    planted::plant(place.path(), &place.path().join("aside"), 7).unwrap();
    place
}

fn seal(data: &Path) {
    let (mut keeper, _) = Keeper::open(data, KeeperConfig::default(), 0).unwrap();
    let (_, recovered) = Journal::open(keeper.incoming(), JournalConfig::default()).unwrap();
    for segment in &recovered.segments {
        keeper.seal(segment, 0).unwrap();
    }
}

fn session_parts(data: &Path) -> Vec<PathBuf> {
    files::parquet_files(data, Family::Session).unwrap()
}

#[test]
fn journal_and_parts_hold_the_same_and_a_part_that_is_gone_or_double_is_seen() {
    let place = journaled();
    let data = place.path();
    let before = Contents::read(data).unwrap();
    assert!(before.rows.len() > 10_000 && before.files == 0 && !before.unsealed.is_empty());
    seal(data);
    let sealed = Contents::read(data).unwrap();
    assert!(sealed.files > 0 && sealed.unsealed.is_empty());
    let fault = |found: &Contents| before.rows.compare(&found.rows, Some(&before.rows));
    assert!(fault(&sealed).is_none());

    let part = &session_parts(data)[0];
    let rows = super::part(part, Family::Session).unwrap().len() as u64;
    let aside = data.join("aside.parquet");
    fs::copy(part, part.with_file_name("compacted-1.parquet")).unwrap();
    let doubled = Fault { doubled: rows, ..Fault::default() };
    assert_eq!(fault(&Contents::read(data).unwrap()), doubled);

    fs::remove_file(part.with_file_name("compacted-1.parquet")).unwrap();
    fs::rename(part, aside).unwrap();
    let lost = Fault { lost: rows, ..Fault::default() };
    assert_eq!(fault(&Contents::read(data).unwrap()), lost);
}

#[test]
fn a_file_cut_short_is_no_file_and_a_frame_cut_short_no_frame() {
    let place = journaled();
    let data = place.path();
    let before = Contents::read(data).unwrap();
    let (_, path) = journal_segments(data).unwrap().remove(0);
    let segment = File::options().write(true).open(&path).unwrap();
    segment.set_len(fs::metadata(&path).unwrap().len() - 1).unwrap();
    let fault = before.rows.compare(&Contents::read(data).unwrap().rows, None);
    assert!(fault.lost > 0 && fault.doubled == 0 && fault.strange == 0);

    seal(data);
    let part = &session_parts(data)[0];
    let file = File::options().write(true).open(part).unwrap();
    file.set_len(1_000).unwrap();
    let error = Contents::read(data).unwrap_err();
    assert!(error.to_string().contains("cannot read"), "{error:#}");
}

#[test]
fn what_was_said_is_the_first_frames_of_segments_that_are_new() {
    let place = journaled();
    let all = Contents::read(place.path()).unwrap();
    let first = all.segments.values().next().unwrap()[0].len() as u64;
    let nothing = Contents::default();
    assert_eq!(all.said(&nothing, first).len(), first);
    assert_eq!(all.said(&nothing, first + 1).len(), first);
    assert_eq!(all.said(&nothing, u64::MAX).len(), all.rows.len());
    assert_eq!(all.said(&all, u64::MAX).len(), 0);
}
