//! The families and the columns of their files.
//!
//! A column is named as the field of the record contract; an address field has a column for each
//! address family, with `_v4` (unsigned 32-bit, host order) or `_v6` (16 bytes, as on the wire)
//! added. Absent values are null. Types are chosen so that DuckDB, ClickHouse, Spark and pyarrow
//! read the files as they stand: microseconds because Spark knows no nanoseconds, an Ethernet
//! address as the text that a person would search for (`00:00:5e:00:53:01`).

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{Arc, LazyLock},
};

/// A kind of record: a table with a schema of its own.
///
/// To add one: its variant and name here, its schema below, and its columns in [`crate::convert`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Events of sessions.
    Session,
    /// Blocks of public ports given to subscribers.
    PortBlock,
    /// Users of instant messengers.
    Im,
    /// Packets that a filter rule matched.
    Filter,
    /// What no decoder understood.
    Unparsed,
}

impl Family {
    /// All families, in the order of their indices.
    pub const ALL: [Family; 5] =
        [Family::Session, Family::PortBlock, Family::Im, Family::Filter, Family::Unparsed];

    /// The name in paths: `family=session`.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Session => "session",
            Family::PortBlock => "port_block",
            Family::Im => "im",
            Family::Filter => "filter",
            Family::Unparsed => "unparsed",
        }
    }

    /// The columns of the family's files.
    pub fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; Family::ALL.len()]> =
            LazyLock::new(|| Family::ALL.map(|family| Arc::new(Schema::new(family.fields()))));
        Arc::clone(&SCHEMAS[self as usize])
    }

    /// The same columns as they are in memory: text that often repeats is a dictionary.
    pub fn batch_schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; Family::ALL.len()]> = LazyLock::new(|| {
            Family::ALL.map(|family| {
                let fields = family.fields().into_iter();
                Arc::new(Schema::new(fields.map(in_memory).collect::<Vec<_>>()))
            })
        });
        Arc::clone(&SCHEMAS[self as usize])
    }

    fn fields(self) -> Vec<Field> {
        match self {
            Family::Session => session(),
            Family::PortBlock => port_block(),
            Family::Im => im(),
            Family::Filter => filter(),
            Family::Unparsed => unparsed(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The columns that every family begins with. In `port_block`, `sequence` is larger: where the
/// record has a number of its own, it is that.
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

fn session() -> Vec<Field> {
    let mut fields = common();
    fields.extend([optional("event", DataType::Utf8), optional("protocol", DataType::UInt8)]);
    fields.extend(["src", "dst", "nat_src", "nat_dst"].into_iter().flat_map(endpoint));
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
    fields
}

fn port_block() -> Vec<Field> {
    let mut fields = common();
    for field in &mut fields {
        if field.name() == "sequence" {
            *field = optional("sequence", DataType::UInt64);
        }
    }
    fields.push(present("event", DataType::Utf8));
    fields.extend(["private_addr", "public_addr"].into_iter().flat_map(address));
    fields.extend([
        optional("port_first", DataType::UInt16),
        optional("port_last", DataType::UInt16),
        optional("protocol", DataType::UInt8),
        optional("src_vrf", DataType::UInt32),
        optional("session_id", DataType::UInt64),
        optional("scene", DataType::Utf8),
        optional("extra", DataType::Utf8),
    ]);
    fields
}

fn im() -> Vec<Field> {
    let mut fields = common();
    fields.extend([
        present("event", DataType::Utf8),
        optional("application", DataType::Utf8),
        optional("account", DataType::Utf8),
        optional("protocol", DataType::UInt8),
    ]);
    fields.extend(["src", "dst", "nat_src", "nat_dst"].into_iter().flat_map(endpoint));
    fields.extend([
        optional("start_time", timestamp()),
        optional("end_time", timestamp()),
        optional("extra", DataType::Utf8),
    ]);
    fields
}

fn filter() -> Vec<Field> {
    let mut fields = common();
    fields.extend([
        optional("filter", DataType::Utf8),
        optional("action", DataType::Utf8),
        optional("protocol", DataType::UInt8),
        optional("protocol_name", DataType::Utf8),
        optional("mac", DataType::Utf8),
    ]);
    for end in ["src", "dst"] {
        fields.push(optional(&format!("{end}_interface"), DataType::Utf8));
        fields.extend(endpoint(end));
    }
    fields.extend([
        optional("tcp_flags", DataType::Utf8),
        optional("icmp_type", DataType::UInt8),
        optional("icmp_code", DataType::UInt8),
        optional("icmp_type_name", DataType::Utf8),
        optional("icmp_id", DataType::UInt16),
        optional("fragment_id", DataType::UInt16),
        optional("fragment_offset", DataType::UInt32),
        optional("extra", DataType::Utf8),
    ]);
    fields
}

fn unparsed() -> Vec<Field> {
    let mut fields = common();
    fields.extend([present("reason", DataType::Utf8), present("raw", DataType::Binary)]);
    fields
}

/// The columns of an end's address and port.
fn endpoint(end: &str) -> [Field; 3] {
    let [v4, v6] = address(&format!("{end}_addr"));
    [v4, v6, optional(&format!("{end}_port"), DataType::UInt16)]
}

/// The columns of an address.
fn address(name: &str) -> [Field; 2] {
    [optional(&format!("{name}_v4"), DataType::UInt32), optional(&format!("{name}_v6"), ipv6())]
}

fn present(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn in_memory(field: Field) -> Field {
    match (field.data_type(), field.name().as_str()) {
        // Hardly any of these comes twice.
        (_, "extra" | "url") => field,
        (DataType::Utf8, _) => field.with_data_type(dictionary()),
        _ => field,
    }
}

/// Text that often repeats, in memory.
pub(crate) fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
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
                if (family, field.name().as_str()) == (Family::PortBlock, "sequence") {
                    assert_eq!(*field.data_type(), DataType::UInt64);
                } else {
                    assert_eq!(**field, expected);
                }
            }
        }
    }
}
