use super::*;
use crate::{digest::Digest, manifest::Opened, partition::Hour};
use proptest::prelude::*;
use std::fs;

const HOUR: i64 = 3_600 * 1_000_000_000;
const NOW: UnixNanos = 1_772_373_600_000_000_000;

/// A part of the hour that many hours ago.
fn part(family: Family, hours_ago: i64, number: u64, bytes: u64) -> Part {
    let hour = Hour::of(NOW - hours_ago * HOUR);
    let directory = hour.directory(family).display().to_string();
    let path = format!("{directory}/part-{number:06}.parquet").try_into().unwrap();
    Part { path, family, hour, rows: 1, bytes, sha256: Digest::ZERO, trace: None }
}

fn hold(case: &str) -> Hold {
    Hold { case: case.into(), from: None, to: None, family: None, address: None }
}

fn arbitrary_part() -> impl Strategy<Value = Part> {
    (0..Family::ALL.len(), 0..100_i64, 0..1_000_000_u64, 1..1_000_u64).prop_map(
        |(family, hours_ago, number, bytes)| part(Family::ALL[family], hours_ago, number, bytes),
    )
}

prop_compose! {
    fn arbitrary_policy()(
        ages in prop::array::uniform5(prop::option::of(0..110_u64)),
        bytes_max in prop::array::uniform5(prop::option::of(0..3_000_u64)),
        total_bytes_max in prop::option::of(0..9_000_u64),
    ) -> Policy {
        let age_max = ages.map(|age| age.map(|hours| Duration::from_secs(hours * 3_600)));
        Policy { age_max, bytes_max, total_bytes_max }
    }
}

proptest! {
    #[test]
    fn what_goes_is_too_old_or_too_much_and_nothing_else(
        parts in prop::collection::vec(arbitrary_part(), 0..40),
        policy in arbitrary_policy(),
        held in any::<u64>(),
    ) {
        let mut parts = parts;
        parts.sort_by(|one, other| one.path.cmp(&other.path));
        parts.dedup_by(|one, other| one.path == other.path);
        let is_held = |part: &Part| (held >> ((part.rows + part.bytes % 64) % 64)) & 1 == 1;
        let due = plan(&parts, &policy, is_held, NOW);
        let goes = |part: &Part| due.iter().find(|due| due.part == part).map(|due| due.why);
        let age = |part: &Part| {
            let age = policy.age_max[part.family as usize];
            age.is_some_and(|age| part.hour.end() + age.as_nanos() as i64 <= NOW)
        };
        let left: Vec<_> = parts.iter().filter(|part| goes(part).is_none()).collect();
        let bytes = |parts: &[&Part], family: Option<Family>| -> u64 {
            let of = |part: &&&Part| family.is_none_or(|family| part.family == family);
            parts.iter().filter(of).map(|part| part.bytes).sum()
        };
        let exceeded = |parts: &[&Part], family: Family| {
            policy.bytes_max[family as usize].is_some_and(|max| bytes(parts, Some(family)) > max)
                || policy.total_bytes_max.is_some_and(|max| bytes(parts, None) > max)
        };
        for part in &parts {
            // Nothing held goes; all that is too old goes, for that reason.
            prop_assert!(!(is_held(part) && goes(part).is_some()));
            prop_assert_eq!(age(part) && !is_held(part), goes(part) == Some(Why::Age));
            // What stays is not too much, but for what is held.
            prop_assert!(goes(part).is_some() || is_held(part) || !exceeded(&left, part.family));
        }
        for due in due.iter().filter(|due| due.why == Why::Size) {
            // Of what had to go, no newer part went for an older one that could have.
            let older = left.iter().filter(|part| part.family == due.part.family);
            prop_assert!(older.filter(|part| part.hour < due.part.hour).all(|part| is_held(part)));
            // With it, there would be too much.
            let mut with: Vec<_> = left.clone();
            let from = due.part.hour;
            with.extend(parts.iter().filter(|part| goes(part) == Some(Why::Size) && part.hour >= from));
            prop_assert!(exceeded(&with, due.part.family));
        }
        prop_assert_eq!(due.len(), parts.len() - left.len(), "each once");
    }
}

#[test]
fn nothing_goes_where_nothing_is_said() {
    let parts = [part(Family::Session, 100_000, 1, 1 << 40)];
    assert_eq!(plan(&parts, &Policy::default(), |_| false, NOW), []);
}

#[test]
fn a_hold_concerns_the_hours_and_the_family_that_it_names() {
    let at = |hours_ago: i64| jiff::Timestamp::from_nanosecond((NOW - hours_ago * HOUR).into());
    let part = part(Family::Session, 10, 1, 1);
    let held = |hold: Hold| hold.concerns(&part);
    assert!(held(hold("all")));
    assert!(held(Hold { family: Some(Family::Session), ..hold("") }));
    assert!(!held(Hold { family: Some(Family::Im), ..hold("") }));
    // The part's hour begins 10 hours ago and ends 9 hours ago.
    for (hours_ago, from, to) in [(11, true, false), (10, true, true), (9, false, true)] {
        let at = at(hours_ago).ok();
        assert_eq!(held(Hold { from: at, ..hold("") }), from, "from {hours_ago}");
        assert_eq!(held(Hold { to: at, ..hold("") }), to, "to {hours_ago}");
    }
}

