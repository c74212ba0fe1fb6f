//! Binary session logs: what is read of each kind, how they are recognised, and what declarations
//! of layouts are taken or refused.

#[path = "support/read.rs"]
mod read;

use logweir_decode::{
    batch::{Batch, Capacity},
    binary::Layouts,
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    note::Sequence,
    reason::Reason,
    settings::{ImPolicy, Settings},
};
use read::Record;
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

const H3C_3: &[u8] = include_bytes!("../testdata/CONSTRUCTED_h3c_userlog_v3.bin");
const ELOG: &[u8] = include_bytes!("../testdata/CONSTRUCTED_huawei_ne_elog_v1.bin");
/// 2016-01-08, as in the headers of the examples.
const RECEIVED_AT: i64 = 1_452_219_718 * 1_000_000_000;

/// What became of a datagram.
struct Decoded {
    outcome: Outcome,
    sequence: Option<Sequence>,
    records: Vec<Record>,
}

fn decode_by(settings: Settings, format: FormatHint, payload: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::new(settings));
    let mut batch = Batch::new(Capacity::DEFAULT);
    let datagram = Datagram {
        payload,
        exporter: IpAddr::from([192, 0, 2, 1]),
        exporter_port: 50_000,
        received_at: RECEIVED_AT,
        format,
    };
    let outcome = decoder.decode(&datagram, &mut batch);
    let sequence = batch.notes.iter().next().unwrap().sequence;
    Decoded { outcome, sequence, records: read::records(&batch) }
}

fn decode(payload: &[u8]) -> Decoded {
    decode_by(Settings::default(), FormatHint::Auto, payload)
}

