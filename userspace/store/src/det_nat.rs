//! Deterministic NAT (RFC 7422): who has a public address and port is computed, not logged.
//!
//! Of an outside address's ports each inside address has a block of equal size, in the order of the
//! addresses (RFC 7422 §2: "sequential"); what is left is a dynamic pool, whose use the device logs.
//! With I inside addresses, O outside ones and a dynamic address pool factor D, ⌈I/O⌉ inside
//! addresses share an outside address, and each has ⌊ports / (⌈I/O⌉ + D)⌋ of its ports.

use logweir_decode::context::UnixNanos;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses from the first to the last, both of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    last: IpAddr,
}

/// A mapping that a device was configured with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The subscribers.
    pub inside: Range,
    /// What they share.
    pub outside: Range,
    /// The first and the last port of an outside address that is given to subscribers or the
    /// dynamic pool.
    pub ports: [u16; 2],
    /// As many blocks of an outside address as this are the dynamic pool.
    pub dynamic_factor: u32,
    /// Since when it holds; always, where it is not known.
    pub since: Option<UnixNanos>,
    /// When it no longer held.
    pub until: Option<UnixNanos>,
}

/// An inside address and what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The inside address.
    pub inside: IpAddr,
    /// Its outside address.
    pub outside: IpAddr,
    /// Its first and its last port.
    pub ports: [u16; 2],
}

