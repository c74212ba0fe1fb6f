//! Huawei USG session logs as NetFlow v9 (document 003, "Fields in a Session Log in Netflow
//! Format"). Everything is big-endian: the document's "host byte order" is wrong, as its own
//! example shows.
//!
//! ```text
//! header 20 bytes   version 9 | count | uptime ms | UTC seconds | sequence | Source ID
//! template flowset  id 0, length 88 (1315, 20 fields) or 104 (1316, 24 fields)
//! data flowset      id 1315 or 1316, length 4 + records × 60 or 124
//! ```
//! The Source ID is subdivided: type (1 = IPv4, 2 = NAT64 and DS-Lite), number of logs (0),
//! device type (0), slot.

use crate::record::{EventKind, Record};

/// Length of the packet header.
pub const HEADER_BYTES: usize = 20;
/// Length of one record of template 1315.
pub const RECORD_V4_BYTES: usize = 60;
/// Length of one record of template 1316.
pub const RECORD_V6_BYTES: usize = 124;
/// The document: "Number of FlowSets in the packet: 1-20".
pub const FLOWSETS_MAX: usize = 20;
/// Id and length in front of every flowset.
const FLOWSET_HEADER_BYTES: usize = 4;

/// Information elements 8 … 234, the part that both templates begin with.
/// Huawei calls 235 (egressVRFID) the source VRF and 234 (ingressVRFID) the destination VRF.
const FIELDS_COMMON: [(u16, u16); 14] = [
    (8, 4),
    (225, 4),
    (7, 2),
    (227, 2),
    (12, 4),
    (226, 4),
    (11, 2),
    (228, 2),
    (4, 1),
    (61, 1),
    (230, 1),
    (229, 1),
    (235, 4),
    (234, 4),
];
/// The IPv6 addresses, in template 1316 only.
const FIELDS_V6: [(u16, u16); 4] = [(27, 16), (281, 16), (28, 16), (282, 16)];
/// Times and counters, the part that both templates end with.
const FIELDS_TAIL: [(u16, u16); 6] = [(150, 4), (151, 4), (24, 4), (23, 4), (2, 4), (1, 4)];

/// The template flowset of id 1315: IPv4 sessions, 20 fields.
pub const TEMPLATE_V4: [u8; 88] = template(1315, &[]);
/// The template flowset of id 1316: NAT64 and DS-Lite sessions, 24 fields.
pub const TEMPLATE_V6: [u8; 104] = template(1316, &FIELDS_V6);

const fn template<const N: usize>(id: u16, middle: &[(u16, u16)]) -> [u8; N] {
    let fields = FIELDS_COMMON.len() + middle.len() + FIELDS_TAIL.len();
    let mut out = [0u8; N];
    out = put_pair(out, 0, (0, N as u16));
    out = put_pair(out, 4, (id, fields as u16));
    let mut index = 0;
    while index < fields {
        let field = if index < FIELDS_COMMON.len() {
            FIELDS_COMMON[index]
        } else if index < FIELDS_COMMON.len() + middle.len() {
            middle[index - FIELDS_COMMON.len()]
        } else {
            FIELDS_TAIL[index - FIELDS_COMMON.len() - middle.len()]
        };
        out = put_pair(out, 8 + index * 4, field);
        index += 1;
    }
    out
}

const fn put_pair<const N: usize>(mut out: [u8; N], at: usize, pair: (u16, u16)) -> [u8; N] {
    [out[at], out[at + 1]] = pair.0.to_be_bytes();
    [out[at + 2], out[at + 3]] = pair.1.to_be_bytes();
    out
}

/// Which of the two templates a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Template 1315, records of 60 bytes, Source ID type 1.
    V4,
    /// Template 1316, records of 124 bytes, Source ID type 2.
    V6,
}

