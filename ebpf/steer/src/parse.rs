//! From the Ethernet header to the UDP payload. Only the plain shape is taken: whatever needs the
//! kernel's judgement or its memory (fragments, options, odd lengths) is left to the kernel.

use core::array::from_fn;

use logweir_abi::{Counter, Family};

use crate::frame::Frame;

const ETHERNET_LEN: usize = 14;
const VLAN_TAG_LEN: usize = 4;
const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;
const UDP_LEN: usize = 8;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// IEEE 802.1Q customer tag.
const ETHERTYPE_C_TAG: u16 = 0x8100;
/// IEEE 802.1ad service tag.
const ETHERTYPE_S_TAG: u16 = 0x88a8;

const PROTOCOL_UDP: u8 = 17;
const IPV6_FRAGMENT: u8 = 44;

/// The more-fragments bit and the offset; neither "don't fragment" nor the reserved bit.
const IPV4_FRAGMENT_MASK: u16 = 0x3fff;

/// The address of an exporter or a listener, in words as they stand in the packet.
#[derive(Clone, Copy)]
pub enum Address {
    V4(u32),
    V6([u32; 4]),
}

/// The addresses of a datagram. Few datagrams need them: those of IPv6 stay where they are until
/// then. If those of IPv4 did too, the compiler would read both by the same instructions, at an
/// offset in a register; see [`datagram`].
#[derive(Clone, Copy)]
pub enum Addresses<'a> {
    V4 { source: u32, destination: u32 },
    V6(&'a [u16; IPV6_LEN / 2]),
}

impl Addresses<'_> {
    #[inline(always)]
    pub fn source(self) -> Address {
        match self {
            Addresses::V4 { source, .. } => Address::V4(source),
            Addresses::V6(header) => v6(header, 4),
        }
    }

    #[inline(always)]
    pub fn destination(self) -> Address {
        match self {
            Addresses::V4 { destination, .. } => Address::V4(destination),
            Addresses::V6(header) => v6(header, 12),
        }
    }

    #[inline(always)]
    pub fn family(self) -> Family {
        match self {
            Addresses::V4 { .. } => Family::V4,
            Addresses::V6(_) => Family::V6,
        }
    }
}

/// The address that begins at this word of an IPv6 header.
#[inline(always)]
fn v6(header: &[u16; IPV6_LEN / 2], at: usize) -> Address {
    Address::V6(from_fn(|i| word(header[at + 2 * i], header[at + 2 * i + 1])))
}

/// The word that these two make in the memory of a little-endian machine (`bpfel`).
#[inline(always)]
pub fn word(first: u16, second: u16) -> u32 {
    u32::from(first) | u32::from(second) << 16
}

/// A UDP datagram that lies whole in the frame.
pub struct Datagram<'a> {
    pub addresses: Addresses<'a>,
    /// In network byte order.
    pub destination_port: u16,
    pub payload_offset: u16,
    pub payload_len: u16,
    /// Length of the whole frame.
    pub frame_len: u64,
}

/// Finds the UDP datagram of a frame, or the reason why there is none to take.
#[inline(always)]
pub fn datagram<'a>(frame: &Frame<'a>) -> Result<Datagram<'a>, Counter> {
    let ethernet: &[u16; ETHERNET_LEN / 2] = frame.words(0).ok_or(Counter::Truncated)?;
    // Written out, so that each offset is a constant in a copy of its own: without CAP_PERFMON the
    // verifier adds nothing but constants to a packet pointer.
    let ethertype = u16::from_be(ethernet[6]);
    if !is_vlan_tag(ethertype) {
        return ip(frame, ETHERNET_LEN, ethertype);
    }
    let ethertype = behind_vlan_tag(frame, ETHERNET_LEN)?;
    if !is_vlan_tag(ethertype) {
        return ip(frame, ETHERNET_LEN + VLAN_TAG_LEN, ethertype);
    }
    let ethertype = behind_vlan_tag(frame, ETHERNET_LEN + VLAN_TAG_LEN)?;
    ip(frame, ETHERNET_LEN + 2 * VLAN_TAG_LEN, ethertype)
}

#[inline(always)]
fn is_vlan_tag(ethertype: u16) -> bool {
    ethertype == ETHERTYPE_C_TAG || ethertype == ETHERTYPE_S_TAG
}

/// The EtherType behind the tag whose EtherType ends at `offset`.
#[inline(always)]
fn behind_vlan_tag(frame: &Frame<'_>, offset: usize) -> Result<u16, Counter> {
    let tag: &[u16; VLAN_TAG_LEN / 2] = frame.words(offset).ok_or(Counter::Truncated)?;
    Ok(u16::from_be(tag[1]))
}

