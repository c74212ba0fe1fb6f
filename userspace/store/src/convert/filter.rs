//! The family `filter`.

use super::{
    records::{Record, Records},
    text::Texts,
};
use crate::schema::Family;
use arrow_array::{
    ArrayRef, RecordBatch,
    types::{UInt8Type, UInt16Type, UInt32Type},
};
use arrow_schema::ArrowError;
use logweir_decode::{
    batch::Batch,
    extra::Value,
    filter::{Action, Filter},
};

/// These records, in their order, as the columns of [`Family::Filter`].
///
/// # Errors
/// If a column's text is larger than an Arrow array can hold.
pub fn filter(batch: &Batch, records: &[Record<'_, Filter>]) -> Result<RecordBatch, ArrowError> {
    let rows = Records { batch, rows: records };
    let mut columns = rows.common()?;
    columns.extend([
        rows.texts(|row| row.filter)?,
        rows.names(|row| row.action.map(Action::name))?,
        rows.numbers::<UInt8Type>(|row| row.protocol),
        rows.texts(|row| row.protocol_name)?,
        macs(records)?,
        rows.texts(|row| row.src_interface)?,
    ]);
    columns.extend(rows.address(|row| row.src_addr));
    columns.push(rows.numbers::<UInt16Type>(|row| row.src_port));
    columns.push(rows.texts(|row| row.dst_interface)?);
    columns.extend(rows.address(|row| row.dst_addr));
    columns.extend([
        rows.numbers::<UInt16Type>(|row| row.dst_port),
        rows.texts(|row| row.tcp_flags)?,
        rows.numbers::<UInt8Type>(|row| row.icmp_type),
        rows.numbers::<UInt8Type>(|row| row.icmp_code),
        rows.texts(|row| row.icmp_type_name)?,
        rows.numbers::<UInt16Type>(|row| row.icmp_id),
        rows.numbers::<UInt16Type>(|row| row.fragment_id),
        rows.numbers::<UInt32Type>(|row| row.fragment_offset),
        rows.extra(|row| row.extra)?,
    ]);
    RecordBatch::try_new(Family::Filter.batch_schema(), columns)
}

/// Ethernet addresses as text.
fn macs(records: &[Record<'_, Filter>]) -> Result<ArrayRef, ArrowError> {
    let text = |row: &Filter| row.mac.map(|mac| Value::Mac(&mac).to_string());
    let macs: Vec<_> = records.iter().map(|(_, row)| text(row).unwrap_or_default()).collect();
    let mut texts = Texts::new(macs.len());
    macs.iter().try_for_each(|mac| texts.push(mac.as_bytes(), 1))?;
    Ok(texts.finish())
}
