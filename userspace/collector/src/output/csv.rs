//! Records as CSV (RFC 4180), with one set of columns for all families.

use super::{raw, rfc3339};
use logweir_decode::{
    extra,
    record::{Fields, Value},
    text::to_utf8,
};
use std::borrow::Cow;

/// The columns, in their order.
pub const COLUMNS: &[&str] = &[
    "record",
    "format",
    "exporter",
    "exporter_port",
    "observation_domain",
    "sequence",
    "host",
    "received_at",
    "event_time",
    "time_source",
    "flags",
    "event",
    "filter",
    "action",
    "protocol",
    "protocol_name",
    "private_addr",
    "public_addr",
    "port_first",
    "port_last",
    "mac",
    "src_interface",
    "src_addr",
    "src_port",
    "dst_interface",
    "dst_addr",
    "dst_port",
    "nat_src_addr",
    "nat_src_port",
    "nat_dst_addr",
    "nat_dst_port",
    "tunnel_addr",
    "src_vrf",
    "dst_vrf",
    "src_zone",
    "dst_zone",
    "direction",
    "initiator",
    "start_time",
    "end_time",
    "duration_ms",
    "sent_packets",
    "sent_bytes",
    "received_packets",
    "received_bytes",
    "policy",
    "user",
    "application",
    "account",
    "close_reason",
    "url",
    "session_id",
    "scene",
    "tcp_flags",
    "icmp_type",
    "icmp_code",
    "icmp_type_name",
    "icmp_id",
    "fragment_id",
    "fragment_offset",
    "extra",
    "reason",
    "raw",
];

/// The header line.
pub fn header() -> String {
    COLUMNS.join(",")
}

/// One record as a line.
pub fn line(fields: &Fields<'_>) -> String {
    let cell = |column: &&str| {
        let value = fields.iter().find(|(name, _)| name == column).map(|(_, value)| text(value));
        quote(&value.unwrap_or_default())
    };
    COLUMNS.iter().map(cell).collect::<Vec<_>>().join(",")
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Name(name) => (*name).to_owned(),
        Value::Text(text) => to_utf8(text).into_owned(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Mac(mac) => extra::Value::Mac(mac).to_string(),
        Value::Time(time) => rfc3339(time.unix_nanos, time.digits),
        Value::Flags(flags) => flags.join(" "),
        Value::Extra(encoded) => extra::pairs(encoded).map(pair).collect::<Vec<_>>().join(" "),
        Value::Raw(bytes) => raw(bytes),
    }
}

fn pair((key, value): (Cow<'_, [u8]>, extra::Value<'_>)) -> String {
    format!("{}={value}", to_utf8(&key))
}

fn quote(value: &str) -> String {
    if value.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logweir_decode::{
        batch::{Batch, Capacity},
        context::{Context, EventTime, Flags, Format},
        extra::Encoded,
        filter::{Action, Filter},
        im::{Im, ImEvent},
        port_block::{PortBlock, PortBlockEvent},
        reason::Reason,
        record::{Time, records},
        session::{Cells, Column, ColumnSet},
        unparsed::Unparsed,
    };
    use std::{collections::BTreeSet, net::IpAddr};

    /// A batch with one record of each family, of which every field is present.
    fn full_batch() -> Batch {
        let capacity = Capacity { session_rows: 1, unparsed_rows: 1, text_bytes: 256 };
        let mut batch = Batch::new(capacity);
        let text = batch.text.push(b"text").expect("room");
        let pair = Encoded::new(b"key", extra::Value::Number(1)).parts().concat();
        let extra = batch.text.push(&pair).expect("room");
        let address: Option<IpAddr> = Some([192, 0, 2, 1].into());
        let time = Some(Time::nanos(1));
        let context = Context {
            exporter: [198, 51, 100, 1].into(),
            exporter_port: 1,
            format: Format::Unknown,
            observation_domain: Some(1),
            sequence: Some(1),
            host: text,
            received_at: 1,
            event_time: EventTime::Received,
            flags: Flags::READING_INFERRED,
        };
        for column in Column::ALL {
            match batch.session.vacant(*column) {
                Cells::U8(cells) => cells.fill(1),
                Cells::U16(cells) => cells.fill(1),
                Cells::U32(cells) => cells.fill(1),
                Cells::U64(cells) => cells.fill(1),
                Cells::V6(cells) => cells.fill([1; 16]),
                Cells::Text(cells) => cells.fill(text),
            }
        }
        batch.session.vacant_cells(Column::Extra).fill(extra);
        let all = Column::ALL.iter().fold(ColumnSet::EMPTY, |all, column| all.with(*column));
        assert!(batch.session.commit(1, all, &context));
        let port_block = PortBlock {
            event: PortBlockEvent::Allocate,
            private_addr: address,
            public_addr: address,
            port_first: Some(1),
            port_last: Some(1),
            protocol: Some(1),
            src_vrf: Some(1),
            session_id: Some(1),
            sequence: Some(1),
            scene: text,
            extra,
        };
        assert!(batch.port_block.push(&context, port_block));
        let im = Im {
            event: ImEvent::Online,
            application: text,
            account: text,
            protocol: Some(1),
            src_addr: address,
            src_port: Some(1),
            dst_addr: address,
            dst_port: Some(1),
            nat_src_addr: address,
            nat_src_port: Some(1),
            nat_dst_addr: address,
            nat_dst_port: Some(1),
            start: time,
            end: time,
            extra,
        };
        assert!(batch.im.push(&context, im));
        let filter = Filter {
            filter: text,
            action: Some(Action::Drop),
            protocol: Some(1),
            protocol_name: text,
            mac: Some([1; 6]),
            src_interface: text,
            src_addr: address,
            src_port: Some(1),
            dst_interface: text,
            dst_addr: address,
            dst_port: Some(1),
            tcp_flags: text,
            icmp_type: Some(1),
            icmp_code: Some(1),
            icmp_type_name: text,
            icmp_id: Some(1),
            fragment_id: Some(1),
            fragment_offset: Some(1),
            extra,
        };
        assert!(batch.filter.push(&context, filter));
        let unparsed = Unparsed { reason: Reason::UnknownFormat, raw: text };
        assert!(batch.unparsed.push(&context, unparsed));
        batch
    }

    #[test]
    fn each_field_of_each_family_has_a_column() {
        let batch = full_batch();
        let names = records(&batch).flatten().map(|(name, _)| name);
        let fields: BTreeSet<_> = names.collect();
        let columns: BTreeSet<_> = COLUMNS.iter().copied().collect();
        assert_eq!(fields, columns);
        assert_eq!(columns.len(), COLUMNS.len(), "a column stands there twice");
    }

    #[test]
    fn a_value_with_a_comma_is_quoted() {
        let fields = vec![("policy", Value::Text(b"a, \"b\"")), ("protocol", Value::Number(6))];
        let line = line(&fields);
        assert!(line.contains(r#","a, ""b""","#), "{line}");
        assert!(line.contains(",6,"));
    }
}