/// A data directory with a part of each of these ages in hours, and a policy of two hours.
fn store(hours_ago: impl IntoIterator<Item = i64>) -> (tempfile::TempDir, Manifest, Retention) {
    let data = tempfile::tempdir().unwrap();
    let (mut manifest, _) = Manifest::open(data.path()).unwrap();
    let parts: Vec<_> = hours_ago.into_iter().map(|hours| part(Family::Im, hours, 1, 4)).collect();
    for part in &parts {
        let path = manifest.path(&part.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "rows").unwrap();
        fs::write(manifest.path(&part.path.trace()), "index").unwrap();
    }
    let sealed = Entry::Sealed { segment: "s".into(), parts, ledger: vec![] };
    manifest.append(sealed, NOW).unwrap();
    let age_max = [Some(Duration::from_secs(7_200)); Family::ALL.len()];
    (data, manifest, Retention::new(Policy { age_max, ..Policy::default() }))
}

fn hours_left(manifest: &Manifest) -> Vec<i64> {
    let mut hours: Vec<_> = manifest.parts().map(|part| (NOW - part.hour.begin()) / HOUR).collect();
    hours.sort_unstable();
    for part in manifest.parts() {
        assert!(manifest.path(&part.path).exists());
    }
    assert_eq!(crate::files::stored(manifest.data()).unwrap().len(), 2 * hours.len());
    hours
}

#[test]
fn what_is_too_old_is_deleted_and_the_manifest_tells() {
    let (data, mut manifest, mut retention) = store(0..6);
    let deleted = retention.apply(&mut manifest, NOW).unwrap();
    assert_eq!(deleted, Deleted { parts: 3, rows: 3, bytes: 12 });
    assert_eq!(hours_left(&manifest), [0, 1, 2]);
    assert_eq!(retention.apply(&mut manifest, NOW).unwrap(), Deleted::default());
    let (again, opened) = Manifest::open(data.path()).unwrap();
    assert_eq!((hours_left(&again), opened), (vec![0, 1, 2], Opened::default()));
    assert_eq!(again.head().number, 2);
}

#[test]
fn what_is_held_stays_until_nobody_holds_it() {
    let (data, mut manifest, mut retention) = store([1, 5, 9]);
    let to = jiff::Timestamp::from_nanosecond((NOW - 8 * HOUR).into()).ok();
    // Another process places it.
    let (mut command, _) = Manifest::open(data.path()).unwrap();
    let place = Entry::HoldPlaced { hold: Hold { to, ..hold("A") }, uid: 0 };
    command.append(place, NOW).unwrap();
    retention.apply(&mut manifest, NOW).unwrap();
    assert_eq!(hours_left(&manifest), [1, 9]);
    command.append(Entry::HoldLifted { case: "A".into(), uid: 0 }, NOW).unwrap();
    retention.apply(&mut manifest, NOW).unwrap();
    assert_eq!(hours_left(&manifest), [1]);
}

#[test]
fn a_crash_before_the_files_are_removed_is_mended_at_the_next_start() {
    let (data, mut manifest, _) = store([1, 5]);
    let old: Vec<_> = manifest.parts().map(|part| part.path.clone()).take(1).collect();
    manifest.append(Entry::Deleted { parts: old.clone(), why: Why::Age }, NOW).unwrap();
    drop(manifest);
    let (mut manifest, _) = Manifest::open(data.path()).unwrap();
    assert!(manifest.state().is_gone(&old[0]));
    assert_eq!(manifest.sweep().unwrap(), 2);
    assert!(!manifest.state().is_gone(&old[0]), "forgotten, as nobody asks any more");
    assert_eq!(hours_left(&manifest), [1]);
}

#[test]
fn a_part_that_names_the_address_or_cannot_be_read_is_held() {
    use crate::testing::{Random, expected, seal, small_batch};
    let data = tempfile::tempdir().unwrap();
    let mut batch = small_batch();
    Random::new(7).add_records(&mut batch, 20);
    seal(data.path(), &batch, crate::layout::Layout::default());
    let files = crate::files::parquet_files(data.path(), Family::PortBlock).unwrap();
    let rows = expected(&batch, "port_block");
    let address = |name: &str| rows.iter().filter_map(|row| row.get(name)?.parse().ok()).next();
    for name in ["private_addr", "public_addr"] {
        let address: IpAddr = address(name).unwrap();
        assert!(files.iter().any(|file| address::names(file, address)), "{address}");
    }
    let other = "203.0.113.77".parse().unwrap();
    assert!(!files.iter().any(|file| address::names(file, other)));
    let [v6, v4] = ["2001:db8::77", "::ffff:203.0.113.77"].map(|text| text.parse().unwrap());
    assert!(!files.iter().any(|file| address::names(file, v6) || address::names(file, v4)));
    assert!(address::names(Path::new("no-such-file"), other));
}