impl Range {
    /// `None` if the addresses are of two families, or the last is before the first.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last })
    }

    /// How far the address is behind the first; `None` if it is not one of them.
    fn place(self, address: IpAddr) -> Option<u128> {
        let is_of_family = self.first.is_ipv4() == address.is_ipv4();
        let is_within = is_of_family && self.first <= address && address <= self.last;
        is_within.then(|| number(address) - number(self.first))
    }

    fn count(self) -> u128 {
        (number(self.last) - number(self.first)).saturating_add(1)
    }

    fn at(self, place: u128) -> Option<IpAddr> {
        let number = number(self.first).checked_add(place)?;
        let address = match self.first {
            IpAddr::V4(_) => Ipv4Addr::from(u32::try_from(number).ok()?).into(),
            IpAddr::V6(_) => Ipv6Addr::from(number).into(),
        };
        (address <= self.last).then_some(address)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u32::from(v4).into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

impl Mapping {
    /// Whether it held at a time, give or take.
    pub fn held_at(&self, at: UnixNanos, within: i64) -> bool {
        self.since.is_none_or(|since| since <= at.saturating_add(within))
            && self.until.is_none_or(|until| at.saturating_sub(within) < until)
    }

    /// Inside addresses that share an outside address.
    fn sharing(&self) -> u128 {
        self.inside.count().div_ceil(self.outside.count())
    }

    /// Ports of an inside address; 0 if there are more addresses than ports.
    pub fn ports_each(&self) -> u128 {
        let [first, last] = self.ports.map(u128::from);
        (last + 1).saturating_sub(first) / self.sharing().saturating_add(self.dynamic_factor.into())
    }

    /// What an inside address has.
    pub fn of_inside(&self, inside: IpAddr) -> Option<Assigned> {
        let place = self.inside.place(inside)?;
        let outside = self.outside.at(place / self.sharing())?;
        let each = self.ports_each();
        let first = u128::from(self.ports[0]) + place % self.sharing() * each;
        let ports = [first, (first + each).checked_sub(1)?].map(u16::try_from);
        let [Ok(first), Ok(last)] = ports else { return None };
        (first <= last).then_some(Assigned { inside, outside, ports: [first, last] })
    }

    /// Who has an outside address and port; `None` where it is in no block, but reserved or of the
    /// dynamic pool.
    pub fn of_outside(&self, outside: IpAddr, port: u16) -> Option<Assigned> {
        let behind = u128::from(port.checked_sub(self.ports[0])?);
        let block = behind.checked_div(self.ports_each())?;
        if block >= self.sharing() {
            return None;
        }
        let place = self.outside.place(outside)?.checked_mul(self.sharing())?.checked_add(block)?;
        self.of_inside(self.inside.at(place)?)
    }

    /// Who shares an outside address.
    pub fn sharing_outside(&self, outside: IpAddr) -> Vec<Assigned> {
        let Some(place) = self.outside.place(outside) else { return Vec::new() };
        let sharing = self.sharing().min(1 << 16);
        let inside = |block| self.inside.at(place.checked_mul(sharing)?.checked_add(block)?);
        (0..sharing).filter_map(|block| self.of_inside(inside(block)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: &str, last: &str) -> Range {
        Range::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
    }

    /// The example of RFC 7422 §2.
    fn example() -> Mapping {
        Mapping {
            inside: range("198.51.100.1", "198.51.100.14"),
            outside: range("192.0.2.1", "192.0.2.1"),
            ports: [1_024, 65_535],
            dynamic_factor: 2,
            since: None,
            until: None,
        }
    }

    fn assigned(host: u8, ports: [u16; 2]) -> Assigned {
        Assigned { inside: [198, 51, 100, host].into(), outside: [192, 0, 2, 1].into(), ports }
    }

    #[test]
    fn the_example_of_the_rfc() {
        let mapping = example();
        assert_eq!(mapping.ports_each(), 4_032);
        let expected = [
            assigned(1, [1_024, 5_055]),
            assigned(2, [5_056, 9_087]),
            assigned(3, [9_088, 13_119]),
            assigned(14, [53_440, 57_471]),
        ];
        for expected in expected {
            assert_eq!(mapping.of_inside(expected.inside), Some(expected));
            for port in expected.ports {
                assert_eq!(mapping.of_outside(expected.outside, port), Some(expected));
            }
        }
        assert_eq!(mapping.of_outside([192, 0, 2, 1].into(), 1_023), None);
        assert_eq!(mapping.of_outside([192, 0, 2, 1].into(), 57_472), None);
        assert_eq!(mapping.of_outside([192, 0, 2, 2].into(), 2_000), None);
        assert_eq!(mapping.of_inside([198, 51, 100, 15].into()), None);
        assert_eq!(mapping.sharing_outside([192, 0, 2, 1].into()).len(), 14);
    }

    #[test]
    fn each_port_has_the_owner_whose_port_it_is() {
        for (inside, outside, dynamic_factor) in [
            (range("100.64.0.0", "100.64.1.44"), range("203.0.113.0", "203.0.113.6"), 3),
            (range("100.64.0.0", "100.64.0.9"), range("203.0.113.0", "203.0.113.15"), 0),
            (range("2001:db8::", "2001:db8::ff"), range("203.0.113.1", "203.0.113.2"), 1),
        ] {
            let mapping = Mapping { inside, outside, dynamic_factor, ..example() };
            let mut owners = 0;
            for place in 0..inside.count() {
                let own = mapping.of_inside(inside.at(place).unwrap()).unwrap();
                owners += 1;
                for port in own.ports {
                    assert_eq!(mapping.of_outside(own.outside, port), Some(own));
                }
            }
            let shared: usize = (0..outside.count())
                .map(|place| mapping.sharing_outside(outside.at(place).unwrap()).len())
                .sum();
            assert_eq!(shared, owners);
        }
    }

    #[test]
    fn a_mapping_holds_between_its_times() {
        let mapping = Mapping { since: Some(10), until: Some(20), ..example() };
        let held = [9, 10, 19, 20].map(|at| mapping.held_at(at, 0));
        assert_eq!(held, [false, true, true, false]);
        assert!(mapping.held_at(9, 1) && mapping.held_at(20, 1));
    }

    #[test]
    fn more_subscribers_than_ports_have_none() {
        let inside = range("10.0.0.0", "10.255.255.255");
        let mapping = Mapping { inside, ..example() };
        assert_eq!(mapping.of_inside([10, 0, 0, 1].into()), None);
        assert_eq!(mapping.of_outside([192, 0, 2, 1].into(), 2_000), None);
    }
}
