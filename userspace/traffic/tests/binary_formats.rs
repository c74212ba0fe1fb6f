//! The truth of the binary formats beside Huawei USG's against their bytes, read back by hand:
//! offsets of the documents, and templates read as they come.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use logweir_traffic::{
    BlockEvent, DatagramInfo, EventKind, Format, Model, ModelConfig, PortBlock, Session, Truth,
};

fn config(format: Format) -> ModelConfig {
    ModelConfig {
        format,
        exporters: 3,
        slots: 2,
        sessions_live_max: 2_000,
        nat64_share: if format.has_nat64() { 0.2 } else { 0.0 },
        vrfs: 3,
        inbound_share: 0.1,
        untranslated_share: 0.1,
        template_every: 4,
        ..ModelConfig::default()
    }
}

fn each_datagram(format: Format, mut each: impl FnMut(&DatagramInfo, &[u8], &[Truth])) {
    let mut model = Model::new(config(format)).expect("the configuration is within the limits");
    let (mut buffer, mut truth) = (vec![0; 1_400], Vec::new());
    for _ in 0..2_000 {
        truth.clear();
        let info = model.next_datagram(&mut buffer, Some(&mut truth));
        assert_eq!(info.records, truth.len());
        each(&info, &buffer[..info.len], &truth);
    }
}

/// A big-endian number.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn v4(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let address = Ipv4Addr::from(number(bytes, at, 4) as u32);
    (!address.is_unspecified()).then_some(address.into())
}

fn port(bytes: &[u8], at: usize) -> Option<u16> {
    Some(number(bytes, at, 2) as u16).filter(|port| *port != 0)
}

/// Sequence numbers of an exporter and domain follow one another.
#[derive(Default)]
struct Sequences(HashMap<(IpAddr, Option<u32>), u32>);

impl Sequences {
    fn check(&mut self, info: &DatagramInfo, sent: u64, units: usize) {
        let next = self.0.entry((info.exporter, info.observation_domain)).or_default();
        assert_eq!((info.sequence, sent), (Some(*next), u64::from(*next)));
        *next += units as u32;
    }
}

#[test]
fn v5_bytes_are_the_truth() {
    let mut sequences = Sequences::default();
    each_datagram(Format::NetflowV5, |info, datagram, truth| {
        assert_eq!((number(datagram, 0, 2), number(datagram, 2, 2)), (5, truth.len() as u64));
        assert_eq!(datagram.len(), 24 + 48 * truth.len());
        sequences.check(info, number(datagram, 16, 4), truth.len());
        assert_eq!(info.observation_domain, Some(number(datagram, 20, 2) as u32));
        let sent_ms = number(datagram, 8, 4) * 1_000 + number(datagram, 12, 4) / 1_000_000;
        let booted_ms = sent_ms - number(datagram, 4, 4);
        for (record, truth) in datagram[24..].chunks_exact(48).zip(truth) {
            let session = truth.session().expect("a session");
            assert_eq!(session.event, EventKind::Flow);
            assert_eq!((session.src_addr, session.dst_addr), (v4(record, 0), v4(record, 4)));
            assert_eq!((session.nat_src_addr, session.nat_dst_addr), (None, None));
            assert_eq!((session.src_port, session.dst_port), (port(record, 32), port(record, 34)));
            assert_eq!(session.sent_packets, Some(number(record, 16, 4)));
            assert_eq!(session.sent_bytes, Some(number(record, 20, 4)));
            assert_eq!(session.start_ms, Some(booted_ms + number(record, 24, 4)));
            assert_eq!(session.end_ms, Some(booted_ms + number(record, 28, 4)));
            assert!(session.start_ms <= session.end_ms);
            assert_eq!(session.protocol, Some(record[38]));
            let extra: HashMap<&str, &str> =
                session.extra.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let next_hop = v4(record, 8).expect("a next hop").to_string();
            assert_eq!(extra["ipNextHopIPv4Address"], next_hop);
            for (key, at, length) in [
                ("ingressInterface", 12, 2),
                ("egressInterface", 14, 2),
                ("tcpControlBits", 37, 1),
                ("ipClassOfService", 39, 1),
                ("bgpSourceAsNumber", 40, 2),
                ("bgpDestinationAsNumber", 42, 2),
                ("sourceIPv4PrefixLength", 44, 1),
                ("destinationIPv4PrefixLength", 45, 1),
            ] {
                assert_eq!(extra[key], number(record, at, length).to_string(), "{key}");
            }
            assert_eq!(extra.len(), 9);
        }
    });
}

