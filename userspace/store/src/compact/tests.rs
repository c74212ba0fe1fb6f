use super::*;
use crate::{
    error::StoreError,
    files::count_rows,
    incoming::Incoming,
    layout::Layout,
    manifest::Part,
    seal::Sealer,
    testing::{
        HOUR_BEGIN, Plain, Random, context, parquet_files, read_family, read_file, seal,
        small_batch,
    },
};
use logweir_decode::{
    batch::{Batch, Capacity},
    reason::Reason,
    unparsed::Unparsed,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

/// Seals so many segments of records of two hours.
fn sealed(incoming: &Incoming, segments: u64) -> Vec<SealedPart> {
    let mut parts = Vec::new();
    for segment in 0..segments {
        let mut batch = small_batch();
        Random::new(segment).add_records(&mut batch, 60);
        let mut sealer = Sealer::new();
        sealer.push(&batch).unwrap();
        let name = format!("{segment:03}");
        parts.extend(sealer.finish(&name, incoming, Layout::default(), &mut ()).unwrap().parts);
    }
    parts
}

fn later() -> Hour {
    Hour::of(i64::MAX)
}

fn staged(plan: Plan, incoming: &Incoming) -> Staged<'_> {
    let mut merge = Merge::start(plan, incoming, Layout::default(), &mut ()).unwrap();
    while merge.step(&mut ()).unwrap() {}
    merge.finish(&mut ()).unwrap()
}

fn rows(data: &Path, family: Family) -> Vec<Plain> {
    let mut rows = read_family(data, family.name());
    rows.sort();
    rows
}

/// What is in `.incoming` beside the lock.
fn left(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join(".incoming")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("lock")).collect()
}

fn part(name: &str, hour: i64, rows: u64) -> SealedPart {
    let hour = Hour::of(HOUR_BEGIN + hour * 3_600_000_000_000);
    SealedPart { family: Family::Session, hour, path: name.into(), rows, bytes: rows * 20 }
}

#[test]
fn neighbours_are_merged_up_to_the_limits_and_large_parts_stay() {
    let parts = [
        part("b", 0, 10),
        part("a", 0, 10),
        part("large", 0, 51),
        part("c", 0, 30),
        part("d", 0, 50),
        part("e", 0, 1),
        part("f", 0, 1),
        part("late", 1, 1),
        part("open", 2, 1),
        part("open too", 2, 1),
    ];
    let names = |rules| {
        let plans = plan(parts.clone(), parts[8].hour, rules).into_iter();
        let names = plans.map(|plan| {
            assert_eq!((plan.family, plan.hour), (Family::Session, parts[0].hour));
            plan.parts.iter().map(|part| part.path.display().to_string()).collect::<String>()
        });
        names.collect::<Vec<_>>()
    };
    let all = Rules::default();
    assert_eq!(names(Rules { rows_max: 100, parts_min: 2, parts_max: 9, ..all }), ["abcd", "ef"]);
    assert_eq!(names(Rules { bytes_max: 2_000, parts_min: 3, parts_max: 9, ..all }), ["abcd"]);
    assert_eq!(
        names(Rules { rows_max: 100, parts_min: 2, parts_max: 2, ..all }),
        ["ab", "cd", "ef"]
    );
    assert_eq!(names(Rules { rows_max: 100, parts_min: 0, parts_max: 0, ..all }), [""; 0]);
}

#[test]
fn the_merged_part_holds_the_rows_of_all_in_their_order() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let parts = sealed(&incoming, 5);
    let before = Family::ALL.map(|family| rows(data.path(), family));
    let plans = plan(parts, later(), Rules::default());
    assert_eq!(plans.len(), 2 * Family::ALL.len());
    for plan in plans {
        let as_they_came: Vec<Plain> =
            plan.parts.iter().flat_map(|part| read_file(&part.path, plan.family.name())).collect();
        let (exchanged, added) = staged(plan.clone(), &incoming).exchange().unwrap();
        assert_eq!(exchanged.removed.len(), plan.parts.len());
        assert!(exchanged.removed.iter().all(|path| !path.exists()));
        let of = (plan.family, plan.hour);
        let in_place = Part::of_file(data.path(), &exchanged.added, of, added.rows).unwrap();
        assert_eq!(added, in_place, "what was said before is true of the file");
        let merged = read_file(&exchanged.added, plan.family.name());
        assert_eq!(merged.len() as u64, added.rows);
        match plan.family {
            Family::Session | Family::PortBlock => assert_sorted(plan.family, &exchanged.added),
            _ => assert_eq!(merged, as_they_came),
        }
        exchanged.finish().unwrap();
    }
    assert_eq!(Family::ALL.map(|family| rows(data.path(), family)), before);
    assert!(left(data.path()).is_empty());
}

