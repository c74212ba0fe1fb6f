//! Columns of numbers and addresses.

use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, FixedSizeBinaryArray, PrimitiveArray};
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, ScalarBuffer,
};
use arrow_schema::DataType;
use logweir_decode::{
    batch::Run,
    session::{Column, ColumnSet},
};
use std::{ops::Range, sync::Arc};

/// The runs that one array is made of.
pub(super) struct Rows<'a> {
    /// The runs, in the order in which they become rows.
    pub runs: &'a [Run],
    /// The same rows in as few pieces as possible.
    pub spans: Vec<Span>,
    /// Number of rows of all of them.
    pub count: usize,
    /// The columns that at least one of them has.
    pub any: ColumnSet,
}

/// Consecutive rows that have the same columns. Where each line of text is a run of its own, a
/// batch still is a few spans, and its columns are copied in a few pieces.
pub(super) struct Span {
    /// Where the cells are in the table.
    pub cells: Range<usize>,
    /// The columns that are filled.
    pub columns: ColumnSet,
}

impl<'a> Rows<'a> {
    pub fn new(runs: &'a [Run]) -> Self {
        let count = runs.iter().map(|run| run.rows as usize).sum();
        let any = runs.iter().fold(ColumnSet::EMPTY, |any, run| any.union(run.columns));
        let mut spans: Vec<Span> = Vec::new();
        for run in runs {
            let cells = range(run);
            match spans.last_mut() {
                Some(last) if last.columns == run.columns && last.cells.end == cells.start => {
                    last.cells.end = cells.end;
                }
                _ => spans.push(Span { cells, columns: run.columns }),
            }
        }
        Self { runs, spans, count, any }
    }

    /// The cells of a column, with the default where a run has not got it; `None` where none has.
    pub fn dense<T: Copy + Default>(&self, column: Column, cells: &[T]) -> Option<Vec<T>> {
        if !self.any.has(column) {
            return None;
        }
        let mut values = Vec::with_capacity(self.count);
        for span in &self.spans {
            if span.columns.has(column) {
                values.extend_from_slice(&cells[span.cells.clone()]);
            } else {
                values.resize(values.len() + span.cells.len(), T::default());
            }
        }
        Some(values)
    }

    /// In which rows the column was filled; `None` where it was in all.
    pub fn filled(&self, column: Column) -> Option<NullBuffer> {
        if self.spans.iter().all(|span| span.columns.has(column)) {
            return None;
        }
        let mut filled = BooleanBufferBuilder::new(self.count);
        for span in &self.spans {
            filled.append_n(span.cells.len(), span.columns.has(column));
        }
        Some(NullBuffer::new(filled.finish()))
    }

    /// A column whose zero is a value like any other.
    pub fn numbers<T: ArrowPrimitiveType>(&self, column: Column, cells: &[T::Native]) -> ArrayRef {
        match self.dense(column, cells) {
            None => self.nulls(&T::DATA_TYPE),
            Some(values) => {
                Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(values), self.filled(column)))
            }
        }
    }

    /// A column whose zero means that there is none: an address or port.
    pub fn nonzero<T: ArrowPrimitiveType>(&self, column: Column, cells: &[T::Native]) -> ArrayRef {
        match self.dense(column, cells) {
            None => self.nulls(&T::DATA_TYPE),
            Some(values) => nonzero_numbers::<T>(values),
        }
    }

    /// A column of IPv6 addresses.
    pub fn ipv6(&self, column: Column, cells: &[[u8; 16]]) -> ArrayRef {
        match self.dense(column, cells) {
            None => self.nulls(&DataType::FixedSizeBinary(16)),
            Some(values) => nonzero_ipv6(values),
        }
    }

    pub fn nulls(&self, data_type: &DataType) -> ArrayRef {
        crate::nulls::nulls(data_type, self.count)
    }
}

/// The rows of a run.
pub(super) fn range(run: &Run) -> Range<usize> {
    let first = run.first_row as usize;
    first..first + run.rows as usize
}

/// Numbers of which zero is absent.
pub(super) fn nonzero_numbers<T: ArrowPrimitiveType>(values: Vec<T::Native>) -> ArrayRef {
    let zero = T::Native::usize_as(0);
    let present = present(&values, |value| *value != zero);
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(values), present))
}

/// IPv6 addresses of which `::` is absent.
pub(super) fn nonzero_ipv6(values: Vec<[u8; 16]>) -> ArrayRef {
    let present = present(&values, |value| u128::from_ne_bytes(*value) != 0);
    let bytes = Buffer::from_vec(values.into_flattened());
    let array = FixedSizeBinaryArray::new(16, bytes, present);
    Arc::new(array)
}

/// Which values are present; `None` where all are.
pub(super) fn present<T>(values: &[T], is_present: impl Fn(&T) -> bool) -> Option<NullBuffer> {
    let bits = BooleanBuffer::collect_bool(values.len(), |row| is_present(&values[row]));
    let nulls = NullBuffer::new(bits);
    (nulls.null_count() > 0).then_some(nulls)
}

/// Checks that an array was made for these rows, in debug builds.
pub(super) fn debug_assert_rows(rows: &Rows<'_>, columns: &[ArrayRef]) {
    for column in columns {
        debug_assert_eq!(column.len(), rows.count);
    }
}
