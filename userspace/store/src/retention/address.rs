//! Whether a part names an address.

use crate::error::StoreError;
use arrow_array::{Array, cast::AsArray, types::UInt32Type};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};
use std::{fs::File, net::IpAddr, path::Path};

/// Whether any record of a Parquet file names the address: as that of a subscriber, of the NAT or
/// of a destination, but not as the exporter's. A file that cannot be read does.
pub(super) fn names(path: &Path, address: IpAddr) -> bool {
    look_for(path, address.to_canonical()).unwrap_or(true)
}

fn look_for(path: &Path, address: IpAddr) -> Result<bool, StoreError> {
    let suffix = if address.is_ipv4() { "_v4" } else { "_v6" };
    let file = File::open(path).map_err(|e| StoreError::io("open", path, e))?;
    let read = |e| StoreError::parquet("read", path, e);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(read)?;
    let fields = builder.parquet_schema().root_schema().get_fields().iter().enumerate();
    let columns = fields.filter(|(_, field)| {
        field.name().ends_with(suffix) && !field.name().starts_with("exporter")
    });
    let columns: Vec<_> = columns.map(|(index, _)| index).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
    for batch in builder.with_projection(mask).build().map_err(read)? {
        if batch?.columns().iter().any(|column| holds(column, address)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn holds(column: &dyn Array, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => column
            .as_primitive_opt::<UInt32Type>()
            .is_none_or(|column| column.iter().any(|value| value == Some(address.into()))),
        IpAddr::V6(address) => column
            .as_fixed_size_binary_opt()
            .is_none_or(|column| column.iter().any(|value| value == Some(&address.octets()))),
    }
}
