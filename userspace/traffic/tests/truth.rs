//! The truth against the bytes, read back by hand: offsets of the document for NetFlow, keys and
//! words for text. No decoder of the project is used.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use logweir_traffic::{
    Charset, DatagramInfo, EventKind, Format, Header, Model, ModelConfig, MtnCounters, Session,
    Truth, timestamp,
};

/// Calls `each` with datagrams and their truth.
fn each_datagram(
    config: &ModelConfig,
    datagrams: usize,
    mut each: impl FnMut(&DatagramInfo, &[u8], &[Session]),
) {
    let mut model = Model::new(config.clone()).expect("the configuration is within the limits");
    let mut buffer = vec![0; config.datagram_bytes_max];
    let mut truth = Vec::new();
    for _ in 0..datagrams {
        let info = model.next_datagram(&mut buffer, Some(&mut truth));
        let sessions: Vec<Session> = truth.drain(..).filter_map(Truth::into_session).collect();
        each(&info, &buffer[..info.len], &sessions);
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn v4_at(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let address = Ipv4Addr::from(u32_at(bytes, at));
    (!address.is_unspecified()).then_some(address.into())
}

fn v6_at(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let octets: [u8; 16] = bytes[at..at + 16].try_into().expect("sixteen bytes");
    let address = Ipv6Addr::from(octets);
    (!address.is_unspecified()).then_some(address.into())
}

fn port_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16_at(bytes, at)).filter(|&port| port != 0)
}

/// The data records of a packet, and how many flowsets of any kind it has.
fn records_of(datagram: &[u8]) -> (Vec<&[u8]>, usize) {
    let (mut records, mut flowsets, mut at) = (Vec::new(), 0, 20);
    while at < datagram.len() {
        let (id, length) = (u16_at(datagram, at), usize::from(u16_at(datagram, at + 2)));
        let body = &datagram[at + 4..at + length];
        match id {
            0 => assert!(matches!(u16_at(body, 0), 1315 | 1316)),
            1315 => records.extend(body.chunks_exact(60)),
            1316 => records.extend(body.chunks_exact(124)),
            other => panic!("flowset {other}"),
        }
        at += length;
        flowsets += 1;
    }
    assert_eq!(at, datagram.len(), "flowsets fill the datagram");
    (records, flowsets)
}

fn check_netflow_record(record: &[u8], session: &Session) {
    let is_v6 = record.len() == 124;
    let v6 = |at| if is_v6 { v6_at(record, at) } else { None };
    let (inner, outer) = (v4_at(record, 0), v6(36));
    if session.tunnel_addr.is_some() {
        assert_eq!((session.src_addr, session.tunnel_addr), (inner, outer));
    } else {
        assert_eq!(session.src_addr, outer.or(inner));
    }
    assert_eq!(session.dst_addr, v6(68).or(v4_at(record, 12)));
    assert_eq!(session.nat_src_addr, v4_at(record, 4));
    assert_eq!(session.nat_dst_addr, v4_at(record, 16));
    assert_eq!((v6(52), v6(84)), (None, None));
    assert_eq!(session.src_port, port_at(record, 8));
    assert_eq!(session.nat_src_port, port_at(record, 10));
    assert_eq!(session.dst_port, port_at(record, 20));
    assert_eq!(session.nat_dst_port, port_at(record, 22));
    let event = if session.event == EventKind::Create { 1 } else { 2 };
    let bytes = (session.protocol, session.direction, event, session.initiator);
    assert_eq!(bytes, (Some(record[24]), Some(record[25]), record[26], Some(record[27])));
    assert_eq!(session.src_vrf, Some(u32_at(record, 28)));
    assert_eq!(session.dst_vrf, Some(u32_at(record, 32)));
    let tail = &record[record.len() - 24..];
    assert_eq!(session.start, Some(u32_at(tail, 0)));
    assert_eq!(session.end.unwrap_or(0), u32_at(tail, 4));
    let counters = [
        session.sent_packets,
        session.sent_bytes,
        session.received_packets,
        session.received_bytes,
    ];
    for (index, counter) in counters.into_iter().enumerate() {
        assert_eq!(counter, Some(u64::from(u32_at(tail, 8 + index * 4))));
    }
}