/// The fields of a record that are not of its datagram, as `name=value` words.
fn own_fields(record: &Record) -> String {
    const SHARED: [&str; 6] =
        ["exporter", "exporter_port", "observation_domain", "sequence", "received_at", "record"];
    let own = record.iter().filter(|(name, _)| !SHARED.contains(name));
    own.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

fn header(version: u8, kind: u8, count: u16) -> Vec<u8> {
    let mut bytes = vec![version, kind];
    bytes.extend(count.to_be_bytes());
    for word in [1_452_219_718u32, 77, 0x0001_0203] {
        bytes.extend(word.to_be_bytes());
    }
    bytes
}

fn own(decoded: &Decoded) -> Vec<String> {
    decoded.records.iter().map(own_fields).collect()
}

/// A layout of one file beside the shipped ones.
fn with_layout(text: &str) -> Settings {
    let mut settings = Settings::default();
    settings.binary.add(text, "own.toml").unwrap();
    settings
}

#[test]
fn h3c_userlog_3_is_read_field_by_field() {
    let decoded = decode(H3C_3);
    assert_eq!(decoded.outcome, Outcome::Decoded);
    assert_eq!(
        own(&decoded),
        [
            "dst_addr=198.51.100.7, dst_port=443, dst_vrf=0, event=create, \
             event_time=1452219708000000000.0, format=h3c-userlog, nat_dst_addr=198.51.100.7, \
             nat_dst_port=443, nat_src_addr=203.0.113.5, nat_src_port=1025, protocol=6, \
             received_bytes=0, received_packets=0, sent_bytes=0, sent_packets=0, \
             src_addr=100.64.1.2, src_port=40001, src_vrf=0, \
             start_time=1452219708000000000.0, time_source=record",
            "close_reason=aged, dst_addr=198.51.100.53, dst_port=53, dst_vrf=2, \
             duration_ms=9000, end_time=1452219717000000000.0, event=end, \
             event_time=1452219717000000000.0, format=h3c-userlog, nat_dst_addr=198.51.100.53, \
             nat_dst_port=53, nat_src_addr=203.0.113.5, nat_src_port=1026, protocol=17, \
             received_bytes=120, received_packets=1, sent_bytes=74, sent_packets=1, \
             src_addr=100.64.1.2, src_port=5353, src_vrf=1, \
             start_time=1452219708000000000.0, time_source=record",
        ]
    );
    let sequence = decoded.sequence.unwrap();
    assert_eq!((sequence.version, sequence.domain), (0x0403, 0x0001_0203));
    assert_eq!((sequence.number, sequence.units), (77, Some(1)));
    assert_eq!(decoded.records[0]["observation_domain"], "66051");
}

#[test]
fn h3c_userlog_1_has_neither_translation_nor_counters() {
    let mut payload = header(1, 4, 1);
    payload.extend([10, 0, 0, 7, 198, 51, 100, 8, 0x9c, 0x41, 0, 53]);
    payload.extend(1_452_219_708u32.to_be_bytes());
    payload.extend(1_452_219_717u32.to_be_bytes());
    payload.extend([17, 0xfe, 0, 3]);
    assert_eq!(
        own(&decode(&payload)),
        ["close_reason=other, dst_addr=198.51.100.8, dst_port=53, duration_ms=9000, \
          end_time=1452219717000000000.0, event=end, event_time=1452219717000000000.0, \
          extra=reserved=x\\x00\\x03, format=h3c-userlog, protocol=17, src_addr=10.0.0.7, \
          src_port=40001, start_time=1452219708000000000.0, time_source=record"]
    );
}

/// The example has an operator code that no document lists: it is kept and no event is made of it.
#[test]
fn huawei_elog_is_read_by_its_documented_layout_and_says_what_is_inferred() {
    let decoded = decode(ELOG);
    assert_eq!(
        own(&decoded),
        ["dst_addr=192.0.2.9, dst_port=80, dst_vrf=0, event_time=1452219708000000000.0, \
          extra=operator=n0, flags=reading_inferred, format=huawei-elog, \
          nat_dst_addr=192.0.2.9, nat_dst_port=80, nat_src_addr=172.16.1.1, nat_src_port=2048, \
          protocol=6, received_bytes=0, received_packets=0, sent_bytes=0, sent_packets=0, \
          src_addr=10.1.1.2, src_port=1024, src_vrf=0, start_time=1452219708000000000.0, \
          time_source=record"]
    );
    // The last byte counts on: it is no part of what tells counts apart.
    assert_eq!(decoded.sequence.unwrap().domain, 0x0101_0300);
    // "In" is from the user to the network, VRFs have two bytes.
    let mut payload = ELOG.to_vec();
    payload[17] = 8;
    payload[16 + 39] = 3;
    payload[16 + 55] = 9;
    let decoded = decode(&payload);
    let record = &decoded.records[0];
    assert_eq!((&*record["event"], &*record["sent_packets"]), ("create", "3"));
    assert_eq!((&*record["received_packets"], &*record["dst_vrf"]), ("0", "9"));
}

#[test]
fn every_operator_code_has_its_event_and_reason() {
    let table = [
        (1, "end", "ended normally"),
        (2, "end", "aged"),
        (3, "end", "cleared"),
        (4, "end", "no resources"),
        (5, "end", "static"),
        (6, "update", ""),
        (7, "end", "deleted"),
        (8, "create", ""),
        (0xfe, "end", "other"),
        (9, "", ""),
    ];
    for (code, event, reason) in table {
        for sample in [H3C_3, ELOG] {
            let mut payload = sample.to_vec();
            payload[17] = code;
            let record = decode(&payload).records[0].clone();
            let field = |name| record.get(name).map_or("", String::as_str);
            assert_eq!((field("event"), field("close_reason")), (event, reason), "{code}");
            assert_eq!(field("extra") == "operator=n9", code == 9, "{record:?}");
        }
    }
}

#[test]
fn a_record_with_other_addresses_than_its_layout_is_kept_and_the_others_are_decoded() {
    let mut payload = H3C_3.to_vec();
    payload[16 + 2] = 6;
    let Decoded { outcome, records, .. } = decode(&payload);
    assert_eq!(outcome, Outcome::Rejected(Reason::BinaryValue));
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["src_port"], "5353");
    assert_eq!(records[1]["reason"], "binary_value");
    assert_eq!(records[1]["raw"], payload[16..80].escape_ascii().to_string());
}

#[test]
fn what_has_no_layout_is_kept_whole() {
    let unknown = Outcome::Rejected(Reason::UnknownBinary);
    // Huawei NE40's BRAS user log, H3C's NAT66, other versions, another record length.
    for (version, kind, bytes) in
        [(1, 2, 40), (2, 3, 64), (3, 5, 80), (5, 4, 64), (7, 4, 64), (0x10, 9, 64), (3, 4, 68)]
    {
        let payload = [header(version, kind, 2), vec![7; 2 * bytes]].concat();
        let Decoded { outcome, sequence, records } = decode(&payload);
        assert_eq!(outcome, unknown, "{version} {kind}");
        assert_eq!(records[0]["raw"], payload.escape_ascii().to_string());
        assert_eq!(sequence, None);
    }
}

