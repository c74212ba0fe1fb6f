//! What the keeper merges, and what becomes of merges that fail.

use super::*;
use crate::compact::Budget;
use std::cell::Cell;

/// Merges all that can be; how many times.
fn merge(keeper: &mut Keeper, now: UnixNanos) -> u64 {
    let mut merges = 0;
    while keeper.compact(&mut budget(), || now, |_, _| true).unwrap() {
        merges += 1;
    }
    merges
}

fn budget() -> Budget {
    Budget::new(1.0, u64::MAX)
}

/// The parts of which the manifest tells.
fn known(keeper: &Keeper) -> Vec<PathBuf> {
    let known = keeper.manifest().parts().map(|part| keeper.manifest().path(&part.path));
    let mut known: Vec<_> = known.collect();
    known.sort();
    known
}

/// The parts that there are.
fn files(data: &Path) -> Vec<PathBuf> {
    let files = |family| files::parquet_files(data, family).unwrap();
    let mut files: Vec<_> = Family::ALL.into_iter().flat_map(files).collect();
    files.sort();
    files
}

#[test]
fn an_hour_is_closed_when_it_is_over_and_its_parts_are_merged_then() {
    let data = tempfile::tempdir().unwrap();
    let batches = batches(6);
    let (mut keeper, later) = with_parts_to_merge(data.path(), &batches);
    let hours: Vec<_> = keeper.open_hours.iter().copied().collect();
    keeper.close_hours(HOUR_BEGIN).unwrap();
    assert_eq!(keeper.open_hours.len(), hours.len(), "none is over");
    assert_eq!(merge(&mut keeper, HOUR_BEGIN), 0, "more may come");

    keeper.close_hours(later).unwrap();
    assert!(keeper.open_hours.is_empty());
    let said = |hour: &Hour| -> Statement { ledger::statement_of(data.path(), *hour).unwrap() };
    assert!(hours.iter().all(|hour| said(hour).completeness != Completeness::Open));

    let before = keeper.manifest().parts().count();
    assert!(merge(&mut keeper, later) > 0);
    assert!(keeper.manifest().parts().count() < before);
    assert_eq!(stored(data.path()), sent(&batches));
    assert_eq!(known(&keeper), files(data.path()));
    drop(keeper);
    drop(start(data.path()));
    assert_eq!(stored(data.path()), sent(&batches));
}

#[test]
fn parts_that_cannot_be_merged_keep_no_others_from_it() {
    let data = tempfile::tempdir().unwrap();
    let (mut keeper, later) = with_parts_to_merge(data.path(), &batches(6));
    keeper.close_hours(later).unwrap();
    let first = keeper.next_plan(later).unwrap();
    fs::write(&first.parts[0].path, "no Parquet").unwrap();
    keeper.compact(&mut budget(), || later, |_, _| true).unwrap_err();
    let before = known(&keeper).len();
    assert!(merge(&mut keeper, later) > 0);
    assert!(known(&keeper).len() < before);
    assert_eq!(known(&keeper), files(data.path()));
    let again = keeper.next_plan(later + 60 * MINUTE).unwrap();
    assert_eq!(again, first, "it is tried again");
}

#[test]
fn an_exchange_whose_entry_could_not_be_written_is_told_later() {
    for is_killed in [false, true] {
        let data = tempfile::tempdir().unwrap();
        let batches = batches(6);
        let (mut keeper, later) = with_parts_to_merge(data.path(), &batches);
        keeper.close_hours(later).unwrap();
        let (manifest, aside) = (data.path().join(FILE), data.path().join("aside"));
        let hide = |_: &mut Keeper, _| !manifest.exists() || fs::rename(&manifest, &aside).is_ok();
        keeper.compact(&mut budget(), || later, hide).unwrap_err();
        fs::rename(&aside, &manifest).unwrap();
        assert_ne!(known(&keeper), files(data.path()));
        if is_killed {
            drop(keeper);
            keeper = open(data.path());
        } else {
            keeper.delete_due(later).unwrap();
        }
        assert_eq!(known(&keeper), files(data.path()));
        let rows: u64 = keeper.manifest().parts().map(|part| part.rows).sum();
        assert_eq!(rows, sent(&batches).len() as u64);
    }
}

#[test]
fn an_old_directory_stays_for_half_a_minute_after_the_exchange() {
    let data = tempfile::tempdir().unwrap();
    let (mut keeper, later) = with_parts_to_merge(data.path(), &batches(6));
    keeper.close_hours(later).unwrap();
    let now = Cell::new(later);
    let slowly = |_: &mut Keeper, _| {
        now.set(now.get() + MINUTE);
        true
    };
    assert!(keeper.compact(&mut budget(), || now.get(), slowly).unwrap());
    let old = || {
        let entries = fs::read_dir(data.path().join(".incoming")).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    };
    let give_up = |_: &mut Keeper, _| false;
    for (seconds, left) in [(29, 1), (30, 0)] {
        keeper.compact(&mut budget(), || now.get() + seconds * SECOND, give_up).unwrap();
        assert_eq!(old(), left);
    }
}
