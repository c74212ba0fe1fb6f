//! Finds the UDP datagram in a captured frame. (What arrives live was parsed by the XDP program.)

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A UDP datagram within a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpDatagram<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// The payload.
    pub payload: &'a [u8],
}

/// How a frame begins: the link types of captures that have IP in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet (link type 1).
    Ethernet,
    /// Loopback with the address family in front (0).
    Null,
    /// Bare IP (12, 14, 101, 228, 229).
    Raw,
    /// Linux cooked capture (113).
    LinuxCooked,
    /// Linux cooked capture, version 2 (276).
    LinuxCooked2,
}

impl Link {
    /// The link of a capture's link type; `None` for one that is not read.
    pub fn from_type(link_type: i32) -> Option<Link> {
        Some(match link_type {
            0 => Link::Null,
            1 => Link::Ethernet,
            12 | 14 | 101 | 228 | 229 => Link::Raw,
            113 => Link::LinuxCooked,
            276 => Link::LinuxCooked2,
            _ => return None,
        })
    }

    /// The IP packet of a frame.
    fn ip_packet(self, frame: &[u8]) -> Option<&[u8]> {
        match self {
            Link::Raw => Some(frame),
            Link::Null => frame.get(4..),
            Link::LinuxCooked => frame.get(16..),
            Link::LinuxCooked2 => frame.get(20..),
            Link::Ethernet => ethernet_payload(frame),
        }
    }
}

/// Passes over the Ethernet header and any VLAN tags.
fn ethernet_payload(frame: &[u8]) -> Option<&[u8]> {
    const TAG_TYPES: [[u8; 2]; 3] = [[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00]];
    let mut rest = frame.get(12..)?;
    while TAG_TYPES.iter().any(|tag| rest.starts_with(tag)) {
        rest = rest.get(4..)?;
    }
    match rest {
        [0x08, 0x00, packet @ ..] | [0x86, 0xdd, packet @ ..] => Some(packet),
        _ => None,
    }
}

/// The UDP datagram of a frame; `None` where it holds none, or a fragment of one.
pub fn udp_datagram(link: Link, frame: &[u8]) -> Option<UdpDatagram<'_>> {
    let packet = link.ip_packet(frame)?;
    let (source, segment) = match packet.first()? >> 4 {
        4 => ipv4_udp(packet)?,
        6 => ipv6_udp(packet)?,
        _ => return None,
    };
    let &[source_0, source_1, destination_0, destination_1, len_0, len_1, _, _] =
        segment.first_chunk()?;
    let len = usize::from(u16::from_be_bytes([len_0, len_1]));
    Some(UdpDatagram {
        source,
        source_port: u16::from_be_bytes([source_0, source_1]),
        destination_port: u16::from_be_bytes([destination_0, destination_1]),
        payload: segment.get(8..len)?,
    })
}

const UDP: u8 = 17;

fn ipv4_udp(packet: &[u8]) -> Option<(IpAddr, &[u8])> {
    let header: &[u8; 20] = packet.first_chunk()?;
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    if fragment || header[9] != UDP {
        return None;
    }
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let source: [u8; 4] = *header[12..].first_chunk()?;
    let segment = packet.get(header_len.max(20)..total_len)?;
    Some((Ipv4Addr::from(source).into(), segment))
}

fn ipv6_udp(packet: &[u8]) -> Option<(IpAddr, &[u8])> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const DESTINATION: u8 = 60;
    let header: &[u8; 40] = packet.first_chunk()?;
    let payload_len = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let mut rest = packet.get(40..40 + payload_len)?;
    let mut next = header[6];
    while matches!(next, HOP_BY_HOP | ROUTING | DESTINATION) {
        let &[following, len] = rest.first_chunk()?;
        next = following;
        rest = rest.get(8 + usize::from(len) * 8..)?;
    }
    let source: [u8; 16] = *header[8..].first_chunk()?;
    (next == UDP).then_some((Ipv6Addr::from(source).into(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use logweir_traffic::frame::Frame;

    #[test]
    fn frames_of_the_model_are_read_back() {
        for (source, destination) in
            [("192.0.2.1:1000", "198.51.100.2:2055"), ("[2001:db8::1]:1000", "[2001:db8::2]:2055")]
        {
            for vlans in [&[] as &[u16], &[7], &[7, 8]] {
                let frame = Frame {
                    src_mac: [2; 6],
                    dst_mac: [4; 6],
                    vlans,
                    source: source.parse().unwrap(),
                    destination: destination.parse().unwrap(),
                };
                let mut bytes = [0; 256];
                let len = frame.write(b"payload", &mut bytes).unwrap();
                let datagram = udp_datagram(Link::Ethernet, &bytes[..len]).unwrap();
                assert_eq!(datagram.source, frame.source.ip());
                assert_eq!(datagram.source_port, 1000);
                assert_eq!(datagram.destination_port, 2055);
                assert_eq!(datagram.payload, b"payload");
                for cut in 0..len {
                    assert_eq!(udp_datagram(Link::Ethernet, &bytes[..cut]), None);
                }
            }
        }
    }
}
