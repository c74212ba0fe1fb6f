//! The examples of the Huawei USG document, value by value.

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    reason::Reason,
    record::{self, Value},
};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

const CAPACITY: Capacity =
    Capacity { session_rows: 1024, unparsed_rows: 512, text_bytes: 256 * 1024 };
/// 2026-11-22T00:00:00Z.
const RECEIVED_AT: i64 = 1_795_305_600_000_000_000;

/// A record's fields as text, as far as a test compares them.
type Record = BTreeMap<&'static str, String>;

fn decode(payload: &[u8]) -> (Outcome, Vec<Record>, Arc<Registry>) {
    let registry = Arc::new(Registry::new(Limits::DEFAULT));
    let mut decoder = Decoder::new(registry.clone(), Arc::default());
    let mut batch = Batch::new(CAPACITY);
    let datagram = Datagram {
        payload,
        exporter: IpAddr::from([192, 0, 2, 1]),
        exporter_port: 50000,
        received_at: RECEIVED_AT,
        format: FormatHint::Auto,
    };
    let outcome = decoder.decode(&datagram, &mut batch);
    let records = record::records(&batch)
        .map(|fields| fields.into_iter().map(|(name, value)| (name, show(&value))).collect())
        .collect();
    (outcome, records, registry)
}

fn show(value: &Value<'_>) -> String {
    match value {
        Value::Name(name) => (*name).into(),
        Value::Text(text) | Value::Raw(text) => String::from_utf8_lossy(text).into(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Mac(mac) => format!("{mac:02x?}"),
        Value::Time(time) => jiff::Timestamp::from_nanosecond(time.unix_nanos.into())
            .expect("a time within the years 1 to 9999")
            .to_string(),
        Value::Flags(flags) => flags.join(" "),
        Value::Extra(_) => "extra".into(),
    }
}

fn expect(record: &Record, expected: &[(&'static str, &str)]) {
    let expected: Record =
        expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    assert_eq!(*record, expected);
}

#[test]
fn netflow_ipv4_creation() {
    let (outcome, records, _) = decode(include_bytes!("../testdata/doc_nf9_ipv4_create.bin"));
    assert_eq!(outcome, Outcome::Decoded);
    let [record] = records.as_slice() else { panic!("one record, not {}", records.len()) };
    expect(
        record,
        &[
            ("record", "session"),
            ("format", "huawei-usg-netflow"),
            ("exporter", "192.0.2.1"),
            ("exporter_port", "50000"),
            ("observation_domain", "16777227"),
            ("sequence", "9"),
            ("received_at", "2026-11-22T00:00:00Z"),
            ("event_time", "2015-12-20T01:16:31Z"),
            ("time_source", "record"),
            ("event", "create"),
            ("protocol", "17"),
            ("src_addr", "192.168.20.254"),
            ("src_port", "138"),
            ("dst_addr", "192.168.20.255"),
            ("dst_port", "138"),
            ("src_vrf", "0"),
            ("dst_vrf", "0"),
            ("direction", "1"),
            ("initiator", "2"),
            ("start_time", "2015-12-20T01:16:31Z"),
            ("sent_packets", "0"),
            ("sent_bytes", "0"),
            ("received_packets", "0"),
            ("received_bytes", "0"),
        ],
    );
}

#[test]
fn netflow_nat64_aging() {
    let (outcome, records, _) = decode(include_bytes!("../testdata/doc_nf9_ipv6_nat64_aging.bin"));
    assert_eq!(outcome, Outcome::Decoded);
    let [record] = records.as_slice() else { panic!("one record, not {}", records.len()) };
    expect(
        record,
        &[
            ("record", "session"),
            ("format", "huawei-usg-netflow"),
            ("exporter", "192.0.2.1"),
            ("exporter_port", "50000"),
            ("observation_domain", "33554443"),
            ("sequence", "576"),
            ("received_at", "2026-11-22T00:00:00Z"),
            ("event_time", "2015-12-26T00:03:52Z"),
            ("time_source", "record"),
            ("event", "end"),
            ("protocol", "17"),
            ("src_addr", "3011::13"),
            ("src_port", "1"),
            ("dst_addr", "8000::c0:a800:200:0"),
            ("dst_port", "1"),
            ("nat_src_addr", "192.168.0.5"),
            ("nat_src_port", "1"),
            ("nat_dst_addr", "192.168.0.2"),
            ("nat_dst_port", "1"),
            ("src_vrf", "0"),
            ("dst_vrf", "0"),
            ("direction", "1"),
            ("initiator", "1"),
            ("start_time", "2015-12-26T00:02:38Z"),
            ("end_time", "2015-12-26T00:03:52Z"),
            ("duration_ms", "74000"),
            ("sent_packets", "83774"),
            ("sent_bytes", "7204564"),
            ("received_packets", "200"),
            ("received_bytes", "19200"),
        ],
    );
}

#[test]
fn netflow_first_copy_of_the_table_is_rejected_and_its_template_not_kept() {
    let payload = include_bytes!("../testdata/NEGATIVE_doc_nf9_ipv4_firstcopy.bin");
    let (outcome, records, registry) = decode(payload);
    assert_eq!(outcome, Outcome::Rejected(Reason::FlowsetReserved));
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["reason"], "flowset_reserved");
    assert_eq!(registry.size().0, 0, "templates kept");
}

/// Header kinds, contents and values of the document's 16 lines, in its order: event, host,
/// whether it is mtn, time of the event, and where that comes from.
const LINES: [(&str, &str, bool, &str, &str); 16] = [
    ("create", "USG6000E", false, "2016-01-08T02:21:48Z", "record"),
    ("create", "USG6000E", true, "2016-01-08T01:18:58Z", "header"),
    ("create", "USG6000E0", false, "2016-01-08T02:23:47Z", "record"),
    ("create", "USG6000E", false, "2016-01-08T02:22:51Z", "record"),
    ("create", "USG6000E", false, "2016-01-08T02:19:43Z", "record"),
    ("create", "USG6000E", true, "2026-11-22T00:00:00Z", "received"),
    ("create", "", false, "2016-01-08T02:18:02Z", "record"),
    ("create", "", true, "2026-11-22T00:00:00Z", "received"),
    ("end", "USG6000E", false, "2016-01-08T02:21:57Z", "record"),
    ("end", "USG6000E", false, "2016-01-08T02:24:00Z", "record"),
    ("end", "USG6000E", true, "2016-01-08T01:11:22Z", "header"),
    ("end", "USG6000E", false, "2016-01-08T02:23:02Z", "record"),
    ("end", "USG6000E", false, "2016-01-08T02:19:55Z", "record"),
    ("end", "USG6000E", true, "2026-11-22T00:00:00Z", "received"),
    ("end", "", false, "2016-01-08T02:18:17Z", "record"),
    ("end", "", true, "2026-11-22T00:00:00Z", "received"),
];

#[test]
fn syslog_lines() {
    let lines = include_str!("../testdata/huawei_usg_session_document.log");
    check_lines(lines.lines());
}

#[test]
fn syslog_lines_as_the_document_wraps_them() {
    let text = include_str!("../testdata/huawei_usg_session_document_wrapped.log");
    check_lines(text.split_inclusive(".\n"));
}

fn check_lines<'a>(lines: impl Iterator<Item = &'a str>) {
    let mut count = 0;
    for (line, (event, host, mtn, event_time, time_source)) in lines.zip(LINES) {
        let (outcome, records, _) = decode(line.as_bytes());
        assert_eq!(outcome, Outcome::Decoded, "{line}");
        let [record] = records.as_slice() else { panic!("one record: {line}") };
        let field = |name| record.get(name).map_or("", String::as_str);
        let format = if mtn { "huawei-usg-mtn" } else { "huawei-usg-syslog" };
        assert_eq!(field("format"), format, "{line}");
        assert_eq!(field("event"), event, "{line}");
        assert_eq!(field("host"), host, "{line}");
        assert_eq!(field("event_time"), event_time, "{line}");
        assert_eq!(field("time_source"), time_source, "{line}");
        assert_eq!(field("protocol"), "17", "{line}");
        let netbios = line.contains(":138");
        let (source, destination, port) = if netbios {
            ("192.168.20.254", "192.168.20.255", "138")
        } else {
            ("10.1.1.1", "10.1.1.2", "1")
        };
        assert_eq!(field("src_addr"), source, "{line}");
        assert_eq!(field("dst_addr"), destination, "{line}");
        assert_eq!([field("src_port"), field("dst_port")], [port; 2], "{line}");
        assert_eq!([field("src_zone"), field("dst_zone")], [if mtn { "trust" } else { "" }; 2]);
        check_counters(line, event, mtn, netbios, &field);
        count += 1;
    }
    assert_eq!(count, 16);
}

fn check_counters<'a>(
    line: &str,
    event: &str,
    mtn: bool,
    netbios: bool,
    field: &impl Fn(&'static str) -> &'a str,
) {
    let counters = ["sent_packets", "sent_bytes", "received_packets", "received_bytes"].map(field);
    if event == "create" {
        assert_eq!(counters, [""; 4], "{line}");
        return;
    }
    let expected = if netbios { ["1", "239", "0", "0"] } else { ["20", "1720", "0", "0"] };
    assert_eq!(counters, expected, "{line}");
    assert_eq!(field("flags").contains("mtn_counters_swapped"), mtn, "{line}");
    if !mtn {
        assert_ne!(field("start_time"), "", "{line}");
    }
    assert_ne!(field("duration_ms"), "", "{line}");
}
