use super::*;
use crate::{digest::Digest, partition::Hour, schema::Family};
use std::fs;

const NOW: UnixNanos = 1_772_373_600_000_000_000;

fn part(name: &str) -> Part {
    let path = format!("family=session/date=2026-03-01/hour=14/{name}.parquet");
    Part {
        path: path.try_into().unwrap(),
        family: Family::Session,
        hour: Hour::of(NOW),
        rows: 7,
        bytes: 100,
        sha256: Digest::of(name.as_bytes()),
        trace: Some(Trace { bytes: 10, sha256: Digest::ZERO }),
    }
}

fn sealed(segment: &str, parts: &[&str]) -> Entry {
    let parts = parts.iter().map(|name| part(name)).collect();
    Entry::Sealed { segment: segment.into(), parts, ledger: vec![] }
}

fn names(manifest: &Manifest) -> Vec<&str> {
    manifest.parts().filter_map(|part| part.path.as_str().rsplit('/').next()).collect()
}

#[test]
fn what_was_said_is_known_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let hold = Hold { case: "A-1".into(), from: None, to: None, family: None, address: None };
    let ledger = LedgerFile {
        path: "ledger/date=2026-03-01/hour=14/s1.json".to_owned().try_into().unwrap(),
        bytes: 2,
        sha256: Digest::ZERO,
    };
    let entries = [
        sealed("s1", &["a", "b"]),
        sealed("s2", &["c"]),
        Entry::Compacted { removed: vec![part("a").path, part("c").path], added: vec![part("d")] },
        Entry::HoldPlaced { hold: hold.clone(), uid: 0 },
        Entry::HoldPlaced { hold: Hold { case: "A-2".into(), ..hold.clone() }, uid: 0 },
        Entry::HoldLifted { case: "A-2".into(), uid: 0 },
        Entry::Deleted { parts: vec![part("b").path], why: Why::Age },
        Entry::HourSealed {
            hour: Hour::of(NOW),
            complete: true,
            missing_datagrams: 0,
            ledger: ledger.clone(),
            removed: vec![],
        },
        Entry::KeyRotated { key: "k1".into(), since: jiff::Timestamp::UNIX_EPOCH },
    ];
    let (mut manifest, opened) = Manifest::open(data.path()).unwrap();
    assert_eq!(opened, Opened::default());
    for entry in entries {
        manifest.append(entry, NOW).unwrap();
    }
    let (again, _) = Manifest::open(data.path()).unwrap();
    for manifest in [manifest, again] {
        assert_eq!(names(&manifest), ["d.parquet"]);
        assert_eq!(manifest.head().number, 9);
        assert!(manifest.is_sealed("s1") && manifest.is_sealed("s2") && !manifest.is_sealed("s3"));
        let state = manifest.state();
        assert_eq!(state.holds(), std::slice::from_ref(&hold));
        assert_eq!(state.ledger().collect::<Vec<_>>(), [&ledger]);
        let [knows, gone] = [State::knows, State::is_gone].map(|question| {
            ["a", "d", "e"].map(|name| {
                let path = part(name).path;
                (question(state, &path), question(state, &path.trace()))
            })
        });
        assert_eq!(knows, [(false, false), (true, true), (false, false)]);
        assert_eq!(gone, [(true, true), (false, false), (false, false)]);
    }
}

#[test]
fn an_entry_is_written_in_words() {
    let json = serde_json::to_string(&sealed("0000000000000001-000002", &["a"])).unwrap();
    let sha256 = Digest::of(b"a");
    let zeros = Digest::ZERO;
    let expected = format!(
        "{{\"sealed\":{{\"segment\":\"0000000000000001-000002\",\"parts\":[{{\"path\":\
         \"family=session/date=2026-03-01/hour=14/a.parquet\",\"family\":\"session\",\"hour\":\
         \"2026-03-01T14\",\"rows\":7,\"bytes\":100,\"sha256\":\"{sha256}\",\"trace\":\
         {{\"bytes\":10,\"sha256\":\"{zeros}\"}}}}]}}}}"
    );
    assert_eq!(json, expected);
}

