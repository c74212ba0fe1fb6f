//! Wraps a UDP payload into an Ethernet frame: VLAN tags, IPv4 or IPv6, UDP, checksums.
//!
//! [`Frame::prepare`] lays the headers out once and sums what does not change; each
//! [`Prepared::write`] then copies them and fills in lengths and checksums. Multi-byte fields are
//! big-endian (IEEE 802.3, RFC 791, 8200, 768). Frames under 60 bytes are not padded: a virtual
//! device does not ask for it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Customer tag (IEEE 802.1Q).
const TPID_CUSTOMER: u16 = 0x8100;
/// Service tag, in front of another tag (IEEE 802.1ad).
const TPID_SERVICE: u16 = 0x88a8;
const PROTOCOL_UDP: u8 = 17;
const UDP_HEADER_BYTES: usize = 8;
const IPV4_HEADER_BYTES: usize = 20;
const IPV6_HEADER_BYTES: usize = 40;
/// VLAN tags on a frame, at most.
pub const VLANS_MAX: usize = 4;
/// No headers that this module writes are longer.
pub const HEADERS_BYTES_MAX: usize = 14 + VLANS_MAX * 4 + IPV6_HEADER_BYTES + UDP_HEADER_BYTES;

/// Where a frame comes from and goes to.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Ethernet source.
    pub src_mac: [u8; 6],
    /// Ethernet destination.
    pub dst_mac: [u8; 6],
    /// VLAN identifiers (12 bits, priority 0), outermost first, at most [`VLANS_MAX`].
    pub vlans: &'a [u16],
    /// UDP source; of the same family as the destination.
    pub source: SocketAddr,
    /// UDP destination.
    pub destination: SocketAddr,
}

/// What stands in the UDP checksum field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UdpChecksum {
    /// The checksum.
    #[default]
    Computed,
    /// Over IPv4, 0 for "none", which RFC 768 allows and which saves reading the payload; over
    /// IPv6, which forbids it, the checksum.
    Zero,
}

impl Frame<'_> {
    /// Writes the frame of `payload` to the start of `out`, UDP checksum computed; its length.
    /// `None` when `out` is too short, the payload does not fit a datagram, or the addresses are
    /// of two families.
    pub fn write(&self, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        self.prepare(UdpChecksum::Computed)?.write(payload, out)
    }

    /// Lays out the headers for many frames of the same source and destination. `None` when the
    /// addresses are of two families or there are too many VLAN tags.
    pub fn prepare(&self, udp_checksum: UdpChecksum) -> Option<Prepared> {
        let mut headers = Headers { bytes: [0; HEADERS_BYTES_MAX], len: 0 };
        self.put_ethernet(&mut headers)?;
        let ip_at = headers.len;
        let (is_v6, sums) = match (self.source, self.destination) {
            (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
                (false, headers.put_ipv4(*source.ip(), *destination.ip()))
            }
            (SocketAddr::V6(source), SocketAddr::V6(destination)) => {
                (true, headers.put_ipv6(*source.ip(), *destination.ip()))
            }
            _ => return None,
        };
        let udp_at = headers.len;
        headers.put(&self.source.port().to_be_bytes());
        headers.put(&self.destination.port().to_be_bytes());
        let ports = sum_words(&headers.bytes[udp_at..udp_at + 4]);
        // Length and checksum, filled in for every frame.
        headers.put(&[0; 4]);
        Some(Prepared {
            headers,
            ip_at,
            udp_at,
            is_v6,
            ip_sum: sums.ip,
            udp_sum: (is_v6 || udp_checksum == UdpChecksum::Computed)
                .then_some(sums.pseudo + ports),
        })
    }

    fn put_ethernet(&self, headers: &mut Headers) -> Option<()> {
        if self.vlans.len() > VLANS_MAX {
            return None;
        }
        headers.put(&self.dst_mac);
        headers.put(&self.src_mac);
        for (index, vlan) in self.vlans.iter().enumerate() {
            let is_innermost = index + 1 == self.vlans.len();
            let tpid = if is_innermost { TPID_CUSTOMER } else { TPID_SERVICE };
            headers.put(&tpid.to_be_bytes());
            headers.put(&(vlan & 0x0fff).to_be_bytes());
        }
        let ethertype = if self.source.is_ipv6() { ETHERTYPE_IPV6 } else { ETHERTYPE_IPV4 };
        headers.put(&ethertype.to_be_bytes());
        Some(())
    }
}

/// Header bytes as they grow.
#[derive(Clone, Debug)]
struct Headers {
    bytes: [u8; HEADERS_BYTES_MAX],
    len: usize,
}

