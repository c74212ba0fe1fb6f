//! The family `im`.

use super::records::{Record, Records};
use crate::schema::Family;
use arrow_array::{
    RecordBatch,
    types::{UInt8Type, UInt16Type},
};
use arrow_schema::ArrowError;
use logweir_decode::{batch::Batch, im::Im};

/// These records, in their order, as the columns of [`Family::Im`].
///
/// # Errors
/// If a column's text is larger than an Arrow array can hold.
pub fn im(batch: &Batch, records: &[Record<'_, Im>]) -> Result<RecordBatch, ArrowError> {
    let rows = Records { batch, rows: records };
    let mut columns = rows.common()?;
    columns.extend([
        rows.names(|row| Some(row.event.name()))?,
        rows.texts(|row| row.application)?,
        rows.texts(|row| row.account)?,
        rows.numbers::<UInt8Type>(|row| row.protocol),
    ]);
    columns.extend(rows.address(|row| row.src_addr));
    columns.push(rows.numbers::<UInt16Type>(|row| row.src_port));
    columns.extend(rows.address(|row| row.dst_addr));
    columns.push(rows.numbers::<UInt16Type>(|row| row.dst_port));
    columns.extend(rows.address(|row| row.nat_src_addr));
    columns.push(rows.numbers::<UInt16Type>(|row| row.nat_src_port));
    columns.extend(rows.address(|row| row.nat_dst_addr));
    columns.push(rows.numbers::<UInt16Type>(|row| row.nat_dst_port));
    columns.extend([
        rows.times(|row| row.start),
        rows.times(|row| row.end),
        rows.extra(|row| row.extra)?,
    ]);
    RecordBatch::try_new(Family::Im.batch_schema(), columns)
}
