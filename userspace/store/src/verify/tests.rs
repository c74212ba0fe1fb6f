use super::*;
use crate::{
    manifest::{LedgerFile, Manifest, Part, Why},
    partition::Hour,
    schema::Family,
};
use serde_json::json;
use std::fs;

const NOW: i64 = 1_772_373_600_000_000_000;
const PART: &str = "family=session/date=2026-03-01/hour=14/part-0000000000000001-000000.parquet";
const LEDGER: &str = "ledger/date=2026-03-01/hour=14/0000000000000001-000000.json";

fn write(data: &Path, name: &str, text: &str) {
    let path = data.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A directory with a part, its index, a file of the ledger and two questions.
fn store() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    write(data, PART, "rows");
    write(data, &PART.replace("parquet", "trace"), "index");
    write(data, LEDGER, "{}");
    let part = Part::of_file(data, &data.join(PART), (Family::Session, Hour::of(NOW)), 1).unwrap();
    let ledger = LedgerFile::of_file(data, &data.join(LEDGER)).unwrap();
    let segment = "0000000000000001-000000".to_owned();
    let sealed = Entry::Sealed { segment, parts: vec![part], ledger: vec![ledger] };
    let (mut manifest, _) = Manifest::open(data).unwrap();
    manifest.append(sealed, NOW).unwrap();
    let question = json!({"address": "203.0.113.7"});
    let asked = Asked { uid: 0, login: None, case: Some("A-1".into()), question, answers: 1 };
    audit::append(data, &asked, NOW).unwrap();
    audit::append(data, &asked, NOW).unwrap();
    directory
}

fn findings(data: &Path) -> Vec<String> {
    let report = verify(data, &Options::default());
    report.findings.iter().map(Finding::to_string).collect()
}

#[track_caller]
fn the_finding(data: &Path, words: &[&str]) {
    let found = findings(data);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(words.iter().all(|words| found[0].contains(words)), "{found:?}");
}

#[test]
fn what_is_as_it_was_is_good() {
    let directory = store();
    let report = verify(directory.path(), &Options::default());
    assert_eq!(report.findings, []);
    assert_eq!((report.files, report.bytes_hashed), (3, 11));
    let heads = heads(directory.path()).unwrap();
    assert_eq!((report.manifest, report.audit), heads);
    assert_eq!((heads.0.number, heads.1.number), (1, 2));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(findings(empty.path()), [""; 0]);
}

#[test]
fn each_file_that_was_changed_is_found() {
    let trace = &PART.replace("parquet", "trace");
    for (name, same_size, longer) in
        [(PART, "rowz", "rows and more"), (trace, "idnex", "i"), (LEDGER, "[]", "{ }")]
    {
        let directory = store();
        write(directory.path(), name, same_size);
        the_finding(directory.path(), &[name, "bytes were changed"]);
        let quick = Options { quick: true, ..Options::default() };
        assert_eq!(verify(directory.path(), &quick).findings, []);
        write(directory.path(), name, longer);
        the_finding(directory.path(), &[name, &format!("it has {} bytes", longer.len())]);
        assert_eq!(verify(directory.path(), &quick).findings.len(), 1);
        fs::remove_file(directory.path().join(name)).unwrap();
        the_finding(directory.path(), &[name, "not on disk"]);
    }
}

#[test]
fn a_file_that_nobody_sealed_is_found_unless_it_is_just_being_sealed() {
    let directory = store();
    let name = PART.replace("000000.parquet", "000001.parquet");
    write(directory.path(), &name, "rows");
    the_finding(directory.path(), &[&name, "no entry"]);
    write(directory.path(), "ledger/standing-0000000000000001-000000.json", "{}");
    write(directory.path(), "journal/segment-0000000000000001-000001.journal", "");
    assert_eq!(findings(directory.path()), [""; 0]);
}

/// A part was merged: between the exchange of the directories and its entry.
#[test]
fn a_merge_whose_entry_is_yet_to_come_is_no_finding() {
    let directory = store();
    let data = directory.path();
    let replaced = data.join(".incoming/compacted-1.hour");
    for name in [PART, &PART.replace("parquet", "trace")] {
        let old = replaced.join(name);
        fs::create_dir_all(old.parent().unwrap()).unwrap();
        fs::rename(data.join(name), old).unwrap();
        write(data, &name.replace("part-0000000000000001-000000", "compacted-1"), "merged");
    }
    assert_eq!(findings(data), [""; 0]);
    fs::remove_dir_all(replaced).unwrap();
    assert_eq!(findings(data).len(), 4, "two are missing, and two are of nobody");
}

#[test]
fn a_file_that_was_deleted_and_is_there_is_found() {
    let directory = store();
    let (mut manifest, _) = Manifest::open(directory.path()).unwrap();
    let parts: Vec<_> = manifest.parts().map(|part| part.path.clone()).collect();
    manifest.append(Entry::Deleted { parts: parts.clone(), why: Why::Age }, NOW).unwrap();
    let found = findings(directory.path());
    assert!(found.len() == 2 && found[0].contains("was deleted, says the manifest"), "{found:?}");
    manifest.unlink(&parts).unwrap();
    assert_eq!(findings(directory.path()), [""; 0]);
}

#[test]
fn a_chain_that_was_changed_or_cut_is_found() {
    let directory = store();
    let data = directory.path();
    let whole = fs::read_to_string(data.join(audit::FILE)).unwrap();
    let (first, second) = whole.split_at(whole.find('\n').unwrap() + 1);
    let (_, head) = heads(data).unwrap();
    let expected = |data: &Path| {
        let options = Options { expected: vec![head.hash], ..Options::default() };
        verify(data, &options).findings
    };
    assert_eq!(expected(data), []);
    write(data, audit::FILE, &whole.replacen("A-1", "A-2", 1));
    the_finding(data, &["audit.jsonl: line 1 was changed"]);
    write(data, audit::FILE, second);
    the_finding(data, &["audit.jsonl: line 1 does not name the line before it"]);
    write(data, audit::FILE, &whole[..whole.len() - 1]);
    the_finding(data, &["audit.jsonl: the last line is unfinished"]);
    // Cut at the end of a line: only a head that was kept elsewhere tells.
    write(data, audit::FILE, first);
    assert_eq!(findings(data), [""; 0]);
    assert_eq!(expected(data).len(), 1);
}

#[test]
fn what_cannot_be_read_is_told() {
    let directory = store();
    fs::remove_file(directory.path().join(PART)).unwrap();
    fs::create_dir(directory.path().join(PART)).unwrap();
    let report = verify(directory.path(), &Options::default());
    assert!(!report.findings.is_empty());
    fs::remove_file(directory.path().join(audit::FILE)).unwrap();
    fs::create_dir(directory.path().join(audit::FILE)).unwrap();
    assert!(verify(directory.path(), &Options::default()).is_incomplete());
}
