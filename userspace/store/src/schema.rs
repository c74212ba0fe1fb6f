//! The families and the columns of their files.
//!
//! A column is named as the field of the record contract; an address field has a column for each
//! address family, with `_v4` (unsigned 32-bit, host order) or `_v6` (16 bytes, as on the wire)
//! added. Absent values are null. Types are chosen so that DuckDB, ClickHouse, Spark and pyarrow
//! read the files as they stand: microseconds because Spark knows no nanoseconds.

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::{
    fmt,
    sync::{Arc, LazyLock},
};

/// A kind of record: a table with a schema of its own.
///
/// To add one: its variant and name here, its schema below, and its columns in [`crate::convert`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Events of sessions.
    Session,
    /// What no decoder understood.
    Unparsed,
}

impl Family {
    /// All families, in the order of their indices.
    pub const ALL: [Family; 2] = [Family::Session, Family::Unparsed];

    /// The name in paths: `family=session`.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Session => "session",
            Family::Unparsed => "unparsed",
        }
    }

    /// The columns of the family's files.
    pub fn schema(self) -> SchemaRef {
        static SESSION: LazyLock<SchemaRef> = LazyLock::new(session);
        static UNPARSED: LazyLock<SchemaRef> = LazyLock::new(unparsed);
        match self {
            Family::Session => Arc::clone(&SESSION),
            Family::Unparsed => Arc::clone(&UNPARSED),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The columns that every family begins with.
fn common() -> Vec<Field> {
    vec![
        present("format", DataType::Utf8),
        optional("exporter_v4", DataType::UInt32),
        optional("exporter_v6", ipv6()),
        optional("exporter_port", DataType::UInt16),
        optional("observation_domain", DataType::UInt32),
        optional("sequence", DataType::UInt32),
        optional("host", DataType::Utf8),
        present("received_at", timestamp()),
        present("event_time", timestamp()),
        present("time_source", DataType::Utf8),
        optional("flags", list_of_text()),
    ]
}

fn session() -> SchemaRef {
    let mut fields = common();
    fields.extend([optional("event", DataType::Utf8), optional("protocol", DataType::UInt8)]);
    for [v4, v6, port] in [
        ["src_addr_v4", "src_addr_v6", "src_port"],
        ["dst_addr_v4", "dst_addr_v6", "dst_port"],
        ["nat_src_addr_v4", "nat_src_addr_v6", "nat_src_port"],
        ["nat_dst_addr_v4", "nat_dst_addr_v6", "nat_dst_port"],
    ] {
        fields.push(optional(v4, DataType::UInt32));
        fields.push(optional(v6, ipv6()));
        fields.push(optional(port, DataType::UInt16));
    }
    fields.extend([
        optional("tunnel_addr_v6", ipv6()),
        optional("src_vrf", DataType::UInt32),
        optional("dst_vrf", DataType::UInt32),
        optional("src_zone", DataType::Utf8),
        optional("dst_zone", DataType::Utf8),
        optional("direction", DataType::UInt8),
        optional("initiator", DataType::UInt8),
        optional("start_time", timestamp()),
        optional("end_time", timestamp()),
        optional("duration_ms", DataType::UInt64),
        optional("sent_packets", DataType::UInt64),
        optional("sent_bytes", DataType::UInt64),
        optional("received_packets", DataType::UInt64),
        optional("received_bytes", DataType::UInt64),
        optional("policy", DataType::Utf8),
        optional("user", DataType::Utf8),
        optional("application", DataType::Utf8),
        optional("close_reason", DataType::Utf8),
        optional("url", DataType::Utf8),
        optional("extra", DataType::Utf8),
    ]);
    Arc::new(Schema::new(fields))
}

fn unparsed() -> SchemaRef {
    let mut fields = common();
    fields.extend([present("reason", DataType::Utf8), present("raw", DataType::Binary)]);
    Arc::new(Schema::new(fields))
}

fn present(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// UTC, microseconds.
pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

pub(crate) fn ipv6() -> DataType {
    DataType::FixedSizeBinary(16)
}

pub(crate) fn list_of_text() -> DataType {
    DataType::List(list_item())
}

/// The field of a list's items; Parquet names it so.
pub(crate) fn list_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Utf8, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_each_family_at_its_index() {
        for (index, family) in Family::ALL.iter().enumerate() {
            assert_eq!(*family as usize, index);
        }
    }

    #[test]
    fn families_begin_with_the_common_columns() {
        for family in Family::ALL {
            let schema = family.schema();
            for (field, expected) in schema.fields().iter().zip(common()) {
                assert_eq!(**field, expected);
            }
        }
    }
}
