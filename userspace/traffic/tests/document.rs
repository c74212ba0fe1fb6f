//! The encoders against the document: with its values they give its bytes.

use logweir_traffic::netflow::{self, CountField, Layout, Limits, Packet};
use logweir_traffic::record::{Details, EventKind, Record, UDP};
use logweir_traffic::syslog::{Envelope, Header, Quirks, write_default};
use logweir_traffic::{MtnCounters, mtn::write_mtn, timestamp};

const LIMITS: Limits = Limits { bytes_max: 1_400, flowsets_max: 20, records_per_flowset: 1 };

fn packet(layout: Layout, header: &netflow::Header, record: &Record<'_>) -> Vec<u8> {
    let mut buffer = vec![0xaa; 1_400];
    let mut packet = Packet::new(&mut buffer, layout, LIMITS, true);
    packet.push(record);
    let length = packet.finish(header);
    buffer.truncate(length);
    buffer
}

#[test]
fn ipv4_creation_is_the_documents_datagram() {
    let record = Record {
        event: EventKind::Create,
        protocol: UDP,
        direction: 1,
        // The document's example says that the Internet began it: a broadcast inside trust.
        initiator: 2,
        src_v4: 0xc0a8_14fe,
        dst_v4: 0xc0a8_14ff,
        src_port: 138,
        dst_port: 138,
        start: 0x5676_016f,
        ..Record::default()
    };
    for count in [CountField::FlowSets, CountField::Records] {
        let header = netflow::Header {
            uptime_ms: 9_969_564,
            unix_seconds: 0x5676_016f,
            sequence: 9,
            source_id: Layout::V4.source_id(0x0b),
            count,
        };
        let expected = include_bytes!("../testdata/doc_nf9_ipv4_create.bin");
        assert_eq!(packet(Layout::V4, &header, &record), expected);
    }
}

#[test]
fn nat64_aging_is_the_documents_datagram() {
    let record = Record {
        event: EventKind::End,
        protocol: UDP,
        direction: 1,
        initiator: 1,
        nat_src_v4: 0xc0a8_0005,
        nat_dst_v4: 0xc0a8_0002,
        src_port: 1,
        dst_port: 1,
        nat_src_port: 1,
        nat_dst_port: 1,
        src_v6: 0x3011_0000_0000_0000_0000_0000_0000_0013,
        dst_v6: 0x8000_0000_0000_0000_00c0_a800_0200_0000,
        start: 0x567d_d91e,
        end: 0x567d_d968,
        sent_packets: 83_774,
        sent_bytes: 7_204_564,
        received_packets: 200,
        received_bytes: 19_200,
        ..Record::default()
    };
    let header = netflow::Header {
        uptime_ms: 0x0e73_164d,
        unix_seconds: 0x567d_d968,
        sequence: 0x0240,
        source_id: Layout::V6.source_id(0x0b),
        count: CountField::FlowSets,
    };
    let expected = include_bytes!("../testdata/doc_nf9_ipv6_nat64_aging.bin");
    assert_eq!(packet(Layout::V6, &header, &record), expected);
}

/// The document's session, by its begin time; `end` 0 is a creation.
fn session(start: u32, end: u32) -> Record<'static> {
    let (event, sent_packets, sent_bytes) =
        if end == 0 { (EventKind::Create, 0, 0) } else { (EventKind::End, 20, 1_720) };
    Record {
        event,
        protocol: UDP,
        src_v4: 0x0a01_0101,
        dst_v4: 0x0a01_0102,
        src_port: 1,
        dst_port: 1,
        start,
        end,
        sent_packets,
        sent_bytes,
        ..Record::default()
    }
}

