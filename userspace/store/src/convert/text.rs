//! Columns of text.

use super::{cells::Rows, extra};
use arrow_array::{ArrayRef, StringArray, builder::StringBuilder};
use arrow_schema::{ArrowError, DataType};
use logweir_decode::{
    batch::{Batch, Run},
    session::Column,
    text::{Text, to_utf8},
};
use std::sync::Arc;

/// Arrow counts the bytes of a text column in 31 bits. GBK text grows to at most three times its
/// bytes in UTF-8, an `extra` to at most six times in JSON.
pub(super) const BYTES_MAX: usize = i32::MAX as usize / 8;

/// A column of device text, as UTF-8.
pub(super) fn text(
    rows: &Rows<'_>,
    batch: &Batch,
    column: Column,
    cells: &[Text],
) -> Result<ArrayRef, ArrowError> {
    texts(rows, batch, column, cells, |builder, bytes| builder.append_value(to_utf8(bytes)))
}

/// The column of pairs without a column of their own, as JSON.
pub(super) fn extra(
    rows: &Rows<'_>,
    batch: &Batch,
    cells: &[Text],
) -> Result<ArrayRef, ArrowError> {
    let mut json = Vec::new();
    texts(rows, batch, Column::Extra, cells, |builder, encoded| {
        json.clear();
        extra::write_json(&mut json, encoded);
        builder.append_value(String::from_utf8_lossy(&json));
    })
}

fn texts(
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
pub(super) fn shared_text(
    rows: &Rows<'_>,
    batch: &Batch,
    text: impl Fn(&Run) -> Text,
) -> Result<ArrayRef, ArrowError> {
    if rows.runs.iter().all(|run| text(run).is_empty()) {
        return Ok(rows.nulls(&DataType::Utf8));
    }
    let mut builder = StringBuilder::with_capacity(rows.count, rows.count * 8);
    let mut budget = BYTES_MAX;
    for run in rows.runs {
        let bytes = batch.text(text(run));
        budget = spend(budget, bytes.len().saturating_mul(run.rows as usize))?;
        if bytes.is_empty() {
            builder.append_nulls(run.rows as usize);
        } else {
            builder.append_value_n(to_utf8(bytes), run.rows as usize);
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// A name that all rows of a run share.
pub(super) fn shared_name(rows: &Rows<'_>, name: impl Fn(&Run) -> &'static str) -> ArrayRef {
    if let Some((first, rest)) = rows.runs.split_first()
        && rest.iter().all(|run| name(run) == name(first))
    {
        return Arc::new(StringArray::new_repeated(name(first), rows.count));
    }
    let mut builder = StringBuilder::with_capacity(rows.count, rows.count * 8);
    for run in rows.runs {
        builder.append_value_n(name(run), run.rows as usize);
    }
    Arc::new(builder.finish())
}

pub(super) fn spend(budget: usize, bytes: usize) -> Result<usize, ArrowError> {
    budget.checked_sub(bytes).ok_or_else(|| {
        ArrowError::InvalidArgumentError(format!("a text column of more than {BYTES_MAX} bytes"))
    })
}
