//! The rows of a part that is to be made, as they came: each column in one piece, so that rows can
//! be taken from it in any order.

use crate::{
    nulls::{is_null, nulls},
    schema::Family,
};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt32Array,
    cast::AsArray, types::Int32Type,
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};
use arrow_select::{concat::concat, take::take};
use hashbrown::HashMap;
use std::sync::Arc;

/// Rows of a family with the columns of [`Family::batch_schema`].
pub(crate) struct Table {
    family: Family,
    /// `None` for a column without a value.
    columns: Vec<Option<ArrayRef>>,
    rows: usize,
}

impl Table {
    /// Of these pieces.
    ///
    /// # Errors
    /// If the text of a column is larger than an Arrow array can hold.
    pub fn new(family: Family, mut pieces: Vec<RecordBatch>) -> Result<Self, ArrowError> {
        let rows = pieces.iter().map(RecordBatch::num_rows).sum();
        let mut columns = Vec::new();
        // A column of the pieces is given up as soon as it is copied.
        for _ in family.batch_schema().fields() {
            let column: Vec<ArrayRef> =
                pieces.iter_mut().map(|piece| piece.remove_column(0)).collect();
            columns.push(joined(&column)?);
        }
        Ok(Self { family, columns, rows })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// These rows, in this order.
    ///
    /// # Errors
    /// If the text of a column is larger than an Arrow array can hold.
    pub fn take(&self, rows: &[u32]) -> Result<RecordBatch, ArrowError> {
        let rows = &UInt32Array::from(rows.to_vec());
        self.batch(rows.len(), |column| take(column, rows, None))
    }

    /// So many rows from this one on, as they came.
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
        let columns =
            self.columns.iter().zip(schema.fields()).map(|(column, field)| match column {
                Some(column) => select(column),
                None => Ok(nulls(field.data_type(), rows)),
            });
        let columns = columns.collect::<Result<_, _>>()?;
        RecordBatch::try_new(schema, columns)
    }
}

/// The pieces of a column as one; `None` where it has no value.
fn joined(pieces: &[ArrayRef]) -> Result<Option<ArrayRef>, ArrowError> {
    let arrays: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    Ok(match pieces.first().map(|piece| piece.data_type()) {
        None => None,
        Some(_) if arrays.iter().all(|array| is_null(*array)) => None,
        Some(DataType::Dictionary(..)) => Some(joined_texts(&arrays)?),
        Some(_) => Some(concat(&arrays)?),
    })
}

/// The same for text, with one dictionary for all pieces.
fn joined_texts(pieces: &[&dyn Array]) -> Result<ArrayRef, ArrowError> {
    let rows = pieces.iter().map(|piece| piece.len()).sum();
    let (mut keys, mut present) = (Vec::with_capacity(rows), BooleanBufferBuilder::new(rows));
    let (mut known, mut values) = (HashMap::new(), Vec::new());
    for piece in pieces.iter().filter_map(|piece| piece.as_dictionary_opt::<Int32Type>()) {
        let texts = piece.values().as_string_opt::<i32>().into_iter().flatten();
        let numbers: Vec<i32> = texts
            .map(|text| {
                // There are fewer texts than rows.
                *known.entry(text.unwrap_or_default()).or_insert_with_key(|text| {
                    values.push(*text);
                    (values.len() - 1) as i32
                })
            })
            .collect();
        // The key of a null may be any.
        let number = |key: &i32| numbers.get(*key as usize).copied().unwrap_or(0);
        keys.extend(piece.keys().values().iter().map(number));
        match piece.nulls() {
            Some(nulls) => present.append_buffer(nulls.inner()),
            None => present.append_n(piece.len(), true),
        }
    }
    let nulls = Some(NullBuffer::new(present.finish())).filter(|nulls| nulls.null_count() > 0);
    let keys = Int32Array::new(ScalarBuffer::from(keys), nulls);
    let values = Arc::new(StringArray::from(values));
    Ok(Arc::new(DictionaryArray::try_new(keys, values)?))
}
