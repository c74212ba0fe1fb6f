//! Reading the rows of a family's files that can answer a question, and little else.

use crate::{
    error::StoreError,
    files,
    found::{ROW_NUMBER, Stored, records},
    lookup::Answer,
    prune::{self, Wanted},
};
use arrow_array::{
    Array, BooleanArray, RecordBatch, cast::AsArray, types::TimestampMicrosecondType,
};
use arrow_schema::{ArrowError, DataType, Field, FieldRef};
use parquet::{
    arrow::{
        ProjectionMask, RowNumber,
        arrow_reader::{
            ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions,
            ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
        },
    },
    errors::ParquetError,
    file::metadata::PageIndexPolicy,
    schema::types::SchemaDescriptor,
};
use std::{collections::BTreeSet, fs::File, path::Path, sync::Arc};

/// What rows must have to be read.
pub(crate) struct Scan {
    /// At least one of these.
    pub any_of: Vec<Place>,
    /// The protocol, if one is asked for.
    pub protocol: Option<u8>,
    /// The latest begin of a session, microseconds.
    pub begin_max_micros: Option<i64>,
}

/// A column and what it must hold, and another that must have a port or none.
pub(crate) struct Place {
    pub column: &'static str,
    pub wanted: Wanted,
    pub port: Option<(&'static str, u16)>,
}

impl Place {
    /// The columns and what they must hold.
    fn cells(&self) -> impl Iterator<Item = (&'static str, Wanted)> {
        let port = self.port.map(|(column, port)| (column, Wanted::Port(port)));
        [(self.column, self.wanted.clone())].into_iter().chain(port)
    }
}

impl Scan {
    /// Gives every such record of a file with its row to `each`, and counts in the answer what was
    /// read. `false` if the file is no longer there.
    pub fn file<R: Stored>(
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
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_virtual_columns(vec![row_number()])?;
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        let groups = self.row_groups(&metadata)?;
        answer.row_groups_read += groups.len() as u64;
        answer.row_groups_skipped += (metadata.metadata().num_row_groups() - groups.len()) as u64;
        let selection = self.pages(&metadata, &groups)?;
        let filter = self.filter(metadata.parquet_schema());
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(groups)
            .with_row_filter(filter);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build()
    }

    fn row_groups(&self, metadata: &ArrowReaderMetadata) -> Result<Vec<usize>, ParquetError> {
        let protocol = self.protocol.map(|protocol| ("protocol", Wanted::Protocol(protocol)));
        let mut groups = BTreeSet::new();
        for place in &self.any_of {
            let wanted: Vec<_> = place.cells().chain(protocol.clone()).collect();
            groups.extend(prune::row_groups(metadata, &wanted, self.begin_max_micros)?);
        }
        Ok(groups.into_iter().collect())
    }

    /// `None` if all pages of these row groups can hold what is wanted.
    fn pages(
        &self,
        metadata: &ArrowReaderMetadata,
        groups: &[usize],
    ) -> Result<Option<RowSelection>, ParquetError> {
        let mut any: Option<RowSelection> = None;
        for place in &self.any_of {
            let wanted = (place.column, place.wanted.clone());
            let Some(pages) = prune::pages(metadata, groups, wanted)? else { return Ok(None) };
            any = Some(any.map_or(pages.clone(), |any| any.union(&pages)));
        }
        Ok(any)
    }

    /// The addresses first: they leave the least rows for which other columns are read.
    fn filter(&self, schema: &SchemaDescriptor) -> RowFilter {
        let mut predicates = Vec::new();
        let addresses: Vec<Vec<_>> =
            self.any_of.iter().map(|place| place.cells().take(1).collect()).collect();
        predicates.push(any_of(schema, addresses));
        if self.any_of.iter().any(|place| place.port.is_some()) {
            let cells = self.any_of.iter().map(|place| place.cells().collect()).collect();
            predicates.push(any_of(schema, cells));
        }
        if let Some(protocol) = self.protocol {
            predicates.push(any_of(schema, vec![vec![("protocol", Wanted::Protocol(protocol))]]));
        }
        if let Some(begin_max) = self.begin_max_micros {
            let begins_in_time = move |batch: RecordBatch| begins_by(&batch, begin_max);
            predicates.push(predicate(schema, ["event_time", "start_time"], begins_in_time));
        }
        RowFilter::new(predicates)
    }
}

/// The column of row numbers.
pub(crate) fn row_number() -> FieldRef {
    Arc::new(Field::new(ROW_NUMBER, DataType::Int64, false).with_extension_type(RowNumber))
}

/// Rows that hold all of at least one of these.
fn any_of(
    schema: &SchemaDescriptor,
    any: Vec<Vec<(&'static str, Wanted)>>,
) -> Box<dyn ArrowPredicate> {
    let columns: Vec<_> = any.iter().flatten().map(|(column, _)| *column).collect();
    predicate(schema, columns, move |batch| {
        let mut keep = vec![false; batch.num_rows()];
        for cells in &any {
            let mut all = vec![true; batch.num_rows()];
            for (column, wanted) in cells {
                let column = batch.column_by_name(column).ok_or_else(wrong_type)?;
                wanted.mark(column.as_ref(), &mut all).ok_or_else(wrong_type)?;
            }
            keep.iter_mut().zip(all).for_each(|(keep, all)| *keep |= all);
        }
        Ok(BooleanArray::from(keep))
    })
}

fn predicate(
    schema: &SchemaDescriptor,
    columns: impl IntoIterator<Item = &'static str>,
    keep: impl FnMut(RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
) -> Box<dyn ArrowPredicate> {
    Box::new(ArrowPredicateFn::new(ProjectionMask::columns(schema, columns), keep))
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
