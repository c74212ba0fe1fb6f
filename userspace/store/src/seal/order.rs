//! The order of a part's rows: what is asked for together stands together.
//!
//! Sessions stand by public address, public port, protocol and begin, so that the sessions of an
//! address and port are consecutive rows; port blocks by public address, first port, protocol and
//! time. IPv4 comes before IPv6, what has no public address last, and an absent port or protocol
//! counts as zero. Rows that are equal in all that stay in the order in which they came; so do all
//! rows of the other families.

mod sort;

use crate::{nulls::is_null, schema::Family};
use arrow_array::{
    Array, FixedSizeBinaryArray, PrimitiveArray, RecordBatch,
    cast::AsArray,
    types::{ArrowPrimitiveType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type},
};
use arrow_schema::ArrowError;
use std::collections::BTreeSet;

/// The place of a row among all rows of its family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    address: Address,
    port: u16,
    protocol: u8,
    /// Begin or time of the event, microseconds.
    begin: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Address {
    V4(u32),
    V6([u8; 16]),
    #[default]
    None,
}

/// The columns that tell the places of some rows.
pub(crate) struct Places<'a> {
    v4: &'a PrimitiveArray<UInt32Type>,
    v6: &'a FixedSizeBinaryArray,
    port: &'a PrimitiveArray<UInt16Type>,
    protocol: &'a PrimitiveArray<UInt8Type>,
    begin: &'a PrimitiveArray<TimestampMicrosecondType>,
    event: &'a PrimitiveArray<TimestampMicrosecondType>,
}

impl<'a> Places<'a> {
    /// Of these rows, which are of a family's files or batches; `None` for a family whose rows stand as they came.
    ///
    /// # Errors
    /// If a column is missing or of another type.
    pub fn new(family: Family, rows: &'a RecordBatch) -> Result<Option<Self>, ArrowError> {
        let [v4, v6, port, begin] = match family {
            Family::Session => ["nat_src_addr_v4", "nat_src_addr_v6", "nat_src_port", "start_time"],
            Family::PortBlock => ["public_addr_v4", "public_addr_v6", "port_first", "event_time"],
            Family::Im | Family::Filter | Family::Unparsed => return Ok(None),
        };
        Ok(Some(Self {
            v4: numbers(rows, v4)?,
            v6: column(rows, v6)?.as_fixed_size_binary_opt().ok_or_else(wrong_type)?,
            port: numbers(rows, port)?,
            protocol: numbers(rows, "protocol")?,
            begin: numbers(rows, begin)?,
            event: numbers(rows, "event_time")?,
        }))
    }

    /// The place of one of the rows.
    pub fn of(&self, row: usize) -> Place {
        Place {
            address: self.address(row),
            port: self.port(row),
            protocol: self.protocol(row),
            begin: self.begin(row),
        }
    }

    fn address(&self, row: usize) -> Address {
        match value(self.v4, row) {
            Some(v4) => Address::V4(v4),
            None if self.v6.is_valid(row) => {
                // Its values are of 16 bytes each.
                Address::V6(self.v6.value(row).try_into().unwrap_or_default())
            }
            None => Address::None,
        }
    }

    fn port(&self, row: usize) -> u16 {
        value(self.port, row).unwrap_or(0)
    }

    fn protocol(&self, row: usize) -> u8 {
        value(self.protocol, row).unwrap_or(0)
    }

    /// Address and port in few bytes, which is good among rows with the same ranks: the class of the
    /// address (IPv4, IPv6, none) from bit 48 on, the address (of IPv6 its rank) from bit 16 on, and
    /// below it the port.
    fn key(&self, v6_ranks: &[&[u8]], row: usize) -> u64 {
        let (class, address) = match self.address(row) {
            Address::V4(v4) => (0, u64::from(v4)),
            Address::V6(v6) => {
                (1, v6_ranks.binary_search(&v6.as_slice()).unwrap_or_default() as u64)
            }
            Address::None => (2, 0),
        };
        class << 48 | address << 16 | u64::from(self.port(row))
    }

    fn begin(&self, row: usize) -> i64 {
        value(self.begin, row).unwrap_or_else(|| self.event.value(row))
    }
}

/// The columns that tell the order of a family's rows; none where these stand as they came.
pub(crate) const fn columns(family: Family) -> &'static [&'static str] {
    match family {
        Family::Session => &[
            "nat_src_addr_v4",
            "nat_src_addr_v6",
            "nat_src_port",
            "protocol",
            "start_time",
            "event_time",
        ],
        Family::PortBlock => {
            &["public_addr_v4", "public_addr_v6", "port_first", "protocol", "event_time"]
        }
        Family::Im | Family::Filter | Family::Unparsed => &[],
    }
}

/// The rows in the family's order, by their numbers; `None` where they stand as they came.
///
/// # Errors
/// If one of the [`columns`] is missing or of another type, or there are 2^32 rows or more.
pub(crate) fn order(family: Family, rows: &RecordBatch) -> Result<Option<Vec<u32>>, ArrowError> {
    let Some(places) = Places::new(family, rows)? else { return Ok(None) };
    let rows = 0..rows.num_rows();
    if u32::try_from(rows.end).is_err() {
        return Err(ArrowError::InvalidArgumentError("a part of 2^32 rows or more".into()));
    }
    let ranks = v6_ranks(&places);
    let keys = rows.map(|row| places.key(&ranks, row)).collect();
    let rest = |row| (places.protocol(row as usize), places.begin(row as usize));
    Ok(Some(sort::sort(keys, rest)))
}

/// The IPv6 addresses, each once, in their order.
fn v6_ranks<'a>(places: &Places<'a>) -> Vec<&'a [u8]> {
    let addresses = Some(places.v6).filter(|addresses| !is_null(*addresses));
    let distinct: BTreeSet<_> = addresses.into_iter().flatten().flatten().collect();
    distinct.into_iter().collect()
}

fn value<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
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

#[cfg(test)]
mod tests;
