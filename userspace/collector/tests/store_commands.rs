//! What `verify`, `hold` and `retention` say of a store, and do to it.

mod common {
    pub mod command;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::command::{LOGWEIR, succeed};
use logweir_store::{
    manifest::{Entry, Manifest, Part},
    partition::Hour,
    schema::Family,
};
use serde_json::Value;

const HOUR_NS: i64 = 3_600 * 1_000_000_000;

/// A store with a file for each of these ages, in days.
fn store(ages: impl IntoIterator<Item = i64>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path();
    let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).expect("before 2262");
    let mut parts = Vec::new();
    for days in ages {
        let hour = Hour::of(now - days * 24 * HOUR_NS);
        let path = data.join(hour.directory(Family::Session)).join(format!("part-{days}.parquet"));
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(&path, "rows").expect("written");
        let part = Part::of_file(data, &path, (Family::Session, hour), 1).expect("a part");
        parts.push(part);
    }
    let (mut manifest, _) = Manifest::open(data).expect("a manifest");
    let sealed = Entry::Sealed { segment: "s".into(), parts, ledger: vec![] };
    manifest.append(sealed, now).expect("appended");
    directory
}

fn logweir(words: &str, data: &Path) -> Command {
    let mut command = Command::new(LOGWEIR);
    command.args(words.split_whitespace()).arg("--data").arg(data);
    command
}

/// The code, and what was printed to standard output and error.
fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

/// The ages of the files that there are.
fn ages(data: &Path) -> Vec<i64> {
    let files = logweir_store::files::parquet_files(data, Family::Session).expect("listed");
    let age = |path: &PathBuf| path.file_stem()?.to_str()?.strip_prefix("part-")?.parse().ok();
    let mut ages: Vec<i64> = files.iter().filter_map(age).collect();
    ages.sort_unstable();
    ages
}

#[test]
fn a_good_store_is_verified_and_a_changed_one_is_not() {
    let directory = store([0, 1]);
    let data = directory.path();
    let (code, said, told) = outcome(&mut logweir("verify", data));
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(told.contains("0 findings; a manifest of 1 line,"), "{told}");

    let files = logweir_store::files::parquet_files(data, Family::Session).expect("listed");
    fs::write(&files[0], "rowz").expect("written");
    let (code, said, _) = outcome(&mut logweir("verify", data));
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("part-1.parquet: its bytes were changed"), "{said}");
    let (code, said, _) = outcome(&mut logweir("verify --output json", data));
    let finding: Value = serde_json::from_str(&said).expect("one JSON object");
    assert_eq!((code, finding["finding"].as_str()), (Some(1), Some("changed")));
    assert_eq!(outcome(&mut logweir("verify --quick", data)).0, Some(0));

    fs::remove_file(&files[0]).expect("removed");
    let (code, said, _) = outcome(&mut logweir("verify --quick", data));
    assert_eq!(code, Some(1));
    assert!(said.contains("part-1.parquet: it is in the manifest and not on disk"), "{said}");

    fs::remove_file(data.join("manifest.jsonl")).expect("removed");
    fs::create_dir(data.join("manifest.jsonl")).expect("made");
    assert_eq!(outcome(&mut logweir("verify", data)).0, Some(3));
    let (code, _, told) = outcome(&mut logweir("verify", Path::new("/no/such/store")));
    assert_eq!(code, Some(2));
    assert!(told.contains("no directory /no/such/store"), "{told}");
}

#[test]
fn a_head_that_was_kept_tells_that_the_end_was_cut_away() {
    let directory = store([0]);
    let data = directory.path();
    succeed(&mut logweir("hold add --case A-1", data));
    let heads = succeed(&mut logweir("verify --head", data));
    let words: Vec<_> = heads.lines().next().expect("a line").split(' ').collect();
    assert_eq!(words[..2], ["manifest.jsonl", "2"]);
    let expect = format!("verify --expect {}", words[2]);
    succeed(&mut logweir("hold lift --case A-1", data));
    assert_eq!(outcome(&mut logweir(&expect, data)).0, Some(0), "it is in the past now");

    let path = data.join("manifest.jsonl");
    let text = fs::read_to_string(&path).expect("read");
    let first = text.find('\n').expect("a line") + 1;
    fs::write(&path, &text[..first]).expect("written");
    assert_eq!(outcome(&mut logweir("verify", data)).0, Some(0), "no chain can tell");
    let (code, said, _) = outcome(&mut logweir(&expect, data));
    assert_eq!(code, Some(1));
    assert!(said.contains(words[2]) && said.contains("cut away"), "{said}");
    let (code, _, told) = outcome(&mut logweir("verify --expect 12", data));
    assert_eq!(code, Some(2));
    assert!(told.contains("64 hexadecimal digits"), "{told}");
}

