//! The family `port_block`.

use super::records::{Record, Records};
use crate::schema::Family;
use arrow_array::{
    RecordBatch, UInt64Array,
    types::{UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_schema::ArrowError;
use logweir_decode::{batch::Batch, port_block::PortBlock};
use std::sync::Arc;

/// These records, in their order, as the columns of [`Family::PortBlock`].
///
/// # Errors
/// If a column's text is larger than an Arrow array can hold.
pub fn port_block(
    batch: &Batch,
    records: &[Record<'_, PortBlock>],
) -> Result<RecordBatch, ArrowError> {
    let rows = Records { batch, rows: records };
    let schema = Family::PortBlock.batch_schema();
    let mut columns = rows.common()?;
    columns[schema.index_of("sequence")?] = Arc::new(sequence(records));
    columns.push(rows.names(|row| Some(row.event.name()))?);
    columns.extend(rows.address(|row| row.private_addr));
    columns.extend(rows.address(|row| row.public_addr));
    columns.extend([
        rows.numbers::<UInt16Type>(|row| row.port_first),
        rows.numbers::<UInt16Type>(|row| row.port_last),
        rows.numbers::<UInt8Type>(|row| row.protocol),
        rows.numbers::<UInt32Type>(|row| row.src_vrf),
        rows.numbers::<UInt64Type>(|row| row.session_id),
        rows.texts(|row| row.scene)?,
        rows.extra(|row| row.extra)?,
    ]);
    RecordBatch::try_new(schema, columns)
}

/// The record's own number, else that of its datagram.
fn sequence(records: &[Record<'_, PortBlock>]) -> UInt64Array {
    let number = |(context, row): &Record<'_, PortBlock>| {
        row.sequence.or_else(|| context.sequence.map(u64::from))
    };
    records.iter().map(number).collect()
}
