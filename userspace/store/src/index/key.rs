//! What a part's rows are sorted by: public address and port.

use std::net::IpAddr;

/// A public address and port, in the order of a part's rows: IPv4, IPv6, none; an absent port
/// counts as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    class: Class,
    address: u128,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Class {
    V4,
    V6,
    None,
}

impl Key {
    /// Bytes of a key in a file.
    pub(super) const BYTES: usize = 19;

    /// The key of rows with this address and port.
    pub fn new(address: Option<IpAddr>, port: Option<u16>) -> Self {
        let (class, address) = match address {
            Some(IpAddr::V4(v4)) => (Class::V4, u32::from(v4).into()),
            Some(IpAddr::V6(v6)) => (Class::V6, v6.into()),
            None => (Class::None, 0),
        };
        Self { class, address, port: port.unwrap_or(0) }
    }

    /// Class, address and port, each with the highest byte first.
    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let [class, rest @ ..] = &mut bytes;
        *class = self.class as u8;
        let (address, port) = rest.split_at_mut(16);
        address.copy_from_slice(&self.address.to_be_bytes());
        port.copy_from_slice(&self.port.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes([class, rest @ ..]: [u8; Self::BYTES]) -> Option<Self> {
        let class = match class {
            0 => Class::V4,
            1 => Class::V6,
            2 => Class::None,
            _ => return None,
        };
        let (address, rest) = rest.split_first_chunk()?;
        let (port, _) = rest.split_first_chunk()?;
        let (address, port) = (u128::from_be_bytes(*address), u16::from_be_bytes(*port));
        Some(Self { class, address, port })
    }

    /// How far this port is from that of a key before it with the same address.
    pub(super) fn ports_behind(self, before: Self) -> Option<u16> {
        let is_same = (self.class, self.address) == (before.class, before.address);
        self.port.checked_sub(before.port).filter(|_| is_same)
    }

    /// The key with the same address whose port is so many behind.
    pub(super) fn port_behind(self, ports: u16) -> Option<Self> {
        Some(Self { port: self.port.checked_add(ports)?, ..self })
    }
}
