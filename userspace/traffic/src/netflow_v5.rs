//! NetFlow v5: one flow for each session that ended, as the inside network sees it.
//!
//! ```text
//! header 24  version 5 | count | uptime ms | seconds | nanoseconds | sequence of flows |
//!            engine type | engine ID | sampling
//! record 48  source | destination | next hop | ifIndex in, out | packets | bytes |
//!            first, last (uptime ms) | ports | pad | TCP flags | protocol | ToS |
//!            AS of source, destination | mask of source, destination | pad
//! ```
//! Big-endian. Times are of the exporter's uptime: the header says what time that is.

use crate::config::Format;
use crate::record::{EventKind, Record, TCP};
use crate::truth::{Moment, Origin, Session};

/// Length of the header.
pub const HEADER_BYTES: usize = 24;
/// Length of a record.
pub const RECORD_BYTES: usize = 48;
/// Records in a datagram, at most.
pub const RECORDS_MAX: usize = 30;

/// Next hop, interfaces, systems and masks: the same for all flows. RFC 5737 and 5398 numbers.
const NEXT_HOP: u32 = 0xc000_02fe;
const INPUT: u16 = 3;
const OUTPUT: u16 = 7;
const SRC_AS: u16 = 64_500;
const DST_AS: u16 = 64_511;
const SRC_MASK: u8 = 16;
const DST_MASK: u8 = 24;
/// SYN, ACK, PSH, FIN.
const TCP_FLAGS: u8 = 0x1b;

/// What a datagram's header says.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Records that follow.
    pub count: u16,
    /// When the exporter started, UTC epoch milliseconds.
    pub booted_ms: u64,
    /// When it sends, UTC epoch milliseconds.
    pub unix_ms: u64,
    /// Flows sent before.
    pub sequence: u32,
    /// Number of the engine.
    pub engine_id: u8,
}

/// A flow's first and last packet, UTC epoch milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// First packet.
    pub first_ms: u64,
    /// Last packet.
    pub last_ms: u64,
}

impl Times {
    /// Of a session that ends now. It began at any millisecond of its second.
    pub(crate) fn of(record: &Record<'_>, number: u64, now_ms: u64) -> Self {
        let first_ms = u64::from(record.start) * 1_000 + number % 1_000;
        Self { first_ms: first_ms.min(now_ms), last_ms: now_ms }
    }
}

/// The header.
pub fn header(header: &Header) -> [u8; HEADER_BYTES] {
    let uptime_ms = (header.unix_ms - header.booted_ms) as u32;
    let mut out = [0u8; HEADER_BYTES];
    out[0..2].copy_from_slice(&5u16.to_be_bytes());
    out[2..4].copy_from_slice(&header.count.to_be_bytes());
    out[4..8].copy_from_slice(&uptime_ms.to_be_bytes());
    out[8..12].copy_from_slice(&((header.unix_ms / 1_000) as u32).to_be_bytes());
    out[12..16].copy_from_slice(&((header.unix_ms % 1_000 * 1_000_000) as u32).to_be_bytes());
    out[16..20].copy_from_slice(&header.sequence.to_be_bytes());
    out[21] = header.engine_id;
    out
}

/// A record of an IPv4 flow; counters modulo 2³².
pub fn record(record: &Record<'_>, times: Times, booted_ms: u64) -> [u8; RECORD_BYTES] {
    let uptime = |ms: u64| ((ms - booted_ms) as u32).to_be_bytes();
    let mut out = [0u8; RECORD_BYTES];
    out[0..4].copy_from_slice(&record.src_v4.to_be_bytes());
    out[4..8].copy_from_slice(&record.dst_v4.to_be_bytes());
    out[8..12].copy_from_slice(&NEXT_HOP.to_be_bytes());
    out[12..14].copy_from_slice(&INPUT.to_be_bytes());
    out[14..16].copy_from_slice(&OUTPUT.to_be_bytes());
    out[16..20].copy_from_slice(&(record.sent_packets as u32).to_be_bytes());
    out[20..24].copy_from_slice(&(record.sent_bytes as u32).to_be_bytes());
    out[24..28].copy_from_slice(&uptime(times.first_ms));
    out[28..32].copy_from_slice(&uptime(times.last_ms));
    out[32..34].copy_from_slice(&record.src_port.to_be_bytes());
    out[34..36].copy_from_slice(&record.dst_port.to_be_bytes());
    out[37] = tcp_flags(record);
    out[38] = record.protocol;
    out[40..42].copy_from_slice(&SRC_AS.to_be_bytes());
    out[42..44].copy_from_slice(&DST_AS.to_be_bytes());
    out[44] = SRC_MASK;
    out[45] = DST_MASK;
    out
}

fn tcp_flags(record: &Record<'_>) -> u8 {
    if record.protocol == TCP { TCP_FLAGS } else { 0 }
}

/// What a record carries. v5 knows no translation.
pub(crate) fn truth(origin: Origin, moment: Moment, record: &Record<'_>, times: Times) -> Session {
    let wrapped = |counter: u64| Some(counter & u64::from(u32::MAX));
    Session {
        event: EventKind::Flow,
        nat_src_addr: None,
        nat_src_port: None,
        nat_dst_addr: None,
        nat_dst_port: None,
        sent_packets: wrapped(record.sent_packets),
        sent_bytes: wrapped(record.sent_bytes),
        start_ms: Some(times.first_ms),
        end_ms: Some(times.last_ms),
        extra: vec![
            ("ipNextHopIPv4Address", std::net::Ipv4Addr::from(NEXT_HOP).to_string()),
            ("ingressInterface", INPUT.to_string()),
            ("egressInterface", OUTPUT.to_string()),
            ("tcpControlBits", tcp_flags(record).to_string()),
            ("ipClassOfService", "0".to_owned()),
            ("bgpSourceAsNumber", SRC_AS.to_string()),
            ("bgpDestinationAsNumber", DST_AS.to_string()),
            ("sourceIPv4PrefixLength", SRC_MASK.to_string()),
            ("destinationIPv4PrefixLength", DST_MASK.to_string()),
        ],
        ..Session::bare(Format::NetflowV5, origin, moment, record)
    }
}