impl Layout {
    /// The template flowset, its flowset header included.
    pub fn template(self) -> &'static [u8] {
        match self {
            Self::V4 => &TEMPLATE_V4,
            Self::V6 => &TEMPLATE_V6,
        }
    }

    /// Bytes of one record.
    pub fn record_bytes(self) -> usize {
        match self {
            Self::V4 => RECORD_V4_BYTES,
            Self::V6 => RECORD_V6_BYTES,
        }
    }

    /// The Source ID of a slot (CPU) for records of this layout.
    pub fn source_id(self, slot: u8) -> u32 {
        match self {
            Self::V4 => 0x0100_0000 | u32::from(slot),
            Self::V6 => 0x0200_0000 | u32::from(slot),
        }
    }

    fn flowset_id(self) -> u16 {
        match self {
            Self::V4 => 1315,
            Self::V6 => 1316,
        }
    }
}

/// What the header's count field counts. Both give 2 in the document's examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CountField {
    /// Flowsets, as document 003 says.
    #[default]
    FlowSets,
    /// Records, templates included, as RFC 3954 says.
    Records,
}

/// The parts of the packet header that a packet does not know of itself.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Milliseconds since the exporter started.
    pub uptime_ms: u32,
    /// UTC seconds at which the packet was made.
    pub unix_seconds: u32,
    /// Packets sent before this one with the same Source ID.
    pub sequence: u32,
    /// See [`Layout::source_id`].
    pub source_id: u32,
    /// What the count field is to count.
    pub count: CountField,
}

/// Builds one packet in a caller's buffer: `new`, `push` while there is room, `finish`.
pub struct Packet<'a> {
    out: &'a mut [u8],
    layout: Layout,
    /// Limits of this packet.
    limits: Limits,
    at: usize,
    /// Where the open data flowset begins, and how many records it has; 0 records: none is open.
    flowset_at: usize,
    flowset_records: usize,
    flowsets: usize,
    records: usize,
    templates: usize,
}

/// How records are laid out in packets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Length of a packet in bytes, at most. The caller's buffer must be as long.
    pub bytes_max: usize,
    /// Flowsets in a packet, the template's included, at most.
    pub flowsets_max: usize,
    /// Records in a data flowset, at most.
    pub records_per_flowset: usize,
}

impl<'a> Packet<'a> {
    /// Begins a packet, with or without its template.
    ///
    /// # Panics
    /// If `out` is shorter than `limits.bytes_max`, or that does not hold header and template.
    pub fn new(out: &'a mut [u8], layout: Layout, limits: Limits, with_template: bool) -> Self {
        let out = &mut out[..limits.bytes_max];
        let mut at = HEADER_BYTES;
        if with_template {
            let template = layout.template();
            out[at..at + template.len()].copy_from_slice(template);
            at += template.len();
        }
        let templates = usize::from(with_template);
        Self {
            out,
            layout,
            limits,
            at,
            flowset_at: 0,
            flowset_records: 0,
            flowsets: templates,
            records: 0,
            templates,
        }
    }

    /// Records pushed so far.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Whether another record fits.
    pub fn has_room(&self) -> bool {
        let record = self.layout.record_bytes();
        if self.flowset_is_open() {
            self.at + record <= self.limits.bytes_max
        } else {
            self.flowsets < self.limits.flowsets_max
                && self.at + FLOWSET_HEADER_BYTES + record <= self.limits.bytes_max
        }
    }

    fn flowset_is_open(&self) -> bool {
        self.flowset_records > 0 && self.flowset_records < self.limits.records_per_flowset
    }

    /// Appends a record. Counters are sent modulo 2³², as the 4-byte fields hold them.
    ///
    /// # Panics
    /// If there is no room.
    pub fn push(&mut self, record: &Record<'_>) {
        if !self.flowset_is_open() {
            self.close_flowset();
            self.flowset_at = self.at;
            self.at += FLOWSET_HEADER_BYTES;
            self.flowsets += 1;
        }
        let end = self.at + self.layout.record_bytes();
        let slot = &mut self.out[self.at..end];
        match self.layout {
            Layout::V4 => slot.copy_from_slice(&record_v4(record)),
            Layout::V6 => slot.copy_from_slice(&record_v6(record)),
        }
        self.at = end;
        self.flowset_records += 1;
        self.records += 1;
    }

