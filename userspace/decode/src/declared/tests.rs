//! The declarations that come with the program, on lines of the shapes that vendors print.

use super::*;
use crate::{
    batch::Capacity,
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    netflow::registry::Registry,
    record::{Value, records},
    settings::Settings,
};
use std::sync::Arc;

/// 2026-01-02T00:00:00Z.
const ARRIVAL: i64 = 1_767_312_000_000_000_000;

/// Decodes a line with some formats, one of them pinned where it is named, and writes its record as
/// `name=value` pairs without what all records have. A line that is rejected is its reason.
pub(super) fn read_with(formats: &Formats, pinned: Option<&str>, line: &[u8]) -> String {
    let settings = Settings { declared: formats.clone(), ..Settings::default() };
    let format = match pinned {
        Some(name) => FormatHint::Declared(formats.by_name(name).unwrap()),
        None => FormatHint::Auto,
    };
    let mut decoder = Decoder::new(Arc::new(Registry::new(settings.limits)), Arc::new(settings));
    let capacity =
        Capacity { session_rows: 16 << 10, unparsed_rows: 16 << 10, text_bytes: 2 << 20 };
    let mut batch = Batch::new(capacity);
    assert!(batch.has_room_for(line.len()));
    let datagram = Datagram {
        payload: line,
        exporter: [192, 0, 2, 1].into(),
        exporter_port: 0,
        received_at: ARRIVAL,
        format,
    };
    if let Outcome::Rejected(reason) = decoder.decode(&datagram, &mut batch) {
        return reason.name().to_owned();
    }
    let fields = records(&batch).next().unwrap();
    let told =
        fields.iter().filter(|(name, _)| !matches!(*name, "exporter" | "received_at" | "format"));
    told.map(|(name, value)| format!("{name}={}", print(value))).collect::<Vec<_>>().join(" ")
}

fn print(value: &Value<'_>) -> String {
    match value {
        Value::Name(name) => (*name).to_owned(),
        Value::Text(bytes) | Value::Raw(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Mac(_) => "mac".to_owned(),
        Value::Time(time) => {
            jiff::Timestamp::from_nanosecond(time.unix_nanos.into()).unwrap().to_string()
        }
        Value::Flags(names) => names.join("+"),
        Value::Extra(encoded) => {
            let pairs = crate::extra::pairs(encoded);
            let pairs =
                pairs.map(|(key, value)| format!("{}:{value}", String::from_utf8_lossy(&key)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
    }
}

/// Lines and what is read from them.
const VENDORS: &[(&str, &str)] = &[(
    "RT_NAT - RT_SRC_NAT_PBA_RELEASE [internal-ip=\"10.0.0.7\" block-used=\"0\" \
         block-port-low=\"2048\" block-port-high=\"2303\" reflexive-ip=\"203.0.113.7\" \
         epoch-time-64=\"6957b340\"]",
    "record=port_block event_time=2026-01-02T12:00:00Z time_source=record event=release \
         private_addr=10.0.0.7 public_addr=203.0.113.7 port_first=2048 port_last=2303 \
         extra={block-used:0}",
)];

#[test]
fn every_vendor() {
    let formats = Formats::builtin();
    for (line, expected) in VENDORS {
        assert_eq!(read_with(&formats, None, line.as_bytes()), *expected, "{line}");
    }
}
