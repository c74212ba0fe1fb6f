//! The family `unparsed`.

use super::{
    records::{Record, Records},
    text::spend,
};
use crate::schema::Family;
use arrow_array::{BinaryArray, RecordBatch, builder::BinaryBuilder};
use arrow_schema::ArrowError;
use logweir_decode::{batch::Batch, context::EventTime, unparsed::Unparsed};
use std::sync::Arc;

/// These records, in their order, as the columns of [`Family::Unparsed`].
///
/// # Errors
/// If a column's text is larger than an Arrow array can hold.
pub fn unparsed(
    batch: &Batch,
    records: &[Record<'_, Unparsed>],
) -> Result<RecordBatch, ArrowError> {
    let rows = Records { batch, rows: records };
    let mut columns = rows.common_with(|_| EventTime::Received)?;
    columns.push(rows.names(|row| Some(row.reason.name()))?);
    columns.push(Arc::new(raw(batch, records)?));
    RecordBatch::try_new(Family::Unparsed.batch_schema(), columns)
}

fn raw(batch: &Batch, records: &[Record<'_, Unparsed>]) -> Result<BinaryArray, ArrowError> {
    let mut raws = BinaryBuilder::with_capacity(records.len(), records.len() * 128);
    let mut budget = i32::MAX as usize;
    for (_, record) in records {
        let raw = batch.text(record.raw);
        budget = spend(budget, raw.len())?;
        raws.append_value(raw);
    }
    Ok(raws.finish())
}
