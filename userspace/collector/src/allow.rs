//! The allow-list for datagrams that do not come through the XDP program.

use crate::steering::Prefix;
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

/// Exporters that may send; all of them where it is empty.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    /// The networks of each family and prefix length that occurs.
    networks: HashMap<(bool, u8), HashSet<IpAddr>>,
}

impl AllowList {
    /// The list of these prefixes.
    pub fn new(prefixes: &[Prefix]) -> Self {
        let mut networks: HashMap<_, HashSet<_>> = HashMap::new();
        for prefix in prefixes {
            let key = (prefix.address().is_ipv6(), prefix.len());
            networks.entry(key).or_default().insert(prefix.address());
        }
        Self { networks }
    }

    /// Whether this address may send.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.is_empty()
            || self.networks.iter().any(|(&(is_ipv6, len), networks)| {
                is_ipv6 == address.is_ipv6()
                    && Prefix::new(address, len)
                        .is_some_and(|prefix| networks.contains(&prefix.address()))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_both_families() {
        let prefixes = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"];
        let list = AllowList::new(&prefixes.map(|prefix| prefix.parse().unwrap()));
        for (address, allowed) in [
            ("192.0.2.200", true),
            ("192.0.3.1", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), allowed, "{address}");
        }
        assert!(AllowList::default().contains("203.0.113.1".parse().unwrap()));
    }
}
