//! The family `unparsed`.

use super::{
    cells::{Rows, debug_assert_rows},
    common,
    text::{shared_name, spend},
    times::shared_time,
};
use crate::schema::Family;
use arrow_array::{
    RecordBatch, StringArray,
    builder::{BinaryBuilder, StringBuilder},
};
use arrow_schema::ArrowError;
use logweir_decode::{
    batch::{Batch, Run},
    context::{Context, EventTime},
    session::ColumnSet,
    unparsed::Unparsed,
};
use std::sync::Arc;

/// These records, in their order, as the columns of [`Family::Unparsed`].
///
/// # Errors
/// If a column's text is larger than an Arrow array can hold.
pub fn unparsed(
    batch: &Batch,
    records: &[(&Context, &Unparsed)],
) -> Result<RecordBatch, ArrowError> {
    let runs: Vec<Run> = records
        .iter()
        .map(|(context, _)| Run {
            first_row: 0,
            rows: 1,
            columns: ColumnSet::EMPTY,
            context: **context,
        })
        .collect();
    let rows = &Rows::new(&runs);
    let event_time = shared_time(rows, |run| run.context.received_at);
    let time_source = shared_name(rows, |_| EventTime::Received.name());
    let mut columns = common::columns(rows, batch, event_time, time_source)?;
    let (reason, raw) = reason_and_raw(batch, records)?;
    columns.push(Arc::new(reason));
    columns.push(Arc::new(raw));
    debug_assert_rows(rows, &columns);
    RecordBatch::try_new(Family::Unparsed.schema(), columns)
}

fn reason_and_raw(
    batch: &Batch,
    records: &[(&Context, &Unparsed)],
) -> Result<(StringArray, arrow_array::BinaryArray), ArrowError> {
    let mut reasons = StringBuilder::with_capacity(records.len(), records.len() * 16);
    let mut raws = BinaryBuilder::with_capacity(records.len(), records.len() * 128);
    let mut budget = i32::MAX as usize;
    for (_, record) in records {
        let raw = batch.text(record.raw);
        budget = spend(budget, raw.len())?;
        reasons.append_value(record.reason.name());
        raws.append_value(raw);
    }
    Ok((reasons.finish(), raws.finish()))
}
