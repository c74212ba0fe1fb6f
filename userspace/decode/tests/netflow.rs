//! NetFlow v5, v9 and IPFIX by what their exporters send: vendors' layouts with addresses of our
//! own, options data, sequence numbers, and exporters that must not mix.

#[path = "support/ipfix.rs"]
mod ipfix;
#[path = "support/read.rs"]
mod read;
#[path = "support/v9.rs"]
mod v9;

use ipfix::{Ipfix, options_template};
use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    note::Sequence,
    reason::Reason,
    settings::{ExporterSettings, NatEvents, Settings},
};
use proptest::prelude::*;
use read::{Record, records};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};
use v9::{V9, template};

const SECOND_NS: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND_NS;
/// Milliseconds of an event, as a record has them.
const EVENT: [u8; 8] = 1_700_000_000_250u64.to_be_bytes();
const EVENT_SHOWN: &str = "1700000000250000000.3";

struct Run {
    decoder: Decoder,
    batch: Batch,
}

impl Run {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let registry = Arc::new(Registry::new(settings.limits));
        let capacity = Capacity { session_rows: 4096, unparsed_rows: 4096, text_bytes: 1 << 20 };
        Self { decoder: Decoder::new(registry, Arc::new(settings)), batch: Batch::new(capacity) }
    }

    fn numbered(nat_events: NatEvents) -> Self {
        let default_exporter =
            ExporterSettings { nat_events: Some(nat_events), ..ExporterSettings::default() };
        Self::with(Settings { default_exporter, ..Settings::default() })
    }

    fn decode_from(&mut self, exporter: u8, exporter_port: u16, payload: &[u8]) -> Outcome {
        self.batch.clear();
        let datagram = Datagram {
            payload,
            exporter: IpAddr::from([192, 0, 2, exporter]),
            exporter_port,
            received_at: NOW,
            format: FormatHint::Auto,
        };
        self.decoder.decode(&datagram, &mut self.batch)
    }

    fn decode(&mut self, payload: &[u8]) -> Outcome {
        self.decode_from(1, 50_000, payload)
    }

    /// The fields of all records but those that all of a datagram have.
    fn records(&mut self, payload: &[u8]) -> Vec<Record> {
        assert_eq!(self.decode(payload), Outcome::Decoded);
        let mut all = records(&self.batch);
        for record in &mut all {
            for common in ["exporter", "exporter_port", "received_at", "sequence"] {
                record.remove(common);
            }
            record.remove("observation_domain");
        }
        all
    }

    fn sequence(&self) -> Sequence {
        self.batch.notes.iter().next().unwrap().sequence.unwrap()
    }
}

fn v9_header() -> V9 {
    V9::new(7, 1, 1_700_000_000, 1_000_000)
}

fn ipfix_header() -> Ipfix {
    Ipfix::new(7, 1, 1_700_000_000)
}

/// A record of v9 with its template.
fn v9_record(id: u16, fields: &[(u16, u16)], record: &[&[u8]]) -> Vec<u8> {
    v9_header().flowset(0, &template(id, fields)).flowset(id, &record.concat()).bytes()
}

/// A record of IPFIX with its template.
fn ipfix_record(id: u16, fields: &[(u32, u16, u16)], record: &[&[u8]]) -> Vec<u8> {
    ipfix_header().set(2, &ipfix::template(id, fields)).set(id, &record.concat()).bytes()
}

