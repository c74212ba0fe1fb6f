//! Binary session logs against a slow reader that was written from the vendors' tables, a field at
//! a time, and shares nothing with the decoder: on random records of every shipped layout.

#[path = "support/read.rs"]
mod read;

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    settings::Settings,
};
use proptest::{collection::vec, prelude::*};
use read::Record;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

const RECEIVED_AT: i64 = 1_700_000_000_000_000_000;

/// Big-endian bytes of a record.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&self, offset: usize, bytes: usize) -> u64 {
        let digits: String =
            self.0[offset..offset + bytes].iter().map(|byte| format!("{byte:02x}")).collect();
        u64::from_str_radix(&digits, 16).unwrap()
    }

    fn bytes(&self, offset: usize, bytes: usize) -> Option<String> {
        let bytes = &self.0[offset..offset + bytes];
        bytes.iter().any(|byte| *byte != 0).then(|| format!("x{}", bytes.escape_ascii()))
    }
}

/// The record that is expected, in the making.
#[derive(Default)]
struct Expected {
    fields: Record,
    extra: Vec<String>,
}

impl Expected {
    fn number(&mut self, name: &'static str, value: u64) {
        self.fields.insert(name, value.to_string());
    }

    fn port(&mut self, name: &'static str, value: u64) {
        if value != 0 {
            self.number(name, value);
        }
    }

    fn v4(&mut self, name: &'static str, value: u64) {
        if value != 0 {
            self.fields.insert(name, Ipv4Addr::from(value as u32).to_string());
        }
    }

    fn extra(&mut self, key: &str, value: Option<String>) {
        self.extra.extend(value.map(|value| format!("{key}={value}")));
    }

    fn extra_number(&mut self, key: &str, value: u64) {
        self.extra(key, Some(format!("n{value}")).filter(|_| value != 0));
    }

    fn operator(&mut self, code: u64) -> Option<String> {
        let (event, reason) = match code {
            1 => ("end", "ended normally"),
            2 => ("end", "aged"),
            3 => ("end", "cleared"),
            4 => ("end", "no resources"),
            5 => ("end", "static"),
            6 => ("update", ""),
            7 => ("end", "deleted"),
            8 => ("create", ""),
            254 => ("end", "other"),
            unlisted => return Some(format!("n{unlisted}")),
        };
        self.fields.insert("event", event.into());
        if !reason.is_empty() {
            self.fields.insert("close_reason", reason.into());
        }
        None
    }

    fn times(&mut self, start: u64, end: u64, header: u64) {
        let create = self.fields.get("event").is_some_and(|event| event == "create");
        for (name, seconds) in [("start_time", start), ("end_time", end)] {
            if seconds != 0 {
                self.fields.insert(name, format!("{seconds}000000000.0"));
            }
        }
        if start != 0 && end >= start {
            self.number("duration_ms", (end - start) * 1000);
        }
        let order = if create { [start, end] } else { [end, start] };
        let own = order.into_iter().find(|seconds| *seconds != 0);
        let source = if own.is_some() { "record" } else { "header" };
        self.fields.insert("time_source", source.into());
        self.fields.insert("event_time", format!("{}000000000.0", own.unwrap_or(header)));
    }
}

fn read_24(bytes: &[u8], header: u64) -> Expected {
    let (record, mut expected) = (Reader(bytes), Expected::default());
    expected.v4("src_addr", record.number(0, 4));
    expected.v4("dst_addr", record.number(4, 4));
    expected.port("src_port", record.number(8, 2));
    expected.port("dst_port", record.number(10, 2));
    expected.number("protocol", record.number(20, 1));
    let unlisted = expected.operator(record.number(21, 1));
    expected.times(record.number(12, 4), record.number(16, 4), header);
    expected.extra("reserved", record.bytes(22, 2));
    expected.extra("operator", unlisted);
    expected
}

fn read_64(bytes: &[u8], header: u64, huawei: bool) -> Option<Expected> {
    let (record, mut expected) = (Reader(bytes), Expected::default());
    if !matches!(record.number(2, 1), 0 | 4) {
        return None;
    }
    expected.number("protocol", record.number(0, 1));
    for (at, name) in ["src_addr", "nat_src_addr", "dst_addr", "nat_dst_addr"].iter().enumerate() {
        expected.v4(name, record.number(4 + 4 * at, 4));
    }
    for (at, name) in ["src_port", "nat_src_port", "dst_port", "nat_dst_port"].iter().enumerate() {
        expected.port(name, record.number(20 + 2 * at, 2));
    }
    let unlisted = expected.operator(record.number(1, 1));
    expected.times(record.number(28, 4), record.number(32, 4), header);
    let received = ["received_packets", "received_bytes"];
    let sent = ["sent_packets", "sent_bytes"];
    let [towards, away] = if huawei { [sent, received] } else { [received, sent] };
    for (at, name) in towards.into_iter().chain(away).enumerate() {
        expected.number(name, record.number(36 + 4 * at, 4));
    }
    expected.extra_number("tos", record.number(3, 1));
    if huawei {
        expected.number("src_vrf", record.number(52, 2));
        expected.number("dst_vrf", record.number(54, 2));
        expected.extra("padding", record.bytes(56, 8));
        expected.fields.insert("flags", "reading_inferred".into());
    } else {
        expected.number("src_vrf", record.number(52, 1));
        expected.number("dst_vrf", record.number(53, 1));
        expected.extra_number("vsys", record.number(54, 2));
        expected.extra_number("application_id", record.number(56, 4));
        expected.extra("reserved", record.bytes(60, 4));
    }
    expected.extra("operator", unlisted);
    Some(expected)
}

