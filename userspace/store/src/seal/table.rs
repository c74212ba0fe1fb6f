//! The rows of a part that is to be made, as they came: each column in one piece, so that rows can
//! be taken from it in any order.
//!
//! What a batch has is copied at once: a segment's rows are in memory once, and the arrays of a
//! batch, made and given up over and over, stay in the processor's caches.

use super::{
    CHUNK_ROWS,
    cells::{self, Cells},
};
use crate::{
    nulls::{is_null, nulls},
    schema::Family,
};
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{ArrowError, DataType};
use arrow_select::take::take;
use std::fmt;

/// Rows of a family that come, with the columns of [`Family::batch_schema`].
pub(crate) struct Growing {
    family: Family,
    /// `None` for a column that has no value yet.
    columns: Vec<Option<Box<dyn Cells>>>,
    rows: usize,
    expected: usize,
}

impl fmt::Debug for Growing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows of {}", self.rows, self.family)
    }
}

impl Growing {
    /// No rows yet, of which there will be about so many.
    pub fn new(family: Family, expected: usize) -> Self {
        let columns = family.batch_schema().fields().iter().map(|_| None).collect();
        Self { family, columns, rows: 0, expected }
    }

    /// Adds rows.
    pub fn append(&mut self, rows: &RecordBatch) {
        for (column, piece) in self.columns.iter_mut().zip(rows.columns()) {
            match column {
                None if is_null(piece) => {}
                Some(cells) if is_null(piece) => cells.append_absent(piece.len()),
                Some(cells) => cells.append(piece),
                None => {
                    let mut cells = cells::of(piece.data_type(), self.expected);
                    cells.append_absent(self.rows);
                    cells.append(piece);
                    *column = Some(cells);
                }
            }
        }
        self.rows += rows.num_rows();
    }

    /// All rows.
    ///
    /// # Errors
    /// If the text of a column is larger than an Arrow array can hold.
    pub fn finish(self) -> Result<Table, ArrowError> {
        let Self { family, columns, rows, .. } = self;
        let columns = columns.into_iter().map(|column| column.map(Column::of).transpose());
        Ok(Table { family, columns: columns.collect::<Result<_, _>>()?, rows })
    }
}

/// Rows of a family, with the columns of [`Family::batch_schema`].
pub(crate) struct Table {
    family: Family,
    /// `None` for a column without a value.
    columns: Vec<Option<Column>>,
    rows: usize,
}

/// A column with a value in at least one row.
enum Column {
    /// The same in all rows: as many of them as are taken at a time, at most.
    Same(ArrayRef),
    /// Each row as it is.
    Each(ArrayRef),
}

impl Column {
    fn of(cells: Box<dyn Cells>) -> Result<Self, ArrowError> {
        let are_same = cells.are_same();
        let each = cells.finish()?;
        Ok(if are_same {
            Self::Same(repeated(&each, CHUNK_ROWS.min(each.len()))?)
        } else {
            Self::Each(each)
        })
    }
}

/// The first value, so many times.
fn repeated(column: &dyn Array, rows: usize) -> Result<ArrayRef, ArrowError> {
    take(column, &UInt32Array::from(vec![0; rows]), None)
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// These columns, with all rows.
    ///
    /// # Errors
    /// If a column is not of the family.
    pub fn columns(&self, names: &[&str]) -> Result<RecordBatch, ArrowError> {
        let schema = self.family.batch_schema();
        let column = |name: &str| -> Result<ArrayRef, ArrowError> {
            let index = schema.index_of(name)?;
            Ok(match self.columns.get(index).and_then(Option::as_ref) {
                None => nulls(schema.field(index).data_type(), self.rows),
                Some(Column::Same(column)) => repeated(column, self.rows)?,
                Some(Column::Each(column)) => column.clone(),
            })
        };
        let columns = names.iter().map(|name| Ok((*name, column(name)?)));
        RecordBatch::try_from_iter(columns.collect::<Result<Vec<_>, ArrowError>>()?)
    }

    /// These rows, in this order; no more than [`CHUNK_ROWS`].
    ///
    /// # Errors
    /// If the text of a column is larger than an Arrow array can hold.
    pub fn take(&self, rows: &[u32]) -> Result<RecordBatch, ArrowError> {
        let rows = &UInt32Array::from(rows.to_vec());
        self.batch(rows.len(), |column| take(column, rows, None))
    }

    /// So many rows from this one on, as they came; no more than [`CHUNK_ROWS`].
    ///
    /// # Errors
    /// None that could occur: all columns have these rows.
    pub fn slice(&self, first: usize, rows: usize) -> Result<RecordBatch, ArrowError> {
        self.batch(rows, |column| Ok(column.slice(first, rows)))
    }

    fn batch(
        &self,
        rows: usize,
        select: impl Fn(&dyn Array) -> Result<ArrayRef, ArrowError>,
    ) -> Result<RecordBatch, ArrowError> {
        let schema = self.family.batch_schema();
        let column = |(column, data_type): (&Option<Column>, &DataType)| match column {
            None => Ok(nulls(data_type, rows)),
            Some(Column::Same(column)) => Ok(column.slice(0, rows)),
            Some(Column::Each(column)) => select(column),
        };
        let types = schema.fields().iter().map(|field| field.data_type());
        let columns = self.columns.iter().zip(types).map(column).collect::<Result<_, _>>()?;
        RecordBatch::try_new(schema, columns)
    }
}
