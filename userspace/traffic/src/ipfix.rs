//! NAT events as IPFIX, natEvent numbered as in RFC 8158: NAT44 sessions 4 and 5, NAT64 sessions
//! 6 and 7, port blocks 16 and 17.
//!
//! ```text
//! header 16   version 10 | length | seconds | sequence of records | Observation Domain ID
//! 256         323 230 | 8 225 12 226 | 4 | 7 227 11 228 | 234 | enterprise 32473:100 | 371 variable
//! 257         323 230 | 27 225 28 226 | 4 | 7 227 11 228 | 234
//! 258         323 230 | 8 225 | 361 362 | 234
//! ```
//! 32473 is the enterprise of documentation (RFC 5612); its element 100 stands for any vendor's
//! own, here the number of the binding. 371 is userName: its length is one byte, or 255 and two.

use crate::config::Format;
use crate::names::decoded;
use crate::record::{Block, BlockEvent, Event, EventKind, Record};
use crate::sets::{Field, Template, VARIABLE, enterprise, field};
use crate::truth::{Moment, Origin, PortBlock, Session, Truth, port, v4};
use crate::userlog::Translated;
use crate::writer::Writer;

/// Length of the message header.
pub const HEADER_BYTES: usize = 16;
/// Template of NAT44 sessions.
pub const NAT44_SESSION: u16 = 256;
/// Template of NAT64 sessions.
pub const NAT64_SESSION: u16 = 257;
/// Template of port blocks.
pub const PORT_BLOCK: u16 = 258;
/// RFC 5612.
const ENTERPRISE: u32 = 32_473;

const NAT44_FIELDS: [Field; 14] = [
    field(323, 8),
    field(230, 1),
    field(8, 4),
    field(225, 4),
    field(12, 4),
    field(226, 4),
    field(4, 1),
    field(7, 2),
    field(227, 2),
    field(11, 2),
    field(228, 2),
    field(234, 4),
    enterprise(ENTERPRISE, 100, 4),
    field(371, VARIABLE),
];
const NAT64_FIELDS: [Field; 12] = [
    field(323, 8),
    field(230, 1),
    field(27, 16),
    field(225, 4),
    field(28, 16),
    field(226, 4),
    field(4, 1),
    field(7, 2),
    field(227, 2),
    field(11, 2),
    field(228, 2),
    field(234, 4),
];
const PORT_BLOCK_FIELDS: [Field; 7] = [
    field(323, 8),
    field(230, 1),
    field(8, 4),
    field(225, 4),
    field(361, 2),
    field(362, 2),
    field(234, 4),
];
pub(crate) const TEMPLATES: &[Template] = &[
    (NAT44_SESSION, &NAT44_FIELDS),
    (NAT64_SESSION, &NAT64_FIELDS),
    (PORT_BLOCK, &PORT_BLOCK_FIELDS),
];

/// What the message header says.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Length of the message, the header included.
    pub length: u16,
    /// UTC epoch seconds.
    pub unix_seconds: u32,
    /// Data records sent before.
    pub sequence: u32,
    /// The Observation Domain ID.
    pub domain: u32,
}

/// The message header.
pub fn header(header: &Header) -> [u8; HEADER_BYTES] {
    let mut out = [0u8; HEADER_BYTES];
    out[0..2].copy_from_slice(&10u16.to_be_bytes());
    out[2..4].copy_from_slice(&header.length.to_be_bytes());
    out[4..8].copy_from_slice(&header.unix_seconds.to_be_bytes());
    out[8..12].copy_from_slice(&header.sequence.to_be_bytes());
    out[12..16].copy_from_slice(&header.domain.to_be_bytes());
    out
}

/// Writes an event's record; says of which template it is.
pub(crate) fn put(out: &mut Writer<'_>, event: &Event<'_>, moment: Moment) -> u16 {
    out.bytes(&(moment.at_ns / 1_000_000).to_be_bytes());
    match event {
        Event::Session(record) if record.src_v6 == 0 => {
            put_nat44(out, record, moment.number);
            NAT44_SESSION
        }
        Event::Session(record) => {
            put_nat64(out, record);
            NAT64_SESSION
        }
        Event::Block(block) => {
            put_block(out, block);
            PORT_BLOCK
        }
    }
}

