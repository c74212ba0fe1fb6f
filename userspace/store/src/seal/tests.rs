use super::*;
use crate::testing::{HOUR_BEGIN, Plain, Random, expected, read_family, read_file, small_batch};
use arrow_array::{RecordBatch, cast::AsArray};
use std::{fs::File, io::Write as _};

const NAME: &str = "00000000000000aa-000001";

fn incoming(data: &Path) -> Incoming {
    Incoming::open(data).unwrap().0
}

/// Batches of records of all families, of two hours.
fn batches(seed: u64) -> Vec<Batch> {
    let mut random = Random::new(seed);
    let batch = |_| {
        let mut batch = small_batch();
        random.add_records(&mut batch, 40);
        batch
    };
    (0..3).map(batch).collect()
}

fn seal(data: &Path, batches: &[Batch], beside: &mut dyn Beside) -> Result<Sealed, StoreError> {
    let mut sealer = Sealer::new();
    for batch in batches {
        sealer.push(batch)?;
    }
    sealer.finish(NAME, &incoming(data), Layout::default(), beside)
}

fn sorted(mut rows: Vec<Plain>) -> Vec<Plain> {
    rows.sort();
    rows
}

#[test]
fn parts_hold_the_records_of_the_segment() {
    let data = tempfile::tempdir().unwrap();
    let batches = batches(1);
    let sealed = seal(data.path(), &batches, &mut ()).unwrap();
    for family in Family::ALL {
        let records = batches.iter().flat_map(|batch| expected(batch, family.name())).collect();
        assert_eq!(sorted(read_family(data.path(), family.name())), sorted(records));
    }
    for part in &sealed.parts {
        assert_eq!(part.rows, read_file(&part.path, part.family.name()).len() as u64);
        assert_eq!(part.bytes, fs::metadata(&part.path).unwrap().len());
        assert!(part.path.ends_with(format!("part-{NAME}.parquet")));
        assert!(part.path.starts_with(data.path().join(part.hour.directory(part.family))));
    }
}

#[test]
fn a_part_that_is_there_is_left_as_it_is_and_reported() {
    let data = tempfile::tempdir().unwrap();
    let batches = batches(2);
    let first = seal(data.path(), &batches, &mut ()).unwrap();
    let kept = &first.parts[0].path;
    let removed = &first.parts[1].path;
    let modified = fs::metadata(kept).unwrap().modified().unwrap();
    let bytes = fs::read(removed).unwrap();
    fs::remove_file(removed).unwrap();
    assert_eq!(seal(data.path(), &batches, &mut ()).unwrap(), first);
    assert_eq!(fs::metadata(kept).unwrap().modified().unwrap(), modified);
    assert_eq!(fs::read(removed).unwrap(), bytes, "sealing is deterministic");
}

/// Writes the number of rows that it saw; or fails.
#[derive(Default)]
struct Count {
    rows: usize,
    fails: bool,
    expected_absent: Vec<PathBuf>,
}

impl Beside for Count {
    fn extension(&self) -> &'static str {
        "count"
    }

    fn begin(&mut self, family: Family) -> &'static [&'static str] {
        self.rows = 0;
        if family == Family::Session { &["event", "nat_src_port"] } else { &[] }
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<(), StoreError> {
        assert!(rows.column_by_name("event").unwrap().as_any_dictionary_opt().is_some());
        assert_eq!(rows.num_columns(), 2);
        self.rows += rows.num_rows();
        Ok(())
    }

    fn finish(&mut self, file: &mut File) -> Result<(), StoreError> {
        assert!(self.expected_absent.iter().all(|path| !path.exists()));
        if self.fails {
            return Err(StoreError::io("write", "count", std::io::Error::other("full")));
        }
        write!(file, "{}", self.rows).unwrap();
        Ok(())
    }
}

#[test]
fn what_is_beside_a_part_is_of_its_rows() {
    let data = tempfile::tempdir().unwrap();
    let sealed = seal(data.path(), &batches(3), &mut Count::default()).unwrap();
    for part in sealed.parts {
        let beside = fs::read_to_string(part.path.with_extension("count"));
        match part.family {
            Family::Session => assert_eq!(beside.unwrap(), part.rows.to_string()),
            _ => assert!(beside.is_err()),
        }
    }
}

#[test]
fn a_part_without_what_belongs_beside_it_is_not_made() {
    let data = tempfile::tempdir().unwrap();
    let batches = batches(4);
    let mut beside = Count { fails: true, ..Count::default() };
    seal(data.path(), &batches, &mut beside).unwrap_err();
    assert!(crate::testing::parquet_files(data.path()).is_empty());
    let unfinished = fs::read_dir(data.path().join(".incoming")).unwrap().count();
    assert_eq!(unfinished, 1, "the lock alone");
    beside.fails = false;
    let sealed = seal(data.path(), &batches, &mut beside).unwrap();
    assert!(sealed.parts.iter().any(|part| part.hour == Hour::of(HOUR_BEGIN)));
}