/// Sums of what does not change from frame to frame.
struct Sums {
    /// IPv4: of the header, length and checksum 0. IPv6 has none.
    ip: u64,
    /// Of the UDP pseudo header, length 0.
    pseudo: u64,
}

impl Headers {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn put_ipv4(&mut self, source: Ipv4Addr, destination: Ipv4Addr) -> Sums {
        let at = self.len;
        // Version and header length, DSCP, total length, identification 0 with "don't fragment"
        // (RFC 6864), time to live, protocol, checksum.
        self.put(&[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, PROTOCOL_UDP, 0, 0]);
        self.put(&source.octets());
        self.put(&destination.octets());
        let addresses = sum_words(&self.bytes[at + 12..at + 20]);
        let ip = sum_words(&self.bytes[at..at + 20]);
        Sums { ip, pseudo: addresses + u64::from(PROTOCOL_UDP) }
    }

    fn put_ipv6(&mut self, source: Ipv6Addr, destination: Ipv6Addr) -> Sums {
        let at = self.len;
        // Version, traffic class and flow label, payload length, next header, hop limit.
        self.put(&[0x60, 0, 0, 0, 0, 0, PROTOCOL_UDP, 64]);
        self.put(&source.octets());
        self.put(&destination.octets());
        let addresses = sum_words(&self.bytes[at + 8..at + 40]);
        Sums { ip: 0, pseudo: addresses + u64::from(PROTOCOL_UDP) }
    }
}

/// Headers laid out for many frames.
#[derive(Clone, Debug)]
pub struct Prepared {
    headers: Headers,
    ip_at: usize,
    udp_at: usize,
    is_v6: bool,
    ip_sum: u64,
    /// `None`: the checksum field stays 0.
    udp_sum: Option<u64>,
}

impl Prepared {
    /// Bytes in front of the payload.
    pub fn headers_len(&self) -> usize {
        self.headers.len
    }

    /// Writes the frame of `payload` to the start of `out`; its length. `None` when it does not
    /// fit.
    pub fn write(&self, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        let at = self.headers.len;
        out.get_mut(at..at + payload.len())?.copy_from_slice(payload);
        self.complete(payload.len(), out)
    }

    /// Writes the headers in front of a payload of `payload_bytes` bytes that already stands at
    /// [`Prepared::headers_len`] in `out`: the frame's length. `None` when it does not fit.
    pub fn complete(&self, payload_bytes: usize, out: &mut [u8]) -> Option<usize> {
        let at = self.headers.len;
        let end = at + payload_bytes;
        let frame = out.get_mut(..end)?;
        let udp_bytes = u16::try_from(UDP_HEADER_BYTES + payload_bytes).ok()?;
        let (headers, payload) = frame.split_at_mut(at);
        headers.copy_from_slice(&self.headers.bytes[..at]);
        if self.is_v6 {
            headers[self.ip_at + 4..][..2].copy_from_slice(&udp_bytes.to_be_bytes());
        } else {
            let total = udp_bytes.checked_add(IPV4_HEADER_BYTES as u16)?;
            let checksum = !fold(self.ip_sum + u64::from(total));
            headers[self.ip_at + 2..][..2].copy_from_slice(&total.to_be_bytes());
            headers[self.ip_at + 10..][..2].copy_from_slice(&checksum.to_be_bytes());
        }
        headers[self.udp_at + 4..][..2].copy_from_slice(&udp_bytes.to_be_bytes());
        if let Some(sum) = self.udp_sum {
            // The length stands twice: in the pseudo header and in the header.
            let sum = sum + 2 * u64::from(udp_bytes) + sum_words(payload);
            // RFC 768: a checksum of 0 is sent as all ones, for 0 says that there is none.
            let checksum = match !fold(sum) {
                0 => 0xffff,
                checksum => checksum,
            };
            headers[self.udp_at + 6..][..2].copy_from_slice(&checksum.to_be_bytes());
        }
        Some(end)
    }
}

/// The sum of the big-endian 16-bit words of `bytes`, an odd last byte filled up with 0.
fn sum_words(bytes: &[u8]) -> u64 {
    // 32 bits at a time: a ones' complement sum does not mind how wide the words are added.
    let (quads, rest) = bytes.as_chunks::<4>();
    let mut sum: u64 = quads.iter().map(|quad| u64::from(u32::from_be_bytes(*quad))).sum();
    let (pairs, odd) = rest.as_chunks::<2>();
    sum += pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum::<u64>();
    if let [last] = odd {
        sum += u64::from(*last) << 8;
    }
    u64::from(fold(sum))
}

/// Folds carries back in until 16 bits are left.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