fn put_nat44(out: &mut Writer<'_>, record: &Record<'_>, number: u64) {
    let nat = Translated::of(record);
    out.bytes(&[nat44_event(record)]);
    for address in [record.src_v4, nat.src, record.dst_v4, nat.dst] {
        out.bytes(&address.to_be_bytes());
    }
    out.bytes(&[record.protocol]);
    for port in [record.src_port, nat.src_port, record.dst_port, nat.dst_port] {
        out.bytes(&port.to_be_bytes());
    }
    out.bytes(&record.src_vrf.to_be_bytes());
    out.bytes(&binding(number).to_be_bytes());
    let user = record.details.user.unwrap_or_default();
    // Either way of saying a length is allowed for any (RFC 7011 §7).
    if number.is_multiple_of(16) {
        out.bytes(&[255, 0]);
    }
    out.bytes(&[user.len() as u8]);
    out.bytes(user);
}

fn nat44_event(record: &Record<'_>) -> u8 {
    if record.event == EventKind::Create { 4 } else { 5 }
}

fn nat64_event(record: &Record<'_>) -> u8 {
    if record.event == EventKind::Create { 6 } else { 7 }
}

/// The number of the binding: never 0.
fn binding(number: u64) -> u32 {
    number as u32 | 1 << 31
}

fn put_nat64(out: &mut Writer<'_>, record: &Record<'_>) {
    out.bytes(&[nat64_event(record)]);
    out.bytes(&record.src_v6.to_be_bytes());
    out.bytes(&record.nat_src_v4.to_be_bytes());
    out.bytes(&record.dst_v6.to_be_bytes());
    out.bytes(&record.nat_dst_v4.to_be_bytes());
    out.bytes(&[record.protocol]);
    for port in [record.src_port, record.nat_src_port, record.dst_port, record.nat_dst_port] {
        out.bytes(&port.to_be_bytes());
    }
    out.bytes(&record.src_vrf.to_be_bytes());
}

fn put_block(out: &mut Writer<'_>, block: &Block) {
    out.bytes(&[if block.event == BlockEvent::Release { 17 } else { 16 }]);
    out.bytes(&block.private_v4.to_be_bytes());
    out.bytes(&block.public_v4.to_be_bytes());
    out.bytes(&block.port_first.to_be_bytes());
    out.bytes(&block.port_last.to_be_bytes());
    out.bytes(&block.vrf.to_be_bytes());
}

/// What an event's record carries.
pub(crate) fn truth(origin: Origin, moment: Moment, event: &Event<'_>) -> Truth {
    let event_ms = Some(moment.at_ns / 1_000_000);
    match event {
        Event::Session(record) => {
            let bare = Session::bare(Format::Ipfix, origin, moment, record);
            let session = Session { src_vrf: Some(record.src_vrf), event_ms, ..bare };
            Truth::Session(if record.src_v6 == 0 {
                let session = Session {
                    user: record.details.user.map(decoded),
                    extra: vec![
                        ("ie32473.100", binding(moment.number).to_string()),
                        ("natEvent", nat44_event(record).to_string()),
                    ],
                    ..session
                };
                Translated::of(record).truth(session)
            } else {
                Session {
                    nat_dst_addr: v4(record.nat_dst_v4),
                    nat_dst_port: port(record.nat_dst_port),
                    extra: vec![("natEvent", nat64_event(record).to_string())],
                    ..session
                }
            })
        }
        Event::Block(block) => {
            let source = origin.source(Format::Ipfix, moment, None, None);
            let bare = PortBlock::bare(source, block);
            Truth::PortBlock(PortBlock { src_vrf: Some(block.vrf), event_ms, ..bare })
        }
    }
}