    fn close_flowset(&mut self) {
        if self.flowset_records == 0 {
            return;
        }
        let length = (self.at - self.flowset_at) as u16;
        self.out[self.flowset_at..][..2].copy_from_slice(&self.layout.flowset_id().to_be_bytes());
        self.out[self.flowset_at + 2..][..2].copy_from_slice(&length.to_be_bytes());
        self.flowset_records = 0;
    }

    /// Writes the header; returns the packet's length.
    pub fn finish(mut self, header: &Header) -> usize {
        self.close_flowset();
        let count = match header.count {
            CountField::FlowSets => self.flowsets,
            CountField::Records => self.templates + self.records,
        };
        let mut bytes = [0u8; HEADER_BYTES];
        bytes[0..2].copy_from_slice(&9u16.to_be_bytes());
        bytes[2..4].copy_from_slice(&(count as u16).to_be_bytes());
        bytes[4..8].copy_from_slice(&header.uptime_ms.to_be_bytes());
        bytes[8..12].copy_from_slice(&header.unix_seconds.to_be_bytes());
        bytes[12..16].copy_from_slice(&header.sequence.to_be_bytes());
        bytes[16..20].copy_from_slice(&header.source_id.to_be_bytes());
        self.out[..HEADER_BYTES].copy_from_slice(&bytes);
        self.at
    }
}

/// A record of template 1315.
pub fn record_v4(record: &Record<'_>) -> [u8; RECORD_V4_BYTES] {
    let mut out = [0u8; RECORD_V4_BYTES];
    out[..36].copy_from_slice(&common(record));
    out[36..].copy_from_slice(&tail(record));
    out
}

/// A record of template 1316. Huawei leaves the translated IPv6 addresses (281, 282) zero.
pub fn record_v6(record: &Record<'_>) -> [u8; RECORD_V6_BYTES] {
    let mut out = [0u8; RECORD_V6_BYTES];
    out[..36].copy_from_slice(&common(record));
    out[36..52].copy_from_slice(&record.src_v6.to_be_bytes());
    out[68..84].copy_from_slice(&record.dst_v6.to_be_bytes());
    out[100..].copy_from_slice(&tail(record));
    out
}

#[inline]
fn common(record: &Record<'_>) -> [u8; 36] {
    let mut out = [0u8; 36];
    out[0..4].copy_from_slice(&record.src_v4.to_be_bytes());
    out[4..8].copy_from_slice(&record.nat_src_v4.to_be_bytes());
    out[8..10].copy_from_slice(&record.src_port.to_be_bytes());
    out[10..12].copy_from_slice(&record.nat_src_port.to_be_bytes());
    out[12..16].copy_from_slice(&record.dst_v4.to_be_bytes());
    out[16..20].copy_from_slice(&record.nat_dst_v4.to_be_bytes());
    out[20..22].copy_from_slice(&record.dst_port.to_be_bytes());
    out[22..24].copy_from_slice(&record.nat_dst_port.to_be_bytes());
    let event = match record.event {
        EventKind::Create => 1,
        EventKind::End | EventKind::Flow => 2,
    };
    out[24..28].copy_from_slice(&[record.protocol, record.direction, event, record.initiator]);
    out[28..32].copy_from_slice(&record.src_vrf.to_be_bytes());
    out[32..36].copy_from_slice(&record.dst_vrf.to_be_bytes());
    out
}

#[inline]
fn tail(record: &Record<'_>) -> [u8; 24] {
    let mut out = [0u8; 24];
    out[0..4].copy_from_slice(&record.start.to_be_bytes());
    out[4..8].copy_from_slice(&record.end.to_be_bytes());
    out[8..12].copy_from_slice(&(record.sent_packets as u32).to_be_bytes());
    out[12..16].copy_from_slice(&(record.sent_bytes as u32).to_be_bytes());
    out[16..20].copy_from_slice(&(record.received_packets as u32).to_be_bytes());
    out[20..24].copy_from_slice(&(record.received_bytes as u32).to_be_bytes());
    out
}
