//! NAT events as NetFlow v9: the session and port block templates of a published capture
//! (akvorado's `nat.pcap`: 264, 267), natEvent numbered as in
//! draft-ietf-behave-ipfix-nat-logging-02: sessions 1 and 2, port blocks 14 and 15.
//!
//! ```text
//! header 20   version 9 | count of records | uptime ms | seconds | sequence of datagrams | Source ID
//! 264, 38 B   8 225 12 226 | 7 227 11 228 | 234 | 4 230 | 323
//! 267, 28 B   8 225 234 | 4 230 | 323 | 361 363 364      first port, step, count: no last port
//! ```

use crate::config::Format;
use crate::record::{Block, BlockEvent, Event, EventKind, Record};
use crate::sets::{Field, Template, field};
use crate::truth::{Moment, Origin, PortBlock, Session, Truth};
use crate::userlog::Translated;
use crate::writer::Writer;

/// Length of the packet header.
pub const HEADER_BYTES: usize = 20;
/// Template of NAT44 sessions.
pub const SESSION: u16 = 264;
/// Template of port blocks.
pub const PORT_BLOCK: u16 = 267;

const SESSION_FIELDS: [Field; 12] = [
    field(8, 4),
    field(225, 4),
    field(12, 4),
    field(226, 4),
    field(7, 2),
    field(227, 2),
    field(11, 2),
    field(228, 2),
    field(234, 4),
    field(4, 1),
    field(230, 1),
    field(323, 8),
];
const PORT_BLOCK_FIELDS: [Field; 9] = [
    field(8, 4),
    field(225, 4),
    field(234, 4),
    field(4, 1),
    field(230, 1),
    field(323, 8),
    field(361, 2),
    field(363, 2),
    field(364, 2),
];
pub(crate) const TEMPLATES: &[Template] =
    &[(SESSION, &SESSION_FIELDS), (PORT_BLOCK, &PORT_BLOCK_FIELDS)];

/// What the packet header says.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Records, templates included.
    pub count: u16,
    /// Milliseconds since the exporter started.
    pub uptime_ms: u32,
    /// UTC epoch seconds.
    pub unix_seconds: u32,
    /// Datagrams sent before.
    pub sequence: u32,
    /// The Source ID.
    pub source_id: u32,
}

/// The packet header.
pub fn header(header: &Header) -> [u8; HEADER_BYTES] {
    let mut out = [0u8; HEADER_BYTES];
    out[0..2].copy_from_slice(&9u16.to_be_bytes());
    out[2..4].copy_from_slice(&header.count.to_be_bytes());
    out[4..8].copy_from_slice(&header.uptime_ms.to_be_bytes());
    out[8..12].copy_from_slice(&header.unix_seconds.to_be_bytes());
    out[12..16].copy_from_slice(&header.sequence.to_be_bytes());
    out[16..20].copy_from_slice(&header.source_id.to_be_bytes());
    out
}

/// Writes an event's record; says of which template it is.
pub(crate) fn put(out: &mut Writer<'_>, event: &Event<'_>, unix_ms: u64) -> u16 {
    match event {
        Event::Session(record) => {
            put_session(out, record, unix_ms);
            SESSION
        }
        Event::Block(block) => {
            put_block(out, block, unix_ms);
            PORT_BLOCK
        }
    }
}

fn put_session(out: &mut Writer<'_>, record: &Record<'_>, unix_ms: u64) {
    let nat = Translated::of(record);
    for address in [record.src_v4, nat.src, record.dst_v4, nat.dst] {
        out.bytes(&address.to_be_bytes());
    }
    for port in [record.src_port, nat.src_port, record.dst_port, nat.dst_port] {
        out.bytes(&port.to_be_bytes());
    }
    out.bytes(&record.src_vrf.to_be_bytes());
    out.bytes(&[record.protocol, if record.event == EventKind::Create { 1 } else { 2 }]);
    out.bytes(&unix_ms.to_be_bytes());
}

fn put_block(out: &mut Writer<'_>, block: &Block, unix_ms: u64) {
    out.bytes(&block.private_v4.to_be_bytes());
    out.bytes(&block.public_v4.to_be_bytes());
    out.bytes(&block.vrf.to_be_bytes());
    // The block is of all protocols: 0.
    out.bytes(&[0, if block.event == BlockEvent::Release { 15 } else { 14 }]);
    out.bytes(&unix_ms.to_be_bytes());
    for number in [block.port_first, 1, block.port_last - block.port_first + 1] {
        out.bytes(&number.to_be_bytes());
    }
}

/// What an event's record carries.
pub(crate) fn truth(origin: Origin, moment: Moment, event: &Event<'_>) -> Truth {
    let event_ms = Some(moment.at_ns / 1_000_000);
    match event {
        Event::Session(record) => {
            let bare = Session::bare(Format::NetflowV9, origin, moment, record);
            let session = Session { src_vrf: Some(record.src_vrf), event_ms, ..bare };
            Truth::Session(Translated::of(record).truth(session))
        }
        Event::Block(block) => {
            let source = origin.source(Format::NetflowV9, moment, None, None);
            let bare = PortBlock::bare(source, block);
            Truth::PortBlock(PortBlock {
                src_vrf: Some(block.vrf),
                event_ms,
                protocol: Some(0),
                extra: vec![
                    ("portRangeStepSize", "1".to_owned()),
                    ("portRangeNumPorts", (block.port_last - block.port_first + 1).to_string()),
                ],
                ..bare
            })
        }
    }
}
