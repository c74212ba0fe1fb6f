//! The order of a part's rows: what is asked for together stands together.
//!
//! Sessions stand by public address, public port, protocol and begin, so that the sessions of an
//! address and port are consecutive rows; port blocks by public address, first port and time. IPv4
//! comes before IPv6, what has no public address last, and an absent port or protocol counts as
//! zero. Rows that are equal in all that stay in the order in which they came; so do all rows of
//! the other families.

use crate::schema::Family;
use arrow_array::{
    Array, PrimitiveArray, RecordBatch,
    cast::AsArray,
    types::{ArrowPrimitiveType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type},
};
use arrow_schema::ArrowError;
use std::collections::BTreeSet;

/// The place of a row among the others of its part.
///
/// `place` has the class of the address (IPv4, IPv6, none) in bits 56 and 57, the address (of IPv6
/// its rank among those of the part) in bits 24 to 55, the port above the protocol in the rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    place: u64,
    micros: i64,
    row: u32,
}

/// The rows in the family's order, by their numbers; `None` where they stand as they came.
///
/// # Errors
/// If a column is missing or of another type.
pub(crate) fn order(family: Family, rows: &RecordBatch) -> Result<Option<Vec<u32>>, ArrowError> {
    let names = match family {
        Family::Session => ["nat_src_addr", "nat_src_port", "start_time"],
        Family::PortBlock => ["public_addr", "port_first", "event_time"],
        Family::Im | Family::Filter | Family::Unparsed => return Ok(None),
    };
    let mut keys = keys(rows, names)?;
    keys.sort_unstable();
    Ok(Some(keys.into_iter().map(|key| key.row).collect()))
}

fn keys(rows: &RecordBatch, [address, port, begin]: [&str; 3]) -> Result<Vec<Key>, ArrowError> {
    let v4 = numbers::<UInt32Type>(rows, &format!("{address}_v4"))?;
    let v6 = column(rows, &format!("{address}_v6"))?;
    let v6 = v6.as_fixed_size_binary_opt().ok_or_else(wrong_type)?;
    let port = numbers::<UInt16Type>(rows, port)?;
    let protocol = numbers::<UInt8Type>(rows, "protocol")?;
    let begin = numbers::<TimestampMicrosecondType>(rows, begin)?;
    let event = numbers::<TimestampMicrosecondType>(rows, "event_time")?;
    let ranks: BTreeSet<&[u8]> = v6.iter().flatten().collect();
    let ranks: Vec<&[u8]> = ranks.into_iter().collect();
    let count = u32::try_from(rows.num_rows()).map_err(|_| too_many())?;
    let key = |row: u32| {
        let index = row as usize;
        let (class, address) = if v4.is_valid(index) {
            (0, u64::from(v4.value(index)))
        } else if v6.is_valid(index) {
            (1, ranks.binary_search(&v6.value(index)).unwrap_or_default() as u64)
        } else {
            (2, 0)
        };
        let (port, protocol) = (u64::from(port.value(index)), u64::from(protocol.value(index)));
        let micros = if begin.is_valid(index) { begin.value(index) } else { event.value(index) };
        Key { place: class << 56 | address << 24 | port << 8 | protocol, micros, row }
    };
    Ok((0..count).map(key).collect())
}

fn numbers<'a, T: ArrowPrimitiveType>(
    rows: &'a RecordBatch,
    name: &str,
) -> Result<&'a PrimitiveArray<T>, ArrowError> {
    column(rows, name)?.as_primitive_opt().ok_or_else(wrong_type)
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, ArrowError> {
    rows.column_by_name(name).map(AsRef::as_ref).ok_or_else(wrong_type)
}

fn wrong_type() -> ArrowError {
    ArrowError::SchemaError("a column is not of the type that logweir writes".to_owned())
}

fn too_many() -> ArrowError {
    ArrowError::InvalidArgumentError("a part of more than 2^32 rows".to_owned())
}