#[test]
fn netflow_bytes_are_the_truth() {
    let config = ModelConfig {
        exporters: 3,
        slots: 2,
        sessions_live_max: 2_000,
        nat64_share: 0.2,
        dslite_share: 0.2,
        vrfs: 3,
        template_every: 3,
        records_per_flowset: 4,
        ..ModelConfig::default()
    };
    let mut sent: HashMap<(IpAddr, Option<u32>), u32> = HashMap::new();
    each_datagram(&config, 3_000, |info, datagram, truth| {
        let (records, flowsets) = records_of(datagram);
        assert_eq!((u16_at(datagram, 0), usize::from(u16_at(datagram, 2))), (9, flowsets));
        assert!(flowsets <= 20);
        assert_eq!(info.observation_domain, Some(u32_at(datagram, 16)));
        assert_eq!(info.sequence, Some(u32_at(datagram, 12)));
        // Sequence numbers are of an exporter and Source ID, without a gap.
        let next = sent.entry((info.exporter, info.observation_domain)).or_default();
        assert_eq!(info.sequence, Some(*next));
        let has_template = u16_at(datagram, 20) == 0;
        assert_eq!(has_template, next.is_multiple_of(3));
        *next += 1;
        assert_eq!(records.len(), truth.len());
        for (record, session) in records.iter().zip(truth) {
            assert_eq!(session.header_time, Some(u32_at(datagram, 8)));
            assert_eq!(
                (session.exporter, session.exporter_port),
                (info.exporter, info.exporter_port)
            );
            assert_eq!(u32::from(datagram[16]), if record.len() == 124 { 2 } else { 1 });
            check_netflow_record(record, session);
        }
    });
    assert_eq!(sent.len(), 3 * 2 * 2, "every exporter, slot and type sends");
}

/// The document's way: a template and one data flowset of one record, or a full datagram.
#[test]
fn datagram_lengths_are_the_documents() {
    let one = ModelConfig { records_per_datagram_max: 1, ..ModelConfig::default() };
    each_datagram(&one, 100, |info, _, _| assert_eq!((info.len, info.records), (172, 1)));
    let one_v6 = ModelConfig { nat64_share: 1.0, ..one };
    each_datagram(&one_v6, 100, |info, _, _| assert_eq!((info.len, info.records), (252, 1)));
    // 20 flowsets, the template's included.
    let full = ModelConfig::default();
    each_datagram(&full, 100, |info, _, _| {
        assert_eq!((info.len, info.records), (20 + 88 + 19 * 64, 19));
    });
    let packed = ModelConfig { records_per_flowset: 1_000, ..full };
    each_datagram(&packed, 100, |info, _, _| {
        assert_eq!((info.len, info.records), (20 + 88 + 4 + 21 * 60, 21));
    });
}

fn protocol_number(name: &str) -> u8 {
    match name {
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        other => panic!("protocol {other}"),
    }
}

/// Checks PRI, time, host; returns what follows.
fn after_header<'a>(line: &'a str, session: &Session) -> &'a str {
    let mut rest = line.strip_prefix("<190>").expect("PRI 190").trim_start();
    if let Some(offset) = session.header_utc_offset_seconds {
        let time = i64::from(session.header_time.expect("a time")) + i64::from(offset);
        let text = String::from_utf8(timestamp(time).to_vec()).expect("ASCII");
        rest = rest.strip_prefix(&text).expect("the header's time").trim_start();
    } else {
        assert_eq!(session.header_time, None);
    }
    if let Some(host) = &session.host {
        rest = rest.strip_prefix(host.as_str()).expect("the host").trim_start();
    }
    rest.strip_prefix("%%: ").unwrap_or(rest)
}

fn check_default_line(line: &str, session: &Session) {
    let rest = after_header(line, session);
    let tag = match session.event {
        EventKind::Create => "%%01SECLOG/6/SESSION_BUILT(l):",
        _ => "%%01SECLOG/6/SESSION_TEARDOWN(l):",
    };
    let pairs = rest.strip_prefix(tag).expect("the tag").strip_suffix('.').expect("a final stop");
    let mut found: HashMap<&str, &str> = pairs
        .split(',')
        .map(|pair| pair.trim_start().split_once('=').expect("a key and a value"))
        .collect();
    let is_v6 = session.src_addr.is_some_and(|address| address.is_ipv6());
    assert_eq!(found.remove("IPVer"), Some(if is_v6 { "6" } else { "4" }));
    assert_eq!(found.remove("Protocol").map(protocol_number), session.protocol);
    fn text<T: ToString>(value: Option<T>) -> Option<String> {
        value.map(|value| value.to_string())
    }
    let expected = [
        ("SourceIP", text(session.src_addr)),
        ("SourcePort", text(session.src_port)),
        ("DestinationIP", text(session.dst_addr)),
        ("DestinationPort", text(session.dst_port)),
        ("SourceNatIP", text(session.nat_src_addr)),
        ("SourceNatPort", text(session.nat_src_port)),
        ("DestinationNatIP", text(session.nat_dst_addr)),
        ("DestinationNatPort", text(session.nat_dst_port)),
        ("BeginTime", text(session.start)),
        ("EndTime", text(session.end)),
        ("SendPkts", text(session.sent_packets)),
        ("SendBytes", text(session.sent_bytes)),
        ("RcvPkts", text(session.received_packets)),
        ("RcvBytes", text(session.received_bytes)),
        ("SourceVpnID", text(session.src_vrf)),
        ("DestinationVpnID", text(session.dst_vrf)),
        ("SourceZone", session.src_zone.clone()),
        ("DestinationZone", session.dst_zone.clone()),
        ("PolicyName", session.policy.clone()),
        ("UserName", session.user.clone()),
        ("CloseReason", session.close_reason.clone()),
        ("ApplicationName", session.application.clone()),
    ];
    for (key, value) in expected {
        assert_eq!(found.remove(key).map(str::to_owned), value, "{key} in {line}");
    }
    assert!(found.is_empty(), "{found:?}");
}

