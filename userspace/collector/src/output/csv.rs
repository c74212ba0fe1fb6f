//! Records as CSV (RFC 4180), with one set of columns for all families.

use super::{raw, rfc3339};
use logweir_decode::{
    extra,
    record::{Fields, Value},
    text::to_utf8,
};

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
    "protocol",
    "src_addr",
    "src_port",
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
    "close_reason",
    "url",
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

fn pair((key, value): (&[u8], extra::Value<'_>)) -> String {
    format!("{}={value}", to_utf8(key))
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

    #[test]
    fn a_value_with_a_comma_is_quoted() {
        let fields = vec![("policy", Value::Text(b"a, \"b\"")), ("protocol", Value::Number(6))];
        let line = line(&fields);
        assert!(line.contains(r#","a, ""b""","#), "{line}");
        assert!(line.contains(",6,"));
    }
}
