//! Keys of the map of listeners on single addresses, and of the allow-lists.

/// How many listeners on single addresses the map holds.
pub const LISTENERS_MAX: u32 = 256;

/// How many prefixes each of the two allow-lists holds. The tries take memory as they fill.
pub const ALLOW_MAX: u32 = 65_536;

/// Key of the listener map: a single address with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct ListenerKey {
    /// Destination address in network byte order; IPv4 as an IPv4-mapped address
    /// (RFC 4291 §2.5.5.2).
    pub address: [u8; 16],
    /// Destination port in network byte order.
    pub port: [u8; 2],
    /// Keeps the key free of implicit padding; zero.
    pub reserved: [u8; 2],
}

impl ListenerKey {
    /// One IPv4 address, this port.
    #[inline(always)]
    pub const fn v4(address: [u8; 4], port: u16) -> Self {
        let [a, b, c, d] = address;
        Self {
            address: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d],
            port: port.to_be_bytes(),
            reserved: [0; 2],
        }
    }

    /// One IPv6 address, this port.
    #[inline(always)]
    pub const fn v6(address: [u8; 16], port: u16) -> Self {
        Self { address, port: port.to_be_bytes(), reserved: [0; 2] }
    }

    /// The key as it stands in the map.
    #[inline(always)]
    pub const fn to_bytes(self) -> [u8; 20] {
        let a = self.address;
        let [p0, p1] = self.port;
        let [r0, r1] = self.reserved;
        [
            a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13],
            a[14], a[15], p0, p1, r0, r1,
        ]
    }
}

/// Data part of an IPv4 allow-list key: the address in network byte order.
pub type AllowKeyV4 = [u8; 4];

/// Data part of an IPv6 allow-list key: the address in network byte order.
pub type AllowKeyV6 = [u8; 16];
