//! Reading the rows of a family's files that can answer a question, and little else.

use crate::{
    error::StoreError,
    files,
    found::{ROW_NUMBER, Stored, records},
    lookup::Answer,
    prune::{self, Wanted},
    schema::Family,
};
use arrow_array::{
    Array, BooleanArray, PrimitiveArray, RecordBatch,
    cast::AsArray,
    types::{TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type},
};
use arrow_schema::{ArrowError, DataType, Field};
use parquet::{
    arrow::{
        ProjectionMask, RowNumber,
        arrow_reader::{
            ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions,
            ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowFilter,
        },
    },
    errors::ParquetError,
    file::metadata::PageIndexPolicy,
    schema::types::SchemaDescriptor,
};
use std::{fs::File, path::Path, sync::Arc};

/// What rows must have to be read.
pub(crate) struct Scan {
    /// The address: it leaves the least rows for which other columns are read.
    pub address: (&'static str, Wanted),
    /// What else.
    pub further: Vec<(&'static str, Wanted)>,
    /// The latest begin of a session, microseconds.
    pub begin_max_micros: Option<i64>,
}

impl Scan {
    /// Gives every such record of the family with its file and row to `each`, and counts in the
    /// answer what was read and what could not be.
    pub fn records<R: Stored>(
        &self,
        (directory, family): (&Path, Family),
        answer: &mut Answer,
        mut each: impl FnMut(R, &Path, u64),
    ) -> Result<(), StoreError> {
        for path in files::parquet_files(directory, family)? {
            match self.file(&path, answer, &mut each) {
                Ok(searched) => answer.files += u64::from(searched),
                Err(error) => answer.unreadable.push(error),
            }
        }
        Ok(())
    }

    /// `false` if the file is no longer there.
    fn file<R: Stored>(
        &self,
        path: &Path,
        answer: &mut Answer,
        each: &mut impl FnMut(R, &Path, u64),
    ) -> Result<bool, StoreError> {
        let Some(file) = files::open(path)? else { return Ok(false) };
        let read = |e| StoreError::parquet("read", path, e);
        for batch in self.reader(file, answer).map_err(read)? {
            let batch = batch.map_err(|e| read(e.into()))?;
            for record in records(&batch, path) {
                let (record, row) = record?;
                each(record, path, row);
            }
        }
        Ok(true)
    }

    fn reader(
        &self,
        file: File,
        answer: &mut Answer,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let row_number = Field::new(ROW_NUMBER, DataType::Int64, false);
        let options =
            ArrowReaderOptions::new()
                .with_page_index_policy(PageIndexPolicy::Optional)
                .with_virtual_columns(vec![Arc::new(row_number.with_extension_type(RowNumber))])?;
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        let wanted: Vec<_> = self.wanted().collect();
        let groups = prune::row_groups(&metadata, &wanted, self.begin_max_micros)?;
        answer.row_groups_read += groups.len() as u64;
        answer.row_groups_skipped += (metadata.metadata().num_row_groups() - groups.len()) as u64;
        let selection = prune::pages(&metadata, &groups, self.address)?;
        let filter = self.filter(metadata.parquet_schema());
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(groups)
            .with_row_filter(filter);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build()
    }

    fn wanted(&self) -> impl Iterator<Item = (&'static str, Wanted)> {
        [self.address].into_iter().chain(self.further.iter().copied())
    }

    fn filter(&self, schema: &SchemaDescriptor) -> RowFilter {
        let mut predicates: Vec<_> = self
            .wanted()
            .map(|(column, wanted)| {
                predicate(schema, [column], move |batch| match wanted {
                    Wanted::V4(v4) => equal::<UInt32Type>(&batch, v4),
                    Wanted::Port(port) => equal_or_absent::<UInt16Type>(&batch, port),
                    Wanted::Protocol(protocol) => equal_or_absent::<UInt8Type>(&batch, protocol),
                    Wanted::V6(octets) => {
                        Ok(BooleanArray::from_unary(fixed_size_binary(&batch)?, |cell| {
                            cell == octets
                        }))
                    }
                })
            })
            .collect();
        if let Some(begin_max) = self.begin_max_micros {
            let begins_in_time = move |batch: RecordBatch| begins_by(&batch, begin_max);
            predicates.push(predicate(schema, ["event_time", "start_time"], begins_in_time));
        }
        RowFilter::new(predicates)
    }
}

fn predicate<const N: usize>(
    schema: &SchemaDescriptor,
    columns: [&str; N],
    keep: impl FnMut(RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
) -> Box<dyn ArrowPredicate> {
    Box::new(ArrowPredicateFn::new(ProjectionMask::columns(schema, columns), keep))
}

fn equal<T: arrow_array::ArrowPrimitiveType>(
    batch: &RecordBatch,
    value: T::Native,
) -> Result<BooleanArray, ArrowError> {
    Ok(BooleanArray::from_unary(numbers::<T>(batch)?, |cell| cell == value))
}

/// See [`Wanted::or_absent`].
fn equal_or_absent<T: arrow_array::ArrowPrimitiveType>(
    batch: &RecordBatch,
    value: T::Native,
) -> Result<BooleanArray, ArrowError> {
    let cells = numbers::<T>(batch)?.iter();
    Ok(cells.map(|cell| Some(cell.is_none_or(|cell| cell == value))).collect())
}

fn numbers<T: arrow_array::ArrowPrimitiveType>(
    batch: &RecordBatch,
) -> Result<&PrimitiveArray<T>, ArrowError> {
    let column = batch.columns().first().and_then(|column| column.as_primitive_opt::<T>());
    column.ok_or_else(wrong_type)
}

fn fixed_size_binary(
    batch: &RecordBatch,
) -> Result<&arrow_array::FixedSizeBinaryArray, ArrowError> {
    let column = batch.columns().first().and_then(|column| column.as_fixed_size_binary_opt());
    column.ok_or_else(wrong_type)
}

fn begins_by(batch: &RecordBatch, begin_max: i64) -> Result<BooleanArray, ArrowError> {
    let column = |name| {
        let column = batch.column_by_name(name);
        let times = column.and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
        times.ok_or_else(wrong_type)
    };
    let (start, event) = (column("start_time")?, column("event_time")?);
    let begin = |row| if start.is_valid(row) { start.value(row) } else { event.value(row) };
    Ok((0..batch.num_rows()).map(|row| Some(begin(row) <= begin_max)).collect())
}

fn wrong_type() -> ArrowError {
    ArrowError::SchemaError("a column is not of the type that logweir writes".to_owned())
}