fn expect(records: &[Record], expected: &[(&'static str, &str)]) {
    let expected: Record = expected.iter().map(|(name, value)| (*name, (*value).into())).collect();
    assert_eq!(records, [expected]);
}

const INSIDE: [u8; 4] = [10, 0, 0, 9];
const PUBLIC: [u8; 4] = [198, 51, 100, 9];
const SERVER: [u8; 4] = [203, 0, 113, 9];
const PORT: [u8; 2] = 1024u16.to_be_bytes();
const NAT_PORT: [u8; 2] = 2048u16.to_be_bytes();
const HTTPS: [u8; 2] = 443u16.to_be_bytes();

// ----------------------------------------------------------------------------------- vendors

/// NAT44 session as Cisco NEL, VPP and others send it.
const NAT44: [(u16, u16); 12] = [
    (8, 4),
    (225, 4),
    (12, 4),
    (226, 4),
    (7, 2),
    (227, 2),
    (11, 2),
    (228, 2),
    (234, 4),
    (4, 1),
    (230, 1),
    (323, 8),
];

fn nat44(code: u8) -> Vec<u8> {
    v9_record(
        264,
        &NAT44,
        &[
            &INSIDE,
            &PUBLIC,
            &SERVER,
            &SERVER,
            &PORT,
            &NAT_PORT,
            &HTTPS,
            &HTTPS,
            &[0, 0, 0, 5, 6, code],
            &EVENT,
            &[0, 0],
        ],
    )
}

#[test]
fn a_nat44_session_of_nel() {
    expect(
        &Run::new().records(&nat44(1)),
        &[
            ("record", "session"),
            ("format", "netflow-v9"),
            ("event_time", EVENT_SHOWN),
            ("time_source", "record"),
            ("event", "create"),
            ("protocol", "6"),
            ("src_addr", "10.0.0.9"),
            ("src_port", "1024"),
            ("dst_addr", "203.0.113.9"),
            ("dst_port", "443"),
            ("nat_src_addr", "198.51.100.9"),
            ("nat_src_port", "2048"),
            ("nat_dst_addr", "203.0.113.9"),
            ("nat_dst_port", "443"),
            ("src_vrf", "5"),
        ],
    );
}

#[test]
fn codes_of_nat_events_are_read_as_configured_and_kept_where_nobody_says() {
    let seen = |mut run: Run, code| {
        let records = run.records(&nat44(code));
        let of = |name| records[0].get(name).cloned().unwrap_or_default();
        (of("event"), of("extra"))
    };
    for (code, event) in [(4, "create"), (5, "end"), (8, "create"), (12, ""), (13, "")] {
        let (seen, extra) = seen(Run::new(), code);
        assert_eq!((seen.as_str(), extra), (event, format!("natEvent=n{code}")));
    }
    assert_eq!(seen(Run::numbered(NatEvents::Iana), 4), ("create".into(), String::new()));
    assert_eq!(seen(Run::numbered(NatEvents::Draft02), 12), ("create".into(), String::new()));
    assert_eq!(seen(Run::numbered(NatEvents::Nel), 4), (String::new(), "natEvent=n4".into()));
}

#[test]
fn the_numbering_of_one_exporter_is_not_that_of_another() {
    let draft =
        ExporterSettings { nat_events: Some(NatEvents::Draft02), ..ExporterSettings::default() };
    let exporters = [(IpAddr::from([192, 0, 2, 2]), draft)].into_iter().collect();
    let mut run = Run::with(Settings { exporters, ..Settings::default() });
    for (exporter, event) in [(1, None), (2, Some("create"))] {
        assert_eq!(run.decode_from(exporter, 1, &nat44(12)), Outcome::Decoded);
        assert_eq!(records(&run.batch)[0].get("event").map(String::as_str), event);
    }
}

#[test]
fn sets_of_a_record_each_come_to_the_same_as_one_set() {
    // 7 bytes; code 3 stands for no event and is kept in `extra`.
    let template = template(300, &[(8, 4), (230, 1), (7, 2)]);
    for codes in [[1, 2, 1], [1, 3, 2]] {
        let records = [0, 1, 2].map(|n| [&INSIDE[..], &[codes[n], 4, n as u8]].concat());
        let one = v9_header().flowset(0, &template).flowset(300, &records.concat());
        let each = records.iter().fold(v9_header().flowset(0, &template), |sent, record| {
            sent.flowset(300, &[&record[..], &[0]].concat())
        });
        let shown = |payload: &[u8]| {
            let of = |record: &Record| ["event", "src_port"].map(|name| record.get(name).cloned());
            Run::new().records(payload).iter().map(of).collect::<Vec<_>>()
        };
        let (one, each) = (shown(&one.bytes()), shown(&each.bytes()));
        assert_eq!(one, each);
        assert_eq!(
            each.iter().map(|[_, port]| port.as_deref()).collect::<Vec<_>>(),
            [Some("1024"), Some("1025"), Some("1026")]
        );
    }
}

/// A Source ID that looks subdivided, of a box that is no USG: each domain has its own templates.
#[test]
fn data_of_a_subdivided_domain_waits_where_the_other_ones_template_is_no_usgs() {
    let mut run = Run::new();
    let other = v9_record(256, &[(8, 4), (12, 4)], &[&INSIDE, &PUBLIC]);
    let with_domain = |payload: &[u8], domain: u32| {
        [&payload[..16], &domain.to_be_bytes(), &payload[20..]].concat()
    };
    let templates = with_domain(&other, 0x0100_0005);
    assert_eq!(run.decode_from(1, 1, &templates), Outcome::Decoded);
    // The same data, without the template in front of it.
    let data = [&templates[..20], &templates[templates.len() - 12..]].concat();
    assert_eq!(run.decode_from(1, 1, &with_domain(&data, 0x0102_0005)), Outcome::Waiting);
    assert_eq!(run.decode_from(1, 1, &data), Outcome::Decoded);
}

#[test]
fn a_block_of_ports_by_start_step_and_number() {
    let fields =
        [(8, 4), (225, 4), (234, 4), (4, 1), (230, 1), (323, 8), (361, 2), (363, 2), (364, 2)];
    let record: &[&[u8]] =
        &[&INSIDE, &PUBLIC, &[0, 0, 0, 5, 6, 1], &EVENT, &[4, 0], &[0, 1], &[2, 0]];
    expect(
        &Run::new().records(&v9_record(267, &fields, record)),
        &[
            ("record", "port_block"),
            ("format", "netflow-v9"),
            ("event_time", "1700000000250000000.3"),
            ("time_source", "record"),
            ("event", "allocate"),
            ("private_addr", "10.0.0.9"),
            ("public_addr", "198.51.100.9"),
            ("port_first", "1024"),
            ("port_last", "1535"),
            ("protocol", "6"),
            ("src_vrf", "5"),
            ("extra", "portRangeStepSize=n1 portRangeNumPorts=n512"),
        ],
    );
}

#[test]
fn a_block_of_ports_that_only_tells_its_begin_has_the_event_time_from_there() {
    // The last port is 0, so the number of ports counts.
    let fields = [(8, 4), (225, 4), (230, 1), (152, 8), (361, 2), (362, 2), (364, 2)];
    let record: &[&[u8]] = &[&INSIDE, &PUBLIC, &[1], &EVENT, &[4, 0], &[0, 0], &[2, 0]];
    let records = Run::new().records(&v9_record(267, &fields, record));
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(record["event_time"], "1700000000250000000.3");
    assert_eq!((&*record["time_source"], &*record["port_last"]), ("record", "1535"));
    assert!(record["extra"].starts_with("flowStartMilliseconds="), "{}", record["extra"]);
}

#[test]
fn a_block_of_ports_of_all_protocols_names_none() {
    let fields = [(0, 8, 4), (0, 225, 4), (0, 4, 1), (0, 361, 2), (0, 362, 2)];
    for (sent, protocol) in [(0, None), (17, Some("17"))] {
        let record: &[&[u8]] = &[&INSIDE, &PUBLIC, &[sent], &[4, 0], &[5, 255]];
        let block = &Run::new().records(&ipfix_record(300, &fields, record))[0];
        assert_eq!(block.get("protocol").map(String::as_str), protocol);
    }
}

#[test]
fn a_block_of_ports_by_its_ends_in_ipfix() {
    let fields = [(0, 230, 1), (0, 8, 4), (0, 225, 4), (0, 361, 2), (0, 362, 2), (0, 283, 4)];
    for (code, event, extra) in [
        (16, "allocate", "natPoolId=n3"),
        (17, "release", "natPoolId=n3"),
        (12, "unknown", "natEvent=n12 natPoolId=n3"),
    ] {
        let record: &[&[u8]] = &[&[code], &INSIDE, &PUBLIC, &[4, 0], &[5, 255], &[0, 0, 0, 3]];
        expect(
            &Run::new().records(&ipfix_record(300, &fields, record)),
            &[
                ("record", "port_block"),
                ("format", "ipfix"),
                ("event_time", "1700000000000000000.9"),
                ("time_source", "received"),
                ("event", event),
                ("private_addr", "10.0.0.9"),
                ("public_addr", "198.51.100.9"),
                ("port_first", "1024"),
                ("port_last", "1535"),
                ("extra", extra),
            ],
        );
    }
}

#[test]
fn an_event_of_a_pool_is_kept_whole() {
    let payload = v9_record(266, &[(283, 4), (230, 1)], &[&[0, 0, 0, 3, 3, 0, 0, 0]]);
    expect(
        &Run::new().records(&payload),
        &[
            ("record", "session"),
            ("format", "netflow-v9"),
            ("event_time", "1700000000000000000.9"),
            ("time_source", "received"),
            ("extra", "natPoolId=n3 natEvent=n3"),
        ],
    );
}

/// Format 1: the translated address stands where the source's should.
#[test]
fn a_mapping_of_nokia() {
    for (id, time, event, name) in
        [(256, 152, "create", "start_time"), (257, 153, "end", "end_time")]
    {
        let fields = [
            (0, 148, 8),
            (0, 8, 4),
            (0, 12, 4),
            (0, 7, 2),
            (0, 11, 2),
            (0, time, 8),
            (0, 4, 1),
            (0, 210, 1),
            (637, 91, 2),
            (637, 92, 2),
            (0, 210, 1),
            (637, 93, 65_535),
        ];
        let record: &[&[u8]] = &[
            &[0; 7],
            &[7],
            &PUBLIC,
            &SERVER,
            &PORT,
            &HTTPS,
            &EVENT,
            &[6, 0],
            &[0, 100],
            &[0, 0, 0],
            &[14],
            b"USER7@10.0.0.9",
        ];
        expect(
            &Run::new().records(&ipfix_record(id, &fields, record)),
            &[
                ("record", "session"),
                ("format", "ipfix"),
                ("event_time", EVENT_SHOWN),
                ("time_source", "record"),
                (name, EVENT_SHOWN),
                ("event", event),
                ("protocol", "6"),
                ("src_addr", "10.0.0.9"),
                ("src_port", "1024"),
                ("dst_addr", "203.0.113.9"),
                ("dst_port", "443"),
                ("nat_src_addr", "198.51.100.9"),
                ("src_vrf", "100"),
                ("dst_vrf", "0"),
                ("user", "USER7"),
                ("extra", "flowId=n7"),
            ],
        );
    }
}

#[test]
fn events_of_a_cisco_asa() {
    let fields = [(8, 4), (225, 4), (233, 1), (33_002, 2), (323, 8), (85, 4), (40_000, 20)];
    for (code, event) in [(1, "create"), (2, "end"), (3, "deny"), (4, ""), (5, "update")] {
        let mut user = [0; 20];
        user[..5].copy_from_slice(b"alice");
        let record: &[&[u8]] =
            &[&INSIDE, &PUBLIC, &[code], &[3, 233], &EVENT, &[0, 0, 0, 9], &user];
        let records = Run::new().records(&v9_record(256, &fields, record));
        let of = |name| records[0].get(name).map_or("", String::as_str);
        assert_eq!((of("event"), of("user"), of("event_time")), (event, "alice", EVENT_SHOWN));
        let code = if event.is_empty() { "firewallEvent=n4 " } else { "" };
        let rest = "firewallExtendedEvent=n1001 octetTotalCount=n9";
        assert_eq!(of("extra"), format!("{code}{rest}"));
    }
}

#[test]
fn events_of_a_cisco_asa_before_release_8_4() {
    let fields = [(8, 4), (7, 2), (40_001, 4), (40_003, 2), (40_005, 1)];
    let record: &[&[u8]] = &[&INSIDE, &PORT, &PUBLIC, &NAT_PORT, &[2]];
    let records = Run::new().records(&v9_record(256, &fields, record));
    let of = |name| records[0][name].as_str();
    assert_eq!(
        [of("nat_src_addr"), of("nat_src_port"), of("event")],
        ["198.51.100.9", "2048", "end"]
    );
}

/// The numbers of the elements are inferred; so is the reading, and it says so.
#[test]
fn a_flow_log_of_a_huawei_ne_tells_its_event_by_its_template() {
    let fields = [
        (323, 8),
        (58, 2),
        (8, 4),
        (225, 4),
        (4, 1),
        (7, 2),
        (227, 2),
        (12, 4),
        (226, 4),
        (11, 2),
        (228, 2),
        (61, 1),
        (5, 1),
    ];
    let record: &[&[u8]] = &[
        &EVENT,
        &[0, 3],
        &INSIDE,
        &PUBLIC,
        &[6],
        &PORT,
        &NAT_PORT,
        &SERVER,
        &SERVER,
        &HTTPS,
        &HTTPS,
        &[1, 0],
    ];
    for (id, event) in [(259, "create"), (260, "end")] {
        let records = Run::new().records(&v9_record(id, &fields, record));
        let of = |name| records[0][name].as_str();
        assert_eq!([of("event"), of("flags"), of("src_vrf")], [event, "reading_inferred", "3"]);
    }
    let other = Run::new().records(&v9_record(261, &fields, record));
    assert_eq!((other[0]["event"].as_str(), other[0].get("flags")), ("flow", None));
}

/// MikroTik: translated addresses without ports, and uptimes without a base.
#[test]
fn a_flow_of_a_mikrotik() {
    let fields = [(0, 60, 1), (0, 22, 4), (0, 21, 4), (0, 2, 4), (0, 1, 4), (0, 8, 4), (0, 225, 4)];
    let record: &[&[u8]] =
        &[&[4], &[0, 0, 0, 9], &[0, 0, 0, 10], &[0, 0, 0, 2], &[0, 0, 0, 120], &INSIDE, &PUBLIC];
    expect(
        &Run::new().records(&ipfix_record(258, &fields, record)),
        &[
            ("record", "session"),
            ("format", "ipfix"),
            ("event_time", "1700000000000000000.9"),
            ("time_source", "received"),
            ("event", "flow"),
            ("src_addr", "10.0.0.9"),
            ("nat_src_addr", "198.51.100.9"),
            ("sent_packets", "2"),
            ("sent_bytes", "120"),
            ("extra", "ipVersion=n4 flowStartSysUpTime=n9 flowEndSysUpTime=n10"),
        ],
    );
}

/// H3C sends fields of variable length in v9; zero-length fields and one of type 0 are there too.
#[test]
fn a_flow_of_h3c() {
    let fields = [(8, 4), (0, 1), (12, 0), (236, 65_535), (7, 2)];
    let records: &[&[u8]] =
        &[&INSIDE, &[0], &[255, 0, 3], b"red", &PORT, &INSIDE, &[0], &[0], &NAT_PORT];
    let records = Run::new().records(&v9_record(300, &fields, records));
    let of = |row: usize, name| records[row].get(name).map_or("", String::as_str);
    assert_eq!([of(0, "src_port"), of(0, "extra")], ["1024", "ie0=n0 VRFname=red"]);
    assert_eq!([of(1, "src_port"), of(1, "extra")], ["2048", "ie0=n0"]);
}

#[test]
fn elements_of_vendors_are_named_or_numbered() {
    let fields = [(0, 8, 4), (12_276, 26, 65_535), (4_000_000_000, 7, 1), (29_305, 1, 2)];
    let record: &[&[u8]] = &[&INSIDE, &[4], b"deny", &[9], &[1, 0]];
    let records = Run::new().records(&ipfix_record(300, &fields, record));
    assert_eq!(records[0]["extra"], "aclPolicyName=deny ie4000000000.7=n9");
    assert_eq!(records[0]["received_bytes"], "256");
}

// ----------------------------------------------------------------------------------- version 5

/// A datagram of v5 with these records of 48 bytes.
fn v5(sequence: u32, sampling: u16, records: &[[u8; 48]]) -> Vec<u8> {
    let mut bytes = vec![0, 5, 0, records.len() as u8];
    for word in [1_000_000u32, 1_700_000_000, 500_000_000, sequence] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend([1, 2]);
    bytes.extend(sampling.to_be_bytes());
    bytes.extend(records.concat());
    bytes
}

fn v5_record() -> [u8; 48] {
    let words: &[&[u8]] = &[
        &INSIDE,
        &SERVER,
        &[192, 0, 2, 254],
        &[0, 1, 0, 2],
        &[0, 0, 0, 3],
        &[0, 0, 1, 44],
        &999_000u32.to_be_bytes(),
        &1_000_000u32.to_be_bytes(),
        &PORT,
        &HTTPS,
        &[0, 0x1b, 6, 8],
        &[251, 240, 251, 241, 24, 16, 0, 0],
    ];
    words.concat().try_into().unwrap()
}

#[test]
fn a_flow_of_version_5() {
    let mut run = Run::new();
    let payload = v5(77, 0x4064, &[v5_record()]);
    expect(
        &run.records(&payload),
        &[
            ("record", "session"),
            ("format", "netflow-v5"),
            ("event_time", "1700000000500000000.3"),
            ("time_source", "record"),
            ("event", "flow"),
            ("protocol", "6"),
            ("src_addr", "10.0.0.9"),
            ("src_port", "1024"),
            ("dst_addr", "203.0.113.9"),
            ("dst_port", "443"),
            ("start_time", "1699999999500000000.3"),
            ("end_time", "1700000000500000000.3"),
            ("duration_ms", "1000"),
            ("sent_packets", "3"),
            ("sent_bytes", "300"),
            (
                "extra",
                "ipNextHopIPv4Address=192.0.2.254 ingressInterface=n1 egressInterface=n2 \
                 tcpControlBits=n27 ipClassOfService=n8 bgpSourceAsNumber=n64496 \
                 bgpDestinationAsNumber=n64497 sourceIPv4PrefixLength=n24 \
                 destinationIPv4PrefixLength=n16 samplingInterval=n100 samplingAlgorithm=n1",
            ),
        ],
    );
    let sequence = run.sequence();
    assert_eq!((sequence.version, sequence.domain, sequence.number), (5, 0x0102, 77));
    assert_eq!((sequence.units, sequence.uptime_ms), (Some(1), Some(1_000_000)));
}

/// The twin of the decoder of version 5: a record by the offsets of Cisco's table.
fn v5_expected(record: &[u8; 48], uptime_ms: u32, unix_ms: i64) -> Record {
    let number = |at: usize, len: usize| {
        record[at..at + len].iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte))
    };
    let address = |at| Ipv4Addr::from(number(at, 4)).to_string();
    let mut expected = Record::from([
        ("record", "session".into()),
        ("format", "netflow-v5".into()),
        ("event", "flow".into()),
        ("protocol", number(38, 1).to_string()),
        ("sent_packets", number(16, 4).to_string()),
        ("sent_bytes", number(20, 4).to_string()),
    ]);
    for (name, at) in [("src_addr", 0), ("dst_addr", 4)] {
        (number(at, 4) != 0).then(|| expected.insert(name, address(at)));
    }
    for (name, at) in [("src_port", 32), ("dst_port", 34)] {
        (number(at, 2) != 0).then(|| expected.insert(name, number(at, 2).to_string()));
    }
    let time = |at| {
        let ago = (i64::from(uptime_ms) - i64::from(number(at, 4))).rem_euclid(1 << 32);
        unix_ms - if ago >= (1 << 32) - 3_600_000 { ago - (1 << 32) } else { ago }
    };
    let (start, end) = (time(24), time(28));
    let shown = |ms: i64| format!("{}.3", ms * 1_000_000);
    expected.insert("start_time", shown(start));
    expected.insert("end_time", shown(end));
    expected.insert("event_time", shown(end));
    expected.insert("time_source", "record".into());
    if end >= start {
        expected.insert("duration_ms", (end - start).to_string());
    }
    let extra = [
        format!("ipNextHopIPv4Address={}", address(8)),
        format!("ingressInterface=n{} egressInterface=n{}", number(12, 2), number(14, 2)),
        format!("tcpControlBits=n{} ipClassOfService=n{}", record[37], record[39]),
        format!("bgpSourceAsNumber=n{} bgpDestinationAsNumber=n{}", number(40, 2), number(42, 2)),
        format!("sourceIPv4PrefixLength=n{}", record[44]),
        format!("destinationIPv4PrefixLength=n{}", record[45]),
    ];
    expected.insert("extra", extra.join(" "));
    expected
}