fn check_userlog(format: Format, version: u8) {
    let mut sequences = Sequences::default();
    each_datagram(format, |info, datagram, truth| {
        assert_eq!(datagram[..2], [version, 4]);
        assert_eq!(number(datagram, 2, 2), truth.len() as u64);
        assert_eq!(datagram.len(), 16 + 64 * truth.len());
        sequences.check(info, number(datagram, 8, 4), 1);
        assert_eq!(info.observation_domain, Some(number(datagram, 12, 4) as u32));
        for (record, truth) in datagram[16..].chunks_exact(64).zip(truth) {
            let session = truth.session().expect("a session");
            assert_eq!(session.protocol, Some(record[0]));
            assert_eq!(session.extra, [("operator", record[1].to_string())]);
            assert_eq!(session.event == EventKind::Create, record[1] == 8);
            assert_eq!(record[2], 4);
            let addresses =
                [session.src_addr, session.nat_src_addr, session.dst_addr, session.nat_dst_addr];
            assert_eq!(addresses, [4, 8, 12, 16].map(|at| v4(record, at)));
            let ports =
                [session.src_port, session.nat_src_port, session.dst_port, session.nat_dst_port];
            assert_eq!(ports, [20, 22, 24, 26].map(|at| port(record, at)));
            assert_eq!(session.start.map(u64::from), Some(number(record, 28, 4)));
            assert_eq!(session.end.map_or(0, u64::from), number(record, 32, 4));
            let counters = [
                session.received_packets,
                session.received_bytes,
                session.sent_packets,
                session.sent_bytes,
            ];
            assert_eq!(counters, [36, 40, 44, 48].map(|at| Some(number(record, at, 4))));
            let length = if version == 3 { 1 } else { 2 };
            assert_eq!(session.src_vrf.map(u64::from), Some(number(record, 52, length)));
            assert_eq!(session.dst_vrf.map(u64::from), Some(number(record, 52 + length, length)));
        }
    });
}

#[test]
fn userlog_bytes_are_the_truth() {
    check_userlog(Format::H3cUserlog, 3);
    check_userlog(Format::HuaweiElog, 0x10);
}

/// A record as its template names it: (enterprise, element) to bytes.
type Elements = HashMap<(u32, u16), Vec<u8>>;
/// Template id to fields of (enterprise, element, length).
type Templates = HashMap<u16, Vec<(u32, u16, u16)>>;

/// Reads the sets behind a header; says of each record which template it is of.
fn read_sets(mut sets: &[u8], templates: &mut Templates) -> Vec<(u16, Elements)> {
    let mut records = Vec::new();
    while !sets.is_empty() {
        let (id, length) = (number(sets, 0, 2) as u16, number(sets, 2, 2) as usize);
        assert!(length.is_multiple_of(4), "sets are padded");
        let (set, rest) = sets.split_at(length);
        match id {
            0 | 2 => read_templates(&set[4..], templates),
            id => read_records(&set[4..], id, &templates[&id], &mut records),
        }
        sets = rest;
    }
    records
}

fn read_templates(mut body: &[u8], templates: &mut Templates) {
    while body.len() >= 4 {
        let (id, count) = (number(body, 0, 2) as u16, number(body, 2, 2));
        body = &body[4..];
        let fields = (0..count)
            .map(|_| {
                let (element, length) = (number(body, 0, 2) as u16, number(body, 2, 2) as u16);
                body = &body[4..];
                let mut enterprise = 0;
                if element >= 0x8000 {
                    enterprise = number(body, 0, 4) as u32;
                    body = &body[4..];
                }
                (enterprise, element & 0x7fff, length)
            })
            .collect();
        templates.insert(id, fields);
    }
}

fn read_records(
    mut body: &[u8],
    id: u16,
    fields: &[(u32, u16, u16)],
    records: &mut Vec<(u16, Elements)>,
) {
    // What is shorter than four bytes is padding: no record is.
    while body.len() >= 4 {
        let mut elements = Elements::new();
        for &(enterprise, element, length) in fields {
            let length = match (length, body[0]) {
                (65_535, 255) => {
                    let length = number(body, 1, 2) as usize;
                    body = &body[3..];
                    length
                }
                (65_535, length) => {
                    body = &body[1..];
                    length.into()
                }
                (length, _) => length.into(),
            };
            elements.insert((enterprise, element), body[..length].to_vec());
            body = &body[length..];
        }
        records.push((id, elements));
    }
    assert!(body.iter().all(|byte| *byte == 0));
}

/// Elements taken away one by one, so that none is left over.
struct Taken(Elements);

impl Taken {
    fn number(&mut self, element: u16) -> u64 {
        let bytes = self.0.remove(&(0, element)).expect("an element");
        number(&bytes, 0, bytes.len())
    }

    fn address(&mut self, element: u16) -> Option<IpAddr> {
        let bytes = self.0.remove(&(0, element)).expect("an element");
        let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(octets) => IpAddr::from(Ipv4Addr::from(octets)),
            Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).expect("an address")).into(),
        };
        Some(address).filter(|address| !address.is_unspecified())
    }

    fn port(&mut self, element: u16) -> Option<u16> {
        Some(self.number(element) as u16).filter(|port| *port != 0)
    }
}

