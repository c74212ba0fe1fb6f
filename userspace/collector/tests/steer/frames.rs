//! Frames of every shape that the program knows, built byte by byte.

use std::net::IpAddr;

/// 802.1Q.
pub const C_TAG: u16 = 0x8100;
/// 802.1ad.
pub const S_TAG: u16 = 0x88a8;

/// A UDP datagram in an Ethernet frame, without a fault unless one is put in.
#[derive(Clone, Debug)]
pub struct Shape {
    pub tags: Vec<u16>,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub port: u16,
    pub payload_len: usize,
    pub padding: usize,
}

impl Shape {
    /// An IPv4 exporter to port 514.
    pub fn v4() -> Self {
        Self::between("192.0.2.1", "198.51.100.1")
    }

    /// An IPv6 exporter to port 514.
    pub fn v6() -> Self {
        Self::between("2001:db8:1::1", "2001:db8:2::1")
    }

    fn between(source: &str, destination: &str) -> Self {
        Self {
            tags: vec![],
            source: source.parse().expect("an address"),
            destination: destination.parse().expect("an address"),
            port: 514,
            payload_len: 40,
            padding: 0,
        }
    }

    pub fn tagged(mut self, tags: &[u16]) -> Self {
        self.tags = tags.to_vec();
        self
    }

    pub fn from(mut self, source: &str) -> Self {
        self.source = source.parse().expect("an address");
        self
    }

    pub fn to(mut self, destination: &str, port: u16) -> Self {
        self.destination = destination.parse().expect("an address");
        self.port = port;
        self
    }

    pub fn payload(mut self, len: usize) -> Self {
        self.payload_len = len;
        self
    }

    pub fn padded(mut self, padding: usize) -> Self {
        self.padding = padding;
        self
    }

    /// Where the IP header begins.
    pub fn ip_offset(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    /// Where the UDP header begins.
    pub fn udp_offset(&self) -> usize {
        self.ip_offset() + if self.source.is_ipv4() { 20 } else { 40 }
    }

    /// Where the payload begins.
    pub fn payload_offset(&self) -> usize {
        self.udp_offset() + 8
    }

    pub fn build(&self) -> Vec<u8> {
        let mut frame = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
        for tag in &self.tags {
            frame.extend(tag.to_be_bytes());
            frame.extend([0x20, 0x64]);
        }
        let udp_len = (8 + self.payload_len) as u16;
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend([0x08, 0x00, 0x45, 0]);
                frame.extend((20 + udp_len).to_be_bytes());
                // Identification, don't fragment, hop limit, UDP, no checksum.
                frame.extend([0x12, 0x34, 0x40, 0, 64, 17, 0, 0]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend(udp_len.to_be_bytes());
                frame.extend([17, 64]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            _ => panic!("source and destination of one family"),
        }
        frame.extend(40_000_u16.to_be_bytes());
        frame.extend(self.port.to_be_bytes());
        frame.extend(udp_len.to_be_bytes());
        frame.extend([0, 0]);
        frame.extend((0..self.payload_len).map(|i| i as u8 | 0x80));
        frame.extend(std::iter::repeat_n(0, self.padding));
        frame
    }

    /// Builds the frame and writes `bytes` at `offset` of it.
    pub fn with(&self, offset: usize, bytes: &[u8]) -> Vec<u8> {
        let mut frame = self.build();
        frame[offset..offset + bytes.len()].copy_from_slice(bytes);
        frame
    }
}