#[test]
fn flows_of_version_5_are_decoded_as_by_a_twin() {
    let bytes = proptest::collection::vec(prop_oneof![1 => Just(0), 3 => any::<u8>()], 48);
    let flows = proptest::collection::vec(bytes, 0..30);
    let run = std::cell::RefCell::new(Run::new());
    proptest!(|(flows in flows)| {
        let flows: Vec<[u8; 48]> = flows.into_iter().map(|flow| flow.try_into().unwrap()).collect();
        let expected: Vec<_> =
            flows.iter().map(|flow| v5_expected(flow, 1_000_000, 1_700_000_000_500)).collect();
        prop_assert_eq!(run.borrow_mut().records(&v5(1, 0, &flows)), expected);
    });
}

#[test]
fn the_count_of_version_5_is_that_of_its_records() {
    let mut run = Run::new();
    let whole = v5(1, 0, &[v5_record(), v5_record()]);
    assert_eq!(run.decode(&whole), Outcome::Decoded);
    assert_eq!(run.batch.session.rows(), 2);
    assert_eq!(run.decode(&whole[..whole.len() - 1]), Outcome::Rejected(Reason::RecordCount));
    assert_eq!(run.batch.session.rows(), 0);
    assert_eq!(run.sequence().units, None);
    let longer = [&whole[..], &[0; 4]].concat();
    assert_eq!(run.decode(&longer), Outcome::Decoded, "filled up");
    let longer = [&whole[..], &[0, 1]].concat();
    assert_eq!(run.decode(&longer), Outcome::Rejected(Reason::RecordCount));
    assert_eq!((run.batch.session.rows(), run.batch.unparsed.rows()), (2, 1));
}

