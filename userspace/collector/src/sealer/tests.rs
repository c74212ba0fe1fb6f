use super::*;
use crossbeam_channel::unbounded;
use logweir_store::{
    journal::{Drops, Journal, JournalConfig},
    keeper::KeeperConfig,
    manifest::{Entry, Manifest, Part},
    partition::Hour,
    retention::Policy,
    schema::Family,
};
use std::{fs, path::Path};

/// A store with one part, which is old.
fn with_old_part(data: &Path) -> PathBuf {
    let hour = Hour::of(0);
    let part = data.join(hour.directory(Family::Im)).join("part-0.parquet");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, "rows").unwrap();
    let parts = vec![Part::of_file(data, &part, (Family::Im, hour), 1).unwrap()];
    let entry = Entry::Sealed { segment: "0".into(), parts, ledger: Vec::new() };
    Manifest::open(data).unwrap().0.append(entry, 1).unwrap();
    part
}

/// A keeper that deletes what is an hour old.
fn keeper(data: &Path) -> Keeper {
    let age_max = [Some(Duration::from_secs(3_600)); Family::ALL.len()];
    let retention = Policy { age_max, ..Policy::default() };
    let config = KeeperConfig { retention, ..KeeperConfig::default() };
    Keeper::open(data, config, clock::now()).unwrap().0
}

/// A segment with something in it.
fn segment(keeper: &Keeper) -> Segment {
    let (mut journal, _) = Journal::open(keeper.incoming(), JournalConfig::default()).unwrap();
    let now = clock::now();
    let drops = Drops { at: now, place: "socket".into(), exporter: None, datagrams: 1 };
    journal.append_drops(&drops, now).unwrap();
    journal.rotate();
    journal.take_closed().remove(0)
}

/// Waits until something is so; in vain for a minute at most.
fn wait_for(what: impl Fn() -> bool) -> bool {
    (0..600).any(|_| {
        what() || {
            thread::sleep(Duration::from_millis(100));
            false
        }
    })
}

#[test]
fn old_parts_are_deleted_while_a_segment_cannot_be_sealed() {
    let data = tempfile::tempdir().unwrap();
    let old = with_old_part(data.path());
    let keeper = keeper(data.path());
    let segment = segment(&keeper);
    // A file where the ledger's directory should be.
    let in_the_way = data.path().join("ledger");
    fs::write(&in_the_way, "").unwrap();
    let (sender, segments) = unbounded();
    let sealer = Sealer::start(keeper, vec![segment], segments).unwrap();
    assert!(wait_for(|| !old.exists()));
    assert!(!sealer.has_ended());
    fs::remove_file(&in_the_way).unwrap();
    drop(sender);
    assert!(wait_for(|| sealer.has_ended()));
    assert_eq!(sealer.join().unwrap().left, 0);
}

#[test]
fn one_kind_of_work_that_succeeds_says_nothing_of_another() {
    let (_, segments) = unbounded();
    let mut desk = Desk::new(Vec::new(), segments, Notice::new(Policy::default()).reader());
    let failed = || Err::<(), _>(StoreError::InUse { path: "store".into() });
    assert!(desk.told(failed(), Work::Merging).is_none());
    assert!(desk.told(Ok(()), Work::Closing).is_some());
    assert!(desk.is_failing(Work::Merging) && !desk.is_failing(Work::Sealing));
    assert_eq!(desk.pause(), TICK, "what waits need not wait longer");
    assert!(desk.told(Ok(()), Work::Merging).is_some());
    assert!(!desk.is_failing(Work::Merging));
}