#[inline(always)]
fn ip<'a>(frame: &Frame<'a>, offset: usize, ethertype: u16) -> Result<Datagram<'a>, Counter> {
    match ethertype {
        ETHERTYPE_IPV4 => ipv4(frame, offset),
        ETHERTYPE_IPV6 => ipv6(frame, offset),
        _ => Err(Counter::NotIp),
    }
}

#[inline(always)]
fn ipv4<'a>(frame: &Frame<'a>, offset: usize) -> Result<Datagram<'a>, Counter> {
    let header: &[u16; IPV4_LEN / 2] = frame.words(offset).ok_or(Counter::Truncated)?;
    let [first, _type_of_service] = header[0].to_ne_bytes();
    let [_time_to_live, protocol] = header[4].to_ne_bytes();
    let (version, header_words) = (first >> 4, first & 0x0f);
    if version != 4 {
        return Err(Counter::NotIp);
    }
    if protocol != PROTOCOL_UDP {
        return Err(Counter::NotUdp);
    }
    if header_words < 5 {
        return Err(Counter::BadLength);
    }
    if u16::from_be(header[3]) & IPV4_FRAGMENT_MASK != 0 {
        return Err(Counter::Fragment);
    }
    if header_words > 5 {
        return Err(Counter::IpOptions);
    }
    // Below 20 there is no UDP length that fits, as none is below 8: the subtraction may wrap.
    let total_len = usize::from(u16::from_be(header[1]));
    let ip_payload_len = total_len.wrapping_sub(IPV4_LEN);
    let udp = udp(frame, offset + IPV4_LEN, ip_payload_len)?;
    Ok(Datagram {
        addresses: Addresses::V4 {
            source: word(header[6], header[7]),
            destination: word(header[8], header[9]),
        },
        destination_port: udp.destination_port,
        payload_offset: (offset + IPV4_LEN + UDP_LEN) as u16,
        payload_len: udp.payload_len,
        frame_len: udp.frame_len,
    })
}

#[inline(always)]
fn ipv6<'a>(frame: &Frame<'a>, offset: usize) -> Result<Datagram<'a>, Counter> {
    let header: &[u16; IPV6_LEN / 2] = frame.words(offset).ok_or(Counter::Truncated)?;
    let [first, _traffic_class] = header[0].to_ne_bytes();
    let [next_header, _hop_limit] = header[3].to_ne_bytes();
    if first >> 4 != 6 {
        return Err(Counter::NotIp);
    }
    match next_header {
        PROTOCOL_UDP => {}
        IPV6_FRAGMENT => return Err(Counter::Fragment),
        next if is_ipv6_extension(next) => return Err(Counter::Ipv6Extension),
        _ => return Err(Counter::NotUdp),
    }
    // A jumbogram has length 0 here and an extension header; without one, 0 is too short for UDP.
    let ip_payload_len = usize::from(u16::from_be(header[2]));
    let udp = udp(frame, offset + IPV6_LEN, ip_payload_len)?;
    Ok(Datagram {
        addresses: Addresses::V6(header),
        destination_port: udp.destination_port,
        payload_offset: (offset + IPV6_LEN + UDP_LEN) as u16,
        payload_len: udp.payload_len,
        frame_len: udp.frame_len,
    })
}

/// IANA's IPv6 extension header types, without the fragment header and those for experiments.
#[inline(always)]
fn is_ipv6_extension(next_header: u8) -> bool {
    // Hop-by-hop, routing, ESP, AH, destination options, mobility, HIP, Shim6.
    matches!(next_header, 0 | 43 | 50 | 51 | 60 | 135 | 139 | 140)
}

struct Udp {
    /// In network byte order.
    destination_port: u16,
    payload_len: u16,
    frame_len: u64,
}

/// The UDP header at `offset`, if its length is what IP says and the frame holds.
#[inline(always)]
fn udp(frame: &Frame<'_>, offset: usize, ip_payload_len: usize) -> Result<Udp, Counter> {
    let header: &[u16; UDP_LEN / 2] = frame.words(offset).ok_or(Counter::Truncated)?;
    let udp_len = u16::from_be(header[2]);
    if usize::from(udp_len) != ip_payload_len || usize::from(udp_len) < UDP_LEN {
        return Err(Counter::BadLength);
    }
    let frame_len = frame.len();
    // A frame may be longer than its datagram: Ethernet pads short ones.
    if (offset + usize::from(udp_len)) as u64 > frame_len {
        return Err(Counter::BadLength);
    }
    Ok(Udp { destination_port: header[1], payload_len: udp_len - UDP_LEN as u16, frame_len })
}
