//! The session log of a Huawei USG firewall in NetFlow v9 (USG6000E documentation, *Meanings of
//! Log Fields*).
//!
//! The firewall sends template 1315 (IPv4: 20 fields, 60 bytes) or 1316 (NAT64 and DS-Lite: 24
//! fields, 124 bytes), and decodes by whatever template came. Their layout, offsets in bytes:
//!
//! | element | bytes | 1315 | 1316 | meaning |
//! | --- | --- | --- | --- | --- |
//! | 8 | 4 | 0 | 0 | source address; 0 for NAT64 |
//! | 225 | 4 | 4 | 4 | post-NAT source address |
//! | 7 | 2 | 8 | 8 | source port |
//! | 227 | 2 | 10 | 10 | post-NAT source port (the document's text says 0xE7, its bytes 0xE3) |
//! | 12 | 4 | 12 | 12 | destination address |
//! | 226 | 4 | 16 | 16 | post-NAT destination address |
//! | 11 | 2 | 20 | 20 | destination port |
//! | 228 | 2 | 22 | 22 | post-NAT destination port |
//! | 4 | 1 | 24 | 24 | protocol |
//! | 61 | 1 | 25 | 25 | 0 Internet to private, 1 private to Internet |
//! | 230 | 1 | 26 | 26 | 1 created, 2 aged |
//! | 229 | 1 | 27 | 27 | initiator: 1 private, 2 Internet |
//! | 235 | 4 | 28 | 28 | *source* VRF (IANA: egressVRFID) |
//! | 234 | 4 | 32 | 32 | *destination* VRF (IANA: ingressVRFID) |
//! | 27, 281, 28, 282 | 16 each | – | 36 | source, post-NAT source, destination, post-NAT destination |
//! | 150 | 4 | 36 | 100 | begin, UTC seconds |
//! | 151 | 4 | 40 | 104 | end, UTC seconds; 0 on creation |
//! | 24, 23 | 4 each | 44 | 108 | packets and bytes *sent* by the source |
//! | 2, 1 | 4 each | 52 | 116 | packets and bytes *received* by the source |
//!
//! The header's Source ID is subdivided: type (1 IPv4, 2 IPv6), number of logs, device type, slot.

use super::{Version, profile::Meaning, template::TemplateRecord};
use crate::session::Column;

/// The Source ID without its second byte, "number of logs", which may differ between the packets
/// of one exporter and so must not take part in finding a template. (The documents show 0 only:
/// this is a precaution, not a known behaviour.)
pub const fn template_domain(source_id: u32) -> u32 {
    source_id & 0xff00_ffff
}

/// Whether the Source ID is of the subdivided form: its top byte tells the log type. Huawei's
/// NetStream, which uses template 1315 for records of the same length, sends 0 there.
pub const fn is_subdivided(source_id: u32) -> bool {
    matches!(source_id >> 24, 1 | 2)
}

/// Whether a template is that of a session log: a subdivided Source ID, and the elements that no
/// NetStream template has together.
pub fn is_session_log(template: &TemplateRecord<'_>, source_id: u32) -> bool {
    const MARKS: [u16; 6] = [225, 227, 229, 230, 234, 235];
    template.version == Version::V9 && is_subdivided(source_id) && template.has_all(&MARKS)
}

/// Where the firewall's reading differs from IANA's.
pub fn meaning(element: u16) -> Option<Meaning> {
    Some(match element {
        235 => Meaning::Value(Column::SrcVrf),
        234 => Meaning::Value(Column::DstVrf),
        24 => Meaning::Value(Column::SentPackets),
        23 => Meaning::Value(Column::SentBytes),
        2 => Meaning::Value(Column::ReceivedPackets),
        1 => Meaning::Value(Column::ReceivedBytes),
        _ => return None,
    })
}
