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
        let mut rest = bytes.as_mut_slice();
        let mut put = |part: &[u8]| {
            if let Some((place, behind)) =
                std::mem::take(&mut rest).split_at_mut_checked(part.len())
            {
                place.copy_from_slice(part);
                rest = behind;
            }
        };
        put(&[u8::from(self.protocol.is_some()), self.protocol.unwrap_or_default()]);
        for port in self.ports {
            put(&[u8::from(port.is_some())]);
            put(&port.unwrap_or_default().to_le_bytes());
        }
        for address in self.addresses {
            match address {
                None => put(&[0; 17]),
                Some(IpAddr::V4(v4)) => {
                    put(&[4]);
                    put(&v4.octets());
                    put(&[0; 12]);
                }
                Some(IpAddr::V6(v6)) => {
                    put(&[6]);
                    put(&v6.octets());
                }
            }
        }
        xxh3_64(&bytes)
    }
}

const BYTES: usize = 2 + 3 * 3 + 4 * 17;
