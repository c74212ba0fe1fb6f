//! What tells a session from others.

use crate::found::StoredSession;
use std::net::IpAddr;
use xxhash_rust::xxh3::xxh3_64;

/// Protocol, the ends of the session as they are inside and outside, and its tunnel: two records
/// with the same key are of one session, or of two that came one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    pub protocol: Option<u8>,
    /// Source, destination, public.
    pub ports: [Option<u16>; 3],
    /// Source, destination, tunnel, public.
    pub addresses: [Option<IpAddr>; 4],
}

impl SessionKey {
    pub fn of(session: &StoredSession) -> Self {
        Self {
            protocol: session.protocol,
            ports: [session.src_port, session.dst_port, session.nat_src_port],
            addresses: [
                session.src_addr,
                session.dst_addr,
                session.tunnel_addr,
                session.nat_src_addr_v4.or(session.nat_src_addr_v6),
            ],
        }
    }

    /// The inside address: of the source, or of the tunnel.
    pub fn inside(&self) -> Option<IpAddr> {
        let [src, _, tunnel, _] = self.addresses;
        src.or(tunnel)
    }

    /// The number that stands for the key in an index: XXH3 of its parts, 64 bits.
    pub fn hash(&self) -> u64 {
        let mut bytes = [0; BYTES];
        let [has_protocol, protocol, rest @ ..] = &mut bytes;
        (*has_protocol, *protocol) = (self.protocol.is_some().into(), self.protocol.unwrap_or(0));
        let (ports, addresses) = rest.split_at_mut(PORT * self.ports.len());
        for ([is_there, place @ ..], port) in
            ports.as_chunks_mut::<PORT>().0.iter_mut().zip(self.ports)
        {
            (*is_there, *place) = (port.is_some().into(), port.unwrap_or(0).to_le_bytes());
        }
        let places = addresses.as_chunks_mut::<ADDRESS>().0;
        for ([version, place @ ..], address) in places.iter_mut().zip(self.addresses) {
            match address {
                None => {}
                Some(IpAddr::V4(v4)) => {
                    *version = 4;
                    let [a, b, c, d, ..] = place;
                    [*a, *b, *c, *d] = v4.octets();
                }
                Some(IpAddr::V6(v6)) => (*version, *place) = (6, v6.octets()),
            }
        }
        xxh3_64(&bytes)
    }
}

/// Bytes of a port and of an address, each with one that says whether there is one, and which.
const PORT: usize = 1 + 2;
const ADDRESS: usize = 1 + 16;
const BYTES: usize = 2 + 3 * PORT + 4 * ADDRESS;
