//! Stored records that answer questions, as a person reads them.

use crate::error::StoreError;
use arrow_array::{
    Array, ArrowPrimitiveType, RecordBatch,
    cast::AsArray,
    types::{Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use logweir_decode::context::UnixNanos;
use parquet::errors::ParquetError;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

/// The column that the reader adds: the row's number in its file, from 0.
pub(crate) const ROW_NUMBER: &str = "row_number";

/// A record that can be read from a row.
pub(crate) trait Stored: Sized {
    /// Reads one row.
    fn read(row: &Row<'_>) -> Result<Self, ParquetError>;
}

macro_rules! stored {
    (
        $(#[$about:meta])* $name:ident;
        $($(#[$doc:meta])* $field:ident: $type:ty = $read:ident($column:expr);)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }

        impl Stored for $name {
            fn read(row: &Row<'_>) -> Result<Self, ParquetError> {
                Ok(Self { $($field: row.$read($column)?,)* })
            }
        }
    };
}

stored! {
    /// A session record with all that was stored of it. Times are rounded down to microseconds.
    /// Absent values are `None`.
    StoredSession;
    /// The format that it came in.
    format: Option<String> = text("format");
    /// The exporter's address.
    exporter: Option<IpAddr> = address(&["exporter_v6", "exporter_v4"]);
    /// The exporter's UDP source port.
    exporter_port: Option<u16> = number_u16("exporter_port");
    /// NetFlow v9 Source ID or IPFIX Observation Domain ID.
    observation_domain: Option<u32> = number_u32("observation_domain");
    /// Sequence number of the datagram.
    sequence: Option<u32> = number_u32("sequence");
    /// Host name in the header.
    host: Option<String> = text("host");
    /// When it arrived.
    received_at: Option<UnixNanos> = time("received_at");
    /// When the event happened.
    event_time: Option<UnixNanos> = time("event_time");
    /// Where the event time comes from.
    time_source: Option<String> = text("time_source");
    /// Names of flags.
    flags: Vec<String> = texts("flags");
    /// What happened to the session.
    event: Option<String> = text("event");
    /// IP protocol number.
    protocol: Option<u8> = number_u8("protocol");
    /// Inside address: the IPv4 one where DS-Lite has both.
    src_addr: Option<IpAddr> = address(&["src_addr_v4", "src_addr_v6"]);
    /// Inside port.
    src_port: Option<u16> = number_u16("src_port");
    /// Destination address.
    dst_addr: Option<IpAddr> = address(&["dst_addr_v6", "dst_addr_v4"]);
    /// Destination port.
    dst_port: Option<u16> = number_u16("dst_port");
    /// Public address, if it is an IPv4 address.
    nat_src_addr_v4: Option<IpAddr> = address(&["nat_src_addr_v4"]);
    /// Public address, if it is an IPv6 address.
    nat_src_addr_v6: Option<IpAddr> = address(&["nat_src_addr_v6"]);
    /// Public port.
    nat_src_port: Option<u16> = number_u16("nat_src_port");
    /// Post-NAT destination address.
    nat_dst_addr: Option<IpAddr> = address(&["nat_dst_addr_v6", "nat_dst_addr_v4"]);
    /// Post-NAT destination port.
    nat_dst_port: Option<u16> = number_u16("nat_dst_port");
    /// The B4's address, for DS-Lite.
    tunnel_addr: Option<IpAddr> = address(&["tunnel_addr_v6"]);
    /// VRF of the source.
    src_vrf: Option<u32> = number_u32("src_vrf");
    /// VRF of the destination.
    dst_vrf: Option<u32> = number_u32("dst_vrf");
    /// Security zone of the source.
    src_zone: Option<String> = text("src_zone");
    /// Security zone of the destination.
    dst_zone: Option<String> = text("dst_zone");
    /// Direction, as the exporter says.
    direction: Option<u8> = number_u8("direction");
    /// natOriginatingAddressRealm: 1 private, 2 Internet.
    initiator: Option<u8> = number_u8("initiator");
    /// Begin of the session.
    start_time: Option<UnixNanos> = time("start_time");
    /// End of the session.
    end_time: Option<UnixNanos> = time("end_time");
    /// Duration, milliseconds.
    duration_ms: Option<u64> = number_u64("duration_ms");
    /// Packets from the source.
    sent_packets: Option<u64> = number_u64("sent_packets");
    /// Bytes from the source.
    sent_bytes: Option<u64> = number_u64("sent_bytes");
    /// Packets towards the source.
    received_packets: Option<u64> = number_u64("received_packets");
    /// Bytes towards the source.
    received_bytes: Option<u64> = number_u64("received_bytes");
    /// Policy or rule that the session matched.
    policy: Option<String> = text("policy");
    /// User.
    user: Option<String> = text("user");
    /// Application.
    application: Option<String> = text("application");
    /// Why the session ended.
    close_reason: Option<String> = text("close_reason");
    /// URL.
    url: Option<String> = text("url");
    /// What has no column, as a JSON object.
    extra: Option<String> = text("extra");
}

stored! {
    /// A record of a port block with all that was stored of it. Times are rounded down to
    /// microseconds. Absent values are `None`.
    StoredPortBlock;
    /// The format that it came in.
    format: Option<String> = text("format");
    /// The exporter's address.
    exporter: Option<IpAddr> = address(&["exporter_v6", "exporter_v4"]);
    /// The exporter's UDP source port.
    exporter_port: Option<u16> = number_u16("exporter_port");
    /// NetFlow v9 Source ID or IPFIX Observation Domain ID.
    observation_domain: Option<u32> = number_u32("observation_domain");
    /// The exporter's number of the record, or of its datagram.
    sequence: Option<u64> = number_u64("sequence");
    /// Host name in the header.
    host: Option<String> = text("host");
    /// When it arrived.
    received_at: Option<UnixNanos> = time("received_at");
    /// When the event happened.
    event_time: Option<UnixNanos> = time("event_time");
    /// Where the event time comes from.
    time_source: Option<String> = text("time_source");
    /// Names of flags.
    flags: Vec<String> = texts("flags");
    /// What happened to the block.
    event: Option<String> = text("event");
    /// The subscriber's address.
    private_addr: Option<IpAddr> = address(&["private_addr_v6", "private_addr_v4"]);
    /// The public address of the block.
    public_addr: Option<IpAddr> = address(&["public_addr_v6", "public_addr_v4"]);
    /// First port of the block.
    port_first: Option<u16> = number_u16("port_first");
    /// Last port of the block, included.
    port_last: Option<u16> = number_u16("port_last");
    /// IP protocol number, where the block is of one protocol only.
    protocol: Option<u8> = number_u8("protocol");
    /// VRF of the subscriber.
    src_vrf: Option<u32> = number_u32("src_vrf");
    /// The exporter's number of the subscriber's session.
    session_id: Option<u64> = number_u64("session_id");
    /// The kind of translation, as the exporter names it.
    scene: Option<String> = text("scene");
    /// What has no column, as a JSON object.
    extra: Option<String> = text("extra");
}

/// The events of a session's records at whose time it ended.
pub(crate) const ENDING_EVENTS: [&str; 3] = ["end", "flow", "deny"];

impl StoredSession {
    /// When the session began, as far as the record tells: its begin, or the time of its event.
    pub fn begin(&self) -> Option<UnixNanos> {
        self.start_time.or(self.event_time)
    }

    /// When the session ended, if it did, as far as the record tells: its end, or the time of the
    /// event that ended it.
    pub fn end(&self) -> Option<UnixNanos> {
        let ends = self.event.as_deref().is_some_and(|event| ENDING_EVENTS.contains(&event));
        self.end_time.or(self.event_time.filter(|_| ends))
    }

    /// Whether the session was refused: it never held an address.
    pub fn is_refused(&self) -> bool {
        self.event.as_deref() == Some("deny")
    }

    /// Whether the source was translated, as far as the record tells.
    pub fn is_translated(&self) -> bool {
        self.nat_src_addr_v4.or(self.nat_src_addr_v6).is_some()
    }
}

/// The records of a batch that was read from a file, each with its row number.
pub(crate) fn records<'a, R: Stored>(
    batch: &'a RecordBatch,
    path: &'a Path,
) -> impl Iterator<Item = Result<(R, u64), StoreError>> + 'a {
    (0..batch.num_rows()).map(move |row| {
        let row = Row { batch, row };
        R::read(&row)
            .and_then(|record| Ok((record, row.row_number()?)))
            .map_err(|e| StoreError::parquet("read", path, e))
    })
}

/// One row of columns that a file has under these names. The file may be of an older version,
/// which had not all of the columns: what is missing is absent.
pub(crate) struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> Row<'a> {
    fn cell(&self, name: &str) -> Option<&'a dyn Array> {
        let column = self.batch.column_by_name(name)?;
        column.is_valid(self.row).then_some(column.as_ref())
    }

    fn number<T: ArrowPrimitiveType>(&self, name: &str) -> Result<Option<T::Native>, ParquetError> {
        let Some(cell) = self.cell(name) else { return Ok(None) };
        let column = cell.as_primitive_opt::<T>().ok_or_else(|| wrong_type(name))?;
        Ok(Some(column.value(self.row)))
    }

    fn number_u8(&self, name: &str) -> Result<Option<u8>, ParquetError> {
        self.number::<UInt8Type>(name)
    }

    fn number_u16(&self, name: &str) -> Result<Option<u16>, ParquetError> {
        self.number::<UInt16Type>(name)
    }

    fn number_u32(&self, name: &str) -> Result<Option<u32>, ParquetError> {
        self.number::<UInt32Type>(name)
    }

    fn number_u64(&self, name: &str) -> Result<Option<u64>, ParquetError> {
        self.number::<UInt64Type>(name)
    }

    fn time(&self, name: &str) -> Result<Option<UnixNanos>, ParquetError> {
        let micros = self.number::<TimestampMicrosecondType>(name)?;
        Ok(micros.map(|micros| micros.saturating_mul(1_000)))
    }

    /// The address in the first of the columns that has one.
    fn address(&self, names: &[&str]) -> Result<Option<IpAddr>, ParquetError> {
        for name in names {
            let Some(cell) = self.cell(name) else { continue };
            return if let Some(octets) = cell.as_fixed_size_binary_opt() {
                let octets: [u8; 16] =
                    octets.value(self.row).try_into().map_err(|_| wrong_type(name))?;
                Ok(Some(Ipv6Addr::from(octets).into()))
            } else {
                Ok(self.number_u32(name)?.map(|v4| Ipv4Addr::from(v4).into()))
            };
        }
        Ok(None)
    }

    fn row_number(&self) -> Result<u64, ParquetError> {
        let number = self.number::<Int64Type>(ROW_NUMBER)?;
        number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| wrong_type(ROW_NUMBER))
    }

    fn text(&self, name: &str) -> Result<Option<String>, ParquetError> {
        let Some(cell) = self.cell(name) else { return Ok(None) };
        let column = cell.as_string_opt::<i32>().ok_or_else(|| wrong_type(name))?;
        Ok(Some(column.value(self.row).to_owned()))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, ParquetError> {
        let Some(cell) = self.cell(name) else { return Ok(Vec::new()) };
        let items = cell.as_list_opt::<i32>().ok_or_else(|| wrong_type(name))?.value(self.row);
        let items = items.as_string_opt::<i32>().ok_or_else(|| wrong_type(name))?;
        Ok(items.iter().flatten().map(str::to_owned).collect())
    }
}

fn wrong_type(name: &str) -> ParquetError {
    ParquetError::General(format!("column {name} is not of the type that logweir writes"))
}