fn check_session(mut taken: Taken, session: &Session, is_v6: bool, codes: [u64; 2]) {
    let (src, dst) = if is_v6 { (27, 28) } else { (8, 12) };
    assert_eq!(session.src_addr, taken.address(src));
    assert_eq!(session.dst_addr, taken.address(dst));
    assert_eq!(session.nat_src_addr, taken.address(225));
    assert_eq!(session.nat_dst_addr, taken.address(226));
    let ports = [session.src_port, session.nat_src_port, session.dst_port, session.nat_dst_port];
    assert_eq!(ports, [7, 227, 11, 228].map(|element| taken.port(element)));
    assert_eq!(session.protocol.map(u64::from), Some(taken.number(4)));
    assert_eq!(session.src_vrf.map(u64::from), Some(taken.number(234)));
    assert_eq!(session.event_ms, Some(taken.number(323)));
    let is_create = session.event == EventKind::Create;
    assert_eq!(taken.number(230), if is_create { codes[0] } else { codes[1] });
    let user = taken.0.remove(&(0, 371)).map(|user| String::from_utf8(user).expect("a name"));
    assert_eq!(session.user.clone().unwrap_or_default(), user.unwrap_or_default());
    let own = taken.0.remove(&(32_473, 100)).map(|bytes| number(&bytes, 0, 4).to_string());
    let found = session.extra.iter().find(|(name, _)| *name == "ie32473.100");
    assert_eq!(found.map(|(_, value)| value), own.as_ref());
    assert!(taken.0.is_empty(), "{:?}", taken.0);
}

fn check_block(mut taken: Taken, block: &PortBlock, codes: [u64; 2]) {
    assert_eq!(Some(block.private_addr), taken.address(8));
    assert_eq!(Some(block.public_addr), taken.address(225));
    assert_eq!(block.src_vrf.map(u64::from), Some(taken.number(234)));
    assert_eq!(block.event_ms, Some(taken.number(323)));
    let is_release = block.event == BlockEvent::Release;
    assert_eq!(taken.number(230), if is_release { codes[1] } else { codes[0] });
    let first = taken.number(361);
    assert_eq!(u64::from(block.port_first), first);
    let last = if taken.0.contains_key(&(0, 362)) {
        taken.number(362)
    } else {
        assert_eq!((taken.number(4), taken.number(363)), (0, 1));
        first + taken.number(364) - 1
    };
    assert_eq!(u64::from(block.port_last), last);
    assert!(taken.0.is_empty(), "{:?}", taken.0);
}

#[test]
fn v9_bytes_are_the_truth() {
    let mut sequences = Sequences::default();
    let mut templates: HashMap<_, Templates> = HashMap::new();
    let mut blocks = 0;
    each_datagram(Format::NetflowV9, |info, datagram, truth| {
        assert_eq!(number(datagram, 0, 2), 9);
        sequences.check(info, number(datagram, 12, 4), 1);
        assert_eq!(info.observation_domain, Some(number(datagram, 16, 4) as u32));
        let known = templates.entry((info.exporter, info.observation_domain)).or_default();
        let records = read_sets(&datagram[20..], known);
        let with_templates = if number(datagram, 20, 2) == 0 { 2 } else { 0 };
        assert_eq!(number(datagram, 2, 2) as usize, records.len() + with_templates);
        assert_eq!(records.len(), truth.len());
        for ((id, elements), truth) in records.into_iter().zip(truth) {
            match truth {
                Truth::Session(session) => {
                    assert_eq!(id, 264);
                    check_session(Taken(elements), session, false, [1, 2]);
                }
                Truth::PortBlock(block) => {
                    assert_eq!(id, 267);
                    check_block(Taken(elements), block, [14, 15]);
                    blocks += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(blocks > 1_000, "{blocks}");
}

#[test]
fn ipfix_bytes_are_the_truth() {
    let mut sequences = Sequences::default();
    let mut templates: HashMap<_, Templates> = HashMap::new();
    let mut seen = [0; 3];
    each_datagram(Format::Ipfix, |info, datagram, truth| {
        assert_eq!((number(datagram, 0, 2), number(datagram, 2, 2)), (10, datagram.len() as u64));
        sequences.check(info, number(datagram, 8, 4), truth.len());
        assert_eq!(info.observation_domain, Some(number(datagram, 12, 4) as u32));
        let known = templates.entry((info.exporter, info.observation_domain)).or_default();
        let records = read_sets(&datagram[16..], known);
        assert_eq!(records.len(), truth.len());
        for ((id, elements), truth) in records.into_iter().zip(truth) {
            seen[usize::from(id - 256)] += 1;
            match (truth, id) {
                (Truth::Session(session), 256) => {
                    check_session(Taken(elements), session, false, [4, 5]);
                }
                (Truth::Session(session), 257) => {
                    check_session(Taken(elements), session, true, [6, 7]);
                }
                (Truth::PortBlock(block), 258) => check_block(Taken(elements), block, [16, 17]),
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(seen.iter().all(|count| *count > 1_000), "{seen:?}");
}