#[test]
fn a_path_is_one_of_the_store() {
    for good in ["family=session/date=2026-03-01/hour=14/a.parquet", "ledger/x.json"] {
        assert!(PartPath::try_from(good.to_owned()).is_ok(), "{good}");
    }
    for wrong in
        ["", "/etc/passwd", "family=x/../../etc/passwd", "../ledger", "manifest.jsonl", "."]
    {
        let error = PartPath::try_from(wrong.to_owned()).unwrap_err();
        assert!(error.contains(wrong), "{error}");
    }
}

#[test]
fn another_process_may_place_a_hold_meanwhile() {
    let data = tempfile::tempdir().unwrap();
    let (mut collector, _) = Manifest::open(data.path()).unwrap();
    let (mut command, _) = Manifest::open(data.path()).unwrap();
    collector.append(sealed("s1", &["a"]), NOW).unwrap();
    let hold = Hold { case: "A".into(), from: None, to: None, family: None, address: None };
    command.append(Entry::HoldPlaced { hold, uid: 0 }, NOW).unwrap();
    let seen = collector.append_with(NOW, |state| {
        assert_eq!(state.holds().len(), 1);
        None
    });
    assert_eq!(seen.unwrap(), None);
    let (_, opened) = Manifest::open(data.path()).unwrap();
    assert_eq!(opened, Opened::default());
}

#[test]
fn a_changed_entry_is_not_believed_and_told() {
    let data = tempfile::tempdir().unwrap();
    let (mut manifest, _) = Manifest::open(data.path()).unwrap();
    manifest.append(sealed("s1", &["a"]), NOW).unwrap();
    let deleted = Entry::Deleted { parts: vec![part("a").path], why: Why::Size };
    manifest.append(deleted, NOW).unwrap();
    let path = data.path().join(FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"size\"", "\"age\"")).unwrap();
    let (mut manifest, opened) = Manifest::open(data.path()).unwrap();
    assert_eq!(opened.faults, [(2, Fault::Changed)]);
    assert_eq!(names(&manifest), ["a.parquet"]);
    // Work goes on, behind what is there.
    manifest.append(sealed("s2", &["b"]), NOW).unwrap();
    let (manifest, opened) = Manifest::open(data.path()).unwrap();
    assert_eq!(opened.faults, [(2, Fault::Changed)]);
    assert_eq!(names(&manifest), ["a.parquet", "b.parquet"]);
}

#[test]
fn what_a_crash_left_is_removed_at_the_next_start_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let (mut manifest, _) = Manifest::open(data.path()).unwrap();
    let write = |path: &PartPath| {
        let path = data.path().join(path.as_str());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    };
    for name in ["a", "b", "unknown"] {
        write(&part(name).path);
        write(&part(name).path.trace());
    }
    manifest.append(sealed("s1", &["a", "b"]), NOW).unwrap();
    let deleted = Entry::Deleted { parts: vec![part("a").path], why: Why::Age };
    manifest.append(deleted, NOW).unwrap();
    assert_eq!(manifest.sweep().unwrap(), 2);
    let left: Vec<_> = crate::files::stored(data.path()).unwrap();
    let name = |path: &PartPath| path.as_str().rsplit('/').next().map(str::to_owned).unwrap();
    let left: Vec<_> = left.iter().map(name).collect();
    assert_eq!(left, ["b.parquet", "b.trace", "unknown.parquet", "unknown.trace"]);
    manifest.unlink(["b", "unknown", "never"].map(|name| part(name).path).iter()).unwrap();
    assert!(!data.path().join("family=session/date=2026-03-01").exists());
    assert!(data.path().join("family=session").exists());
}

#[test]
fn a_part_is_described_as_its_files_are() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join(part("a").path.as_str());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "rows").unwrap();
    let of_file = || Part::of_file(data.path(), &path, (Family::Session, Hour::of(NOW)), 7);
    let (bytes, sha256) = (4, Digest::of(b"rows"));
    let bare = Part { bytes, sha256, trace: None, ..part("a") };
    assert_eq!(of_file().unwrap(), bare);
    fs::write(path.with_extension("trace"), "index").unwrap();
    let trace = Some(Trace { bytes: 5, sha256: Digest::of(b"index") });
    assert_eq!(of_file().unwrap(), Part { trace, ..bare });
    let elsewhere = Part::of_file(&data.path().join("x"), &path, (Family::Im, Hour::of(NOW)), 7);
    assert!(elsewhere.unwrap_err().to_string().contains("not below"));
}