fn text_config(format: Format) -> ModelConfig {
    ModelConfig {
        format,
        exporters: 5,
        sessions_live_max: 2_000,
        nat64_share: 0.2,
        vrfs: 3,
        headers: Header::ALL.to_vec(),
        lines_per_datagram: 4,
        quirk_share: 0.2,
        ..ModelConfig::default()
    }
}

/// Calls `each` with every line of a run and its truth; no line is near the limit.
fn each_line(config: &ModelConfig, mut each: impl FnMut(&str, &Session)) {
    each_datagram(config, 3_000, |info, datagram, truth| {
        let text = std::str::from_utf8(datagram).expect("UTF-8");
        assert_eq!(text.lines().count(), info.records);
        for (line, session) in text.lines().zip(truth) {
            assert!(line.len() < 560, "{line}");
            each(line, session);
        }
    });
}

#[test]
fn default_lines_are_the_truth() {
    let full = text_config(Format::UsgSyslogDefault);
    let bare = ModelConfig { details: false, ..full.clone() };
    for charset in [Charset::Ascii, Charset::Utf8] {
        let config = ModelConfig { charset, ..full.clone() };
        each_line(&config, check_default_line);
    }
    each_line(&bare, |line, session| {
        assert_eq!(session.policy, None);
        check_default_line(line, session);
    });
}

#[test]
fn gbk_names_are_in_the_bytes_and_chinese_in_the_truth() {
    let config = ModelConfig { charset: Charset::Gbk, ..text_config(Format::UsgSyslogDefault) };
    let mut chinese = 0;
    each_datagram(&config, 1_000, |_, datagram, truth| {
        for (line, session) in datagram.split(|&byte| byte == b'\n').zip(truth) {
            let is_gbk = line.windows(8).any(|bytes| bytes == b"\xc9\xcf\xcd\xf8\xb2\xdf\xc2\xd4");
            assert_eq!(is_gbk, session.policy.as_deref() == Some("上网策略"));
            chinese += usize::from(is_gbk);
        }
    });
    assert!(chinese > 100, "{chinese}");
}

/// `address:port[translated:port] (zone)`.
fn mtn_endpoint(
    (address, port): (Option<IpAddr>, Option<u16>),
    translated: (Option<IpAddr>, Option<u16>),
    zone: Option<&String>,
) -> String {
    let translation = match translated {
        (Some(address), Some(port)) => format!("[{address}:{port}]"),
        _ => String::new(),
    };
    let (address, port) = (address.expect("an address"), port.expect("a port"));
    format!("{address}:{port}{translation} ({})", zone.expect("a zone"))
}

/// The words of an `mtn` line, as the document orders them.
fn mtn_text(session: &Session, counters: MtnCounters) -> String {
    let source = mtn_endpoint(
        (session.src_addr, session.src_port),
        (session.nat_src_addr, session.nat_src_port),
        session.src_zone.as_ref(),
    );
    let destination = mtn_endpoint(
        (session.dst_addr, session.dst_port),
        (session.nat_dst_addr, session.nat_dst_port),
        session.dst_zone.as_ref(),
    );
    let protocol = match session.protocol {
        Some(6) => "a tcp",
        Some(17) => "an udp",
        _ => "an icmp",
    };
    if session.event == EventKind::Create {
        return format!("Built {protocol} session, {source} to {destination}.");
    }
    let volume = |packets: Option<u64>, bytes: Option<u64>| {
        let (packets, bytes) = (packets.expect("packets"), bytes.expect("bytes"));
        match counters {
            MtnCounters::Swapped => format!("{packets} bytes via {bytes} packets"),
            MtnCounters::Correct => format!("{bytes} bytes via {packets} packets"),
        }
    };
    let received = volume(session.received_packets, session.received_bytes);
    let sent = volume(session.sent_packets, session.sent_bytes);
    let duration = session.duration_seconds.expect("a duration");
    format!(
        "Teardown {protocol} session, {source} to {destination}, duration {duration}, \
         rcv {received}, send {sent}."
    )
}

#[test]
fn mtn_lines_are_the_truth() {
    for mtn_counters in [MtnCounters::Swapped, MtnCounters::Correct] {
        let config = ModelConfig { mtn_counters, ..text_config(Format::UsgMtn) };
        each_line(&config, |line, session| {
            let rest = after_header(line, session);
            // `host-name` and `none` have "%%: " instead of the tag.
            assert_eq!(rest.starts_with("%%01SECLOG/6/SESSION_"), !line.contains("%%: "));
            let sentence = rest.split_once("(l): ").map_or(rest, |(_, sentence)| sentence);
            let regular =
                sentence.replace("session, ", "session,").replace("session,", "session, ");
            assert_eq!(regular, mtn_text(session, mtn_counters));
            assert_eq!((session.start, session.end, session.src_vrf), (None, None, None));
        });
    }
}