// ----------------------------------------------------------------------------------- messages

#[test]
fn bytes_behind_a_message_are_kept() {
    let mut run = Run::new();
    let message = ipfix_record(300, &[(0, 8, 4)], &[&INSIDE]);
    let behind = [&message[..], b"more"].concat();
    assert_eq!(run.decode(&behind), Outcome::Rejected(Reason::MessageLength));
    assert_eq!(run.batch.session.rows(), 1);
    let raw: Vec<_> = run.batch.unparsed.iter().map(|(_, row)| run.batch.text(row.raw)).collect();
    assert_eq!(raw, [b"more"]);
    assert_eq!(run.decode(&[&message[..], &[0; 9]].concat()), Outcome::Decoded);
    assert_eq!(run.decode(&message[..message.len() - 1]), Outcome::Rejected(Reason::MessageLength));
}

#[test]
fn a_message_that_says_it_is_shorter_than_its_sets_is_decoded_by_them() {
    let mut message = ipfix_record(300, &[(0, 8, 4)], &[&INSIDE]);
    message[3] -= 2;
    let mut run = Run::new();
    assert_eq!(run.decode(&message), Outcome::Decoded);
    assert_eq!(run.batch.session.rows(), 1);
}

#[test]
fn templates_are_withdrawn_one_or_all() {
    let data = |id| ipfix_header().set(id, &INSIDE).bytes();
    let templates = [300, 301].map(|id| ipfix::template(id, &[(0, 8, 4)])).concat();
    let withdrawal = |id| ipfix_header().set(2, &ipfix::template(id, &[])).bytes();
    for (withdrawn, left) in [(300, [false, true]), (2, [false, false]), (3, [true, true])] {
        let mut run = Run::new();
        assert_eq!(run.decode(&ipfix_header().set(2, &templates).bytes()), Outcome::Decoded);
        assert_eq!(run.decode(&withdrawal(withdrawn)), Outcome::Decoded);
        let decoded = [300, 301].map(|id| run.decode(&data(id)) == Outcome::Decoded);
        assert_eq!(decoded, left, "after {withdrawn}");
    }
}

