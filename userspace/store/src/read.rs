//! Reading some rows of a part, by their numbers: of the footer what tells where the pages are, and
//! the pages that hold the rows.

use crate::{
    error::StoreError,
    files,
    found::{Stored, records},
    scan::row_number,
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder, RowSelection,
        },
    },
    errors::ParquetError,
    file::metadata::{
        ColumnChunkMask, ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData,
        ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
    },
};
use std::{fs::File, ops::Range, path::Path, sync::Arc};

/// Gives the records of these rows to `each`; the rows are in order, each once. `false` if the file
/// is no longer there.
///
/// # Errors
/// [`StoreError::Index`] if the part does not have as many rows as its index says; else if the file
/// cannot be read.
pub(crate) fn rows<R: Stored>(
    path: &Path,
    rows: &[u64],
    rows_in_part: u64,
    each: &mut impl FnMut(R, &Path, u64),
) -> Result<bool, StoreError> {
    let Some(file) = files::open(path)? else { return Ok(false) };
    let read = |e| StoreError::parquet("read", path, e);
    let metadata = footer(&file).map_err(read)?;
    if u64::try_from(metadata.file_metadata().num_rows()) != Ok(rows_in_part) {
        let fault = "is not of this part, which has another number of rows";
        return Err(StoreError::Index {
            path: path.with_extension(crate::index::EXTENSION),
            fault,
        });
    }
    for batch in reader(file, metadata, rows).map_err(read)? {
        let batch = batch.map_err(|e| read(e.into()))?;
        for record in records(&batch, path) {
            let (record, row) = record?;
            each(record, path, row);
        }
    }
    Ok(true)
}

/// The footer, of whose statistics those of the columns tell which have a value.
fn footer(file: &File) -> Result<ParquetMetaData, ParquetError> {
    let none = ParquetStatisticsPolicy::SkipAll;
    let options = ParquetMetaDataOptions::new()
        .with_size_stats_policy(none.clone())
        .with_encoding_stats_policy(none);
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Skip)
        .with_metadata_options(Some(options))
        .parse_and_finish(file)
}

fn reader(
    file: File,
    metadata: ParquetMetaData,
    rows: &[u64],
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let (groups, ranges, total) = place(&metadata, rows);
    let columns = columns_with_values(&metadata, &groups);
    let metadata = ParquetMetaDataReader::new_with_metadata(metadata)
        .with_column_index_policy(PageIndexPolicy::Skip)
        .with_offset_index_policy(PageIndexPolicy::Optional)
        .with_offset_index_mask(ColumnChunkMask::row_groups(groups.iter().copied()))
        .read_page_index_and_finish(&file)
        .map(|(metadata, index)| {
            let index = index.map(|index| Arc::new(index) as _);
            metadata.into_builder().set_page_index(index).build()
        })?;
    let options = ArrowReaderOptions::new().with_virtual_columns(vec![row_number()])?;
    let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options)?;
    ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
        .with_row_groups(groups)
        .with_projection(columns)
        .with_row_selection(RowSelection::from_consecutive_ranges(ranges.into_iter(), total))
        .build()
}

/// The columns that have a value in these row groups, as far as is known. Most have none, and each
/// that is read costs a decompressor; one that is not read is absent, too.
fn columns_with_values(metadata: &ParquetMetaData, groups: &[usize]) -> ProjectionMask {
    let groups = || groups.iter().filter_map(|group| metadata.row_groups().get(*group));
    let is_null = |column: &ColumnChunkMetaData| {
        let nulls = column.statistics().and_then(|statistics| statistics.null_count_opt());
        nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(column.num_values()))
    };
    let schema = metadata.file_metadata().schema_descr();
    let has_values = |leaf: &usize| {
        let mut chunks = groups().filter_map(|group| group.columns().get(*leaf));
        chunks.any(|column| !is_null(column))
    };
    ProjectionMask::leaves(schema, (0..schema.num_columns()).filter(has_values))
}

/// The row groups that hold the rows, the ranges of the rows in these as if there were no others,
/// and how many rows they have.
fn place(metadata: &ParquetMetaData, rows: &[u64]) -> (Vec<usize>, Vec<Range<usize>>, usize) {
    let mut rest = rows;
    let (mut groups, mut ranges, mut total) = (Vec::new(), Vec::<Range<usize>>::new(), 0);
    let mut first = 0;
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let count = u64::try_from(group.num_rows()).unwrap_or(0);
        let (own, others) = rest.split_at(rest.partition_point(|row| *row < first + count));
        if !own.is_empty() {
            groups.push(index);
            for row in own {
                let row = total + (row - first) as usize;
                match ranges.last_mut() {
                    Some(last) if last.end == row => last.end += 1,
                    _ => ranges.push(row..row + 1),
                }
            }
            total += count as usize;
        }
        (rest, first) = (others, first + count);
    }
    (groups, ranges, total)
}
