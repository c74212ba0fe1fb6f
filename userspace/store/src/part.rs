//! One Parquet file that is being written.

use crate::{
    arrivals::Arrivals,
    error::StoreError,
    incoming::{Incoming, sync_directory},
    partition::Hour,
    schema::Family,
};
use arrow_array::RecordBatch;
use logweir_decode::context::UnixNanos;
use parquet::{
    arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions},
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// How the file is written.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// zstd level.
    pub zstd_level: i32,
    /// Rows of a row group.
    pub row_group_rows: usize,
    /// Rows of a page, for which the file has minimum and maximum.
    pub page_rows: usize,
    /// Bytes, as encoded, after which a row group ends before it has all of its rows.
    pub row_group_bytes: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            zstd_level: 1,
            row_group_rows: 1 << 20,
            page_rows: 20_000,
            row_group_bytes: 128 << 20,
        }
    }
}

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

/// Rows between two looks at whether a page is full.
const WRITE_BATCH_ROWS: usize = 1_024;

fn discard(partial: &Path, error: ParquetError) -> StoreError {
    let _ = fs::remove_file(partial);
    StoreError::parquet("write", partial, error)
}

pub(crate) fn properties(family: Family, layout: Layout) -> WriterProperties {
    let level = ZstdLevel::try_new(layout.zstd_level).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("logweir ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(layout.page_rows.max(1))
        .set_write_batch_size(layout.page_rows.clamp(1, WRITE_BATCH_ROWS))
        .set_max_row_group_row_count(Some(layout.row_group_rows.max(1)))
        .set_max_row_group_bytes(Some(layout.row_group_bytes.max(1)));
    // Times and sequence numbers rise slowly: differences are small where the values are not.
    for name in ["received_at", "event_time", "start_time", "end_time", "sequence"] {
        if family.schema().field_with_name(name).is_ok() {
            let column = ColumnPath::from(name);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
    }
    // Hardly any value comes twice: a dictionary would be built and thrown away.
    for name in [
        "src_port",
        "nat_src_port",
        "duration_ms",
        "sent_bytes",
        "received_bytes",
        "raw",
        "extra",
        "url",
    ] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(name), false);
    }
    // Minimum and maximum of these tell nothing.
    for name in ["raw", "extra"] {
        let column = ColumnPath::from(name);
        properties = properties.set_column_statistics_enabled(column, EnabledStatistics::None);
    }
    properties.build()
}