/// Sealing the rows anew would not change their order.
fn assert_sorted(family: Family, part: &Path) {
    use crate::seal::order::Places;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let file = fs::File::open(part).unwrap();
    let mut last = None;
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let places = Places::new(family, &batch).unwrap().unwrap();
        for row in 0..batch.num_rows() {
            let place = Some(places.of(row));
            assert!(last <= place);
            last = place;
        }
    }
}

/// Datagrams that no decoder understood, as long as they get.
#[test]
fn long_rows_are_read_few_at_a_time() {
    static RAW: [u8; 60_000] = [b'x'; 60_000];
    let rows = 200;
    let text_bytes = rows * RAW.len();
    let mut batch = Batch::new(Capacity { session_rows: 1, unparsed_rows: rows, text_bytes });
    for _ in 0..rows {
        let raw = batch.text.push(&RAW).unwrap();
        let unparsed = Unparsed { reason: Reason::SyslogPriority, raw };
        assert!(batch.unparsed.push(&context(HOUR_BEGIN), unparsed));
    }
    let data = tempfile::tempdir().unwrap();
    seal(data.path(), &batch, Layout::default());
    let file = parquet_files(data.path()).remove(0);
    let mut cursor = cursor::Cursor::open(&file, Family::Unparsed).unwrap().unwrap();
    let mut read = 0;
    loop {
        let bytes = cursor.batch().num_rows() * cursor.row_bytes();
        assert!((1..16 << 20).contains(&bytes), "{bytes} bytes at a time");
        read += cursor.batch().num_rows();
        if !cursor.next_batch().unwrap() {
            break;
        }
    }
    assert_eq!(read, rows);
}

#[test]
fn files_that_are_not_merged_stay_and_keep_what_is_beside_them() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let parts = sealed(&incoming, 5);
    let plan = plan(parts, later(), Rules::default()).remove(0);
    let late = plan.parts[4].clone();
    let plan = Plan { parts: plan.parts[..4].to_vec(), ..plan };
    for part in plan.parts.iter().chain([&late]) {
        fs::write(part.path.with_extension("trace"), b"index").unwrap();
    }
    let (exchanged, _) = staged(plan.clone(), &incoming).exchange().unwrap();
    let directory = late.path.parent().unwrap();
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let expected = [exchanged.added.clone(), late.path.clone(), late.path.with_extension("trace")];
    assert_eq!(names, expected);
    exchanged.finish().unwrap();
}

#[test]
fn a_part_that_was_removed_meanwhile_stops_the_exchange() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let plan = plan(sealed(&incoming, 4), later(), Rules::default()).remove(0);
    let staged = staged(plan.clone(), &incoming);
    fs::remove_file(&plan.parts[2].path).unwrap();
    let files = parquet_files(data.path());
    let error = staged.exchange().unwrap_err().to_string();
    assert!(error.contains(plan.parts[2].path.to_str().unwrap()), "{error}");
    assert_eq!(parquet_files(data.path()), files);
    assert!(left(data.path()).is_empty());
}

#[test]
fn a_merge_that_is_dropped_leaves_everything_as_it_was() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let plan = plan(sealed(&incoming, 4), later(), Rules::default()).remove(0);
    let files = parquet_files(data.path());
    let mut merge = Merge::start(plan.clone(), &incoming, Layout::default(), &mut ()).unwrap();
    assert!(merge.step(&mut ()).unwrap());
    drop(merge);
    drop(staged(plan, &incoming));
    assert_eq!(parquet_files(data.path()), files);
    assert!(left(data.path()).is_empty());
}

