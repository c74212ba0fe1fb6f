//! The rows of a part that is merged, a batch at a time.

use crate::{
    error::StoreError,
    schema::Family,
    seal::order::{Place, Places},
};
use arrow_array::RecordBatch;
use parquet::{
    arrow::arrow_reader::{
        ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    },
    file::metadata::ParquetMetaData,
};
use std::{
    fs::File,
    path::{Path, PathBuf},
};

/// Rows that are read of a part at a time, at most; and bytes, by the part's average.
const READ_ROWS: usize = 8 * 1024;
const READ_BYTES: usize = 4 << 20;

/// Where the merging is in one of its parts: at a row, of a batch that has one.
pub(super) struct Cursor {
    path: PathBuf,
    family: Family,
    reader: ParquetRecordBatchReader,
    batch: RecordBatch,
    /// Bytes of one of its rows in memory, on average.
    row_bytes: usize,
    /// Of the batch's rows; none where all rows are alike.
    places: Vec<Place>,
    row: usize,
}

impl Cursor {
    /// At the first row; `None` if there is none.
    pub fn open(path: &Path, family: Family) -> Result<Option<Self>, StoreError> {
        let failed = |e| StoreError::parquet("read", path, e);
        let file = File::open(path).map_err(|e| StoreError::io("open", path, e))?;
        let options = ArrowReaderOptions::new().with_schema(family.batch_schema());
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .and_then(|builder| {
                let rows = read_rows(builder.metadata());
                builder.with_batch_size(rows).build()
            })
            .map_err(failed)?;
        let batch = RecordBatch::new_empty(family.batch_schema());
        let path = path.to_owned();
        let mut cursor =
            Self { path, family, reader, batch, row_bytes: 0, places: Vec::new(), row: 0 };
        Ok(cursor.next_batch()?.then_some(cursor))
    }

    /// Bytes of the row in memory, as of the batch's rows on average.
    pub fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// Goes to the first row of the next batch; `false` at the end.
    pub fn next_batch(&mut self) -> Result<bool, StoreError> {
        self.row = 0;
        let batch = loop {
            match self.reader.next() {
                Some(Ok(batch)) if batch.num_rows() == 0 => {}
                Some(Ok(batch)) => break batch,
                Some(Err(e)) => return Err(StoreError::parquet("read", &self.path, e.into())),
                None => return Ok(false),
            }
        };
        let places = Places::new(self.family, &batch)?;
        self.places = places.map_or_else(Vec::new, |places| {
            (0..batch.num_rows()).map(|row| places.of(row)).collect()
        });
        self.row_bytes = batch.get_array_memory_size() / batch.num_rows();
        self.batch = batch;
        Ok(true)
    }

    /// The batch in which the row is.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The row's number in the batch.
    pub fn row(&self) -> usize {
        self.row
    }

    /// The row's place.
    pub fn place(&self) -> Place {
        self.places.get(self.row).copied().unwrap_or_default()
    }

    /// Goes to the next row; `false` if the batch has no more.
    pub fn advance(&mut self) -> bool {
        self.row += 1;
        self.row < self.batch.num_rows()
    }
}

/// How many rows of a part to read at a time: fewer where they are long, as whole datagrams are.
fn read_rows(metadata: &ParquetMetaData) -> usize {
    let groups = metadata.row_groups().iter();
    let row_bytes = groups.map(|group| group.total_byte_size() / group.num_rows().max(1)).max();
    let row_bytes = usize::try_from(row_bytes.unwrap_or(0)).unwrap_or(0).max(1);
    (READ_BYTES / row_bytes).clamp(1, READ_ROWS)
}
