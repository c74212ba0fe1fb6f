//! The batches of a closed segment of the journal as sorted files: a part for each family and hour
//! of arrival.
//!
//! Sealing is deterministic, and its parts are named after the segment. So it can be done again
//! after a crash: a part that already has its final name was on disk before it got that, and is
//! left as it is.
//!
//! In memory are the segment's rows as Arrow columns (about 110 bytes a session record without
//! text), sixteen bytes a row for their order, and one row group of the file that is written.

mod beside;
mod order;

pub use beside::Beside;

use crate::{
    error::StoreError,
    incoming::{Incoming, sync_directory},
    part::{Layout, properties},
    partition::Hour,
    schema::Family,
    split::split,
};
use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::{concat::concat_batches, take::take_record_batch};
use logweir_decode::batch::Batch;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Rows that are put in their order and written at a time.
const CHUNK_ROWS: usize = 64 * 1024;

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

/// Takes the batches of one segment, in their order, and makes its parts.
#[derive(Debug, Default)]
pub struct Sealer {
    pieces: BTreeMap<(Family, Hour), Vec<RecordBatch>>,
}

impl Sealer {
    /// A sealer for one segment.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the rows of a batch, which may then be used again.
    ///
    /// # Errors
    /// If a column's text is larger than an Arrow array can hold.
    pub fn push(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut result = Ok(());
        split(batch, |piece| match piece.columns {
            Ok(columns) => {
                self.pieces.entry((piece.family, piece.hour)).or_default().push(columns);
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
        for ((family, hour), pieces) in self.pieces {
            let place = Place { incoming, family, hour, name: format!("part-{name}") };
            sealed.parts.push(place.seal(pieces, layout, beside)?);
        }
        Ok(sealed)
    }
}

/// Where a part is to be.
struct Place<'a> {
    incoming: &'a Incoming,
    family: Family,
    hour: Hour,
    name: String,
}

impl Place<'_> {
    fn seal(
        &self,
        pieces: Vec<RecordBatch>,
        layout: Layout,
        beside: &mut dyn Beside,
    ) -> Result<SealedPart, StoreError> {
        let rows = pieces.iter().map(|piece| piece.num_rows() as u64).sum();
        let directory = self.hour.directory(self.family);
        let path = self.incoming.data_directory().join(&directory).join(self.file("parquet"));
        let exists = fs::exists(&path).map_err(|e| StoreError::io("find", &path, e))?;
        if !exists {
            self.make(pieces, layout, beside)?;
        }
        // Of a part that was there already, the name may not yet be durable.
        path.parent().map_or(Ok(()), sync_directory)?;
        let metadata = fs::metadata(&path).map_err(|e| StoreError::io("read", &path, e))?;
        Ok(SealedPart { family: self.family, hour: self.hour, path, rows, bytes: metadata.len() })
    }

    /// Writes the part and what is beside it, and gives them their names.
    fn make(
        &self,
        pieces: Vec<RecordBatch>,
        layout: Layout,
        beside: &mut dyn Beside,
    ) -> Result<(), StoreError> {
        let with_beside = beside.begin(self.family);
        let (part, file) = self.incoming.create(&self.file("parquet"))?;
        let part = Unfinished(part);
        let file =
            self.write(pieces, file, layout, &part.0, with_beside.then_some(&mut *beside))?;
        file.sync_all().map_err(|e| StoreError::io("sync", &part.0, e))?;
        if with_beside {
            let name = self.file(beside.extension());
            let (path, mut file) = self.incoming.create(&name)?;
            let path = Unfinished(path);
            beside.finish(&mut file)?;
            file.sync_all().map_err(|e| StoreError::io("sync", &path.0, e))?;
            self.publish(&path, &name)?;
        }
        self.publish(&part, &self.file("parquet"))
    }

    fn write(
        &self,
        pieces: Vec<RecordBatch>,
        file: File,
        layout: Layout,
        path: &Path,
        mut beside: Option<&mut dyn Beside>,
    ) -> Result<File, StoreError> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties(self.family, layout))
            .with_skip_arrow_metadata(true);
        let failed = |e| StoreError::parquet("write", path, e);
        let mut writer = ArrowWriter::try_new_with_options(file, self.family.schema(), options)
            .map_err(failed)?;
        let all = concat_batches(&self.family.schema(), &pieces)?;
        drop(pieces);
        let order = order::order(self.family, &all)?;
        for first in (0..all.num_rows()).step_by(CHUNK_ROWS) {
            let count = CHUNK_ROWS.min(all.num_rows() - first);
            let chunk = match &order {
                Some(order) => {
                    let rows = order.iter().skip(first).take(count).copied();
                    take_record_batch(&all, &rows.collect::<UInt32Array>())?
                }
                None => all.slice(first, count),
            };
            if let Some(beside) = &mut beside {
                beside.rows(&chunk)?;
            }
            writer.write(&chunk).map_err(failed)?;
        }
        writer.into_inner().map_err(failed)
    }

    fn publish(&self, unfinished: &Unfinished, name: &str) -> Result<(), StoreError> {
        let directory = self.hour.directory(self.family);
        self.incoming.publish(&unfinished.0, &directory, name)?;
        Ok(())
    }

    fn file(&self, extension: &str) -> String {
        format!("{}.{extension}", self.name)
    }
}

/// A file without its final name, which is removed if it does not get it.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // There is nothing to be done if this fails too: the next start removes it.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests;