/// On a port of many formats: only what fits the family in version, count, length and clock.
#[test]
fn only_what_fits_in_every_way_is_taken_for_a_binary_log() {
    let broken = |change: fn(&mut Vec<u8>)| {
        let mut payload = H3C_3.to_vec();
        change(&mut payload);
        payload
    };
    let others = [
        broken(|p| p[0] = 4),
        broken(|p| p[1] = 0),
        broken(|p| p[3] = 0),
        broken(|p| p[3] = 3),
        broken(|p| p[2] = 1),
        broken(|p| p[4] = 0x7f),
        broken(|p| p[4..8].fill(0)),
        broken(|p| p.truncate(p.len() - 1)),
        broken(|p| p.truncate(16)),
        broken(|p| p.truncate(15)),
        [header(1, 4, 100), vec![0; 100 * 15]].concat(),
        [header(1, 4, 101), vec![0; 101 * 24]].concat(),
    ];
    for payload in &others {
        let outcome = decode(payload).outcome;
        assert_eq!(outcome, Outcome::Rejected(Reason::UnknownFormat), "{payload:?}");
    }
    let full = [header(1, 4, 100), vec![0; 100 * 24]].concat();
    assert_eq!(decode(&full).records.len(), 100);
    // A header's clock does not matter where the configuration says what it is.
    let pinned = |payload| decode_by(Settings::default(), FormatHint::Binary, payload).outcome;
    assert_eq!(pinned(&others[6]), Outcome::Decoded);
    assert_eq!(pinned(&others[7]), Outcome::Rejected(Reason::BinaryHeader));
    assert_eq!(pinned(&others[9]), Outcome::Rejected(Reason::BinaryHeader));
    assert_eq!(pinned(b"<190>text"), Outcome::Rejected(Reason::BinaryHeader));
}

/// Versions that are line feeds, `<` and the like do not make text or NetFlow a binary log.
#[test]
fn a_declared_version_takes_no_text_away() {
    let mut settings = Settings::default();
    for (version, name) in [(b'<', "less"), (b'\n', "feed"), (b'\t', "tab")] {
        let text = format!(
            "format = \"x\"\nversion = {version}\ntypes = [49, 60]\nrecord_bytes = 16\n\
             fields = [{{ name = \"src_addr\", offset = 0, bytes = 4 }}]"
        );
        settings.binary.add(&text, name).unwrap();
    }
    for line in [b"<190>a line of exactly some bytes".as_slice(), b"\n<190>lines", b"\t<19 0"] {
        let outcome = decode_by(settings.clone(), FormatHint::Auto, line).outcome;
        assert!(
            matches!(outcome, Outcome::Rejected(Reason::SyslogUnknown | Reason::UnknownFormat)),
            "{outcome:?}"
        );
    }
    let log = [header(b'<', 49, 1), vec![10; 16]].concat();
    let decoded = decode_by(settings, FormatHint::Auto, &log);
    assert_eq!(decoded.records[0]["src_addr"], "10.10.10.10");
    assert_eq!(decoded.records[0]["time_source"], "header");
}

// ----------------------------------------------------------------------------- declarations

const OWN: &str = r#"
format = "own-firewall"
version = 9
types = [1]
record_bytes = 100
event = "flow"
fields = [
    { name = "src_addr", offset = 0, bytes = 16 },
    { name = "ip_version", offset = 16, bytes = 1 },
    { name = "start_time", offset = 17, bytes = 8, unit = "milliseconds" },
    { name = "duration_ms", offset = 25, bytes = 2, unit = "seconds" },
    { name = "user", offset = 27, bytes = 8 },
    { extra = "gateway", offset = 35, bytes = 4, kind = "address" },
    { extra = "mac", offset = 39, bytes = 6, kind = "mac" },
    { extra = "site", offset = 45, bytes = 4, kind = "text" },
    { extra = "blob", offset = 49, bytes = 3, kind = "bytes" },
    { extra = "vlan", offset = 52, bytes = 2 },
    { name = "sent_bytes", offset = 54, bytes = 6 },
]
"#;

#[test]
fn a_declared_layout_has_ipv6_milliseconds_text_and_extras() {
    let mut record = Ipv6Addr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]).octets().to_vec();
    record.push(6);
    record.extend(1_452_219_708_123u64.to_be_bytes());
    record.extend(9u16.to_be_bytes());
    record.extend(b"alice\0\0\0");
    record.extend([192, 0, 2, 254, 0, 0, 0x5e, 0, 0x53, 1]);
    record.extend(b"b1  \x01\x02\x03\x00\x63");
    record.extend([0, 1, 0, 0, 0, 0]);
    record.resize(100, 0);
    let payload = [header(9, 1, 1), record].concat();
    assert_eq!(
        own(&decode_by(with_layout(OWN), FormatHint::Auto, &payload)),
        ["duration_ms=9000, event=flow, event_time=1452219708123000000.3, \
          extra=gateway=192.0.2.254 mac=00:00:5e:00:53:01 site=b1 blob=x\\x01\\x02\\x03 vlan=n99, \
          format=own-firewall, sent_bytes=4294967296, src_addr=2001:db8::7, \
          start_time=1452219708123000000.3, time_source=record, user=alice"]
    );
}

