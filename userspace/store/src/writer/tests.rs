use super::*;
use crate::{
    files::count_rows,
    testing::{
        HOUR_BEGIN, Random, SECOND, SmallDisk, context, parquet_files, read_file, small_batch,
    },
};
use logweir_decode::{
    filter::Filter,
    im::Im,
    port_block::PortBlock,
    reason::Reason,
    session::{Column, ColumnSet},
    unparsed::Unparsed,
};
use std::{
    collections::HashSet,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

const HOUR: UnixNanos = 3_600 * SECOND;

fn open(data: &Path) -> Writer {
    Writer::open(WriterConfig::new(data)).unwrap().0
}

/// A batch with one run of session rows for each time of arrival.
fn sessions(rows: usize, received_at: &[UnixNanos]) -> Batch {
    let mut batch = small_batch();
    for time in received_at {
        let columns = ColumnSet::EMPTY.with(Column::SrcV4);
        assert!(batch.session.commit(rows, columns, &context(*time)));
    }
    batch
}

/// A batch that zstd cannot make small.
fn incompressible(rows: usize) -> Batch {
    let mut batch = small_batch();
    let mut random = Random::new(7);
    for row in 0..rows {
        batch.session.vacant_cells(Column::SentBytes)[row] = random.next();
        batch.session.vacant_cells(Column::ReceivedBytes)[row] = random.next();
    }
    let columns = ColumnSet::EMPTY.with(Column::SentBytes).with(Column::ReceivedBytes);
    assert!(batch.session.commit(rows, columns, &context(HOUR_BEGIN)));
    batch
}

fn unfinished(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join(".incoming")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|e| e == "partial")).collect()
}

fn directories(outcome: &Outcome, data: &Path) -> Vec<String> {
    let parts = outcome.committed.iter();
    let relative = parts.map(|part| part.path.parent().unwrap().strip_prefix(data).unwrap());
    relative.map(|path| path.display().to_string()).collect()
}

#[test]
fn rows_go_to_the_hour_of_their_arrival() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    let times = [HOUR_BEGIN - 1, HOUR_BEGIN, HOUR_BEGIN - SECOND];
    let mut batch = sessions(10, &times);
    let raw = batch.text.push(b"?").unwrap();
    for time in times {
        let record = Unparsed { reason: Reason::UnknownFormat, raw };
        assert!(batch.unparsed.push(&context(time), record));
    }
    assert!(batch.port_block.push(&context(HOUR_BEGIN), PortBlock::default()));
    assert!(batch.im.push(&context(HOUR_BEGIN), Im::default()));
    assert!(batch.filter.push(&context(HOUR_BEGIN - 1), Filter::default()));
    assert_eq!(writer.append(&batch, HOUR_BEGIN).rows, 36);
    assert_eq!(writer.totals(), Totals { appended: 36, pending: 36, ..Totals::default() });
    let outcome = writer.commit_all();
    let expected = [
        "family=session/date=2026-03-01/hour=13",
        "family=session/date=2026-03-01/hour=14",
        "family=port_block/date=2026-03-01/hour=14",
        "family=im/date=2026-03-01/hour=14",
        "family=filter/date=2026-03-01/hour=13",
        "family=unparsed/date=2026-03-01/hour=13",
        "family=unparsed/date=2026-03-01/hour=14",
    ];
    assert_eq!(directories(&outcome, data.path()), expected);
    let rows: Vec<_> = outcome.committed.iter().map(|part| part.rows).collect();
    assert_eq!(rows, [20, 10, 1, 1, 1, 2, 1]);
    assert_eq!(writer.totals_of(Family::Session).stored, 30);
    assert_eq!(writer.totals(), Totals { appended: 36, stored: 36, ..Totals::default() });
    assert_eq!(count_rows(data.path(), Family::Session).unwrap(), 30);
    assert_eq!(count_rows(data.path(), Family::Unparsed).unwrap(), 3);
    assert_eq!(unfinished(data.path()), [""; 0].map(PathBuf::from));
}

/// Such a batch is a quiet hour's: it makes no file.
#[test]
fn a_batch_without_records_opens_no_part() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    let appended = writer.append(&small_batch(), HOUR_BEGIN);
    assert_eq!((appended.rows, writer.next_due()), (0, None));
    assert_eq!(writer.totals(), Totals::default());
}