/// Records that are expected of a datagram, those that are rejected last.
fn expected(payload: &[u8]) -> Vec<Record> {
    let header = Reader(payload);
    let huawei = payload[0] == 0x10;
    let len = if payload[0] == 1 { 24 } else { 64 };
    let seconds = header.number(4, 4);
    let shared = |record: &'static str, format: &'static str| {
        BTreeMap::from([
            ("record", record.to_owned()),
            ("format", format.to_owned()),
            ("exporter", "192.0.2.1".to_owned()),
            ("exporter_port", "50000".to_owned()),
            ("received_at", format!("{RECEIVED_AT}.9")),
            ("observation_domain", header.number(12, 4).to_string()),
            ("sequence", header.number(8, 4).to_string()),
        ])
    };
    let format = if huawei { "huawei-elog" } else { "h3c-userlog" };
    let (mut decoded, mut rejected) = (Vec::new(), Vec::new());
    for bytes in payload[16..].chunks(len) {
        let read =
            if len == 24 { Some(read_24(bytes, seconds)) } else { read_64(bytes, seconds, huawei) };
        if let Some(Expected { fields, extra }) = read {
            let mut record = shared("session", format);
            record.extend(fields);
            if !extra.is_empty() {
                record.insert("extra", extra.join(" "));
            }
            decoded.push(record);
        } else {
            let mut record = shared("unparsed", format);
            record.insert("reason", "binary_value".into());
            record.insert("raw", bytes.escape_ascii().to_string());
            record.insert("event_time", format!("{RECEIVED_AT}.9"));
            record.insert("time_source", "received".into());
            if huawei {
                record.insert("flags", "reading_inferred".into());
            }
            rejected.push(record);
        }
    }
    decoded.append(&mut rejected);
    decoded
}

/// Bytes that are often zero, often a code, and often anything.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![2 => Just(0u8), 2 => 0..10u8, 1 => Just(254), 3 => any::<u8>()]
}

fn record(len: usize) -> impl Strategy<Value = Vec<u8>> {
    (vec(byte(), len), prop_oneof![8 => Just(4u8), 1 => Just(0), 1 => any::<u8>()]).prop_map(
        move |(mut bytes, ip_version)| {
            if len == 64 {
                bytes[2] = ip_version;
            }
            bytes
        },
    )
}

fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let layouts = [(1, 1), (1, 4), (3, 1), (3, 4), (0x10, 4)];
    (proptest::sample::select(layouts.to_vec()), any::<[u8; 8]>(), -300_000_000..300_000_000i64)
        .prop_flat_map(|(layout, tail, clock)| {
            let len = if layout.0 == 1 { 24 } else { 64 };
            (Just((layout, tail, clock)), vec(record(len), 1..=100))
        })
        .prop_map(|(((version, kind), tail, clock), records)| {
            let mut payload = vec![version, kind, 0, records.len() as u8];
            payload.extend(((RECEIVED_AT / 1_000_000_000 + clock) as u32).to_be_bytes());
            payload.extend(tail);
            payload.extend(records.concat());
            payload
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_decoder_reads_what_the_slow_reader_reads(payload in datagram()) {
        let registry = Arc::new(Registry::new(Limits::DEFAULT));
        let mut decoder = Decoder::new(registry, Arc::new(Settings::default()));
        let mut batch =
            Batch::new(Capacity { session_rows: 2048, unparsed_rows: 4096, text_bytes: 128 << 10 });
        prop_assert!(batch.has_room_for(payload.len()));
        let outcome = decoder.decode(
            &Datagram {
                payload: &payload,
                exporter: IpAddr::from([192, 0, 2, 1]),
                exporter_port: 50_000,
                received_at: RECEIVED_AT,
                format: FormatHint::Auto,
            },
            &mut batch,
        );
        let expected = expected(&payload);
        let rejected = expected.iter().any(|record| record["record"] == "unparsed");
        prop_assert_eq!(outcome == Outcome::Decoded, !rejected);
        prop_assert_eq!(read::records(&batch), expected);
    }
}
