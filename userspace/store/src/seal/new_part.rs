//! A part that is being made, and what is made beside it.

use super::Beside;
use crate::{
    error::StoreError,
    incoming::Incoming,
    layout::{Layout, properties},
    schema::Family,
};
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A part to which rows are added, without its final name.
pub(crate) struct NewPart<'a> {
    incoming: &'a Incoming,
    stem: String,
    unfinished: Unfinished,
    writer: ArrowWriter<File>,
    beside_columns: &'static [&'static str],
}

impl<'a> NewPart<'a> {
    /// Creates the file of a part `{stem}.parquet`.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(
        incoming: &'a Incoming,
        (family, stem): (Family, String),
        layout: Layout,
        beside: &mut dyn Beside,
    ) -> Result<Self, StoreError> {
        let (path, file) = incoming.create(&format!("{stem}.parquet"))?;
        let unfinished = Unfinished(path);
        let options = ArrowWriterOptions::new()
            .with_properties(properties(family, layout))
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, family.schema(), options)
            .map_err(|e| StoreError::parquet("write", &unfinished.0, e))?;
        let beside_columns = beside.begin(family);
        Ok(Self { incoming, stem, unfinished, writer, beside_columns })
    }

    /// Adds rows, with the columns of [`Family::batch_schema`], which follow those that were added
    /// before.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&mut self, rows: &RecordBatch, beside: &mut dyn Beside) -> Result<(), StoreError> {
        if !self.beside_columns.is_empty() {
            beside.rows(&some_of(rows, self.beside_columns)?)?;
        }
        let written = self.writer.write(rows);
        written.map_err(|e| StoreError::parquet("write", &self.unfinished.0, e))
    }

    /// Bytes of the file so far.
    pub fn bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// Completes the files and waits until they are on disk.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn finish(self, beside: &mut dyn Beside) -> Result<WholePart, StoreError> {
        let Self { incoming, stem, unfinished, writer, beside_columns } = self;
        let file = writer.into_inner();
        let file = file.map_err(|e| StoreError::parquet("write", &unfinished.0, e))?;
        sync(&file, &unfinished.0)?;
        let mut files = Vec::new();
        if !beside_columns.is_empty() {
            let name = format!("{stem}.{}", beside.extension());
            let (path, mut file) = incoming.create(&name)?;
            let unfinished = Unfinished(path);
            beside.finish(&mut file)?;
            sync(&file, &unfinished.0)?;
            files.push((unfinished, name));
        }
        files.push((unfinished, format!("{stem}.parquet")));
        Ok(WholePart { files })
    }
}

/// These columns of the rows.
fn some_of(rows: &RecordBatch, columns: &[&str]) -> Result<RecordBatch, ArrowError> {
    let columns = columns.iter().filter_map(|name| Some((*name, rows.column_by_name(name)?)));
    RecordBatch::try_from_iter(columns.map(|(name, column)| (name, Arc::clone(column))))
}

fn sync(file: &File, path: &Path) -> Result<(), StoreError> {
    file.sync_all().map_err(|e| StoreError::io("sync", path, e))
}

/// A part that is on disk, without its final name.
pub(crate) struct WholePart {
    /// Its files with their final names: what is beside it, and last the part.
    files: Vec<(Unfinished, String)>,
}

impl WholePart {
    /// Gives the files their final names, with `publish`.
    ///
    /// # Errors
    /// If that fails; the part has then not got its final name.
    pub fn publish(
        &self,
        mut publish: impl FnMut(&Path, &str) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.files.iter().try_for_each(|(file, name)| publish(&file.0, name))
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