#[test]
fn no_more_than_the_permitted_hours_are_open() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    for hour in 0..2 {
        let appended = writer.append(&sessions(1, &[HOUR_BEGIN + hour * HOUR]), HOUR_BEGIN);
        assert!(appended.outcome.committed.is_empty());
    }
    let appended = writer.append(&sessions(1, &[HOUR_BEGIN + 2 * HOUR]), HOUR_BEGIN);
    let oldest = ["family=session/date=2026-03-01/hour=14"];
    assert_eq!(directories(&appended.outcome, data.path()), oldest);
    assert_eq!(unfinished(data.path()).len(), 2);
}

#[test]
fn a_part_is_closed_by_age() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    assert_eq!(writer.next_due(), None);
    writer.append(&sessions(5, &[HOUR_BEGIN]), HOUR_BEGIN);
    writer.append(&sessions(5, &[HOUR_BEGIN]), HOUR_BEGIN + 50 * SECOND);
    let due = HOUR_BEGIN + 60 * SECOND;
    assert_eq!(writer.next_due(), Some(due));
    assert!(writer.commit_due(due - 1).committed.is_empty());
    assert_eq!(writer.commit_due(due).committed[0].rows, 10);
    assert_eq!(writer.totals().pending, 0);
}

#[test]
fn a_part_is_closed_soon_after_its_hour() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    let end = HOUR_BEGIN + HOUR;
    writer.append(&sessions(5, &[end - 1]), end - 1);
    assert!(writer.commit_due(end).committed.is_empty());
    assert_eq!(writer.commit_due(end + 5 * SECOND).committed.len(), 1);
    // Rows of a capture file, whose hour was over before: by age.
    writer.append(&sessions(5, &[HOUR_BEGIN - HOUR]), end);
    assert!(writer.commit_due(end + 5 * SECOND).committed.is_empty());
}

#[test]
fn a_clock_that_is_set_back_keeps_no_part_open() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    writer.append(&sessions(5, &[HOUR_BEGIN]), HOUR_BEGIN);
    assert_eq!(writer.commit_due(HOUR_BEGIN - 1).committed.len(), 1);
}

#[test]
fn a_part_is_closed_by_rows_and_by_bytes() {
    let data = tempfile::tempdir().unwrap();
    for (part_rows_max, part_bytes_max) in [(15, u64::MAX), (u64::MAX, 1)] {
        let config =
            WriterConfig { part_rows_max, part_bytes_max, ..WriterConfig::new(data.path()) };
        let (mut writer, _) = Writer::open(config).unwrap();
        writer.append(&sessions(10, &[HOUR_BEGIN]), HOUR_BEGIN);
        let appended = writer.append(&sessions(10, &[HOUR_BEGIN]), HOUR_BEGIN);
        assert_eq!(appended.outcome.committed.len(), 1);
        assert!(writer.totals().balanced());
    }
}

#[test]
fn arrivals_are_told_when_rows_are_stored() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    writer.append(&sessions(5, &[HOUR_BEGIN, HOUR_BEGIN + SECOND]), HOUR_BEGIN);
    writer.append(&sessions(2, &[HOUR_BEGIN + SECOND]), HOUR_BEGIN);
    let part = writer.commit_all().committed.remove(0);
    let arrivals: Vec<_> = part.arrivals.iter().collect();
    assert_eq!(arrivals, [(HOUR_BEGIN, 5), (HOUR_BEGIN + SECOND, 7)]);
    assert_eq!(part.bytes, fs::metadata(&part.path).unwrap().len());
}

#[test]
fn names_do_not_clash_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let mut writer = open(data.path());
        for _ in 0..2 {
            writer.append(&sessions(1, &[HOUR_BEGIN]), HOUR_BEGIN);
            assert!(writer.commit_all().failed.is_empty());
        }
    }
    assert_eq!(parquet_files(data.path()).len(), 40);
}

#[test]
fn what_a_killed_process_left_is_removed_and_reported() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    writer.append(&sessions(5, &[HOUR_BEGIN]), HOUR_BEGIN);
    drop(writer);
    let bytes = unfinished(data.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    let (_, leftovers) = Writer::open(WriterConfig::new(data.path())).unwrap();
    assert_eq!(leftovers, Leftovers { files: 1, bytes });
    assert!(unfinished(data.path()).is_empty());
    assert!(parquet_files(data.path()).is_empty());
}