#[test]
fn times_of_ipfix_are_told_by_a_start_in_the_record_or_in_options() {
    let start = (1_700_000_000_000u64 - 60_000).to_be_bytes();
    let fields = [(0, 8, 4), (0, 22, 4), (0, 160, 8)];
    let record: &[&[u8]] = &[&INSIDE, &5_000u32.to_be_bytes(), &start];
    let records = Run::new().records(&ipfix_record(300, &fields, record));
    assert_eq!(records[0]["start_time"], "1699999945000000000.3");

    let mut run = Run::new();
    let options = ipfix_header()
        .set(3, &options_template(400, 1, &[(0, 149, 4), (0, 160, 8)]))
        .set(400, &[&[0, 0, 0, 7][..], &start].concat())
        .bytes();
    assert_eq!(run.decode(&options), Outcome::Decoded);
    let records = run.records(&ipfix_record(300, &fields[..2], &record[..2]));
    assert_eq!(records[0]["start_time"], "1699999945000000000.3");
}

// ----------------------------------------------------------------------------------- options

/// Interface 3 is named, VRF 5 is named, sampler 1 takes one packet of 100.
fn v9_options() -> Vec<u8> {
    let body = |id: u16, scope: (u16, u16), options: &[(u16, u16)]| {
        let head = [id, 4, options.len() as u16 * 4, scope.0, scope.1];
        let fields = options.iter().flat_map(|(element, len)| [*element, *len]);
        head.into_iter().chain(fields).flat_map(u16::to_be_bytes).collect::<Vec<u8>>()
    };
    v9_header()
        .flowset(1, &body(400, (2, 4), &[(82, 6)]))
        .flowset(400, b"\0\0\0\x03ge-0/1\0\0")
        .flowset(1, &body(401, (1, 4), &[(234, 4), (236, 4)]))
        .flowset(401, b"\0\0\0\0\0\0\0\x05red\0")
        .flowset(1, &body(402, (1, 4), &[(48, 1), (49, 1), (50, 4)]))
        .flowset(402, &[0, 0, 0, 0, 1, 2, 0, 0, 0, 100, 0, 0])
        .bytes()
}

