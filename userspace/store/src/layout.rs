//! How a part's file is laid out: which encoding, statistics and compression a column has.
//!
//! Rows of sessions and port blocks stand in the order of [`crate::seal`], and what that does to a
//! column decides. Figures are bytes a record of NetFlow sessions that begin and end.

use crate::schema::Family;
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder},
    schema::types::ColumnPath,
};

/// How the file is written.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// zstd level.
    pub zstd_level: i32,
    /// Rows of a row group.
    pub row_group_rows: usize,
    /// Rows of a page, for which the file has minimum and maximum.
    pub page_rows: usize,
    /// Whether many rows arrived at the same time: with a datagram of many records. Then the times
    /// of arrival are a dictionary: two bytes a record instead of three.
    pub arrivals_repeat: bool,
    /// Bytes, as encoded, after which a row group ends before it has all of its rows.
    pub row_group_bytes: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            zstd_level: 1,
            row_group_rows: 1 << 20,
            page_rows: 20_000,
            arrivals_repeat: false,
            row_group_bytes: 128 << 20,
        }
    }
}

/// Rows between two looks at whether a page, or its dictionary, is full.
const WRITE_BATCH_ROWS: usize = 4_096;

/// Columns whose values rise, or whose differences are small where the values are not.
const DELTAS: &[&str] = &[
    "received_at",
    "sequence",
    "nat_src_addr_v4",
    "nat_src_port",
    "public_addr_v4",
    "port_first",
    "port_last",
];

/// Times of events: mostly whole seconds or milliseconds, of which there are few; and if there are
/// too many for a dictionary, their differences are small.
const TIMES: &[&str] = &["event_time", "start_time", "end_time"];

/// Columns in which hardly any value comes twice, but for that of the row before: a dictionary would
/// be built and thrown away, and zstd finds the row before. Of inside addresses there are many, and
/// each is that of the row before or random: without a dictionary they are a fifth smaller.
const PLAIN: &[&str] = &[
    "src_addr_v4",
    "src_port",
    "duration_ms",
    "sent_bytes",
    "received_bytes",
    "raw",
    "extra",
    "url",
];

/// Columns whose minimum and maximum tell nothing, and have a value in nearly each row: comparing
/// each costs as much as encoding it.
const UNCOMPARED: &[&str] = &["format", "host", "time_source", "event", "extra", "raw"];

/// Columns for whose pages there are minimum and maximum: in the order of the rows, or nearly.
/// Elsewhere each page would have the same, and there are those of the row group alone.
fn paged(family: Family) -> &'static [&'static str] {
    match family {
        Family::Session => &["nat_src_addr_v4", "nat_src_addr_v6", "nat_src_port"],
        Family::PortBlock => &["public_addr_v4", "public_addr_v6", "port_first"],
        Family::Im | Family::Filter | Family::Unparsed => &["received_at", "event_time"],
    }
}

/// The properties of a family's files.
pub(crate) fn properties(family: Family, layout: Layout) -> WriterProperties {
    let level = ZstdLevel::try_new(layout.zstd_level).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("logweir ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_data_page_row_count_limit(layout.page_rows.max(1))
        .set_write_batch_size(layout.page_rows.clamp(1, WRITE_BATCH_ROWS))
        .set_max_row_group_row_count(Some(layout.row_group_rows.max(1)))
        .set_max_row_group_bytes(Some(layout.row_group_bytes.max(1)));
    for field in family.schema().fields() {
        properties = column(properties, family, layout, field.name());
    }
    properties.build()
}

fn column(
    mut properties: WriterPropertiesBuilder,
    family: Family,
    layout: Layout,
    name: &str,
) -> WriterPropertiesBuilder {
    let column = ColumnPath::from(name);
    if DELTAS.contains(&name) || TIMES.contains(&name) {
        let delta = Encoding::DELTA_BINARY_PACKED;
        properties = properties.set_column_encoding(column.clone(), delta);
    }
    let repeats = name == "received_at" && layout.arrivals_repeat;
    if !repeats && (DELTAS.contains(&name) || PLAIN.contains(&name)) {
        properties = properties.set_column_dictionary_enabled(column.clone(), false);
    }
    if paged(family).contains(&name) {
        properties.set_column_statistics_enabled(column, EnabledStatistics::Page)
    } else if UNCOMPARED.contains(&name) {
        properties.set_column_statistics_enabled(column, EnabledStatistics::None)
    } else {
        properties
    }
}
