//! Columns of text.

use super::{cells::Rows, extra};
use crate::schema;
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, builder::StringBuilder, types::Int32Type,
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};
use hashbrown::HashMap;
use logweir_decode::{
    batch::{Batch, Run},
    session::Column,
    text::{Text, to_utf8},
};
use std::sync::Arc;

/// Arrow counts the bytes of a text column in 31 bits. GBK text grows to at most three times its
/// bytes in UTF-8, an `extra` to at most six times in JSON.
pub(super) const BYTES_MAX: usize = i32::MAX as usize / 8;

/// Makes a column of text that often repeats, as a dictionary; what is empty is null.
pub(super) struct Texts<'a> {
    keys: Vec<i32>,
    present: BooleanBufferBuilder,
    values: StringBuilder,
    known: HashMap<&'a [u8], i32>,
    last: (&'a [u8], i32),
    budget: usize,
}

impl<'a> Texts<'a> {
    pub fn new(rows: usize) -> Self {
        Self {
            keys: Vec::with_capacity(rows),
            present: BooleanBufferBuilder::new(rows),
            values: StringBuilder::new(),
            known: HashMap::new(),
            last: (&[], 0),
            budget: BYTES_MAX,
        }
    }

    /// Adds device text, as UTF-8, so many times.
    pub fn push(&mut self, bytes: &'a [u8], times: usize) -> Result<(), ArrowError> {
        if bytes.is_empty() {
            self.push_null(times);
            return Ok(());
        }
        if !std::ptr::eq(self.last.0, bytes) && self.last.0 != bytes {
            self.last = (bytes, self.key_of(bytes)?);
        }
        self.keys.resize(self.keys.len() + times, self.last.1);
        self.present.append_n(times, true);
        Ok(())
    }

    pub fn push_null(&mut self, times: usize) {
        self.keys.resize(self.keys.len() + times, 0);
        self.present.append_n(times, false);
    }

    fn key_of(&mut self, bytes: &'a [u8]) -> Result<i32, ArrowError> {
        if let Some(key) = self.known.get(bytes) {
            return Ok(*key);
        }
        self.budget = spend(self.budget, bytes.len())?;
        // There are no more texts than bytes of text.
        let key = self.known.len() as i32;
        self.values.append_value(to_utf8(bytes));
        self.known.insert(bytes, key);
        Ok(key)
    }

    pub fn finish(mut self) -> ArrayRef {
        let nulls = NullBuffer::new(self.present.finish());
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        if self.known.is_empty() {
            return crate::nulls::nulls(&schema::dictionary(), self.keys.len());
        }
        let keys = Int32Array::new(ScalarBuffer::from(self.keys), nulls);
        let values = Arc::new(self.values.finish());
        Arc::new(DictionaryArray::<Int32Type>::new(keys, values))
    }
}

/// A column of device text that often repeats.
pub(super) fn text(
    rows: &Rows<'_>,
    batch: &Batch,
    column: Column,
    cells: &[Text],
) -> Result<ArrayRef, ArrowError> {
    if !rows.any.has(column) {
        return Ok(rows.nulls(&schema::dictionary()));
    }
    let mut texts = Texts::new(rows.count);
    for span in &rows.spans {
        if span.columns.has(column) {
            for cell in &cells[span.cells.clone()] {
                texts.push(batch.text(*cell), 1)?;
            }
        } else {
            texts.push_null(span.cells.len());
        }
    }
    Ok(texts.finish())
}

/// A column of device text that hardly repeats.
pub(super) fn distinct_text(
    rows: &Rows<'_>,
    batch: &Batch,
    column: Column,
    cells: &[Text],
) -> Result<ArrayRef, ArrowError> {
    distinct(rows, batch, column, cells, |builder, bytes| builder.append_value(to_utf8(bytes)))
}

/// The column of pairs without a column of their own, as JSON.
pub(super) fn extra(
    rows: &Rows<'_>,
    batch: &Batch,
    cells: &[Text],
) -> Result<ArrayRef, ArrowError> {
    let mut json = Vec::new();
    distinct(rows, batch, Column::Extra, cells, |builder, encoded| {
        json.clear();
        extra::write_json(&mut json, encoded);
        builder.append_value(String::from_utf8_lossy(&json));
    })
}

fn distinct(
    rows: &Rows<'_>,
    batch: &Batch,
    column: Column,
    cells: &[Text],
    mut append: impl FnMut(&mut StringBuilder, &[u8]),
) -> Result<ArrayRef, ArrowError> {
    if !rows.any.has(column) {
        return Ok(rows.nulls(&DataType::Utf8));
    }
    let mut builder = StringBuilder::with_capacity(rows.count, rows.count * 8);
    let mut budget = BYTES_MAX;
    for span in &rows.spans {
        if !span.columns.has(column) {
            builder.append_nulls(span.cells.len());
            continue;
        }
        for cell in &cells[span.cells.clone()] {
            let bytes = batch.text(*cell);
            budget = spend(budget, bytes.len())?;
            if bytes.is_empty() {
                builder.append_null();
            } else {
                append(&mut builder, bytes);
            }
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Text that all rows of a run share; null where it is empty.
pub(super) fn shared_text<'a>(
    rows: &Rows<'_>,
    text: impl Fn(&Run) -> &'a [u8],
) -> Result<ArrayRef, ArrowError> {
    let mut texts = Texts::new(rows.count);
    for run in rows.runs {
        texts.push(text(run), run.rows as usize)?;
    }
    Ok(texts.finish())
}

pub(super) fn spend(budget: usize, bytes: usize) -> Result<usize, ArrowError> {
    budget.checked_sub(bytes).ok_or_else(|| {
        ArrowError::InvalidArgumentError(format!("a text column of more than {BYTES_MAX} bytes"))
    })
}