fn trusted(record: Record<'static>) -> Record<'static> {
    let zone = Some(b"trust".as_slice());
    Record { details: Details { src_zone: zone, dst_zone: zone, ..Details::default() }, ..record }
}

/// A line of the document: header, its time (UTC), spaces, content.
struct Line {
    header: Header,
    time: i64,
    host: &'static str,
    quirks: Quirks,
    record: Record<'static>,
    mtn: bool,
}

impl Line {
    fn default(header: Header, time: i64, record: Record<'static>) -> Self {
        Self { header, time, host: "USG6000E", quirks: Quirks::default(), record, mtn: false }
    }

    fn mtn(header: Header, time: i64, record: Record<'static>) -> Self {
        Self { mtn: true, ..Self::default(header, time, trusted(record)) }
    }

    fn text(&self) -> String {
        let offset = self.header.utc_offset_seconds().unwrap_or(0);
        let timestamp = timestamp(self.time + i64::from(offset));
        let envelope = Envelope {
            header: self.header,
            host: self.host.as_bytes(),
            timestamp: &timestamp,
            quirks: self.quirks,
        };
        let mut buffer = [0xaa; 640];
        let length = if self.mtn {
            write_mtn(&mut buffer, &envelope, &self.record, MtnCounters::Swapped)
        } else {
            write_default(&mut buffer, &envelope, &self.record)
        };
        String::from_utf8(buffer[..length].to_vec()).expect("the document is ASCII")
    }
}

#[test]
fn lines_are_the_documents() {
    let local = Header::DefaultLocal { offset_seconds: 8 * 3_600 };
    let after_pri = Quirks { space_after_pri: true, ..Quirks::default() };
    let tight = Quirks { tight_session: true, ..Quirks::default() };
    let wrapped = Quirks { space_after_source_port: true, ..Quirks::default() };
    let netbios = Record {
        src_v4: 0xc0a8_14fe,
        dst_v4: 0xc0a8_14ff,
        src_port: 138,
        dst_port: 138,
        sent_packets: 1,
        sent_bytes: 239,
        ..session(1_452_215_382, 1_452_215_482)
    };
    let lines = [
        Line::default(local, 1_452_219_708, session(1_452_219_708, 0)),
        Line {
            quirks: after_pri,
            ..Line::mtn(Header::DefaultUtc, 1_452_215_938, session(1_452_215_938, 0))
        },
        Line {
            quirks: after_pri,
            host: "USG6000E0",
            ..Line::default(Header::DefaultUtc, 1_452_219_826, session(1_452_219_827, 0))
        },
        Line::default(Header::DefaultNone, 0, session(1_452_219_771, 0)),
        Line::default(Header::HostName, 0, session(1_452_219_583, 0)),
        Line::mtn(Header::HostName, 0, session(1_452_219_583, 0)),
        Line::default(Header::None, 0, session(1_452_219_482, 0)),
        Line::mtn(Header::None, 0, session(1_452_219_482, 0)),
        Line::default(local, 1_452_219_717, session(1_452_219_708, 1_452_219_717)),
        Line::default(Header::DefaultUtc, 1_452_219_839, session(1_452_219_827, 1_452_219_840)),
        Line { quirks: tight, ..Line::mtn(Header::DefaultUtc, 1_452_215_482, netbios) },
        Line::default(Header::DefaultNone, 0, session(1_452_219_771, 1_452_219_782)),
        Line {
            quirks: wrapped,
            ..Line::default(Header::HostName, 0, session(1_452_219_583, 1_452_219_595))
        },
        Line::mtn(Header::HostName, 0, session(1_452_219_583, 1_452_219_593)),
        Line::default(Header::None, 0, session(1_452_219_482, 1_452_219_497)),
        Line::mtn(Header::None, 0, session(1_452_219_482, 1_452_219_497)),
    ];
    let document = include_str!("../testdata/huawei_usg_session_document.log");
    let expected: Vec<&str> = document.lines().collect();
    assert_eq!(lines.len(), expected.len());
    for (number, (line, expected)) in (1..).zip(lines.iter().zip(expected)) {
        assert_eq!(line.text(), expected, "line {number}");
    }
}

/// The fragment of Huawei's manual that has translations, its spaces made regular.
#[test]
fn mtn_endpoints_carry_translations() {
    let record = Record {
        src_v4: 0xac10_24c4,
        src_port: 4_439,
        nat_src_v4: 0xc000_0202,
        nat_src_port: 4_439,
        dst_v4: 0xc000_0201,
        dst_port: 80,
        nat_dst_v4: 0xac10_24c6,
        nat_dst_port: 80,
        ..trusted(session(1, 0))
    };
    let line = Line { mtn: true, ..Line::default(Header::None, 0, record) };
    let expected = "<190>%%: Built an udp session, 172.16.36.196:4439[192.0.2.2:4439] (trust) \
                    to 192.0.2.1:80[172.16.36.198:80] (trust).";
    assert_eq!(line.text(), expected);
}