#[test]
fn a_layout_may_be_of_port_blocks() {
    let settings = with_layout(
        r#"
        format = "own-blocks"
        family = "port_block"
        version = 2
        types = [7]
        record_bytes = 20
        fields = [
            { name = "private_addr", offset = 0, bytes = 4 },
            { name = "public_addr", offset = 4, bytes = 4 },
            { name = "port_first", offset = 8, bytes = 2 },
            { name = "port_last", offset = 10, bytes = 2 },
            { name = "event_time", offset = 12, bytes = 4 },
            { name = "event", offset = 16, bytes = 1 },
        ]
        [events]
        1 = { event = "allocate" }
        0x02 = { event = "release" }
        "#,
    );
    let record = [100, 64, 0, 1, 203, 0, 113, 1, 4, 0, 7, 255, 0x56, 0x8f, 0x1d, 0x46, 2, 0, 0, 0];
    let payload = [header(2, 7, 1), record.to_vec()].concat();
    assert_eq!(
        own(&decode_by(settings, FormatHint::Binary, &payload)),
        ["event=release, event_time=1452219718000000000.0, format=own-blocks, port_first=1024, \
          port_last=2047, private_addr=100.64.0.1, public_addr=203.0.113.1, time_source=record"]
    );
}

#[test]
fn instant_messenger_records_obey_the_configuration() {
    let layout = r#"
        format = "own-im"
        family = "im"
        version = 2
        types = [8]
        record_bytes = 20
        fields = [
            { name = "account", offset = 0, bytes = 8 },
            { name = "src_addr", offset = 8, bytes = 4 },
            { name = "ip_version", offset = 12, bytes = 1 },
            { name = "event", offset = 13, bytes = 1 },
        ]
        [events]
        1 = { event = "online" }
        2 = { event = "offline" }
        "#;
    let decode = |im: ImPolicy, version: u8| {
        let mut record = b"10001\0\0\0\xc0\0\x02\x07".to_vec();
        record.extend([version, 1, 0, 0, 0, 0, 0, 0]);
        let payload = [header(2, 8, 1), record].concat();
        decode_by(Settings { im, ..with_layout(layout) }, FormatHint::Auto, &payload)
    };
    let off = decode(ImPolicy::Off, 4);
    assert_eq!(off.outcome, Outcome::Rejected(Reason::ImNotRecorded));
    assert!(off.records.is_empty());
    let plain = decode(ImPolicy::Plain, 4);
    assert_eq!(
        own(&plain),
        ["account=10001, event=online, event_time=1452219718000000000.0, format=own-im, \
          src_addr=192.0.2.7, time_source=header"]
    );
    let hashed = decode(ImPolicy::Hashed([7; 32]), 4);
    assert_eq!(hashed.records[0]["account"].len(), 64);
    assert_ne!(decode(ImPolicy::Hashed([8; 32]), 4).records[0], hashed.records[0]);
    // A record that is not decoded would have the account in plain.
    assert_eq!(decode(ImPolicy::Hashed([7; 32]), 6).records[0]["raw"], "");
    assert!(decode(ImPolicy::Plain, 6).records[0]["raw"].contains("10001"));
}

#[test]
fn an_operators_layout_goes_before_a_shipped_one_and_not_before_another() {
    let own = "format = \"h3c-userlog\"\nversion = 3\ntypes = [4]\nrecord_bytes = 64\n\
               fields = [{ name = \"src_addr\", offset = 8, bytes = 4 }]";
    let mut settings = with_layout(own);
    let record = decode_by(settings.clone(), FormatHint::Auto, H3C_3).records[0].clone();
    assert_eq!((&*record["src_addr"], &*record["format"]), ("203.0.113.5", "h3c-userlog"));
    let error = settings.binary.add(own, "twice.toml").unwrap_err().to_string();
    let expected = "twice.toml: version 3, type 4, records of 64 bytes are declared in own.toml \
                    already";
    assert_eq!(error, expected);
}