#[test]
fn a_reader_sees_whole_files_only() {
    let data = tempfile::tempdir().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = HashSet::new();
            loop {
                let last_look = done.load(Ordering::Acquire);
                for path in parquet_files(data.path()) {
                    if !seen.contains(&path) {
                        assert_eq!(read_file(&path, "session").len(), 3_000);
                        seen.insert(path);
                    }
                }
                if last_look {
                    return seen.len();
                }
            }
        });
        let mut writer = open(data.path());
        let batch = incompressible(1_000);
        for _ in 0..40 {
            for _ in 0..3 {
                writer.append(&batch, HOUR_BEGIN);
            }
            assert!(writer.commit_all().failed.is_empty());
        }
        done.store(true, Ordering::Release);
        assert_eq!(reader.join().unwrap(), 40);
    });
}

#[test]
fn rows_that_cannot_be_stored_are_counted_and_the_next_ones_are_stored() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    // Something stands where the directory of the family belongs.
    let obstacle = data.path().join("family=session");
    fs::write(&obstacle, b"").unwrap();
    writer.append(&sessions(10, &[HOUR_BEGIN]), HOUR_BEGIN);
    let outcome = writer.commit_all();
    assert_eq!((outcome.committed.len(), outcome.failed[0].rows), (0, 10));
    let error = outcome.failed[0].error.to_string();
    assert!(error.contains("family=session"), "{error}");
    assert_eq!(writer.totals(), Totals { appended: 10, failed: 10, ..Totals::default() });
    assert!(unfinished(data.path()).is_empty());

    fs::remove_file(&obstacle).unwrap();
    writer.append(&sessions(10, &[HOUR_BEGIN]), HOUR_BEGIN);
    let (outcome, totals) = writer.finish();
    assert_eq!((outcome.committed.len(), outcome.failed.len()), (1, 0));
    assert_eq!(totals, Totals { appended: 20, stored: 10, failed: 10, pending: 0 });
}

#[test]
fn a_part_that_cannot_be_opened_costs_the_rows_of_one_batch() {
    let data = tempfile::tempdir().unwrap();
    let mut writer = open(data.path());
    let incoming = data.path().join(".incoming");
    fs::remove_dir_all(&incoming).unwrap();
    fs::write(&incoming, b"").unwrap();
    let appended = writer.append(&sessions(10, &[HOUR_BEGIN]), HOUR_BEGIN);
    assert_eq!(appended.outcome.failed[0].rows, 10);

    fs::remove_file(&incoming).unwrap();
    let appended = writer.append(&sessions(10, &[HOUR_BEGIN]), HOUR_BEGIN);
    assert!(appended.outcome.failed.is_empty());
    let (_, totals) = writer.finish();
    assert_eq!(totals, Totals { appended: 20, stored: 10, failed: 10, pending: 0 });
}

#[test]
fn a_full_disk_costs_the_rows_of_the_part_and_no_more() {
    let Some(disk) = SmallDisk::mount("1m") else { return };
    let data = disk.path();
    let config = WriterConfig::new(data);
    let layout = Layout { row_group_rows: 8_192, ..config.layout };
    let (mut writer, _) = Writer::open(WriterConfig { layout, ..config }).unwrap();
    let batch = incompressible(4_096);
    let filler = data.join("filler");
    fs::write(&filler, vec![0; 768 << 10]).unwrap();

    let mut failed = 0;
    for _ in 0..8 {
        for failure in writer.append(&batch, HOUR_BEGIN).outcome.failed {
            assert!(failure.error.is_disk_full(), "{}", failure.error);
            failed += failure.rows;
        }
        assert!(writer.totals().balanced());
    }
    assert!(failed > 0);
    assert_eq!(writer.totals().failed, failed);

    fs::remove_file(&filler).unwrap();
    writer.append(&batch, HOUR_BEGIN);
    let (outcome, totals) = writer.finish();
    assert!(outcome.failed.is_empty());
    assert!(totals.balanced() && totals.pending == 0);
    assert_eq!(totals.stored, count_rows(data, Family::Session).unwrap());
    assert!(totals.stored >= 4_096);
    assert!(unfinished(data).is_empty());
}
