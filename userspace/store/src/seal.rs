//! The batches of a closed segment of the journal as sorted files: a part for each family and hour
//! of arrival.
//!
//! Sealing is deterministic, and its parts are named after the segment. So it can be done again
//! after a crash: a part that already has its final name was on disk before it got that, and is
//! left as it is.
//!
//! In memory are the segment's rows as Arrow columns (about 140 bytes a session record without
//! text), while they are put in order 20 bytes a row more, and one row group of the file that is
//! written: nothing else grows with the segment, and nothing outlives it.

mod beside;
mod cells;
mod new_part;
pub(crate) mod order;
mod table;

pub use beside::Beside;
pub(crate) use new_part::{NewPart, WholePart};

use crate::{
    error::StoreError,
    files,
    incoming::{Incoming, sync_directory},
    layout::Layout,
    nulls,
    partition::Hour,
    schema::Family,
    split::split,
};
use arrow_array::{cast::AsArray, types::TimestampMicrosecondType};
use arrow_schema::ArrowError;
use logweir_decode::batch::Batch;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use table::{Growing, Table};

/// Rows that are put in their order and written at a time: so many that a column and its dictionary
/// are in the processor's caches for long enough to pay.
const CHUNK_ROWS: usize = nulls::ROWS;

/// What became of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Its parts: family by family, each family's in the order of the hours.
    pub parts: Vec<SealedPart>,
}

/// A part that has its final name and is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPart {
    /// Whose rows it holds.
    pub family: Family,
    /// The hour of their arrival.
    pub hour: Hour,
    /// Where it is.
    pub path: PathBuf,
    /// How many rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Bytes of the journal that a record takes, about: of NetFlow; one of text takes more.
const JOURNAL_BYTES_A_ROW: u64 = 80;

/// Takes the batches of one segment, in their order, and makes its parts.
#[derive(Debug, Default)]
pub struct Sealer {
    tables: BTreeMap<(Family, Hour), Growing>,
    /// Rows for which a column has room from the start.
    expected_rows: usize,
}

impl Sealer {
    /// A sealer for one segment.
    pub fn new() -> Self {
        Self::of(0)
    }

    /// A sealer for one segment of so many bytes: columns are not moved as they grow.
    pub fn of(segment_bytes: u64) -> Self {
        let expected_rows = usize::try_from(segment_bytes / JOURNAL_BYTES_A_ROW).unwrap_or(0);
        Self { tables: BTreeMap::new(), expected_rows }
    }

    /// Adds the rows of a batch, which may then be used again.
    ///
    /// # Errors
    /// If a column's text is larger than an Arrow array can hold.
    pub fn push(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut result = Ok(());
        split(batch, |piece| match piece.columns {
            Ok(columns) => {
                let new = || Growing::new(piece.family, self.expected_rows);
                self.tables.entry((piece.family, piece.hour)).or_insert_with(new).append(&columns);
            }
            Err(error) => result = Err(error.into()),
        });
        result
    }

    /// Makes the parts `part-{name}.parquet`, and what is to be made beside each.
    ///
    /// # Errors
    /// If the file system refuses something. Parts that were made before that stay, and are left
    /// as they are when the segment is sealed again.
    pub fn finish(
        self,
        name: &str,
        incoming: &Incoming,
        layout: Layout,
        beside: &mut dyn Beside,
    ) -> Result<Sealed, StoreError> {
        let mut sealed = Sealed::default();
        for (key, rows) in self.tables {
            sealed.parts.push(seal(incoming, key, name, rows, layout, beside)?);
        }
        Ok(sealed)
    }
}

/// Makes one part, if it is not there.
fn seal(
    incoming: &Incoming,
    (family, hour): (Family, Hour),
    name: &str,
    rows: Growing,
    layout: Layout,
    beside: &mut dyn Beside,
) -> Result<SealedPart, StoreError> {
    let stem = format!("part-{name}");
    let relative = hour.directory(family);
    let directory = incoming.data_directory().join(&relative);
    let path = directory.join(format!("{stem}.parquet"));
    let rows = match rows_of(&path)? {
        Some(rows) => rows,
        None => {
            let table = rows.finish()?;
            let layout = Layout { arrivals_repeat: arrivals_repeat(&table)?, ..layout };
            let mut part = NewPart::create(incoming, (family, stem), layout, beside)?;
            write(family, &table, &mut part, beside)?;
            let publish =
                |file: &Path, name: &str| incoming.publish(file, &relative, name).map(drop);
            part.finish(beside)?.publish(publish)?;
            table.rows() as u64
        }
    };
    // Of a part that was there already, the name may not yet be durable.
    sync_directory(&directory)?;
    let metadata = fs::metadata(&path).map_err(|e| StoreError::io("read", &path, e))?;
    Ok(SealedPart { family, hour, path, rows, bytes: metadata.len() })
}

/// Rows of a part that is there already: as many as it has, which are more than those of the segment
/// if the disk has lost some of these since. `None` of one that cannot be read: it is made anew.
fn rows_of(path: &Path) -> Result<Option<u64>, StoreError> {
    Ok(files::open(path)?.and_then(|part| files::rows(&part, path).ok()))
}

/// Whether a dictionary of the times of arrival has few entries: of rows as they came.
fn arrivals_repeat(table: &Table) -> Result<bool, ArrowError> {
    /// As many as a dictionary page has room for.
    const TIMES_MAX: usize = 120_000;
    const ROWS_A_TIME: usize = 8;
    let columns = table.columns(&["received_at"])?;
    let arrivals = columns.column(0).as_primitive_opt::<TimestampMicrosecondType>();
    let arrivals = arrivals.map_or(&[][..], |arrivals| arrivals.values());
    let times = arrivals.chunk_by(|a, b| a == b).count();
    Ok(times <= TIMES_MAX.min(arrivals.len() / ROWS_A_TIME))
}

/// Adds the rows to the part in the family's order.
fn write(
    family: Family,
    table: &Table,
    part: &mut NewPart<'_>,
    beside: &mut dyn Beside,
) -> Result<(), StoreError> {
    let order = match order::columns(family) {
        [] => None,
        columns => order::order(family, &table.columns(columns)?)?,
    };
    for first in (0..table.rows()).step_by(CHUNK_ROWS) {
        let count = CHUNK_ROWS.min(table.rows() - first);
        let chunk = match order.as_ref().and_then(|order| order.get(first..first + count)) {
            Some(rows) => table.take(rows)?,
            None => table.slice(first, count)?,
        };
        part.write(&chunk, beside)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