#[test]
fn each_wrong_declaration_is_refused_in_one_sentence() {
    let table = [
        (
            "version = 9",
            "vresion = 9",
            "line 3: unknown key 'vresion': did you mean 'version'? (known: format, family, \
             version, types, record_bytes, inferred, event, fields, events, name, extra, offset, \
             bytes, unit, kind, reason)",
        ),
        ("version = 9", "version = 300", "line 3: invalid value: integer `300`, expected u8"),
        ("version = 9", "version = 0", "version 0 is not possible: NetFlow begins with that byte"),
        ("version = 9", "", "line 1: missing field `version`"),
        ("types = [1]", "types = []", "types is empty: name at least one"),
        ("own-firewall", "Own", "format 'Own': use small letters, digits, '-' and '_'"),
        ("own-firewall", "ipfix", "format 'ipfix' is that of other logs: choose another name"),
        (
            "record_bytes = 100",
            "record_bytes = 15",
            "record_bytes is 15: it must be from 16 to 65491",
        ),
        (
            "record_bytes = 100",
            "record_bytes = 59",
            "field 'sent_bytes' has bytes 54 to 60 of records of 59: it must have some, and inside",
        ),
        (
            "offset = 54, bytes = 6",
            "offset = 53, bytes = 6",
            "fields 'vlan' and 'sent_bytes' overlap",
        ),
        (
            "name = \"src_addr\"",
            "name = \"scr_addr\"",
            "unknown field 'scr_addr': did you mean 'src_addr'? (what has no column is an extra)",
        ),
        (
            "offset = 0, bytes = 16",
            "offset = 0, bytes = 8",
            "field 'src_addr' has 8 bytes: it must have 4 or 16",
        ),
        ("kind = \"mac\"", "kind = \"address\"", "field 'mac' has 6 bytes: it must have 4 or 16"),
        (
            "event = \"flow\"",
            "event = \"flwo\"",
            "unknown event 'flwo': did you mean 'flow'? (known: create, end, update, deny, flow)",
        ),
        (
            "name = \"user\"",
            "name = \"event\"",
            "the field 'event' and the table [events] need each other",
        ),
        (
            "{ name = \"user\", ",
            "{ name = \"user\", extra = \"user\", ",
            "the field at offset 27 needs a name (of a column) or an extra (of your own)",
        ),
        ("\"user\",", "\"user\", unit = \"seconds\",", "field 'user' has neither unit nor kind"),
        ("\"user\",", "\"src_addr\",", "field 'src_addr' stands there twice"),
        (
            "\"user\",",
            "\"tunnel_addr\",",
            "with a tunnel_addr, src_addr is the inner address, of 4 bytes",
        ),
        (
            "name = \"src_addr\"",
            "name = \"tunnel_addr\"",
            "'ip_version' needs addresses, all of one length: without, use an extra",
        ),
    ];
    for (from, to, sentence) in table {
        assert!(OWN.contains(from));
        let error = Layouts::builtin().add(&OWN.replacen(from, to, 1), "f.toml").unwrap_err();
        assert_eq!(error.to_string(), format!("f.toml: {sentence}"));
    }
}

#[test]
fn wrong_events_and_too_many_of_anything_are_refused() {
    let refused = |rest: &str| {
        let head = "format = \"x\"\nversion = 2\ntypes = [1]\nrecord_bytes = 400\n";
        Layouts::builtin().add(&format!("{head}{rest}"), "f").unwrap_err().to_string()
    };
    let code = "fields = [{ name = \"event\", offset = 0, bytes = 1 }]\n[events]\n";
    let twice = format!("{code}10 = {{ event = \"end\" }}\n0x0a = {{ event = \"end\" }}");
    assert_eq!(refused(&twice), "f: [events]: 10 stands there twice");
    let word = format!("{code}ten = {{ event = \"end\" }}");
    assert_eq!(refused(&word), "f: [events]: 'ten' is no number (12 or 0x0C)");
    let reason =
        format!("family = \"port_block\"\n{code}1 = {{ event = \"release\", reason = \"x\" }}");
    assert_eq!(refused(&reason), "f: [events]: a port_block has no reason");
    let field = |at| format!("{{ extra = \"{}{at}\", offset = {at}, bytes = 1 }}", "x".repeat(55));
    let fields = |count| (0..count).map(field).collect::<Vec<_>>().join(", ");
    assert_eq!(
        refused(&format!("fields = [{}]", fields(129))),
        "f: 129 fields are too many: 128 at the most"
    );
    assert_eq!(
        refused(&format!("fields = [{}]", fields(100))),
        "f: a record could make 6190 bytes of text: 4800 at the most, so use shorter names"
    );
    assert!(refused("fields = [").starts_with("f: line 5: "));
}