fn v9_flow() -> Vec<u8> {
    let fields = [(8, 4), (12, 4), (10, 4), (14, 4), (234, 4), (48, 1), (1, 4), (2, 4), (5, 1)];
    let record: &[&[u8]] = &[
        &INSIDE,
        &SERVER,
        &[0, 0, 0, 3],
        &[0, 0, 0, 4],
        &[0, 0, 0, 5],
        &[1],
        &[0; 8],
        &[0],
        &[0; 2],
    ];
    v9_record(300, &fields, record)
}

#[test]
fn options_data_adds_to_later_records_of_its_domain() {
    let own = "ingressInterface=n3 egressInterface=n4 samplerId=n1 ipClassOfService=n0";
    let mut run = Run::new();
    assert_eq!(run.records(&v9_flow())[0]["extra"], own);
    assert_eq!(run.decode(&v9_options()), Outcome::Decoded);
    assert_eq!(run.batch.records(), 0);
    let told = "ingressInterfaceName=ge-0/1 ingressVRFName=red samplerMode=n2 \
                samplerRandomInterval=n100";
    assert_eq!(run.records(&v9_flow())[0]["extra"], format!("{own} {told}"));
    // Nobody else's.
    let other_domain = V9::new(8, 1, 1_700_000_000, 1).bytes();
    let mut payload = v9_flow();
    payload[..20].copy_from_slice(&other_domain);
    assert_eq!(run.records(&payload)[0]["extra"], own);
    assert_eq!(run.decode_from(2, 50_000, &v9_flow()), Outcome::Decoded);
    assert_eq!(records(&run.batch)[0]["extra"], own);
}