#[test]
fn what_is_too_old_goes_unless_it_is_held() {
    let directory = store([0, 9, 19, 29]);
    let data = directory.path();
    let config = data.join("logweir.toml");
    fs::write(&config, "[retention]\nsession = \"8d\"\n").expect("written");
    let retention = format!("retention --config {}", config.display());

    let to = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 24);
    let held = succeed(&mut logweir(&format!("hold add --case A-1 --to {to}"), data));
    assert!(held.starts_with("A-1 all families to ") && held.contains(": 1 files of"), "{held}");
    assert_eq!(succeed(&mut logweir("hold list", data)), held);

    let (code, said, told) = outcome(&mut logweir(&format!("{retention} --dry-run"), data));
    assert_eq!((code, said.lines().count()), (Some(0), 2), "{said}");
    assert!(told.contains("2 files of 8 bytes would be deleted"), "{told}");
    assert_eq!(ages(data), [0, 9, 19, 29]);

    let (code, _, told) = outcome(&mut logweir(&retention, data));
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("deleted 2 files of 8 bytes, with 2 records"), "{told}");
    assert_eq!(ages(data), [0, 29]);
    assert_eq!(outcome(&mut logweir("verify", data)).0, Some(0));

    succeed(&mut logweir("hold lift --case A-1", data));
    let (code, _, told) = outcome(&mut logweir("hold lift --case A-1", data));
    assert_eq!(code, Some(1));
    assert!(told.contains("nothing is held for the case A-1"), "{told}");
    succeed(&mut logweir(&retention, data));
    assert_eq!(ages(data), [0]);
    assert_eq!(outcome(&mut logweir("verify", data)).0, Some(0));
    let (code, _, told) = outcome(&mut logweir("hold add --case A --family sessions", data));
    assert_eq!(code, Some(2));
    assert!(told.contains("'sessions' is no family (known: session,"), "{told}");
    let turned = "hold add --case A --from 2026-03-02T00:00:00Z --to 2026-03-01T00:00:00Z";
    let (code, _, told) = outcome(&mut logweir(turned, data));
    assert_eq!(code, Some(2));
    assert!(told.contains("--from is later than --to"), "{told}");
}

#[test]
fn a_collector_that_is_running_deletes_by_itself() {
    let directory = store([9]);
    let data = directory.path();
    let config = data.join("logweir.toml");
    fs::write(&config, "[retention]\nsession = \"8d\"\n").expect("written");
    let (_collector, _) = logweir_store::incoming::Incoming::open(data).expect("the lock");
    let words = format!("retention --config {}", config.display());
    let (code, _, told) = outcome(&mut logweir(&words, data));
    assert_eq!(code, Some(1));
    assert!(told.contains("in use: another logweir writes to it"), "{told}");
    assert_eq!(ages(data), [9]);
    succeed(&mut logweir(&format!("{words} --dry-run"), data));
}

#[test]
fn views_are_printed_for_what_there_is() {
    let directory = store([0]);
    for (engine, function) in [("duckdb", "read_parquet("), ("clickhouse", "file(")] {
        let sql = succeed(&mut logweir(&format!("views {engine}"), directory.path()));
        assert!(sql.contains("CREATE OR REPLACE VIEW \"session\""), "{sql}");
        assert!(sql.contains(function) && sql.contains("/family=session/**/*.parquet"), "{sql}");
        assert!(sql.contains("-- There are no files of the family im yet."), "{sql}");
    }
    let odd = directory.path().join("a*b");
    fs::create_dir(&odd).expect("made");
    let (code, _, told) = outcome(&mut logweir("views duckdb", &odd));
    assert_eq!(code, Some(2));
    assert!(told.contains("pattern"), "{told}");
}