#[test]
fn a_part_with_other_rows_than_were_planned_is_not_merged() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let mut plan = plan(sealed(&incoming, 4), later(), Rules::default()).remove(0);
    plan.parts[0].rows += 1;
    let mut merge = Merge::start(plan, &incoming, Layout::default(), &mut ()).unwrap();
    while merge.step(&mut ()).unwrap() {}
    assert!(merge.finish(&mut ()).is_err());
    assert!(left(data.path()).is_empty());
}

#[test]
fn a_crash_before_the_exchange_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let plan = plan(sealed(&incoming, 4), later(), Rules::default()).remove(0);
    let files = parquet_files(data.path());
    // As a process leaves it that is killed while it makes the successor, at three moments.
    let directory = plan.hour.directory(plan.family);
    for (at, made) in [Path::new(""), directory.parent().unwrap(), &directory].iter().enumerate() {
        let staged = data.path().join(format!(".incoming/compacted-{at}.hour"));
        fs::create_dir_all(staged.join(made)).unwrap();
    }
    let whole = data.path().join(".incoming/compacted-2.hour").join(&directory);
    fs::hard_link(&plan.parts[0].path, whole.join("compacted-2.parquet")).unwrap();
    assert_eq!(recover(&incoming).unwrap(), []);
    assert_eq!(parquet_files(data.path()), files);
    assert!(left(data.path()).is_empty());
}

#[test]
fn a_crash_after_the_exchange_is_told_and_finished() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let parts = sealed(&incoming, 5);
    let plan = plan(parts, later(), Rules::default()).remove(0);
    let plan = Plan { parts: plan.parts[1..].to_vec(), ..plan };
    let before = rows(data.path(), plan.family);
    let (exchanged, _) = staged(plan, &incoming).exchange().unwrap();
    drop(incoming);

    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let recovered = recover(&incoming).unwrap();
    assert_eq!(recovered, [exchanged]);
    assert_eq!(rows(data.path(), recovered[0].family), before);
    for exchanged in recovered {
        exchanged.finish().unwrap();
    }
    assert_eq!(recover(&incoming).unwrap(), []);
    assert!(left(data.path()).is_empty());
}

/// Lists and opens as any reader does; `None` where a file was gone.
fn count_as_readers_do(data: &Path) -> Option<u64> {
    let mut rows = 0;
    for path in parquet_files(&data.join("family=session")) {
        let file = fs::File::open(path).ok()?;
        let metadata = parquet::file::metadata::ParquetMetaDataReader::new();
        rows += metadata.parse_and_finish(&file).unwrap().file_metadata().num_rows() as u64;
    }
    Some(rows)
}

#[test]
fn a_reader_sees_each_row_once_or_fails_whole() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let mut parts = sealed(&incoming, 40);
    parts.retain(|part| part.family == Family::Session);
    let total = count_rows(data.path(), Family::Session).unwrap();
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if let Some(rows) = count_as_readers_do(data.path()) {
                    assert_eq!(rows, total);
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        // Who has opened an old directory and lists it only then must still find its files.
        let old = compact_all(&incoming, parts).unwrap();
        let seen = reads.load(Ordering::Relaxed);
        // The last state is seen too, and that the reader was at work.
        while reads.load(Ordering::Relaxed) < seen + 2 && !reader.is_finished() {
            thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        old.into_iter().for_each(|exchanged| exchanged.finish().unwrap());
    });
    assert_eq!(parquet_files(&data.path().join("family=session")).len(), 2, "one an hour");
}

/// Two parts after two, until there is one an hour.
fn compact_all(
    incoming: &Incoming,
    mut parts: Vec<SealedPart>,
) -> Result<Vec<Exchanged>, StoreError> {
    let mut old = Vec::new();
    let rules = Rules { parts_min: 2, parts_max: 2, ..Rules::default() };
    while let Some(plan) = plan(parts.clone(), later(), rules).into_iter().next() {
        let (exchanged, added) = staged(plan, incoming).exchange()?;
        let Part { family, hour, rows, bytes, .. } = added;
        parts.push(SealedPart { family, hour, path: exchanged.added.clone(), rows, bytes });
        parts.retain(|part| !exchanged.removed.contains(&part.path));
        old.push(exchanged);
    }
    Ok(old)
}