#[test]
fn what_options_data_tells_stays_within_limits() {
    let limits =
        Limits { options_per_domain: 10, options_bytes_per_exporter: 1500, ..Limits::DEFAULT };
    let mut run = Run::with(Settings::with_limits(limits));
    let template = options_template(400, 1, &[(0, 10, 4), (0, 82, 65_535)]);
    assert_eq!(run.decode(&ipfix_header().set(3, &template).bytes()), Outcome::Decoded);
    let mut named = |interface: u32, len: usize| {
        let name = vec![b'x'; len];
        let record = [&interface.to_be_bytes()[..], &[len as u8], &name].concat();
        run.decode(&ipfix_header().set(400, &record).bytes())
    };
    for interface in 0..10 {
        assert_eq!(named(interface, 4), Outcome::Decoded);
    }
    assert_eq!(named(10, 4), Outcome::Rejected(Reason::OptionsLimit));
    assert_eq!(named(3, 5), Outcome::Decoded, "what is known may change");
    let refused = (0..10).filter(|interface| named(*interface, 200) != Outcome::Decoded).count();
    assert!(refused > 0, "within their bytes");
}

// ----------------------------------------------------------------------------------- sequences

#[test]
fn every_version_counts_in_its_own_way() {
    let mut run = Run::new();
    let fields = ipfix::template(300, &[(0, 8, 4)]);
    let two = ipfix_header().set(300, &[INSIDE, SERVER].concat()).bytes();
    assert_eq!(run.decode(&two), Outcome::Waiting);
    assert_eq!((run.sequence().units, run.sequence().templates_only), (None, false));
    assert_eq!(run.decode(&ipfix_header().set(2, &fields).bytes()), Outcome::Decoded);
    assert_eq!((run.sequence().units, run.sequence().templates_only), (Some(0), true));
    assert_eq!(run.decode(&two), Outcome::Decoded);
    let sequence = run.sequence();
    assert_eq!((sequence.version, sequence.domain, sequence.number), (10, 7, 1));
    assert_eq!((sequence.units, sequence.uptime_ms), (Some(2), None));
    let options = ipfix_header()
        .set(3, &options_template(400, 1, &[(0, 10, 4), (0, 34, 4)]))
        .set(400, &[0; 16])
        .bytes();
    assert_eq!(run.decode(&options), Outcome::Decoded);
    assert_eq!(run.sequence().units, Some(2), "records of options count as well");

    assert_eq!(run.decode(&v9_flow()), Outcome::Decoded);
    let sequence = run.sequence();
    assert_eq!((sequence.version, sequence.domain, sequence.number), (9, 7, 1));
    assert_eq!((sequence.units, sequence.uptime_ms), (Some(1), Some(1_000_000)));
    let templates = v9_header().flowset(0, &template(301, &[(8, 4)])).bytes();
    assert_eq!(run.decode(&templates), Outcome::Decoded);
    assert!(run.sequence().templates_only);
}

