//! One Parquet file that is being written.

use crate::{
    arrivals::Arrivals,
    error::StoreError,
    incoming::{Incoming, sync_directory},
    layout::{Layout, properties},
    partition::Hour,
    schema::Family,
};
use arrow_array::RecordBatch;
use logweir_decode::context::UnixNanos;
use parquet::{
    arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions},
    errors::ParquetError,
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// A file that has not got its final name yet.
#[derive(Debug)]
pub struct Part {
    family: Family,
    hour: Hour,
    name: String,
    partial: PathBuf,
    file: ArrowWriter<File>,
    rows: u64,
    arrivals: Arrivals,
    opened_at: UnixNanos,
}

/// A part that has its final name and is on disk.
#[derive(Clone, Debug)]
pub struct CommittedPart {
    /// Where it is.
    pub path: PathBuf,
    /// Whose rows it holds.
    pub family: Family,
    /// How many.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// When its rows arrived.
    pub arrivals: Arrivals,
}

impl Part {
    /// Creates the file, under a name that no other part has.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn open(
        incoming: &Incoming,
        (family, hour): (Family, Hour),
        name: String,
        layout: Layout,
        now: UnixNanos,
    ) -> Result<Part, StoreError> {
        let (partial, file) = incoming.create(&name)?;
        let options = ArrowWriterOptions::new()
            .with_properties(properties(family, layout))
            .with_skip_arrow_metadata(true);
        let file = ArrowWriter::try_new_with_options(file, family.schema(), options);
        let file = file.map_err(|e| discard(&partial, e))?;
        let arrivals = Arrivals::default();
        Ok(Part { family, hour, name, partial, file, rows: 0, arrivals, opened_at: now })
    }

    /// Whose rows it holds.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The hour of arrival of its rows.
    pub const fn hour(&self) -> Hour {
        self.hour
    }

    /// Rows so far.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// When it was opened.
    pub const fn opened_at(&self) -> UnixNanos {
        self.opened_at
    }

    /// Bytes so far: what is in the file and what waits in memory for its row group to end.
    pub fn bytes(&self) -> u64 {
        (self.file.bytes_written() + self.file.in_progress_size()) as u64
    }

    /// Adds rows, and the times at which they arrived.
    ///
    /// # Errors
    /// If the file cannot be written; the part is then of no more use but to be discarded.
    pub fn write(
        &mut self,
        rows: &RecordBatch,
        arrivals: impl Iterator<Item = (UnixNanos, u64)>,
    ) -> Result<(), StoreError> {
        let written = self.file.write(rows);
        written.map_err(|e| StoreError::parquet("write", &self.partial, e))?;
        self.rows += rows.num_rows() as u64;
        arrivals.for_each(|(received_at, rows)| self.arrivals.add(received_at, rows));
        Ok(())
    }

    /// Completes the file, waits until it is on disk and gives it its final name.
    ///
    /// The second value is an error that came after that: the rows are stored, but a loss of power
    /// might still take the file's name.
    ///
    /// # Errors
    /// If the file system refuses; the file is then removed.
    pub fn commit(
        self,
        incoming: &Incoming,
    ) -> Result<(CommittedPart, Option<StoreError>), StoreError> {
        let file = self.file.into_inner().map_err(|e| discard(&self.partial, e))?;
        let synced = file.sync_all().and_then(|()| file.metadata());
        let metadata = synced.map_err(|e| discard(&self.partial, e.into()))?;
        let directory = self.hour.directory(self.family);
        let name = format!("{}.parquet", self.name);
        let path = incoming.publish(&self.partial, &directory, &name).inspect_err(|_| {
            let _ = fs::remove_file(&self.partial);
        })?;
        let late_error = path.parent().and_then(|directory| sync_directory(directory).err());
        let Part { family, rows, arrivals, .. } = self;
        Ok((CommittedPart { path, family, rows, bytes: metadata.len(), arrivals }, late_error))
    }

    /// Removes the file; its rows are lost.
    pub fn discard(self) {
        drop(self.file);
        // There is nothing to be done if this fails too: the next start removes it.
        let _ = fs::remove_file(&self.partial);
    }
}

fn discard(partial: &Path, error: ParquetError) -> StoreError {
    let _ = fs::remove_file(partial);
    StoreError::parquet("write", partial, error)
}
