//! Binary session logs with a 16-byte header and 64-byte records: H3C and HPE userlog version 3
//! (H3C's documents), and Huawei NE eLog V1 (NE8000 documents), alike up to byte 52.
//!
//! ```text
//! header 16  version | type | count | seconds | sequence of datagrams | chassis | slot | CPU
//! record 64  protocol | operator | IP version | ToS | source | NAT source | destination |
//!            NAT destination | four ports in that order | start | end | in packets, bytes |
//!            out packets, bytes | 12 bytes that are each maker's own
//! ```
//! Big-endian. "In" is received for the session at H3C; at Huawei it is from the user.

use crate::config::Format;
use crate::record::{EventKind, Record};
use crate::truth::{Moment, Origin, Session};

/// Length of the header.
pub const HEADER_BYTES: usize = 16;
/// Length of a record.
pub const RECORD_BYTES: usize = 64;
/// Records in a datagram, at most.
pub const RECORDS_MAX: usize = 100;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// H3C, HPE: version 3, type 4.
    H3c,
    /// Huawei NE: version 0x10, type 4.
    Elog,
}

/// What a datagram's header says.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Records that follow.
    pub count: u16,
    /// UTC epoch seconds.
    pub unix_seconds: u32,
    /// Datagrams sent before.
    pub sequence: u32,
    /// Bytes 12 to 15: see [`location`].
    pub location: u32,
}

/// Where a log comes from. H3C: chassis 1, the slot, CPU 0. Huawei: CPU 0 and NAT444 (1) in a byte,
/// instance 1, the slot, no carry.
pub fn location(kind: Kind, slot: u8) -> u32 {
    let [first, second] = if kind == Kind::H3c { [0, 1] } else { [1, 1] };
    u32::from_be_bytes([first, second, slot, 0])
}

/// The header.
pub fn header(kind: Kind, header: &Header) -> [u8; HEADER_BYTES] {
    let mut out = [0u8; HEADER_BYTES];
    out[0] = if kind == Kind::H3c { 3 } else { 0x10 };
    out[1] = 4;
    out[2..4].copy_from_slice(&header.count.to_be_bytes());
    out[4..8].copy_from_slice(&header.unix_seconds.to_be_bytes());
    out[8..12].copy_from_slice(&header.sequence.to_be_bytes());
    out[12..16].copy_from_slice(&header.location.to_be_bytes());
    out
}

/// H3C's code for what happened: 8 created; 1 normal over, 2 aged for timeout, 3 cleared.
pub(crate) fn operator(record: &Record<'_>, number: u64) -> u8 {
    match (record.event, number % 8) {
        (EventKind::Create, _) => 8,
        (_, 0) => 3,
        (_, 1 | 2) => 2,
        _ => 1,
    }
}

/// A record. What is not translated has the untranslated address and port in the NAT fields;
/// Huawei counts nothing.
pub fn record(kind: Kind, record: &Record<'_>, operator: u8) -> [u8; RECORD_BYTES] {
    let mut out = [0u8; RECORD_BYTES];
    out[0..4].copy_from_slice(&[record.protocol, operator, 4, 0]);
    let nat = Translated::of(record);
    let addresses = [record.src_v4, nat.src, record.dst_v4, nat.dst];
    let ports = [record.src_port, nat.src_port, record.dst_port, nat.dst_port];
    let counters = match kind {
        Kind::H3c => {
            [record.received_packets, record.received_bytes, record.sent_packets, record.sent_bytes]
        }
        Kind::Elog => [0; 4],
    };
    for (index, address) in addresses.into_iter().enumerate() {
        out[4 + index * 4..][..4].copy_from_slice(&address.to_be_bytes());
    }
    for (index, port) in ports.into_iter().enumerate() {
        out[20 + index * 2..][..2].copy_from_slice(&port.to_be_bytes());
    }
    out[28..32].copy_from_slice(&record.start.to_be_bytes());
    out[32..36].copy_from_slice(&record.end.to_be_bytes());
    for (index, counter) in counters.into_iter().enumerate() {
        out[36 + index * 4..][..4].copy_from_slice(&(counter as u32).to_be_bytes());
    }
    match kind {
        Kind::H3c => out[52..54].copy_from_slice(&[record.src_vrf as u8, record.dst_vrf as u8]),
        Kind::Elog => {
            out[52..54].copy_from_slice(&(record.src_vrf as u16).to_be_bytes());
            out[54..56].copy_from_slice(&(record.dst_vrf as u16).to_be_bytes());
        }
    }
    out
}

/// A session's ends after translation, translated or not.
pub(crate) struct Translated {
    pub(crate) src: u32,
    pub(crate) dst: u32,
    pub(crate) src_port: u16,
    pub(crate) dst_port: u16,
}

impl Translated {
    pub(crate) fn of(record: &Record<'_>) -> Self {
        let either = |translated: (u32, u16), own: (u32, u16)| {
            if translated.0 == 0 { own } else { translated }
        };
        let source = (record.nat_src_v4, record.nat_src_port);
        let (src, src_port) = either(source, (record.src_v4, record.src_port));
        let destination = (record.nat_dst_v4, record.nat_dst_port);
        let (dst, dst_port) = either(destination, (record.dst_v4, record.dst_port));
        Self { src, dst, src_port, dst_port }
    }

    /// What a record carries that has these ends.
    pub(crate) fn truth(&self, session: Session) -> Session {
        use crate::truth::{port, v4};
        Session {
            nat_src_addr: v4(self.src),
            nat_src_port: port(self.src_port),
            nat_dst_addr: v4(self.dst),
            nat_dst_port: port(self.dst_port),
            ..session
        }
    }
}

/// What a record carries.
pub(crate) fn truth(
    kind: Kind,
    origin: Origin,
    moment: Moment,
    record: &Record<'_>,
    operator: u8,
) -> Session {
    let format = if kind == Kind::H3c { Format::H3cUserlog } else { Format::HuaweiElog };
    let bits = if kind == Kind::H3c { 0xff } else { 0xffff };
    let mask = if kind == Kind::H3c { u64::from(u32::MAX) } else { 0 };
    let counter = |counter: u64| Some(counter & mask);
    let session = Session {
        start: Some(record.start),
        end: (record.end != 0).then_some(record.end),
        src_vrf: Some(record.src_vrf & bits),
        dst_vrf: Some(record.dst_vrf & bits),
        sent_packets: counter(record.sent_packets),
        sent_bytes: counter(record.sent_bytes),
        received_packets: counter(record.received_packets),
        received_bytes: counter(record.received_bytes),
        extra: vec![("operator", operator.to_string())],
        ..Session::bare(format, origin, moment, record)
    };
    Translated::of(record).truth(session)
}