/// The second byte of its Source ID may change from datagram to datagram.
#[test]
fn the_domain_of_a_huawei_usg_is_without_its_number_of_logs() {
    let mut run = Run::new();
    let create = include_bytes!("../testdata/doc_nf9_ipv4_create.bin");
    for number_of_logs in [0, 5] {
        let mut payload = create.to_vec();
        payload[17] = number_of_logs;
        assert_eq!(run.decode(&payload), Outcome::Decoded);
        assert_eq!(run.sequence().domain, 0x0100_000b);
    }
    // The same Source ID at another exporter is one of many.
    let header = V9::new(0x0105_000b, 1, 1_700_000_000, 1000);
    let payload = header.flowset(0, &template(300, &[(8, 4)])).flowset(300, &INSIDE).bytes();
    assert_eq!(run.decode_from(2, 1, &payload), Outcome::Decoded);
    assert_eq!(run.sequence().domain, 0x0105_000b);
}

// ----------------------------------------------------------------------------------- apart

/// One template ID, in the same domain, with another layout for each exporter, domain and version.
#[test]
fn exporters_domains_and_versions_do_not_mix() {
    let mut run = Run::new();
    let layouts = [(8, "src_addr"), (12, "dst_addr"), (225, "nat_src_addr"), (226, "nat_dst_addr")];
    let sources: Vec<(u8, u32, bool)> =
        vec![(1, 7, false), (2, 7, false), (1, 8, false), (1, 7, true)];
    let header = |domain, is_ipfix: bool, sets: [(u16, Vec<u8>); 1]| {
        let [(id, body)] = sets;
        if is_ipfix {
            Ipfix::new(domain, 1, 1_700_000_000).set(id, &body).bytes()
        } else {
            V9::new(domain, 1, 1_700_000_000, 1).flowset(id, &body).bytes()
        }
    };
    for ((exporter, domain, is_ipfix), (element, _)) in sources.iter().zip(layouts) {
        let set = if *is_ipfix { 2 } else { 0 };
        let payload = header(*domain, *is_ipfix, [(set, template(300, &[(element, 4)]))]);
        assert_eq!(run.decode_from(*exporter, 1, &payload), Outcome::Decoded);
    }
    // From whatever port.
    for port in [1, 2] {
        for ((exporter, domain, is_ipfix), (_, name)) in sources.iter().zip(layouts) {
            let payload = header(*domain, *is_ipfix, [(300, INSIDE.to_vec())]);
            assert_eq!(run.decode_from(*exporter, port, &payload), Outcome::Decoded);
            assert_eq!(records(&run.batch)[0][name], "10.0.0.9");
        }
    }
    let stranger = header(9, false, [(300, INSIDE.to_vec())]);
    assert_eq!(run.decode_from(1, 1, &stranger), Outcome::Waiting);
}
