//! An exporter's public addresses: which port of which address is held, per protocol.
//!
//! Nothing is handed out twice before it came back: that is what makes "who had this address
//! and port then" a question with one answer.

use crate::addresses;
use crate::random::Random;
use crate::record::{ICMP, TCP};

/// Ports below are not handed out.
const PORT_FIRST: u32 = 1_024;
/// All ports.
pub(crate) const PORTS_ALL: u32 = 65_536;
const WORDS: usize = 65_536 / 64;
const WORD_FIRST: usize = PORT_FIRST as usize / 64;
/// TCP, UDP, ICMP identifiers.
const PROTOCOLS: usize = 3;

/// A public address and port that a session holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Binding {
    /// Which of the pool's addresses.
    pub(crate) address: u16,
    pub(crate) port: u16,
}

/// The ports of all public addresses of an exporter.
pub(crate) struct Pool {
    /// Index of the first address in the address plan.
    first: u32,
    /// For each address and protocol a bit a port, set while held.
    held: Vec<u64>,
    /// Ports from here on are not handed out; a multiple of 64.
    ports_end: u32,
}

impl Pool {
    /// Addresses `first .. first + count` of the plan.
    pub(crate) fn new(first: u32, count: u32, ports_end: u32) -> Self {
        Self { first, held: vec![0; count as usize * PROTOCOLS * WORDS], ports_end }
    }

    /// How many addresses there are.
    pub(crate) fn addresses(&self) -> u32 {
        (self.held.len() / (PROTOCOLS * WORDS)) as u32
    }

    /// The pool's address of this index.
    pub(crate) fn address(&self, index: u32) -> u32 {
        addresses::public(self.first + index)
    }

    /// The address of a binding.
    pub(crate) fn public(&self, binding: Binding) -> u32 {
        addresses::public(self.first + u32::from(binding.address))
    }

    /// A free port at `preferred` (RFC 4787 pairing: a subscriber keeps its address) or, when all
    /// of that address's ports are held, at another. `None` when all are held.
    #[inline]
    pub(crate) fn take(
        &mut self,
        preferred: u16,
        protocol: u8,
        random: &mut Random,
    ) -> Option<Binding> {
        let port = PORT_FIRST + random.below(self.ports_end - PORT_FIRST);
        let count = self.addresses();
        for step in 0..count {
            let address = ((u32::from(preferred) + step) % count) as u16;
            if let Some(port) = self.take_at(address, protocol, port) {
                return Some(Binding { address, port });
            }
        }
        None
    }

    /// The first free port of `address` from `port` on, round the end.
    fn take_at(&mut self, address: u16, protocol: u8, port: u32) -> Option<u16> {
        let base = base(address, protocol);
        let words = self.ports_end as usize / 64;
        let ports = &mut self.held[base..base + words];
        let (start, bit) = (port as usize / 64, port % 64);
        let free = !ports[start] & (u64::MAX << bit);
        let (word, free) = if free != 0 {
            (start, free)
        } else {
            // The first word comes again at the end, for its bits below `bit`.
            let following = (start + 1..words).chain(WORD_FIRST..=start);
            following.map(|word| (word, !ports[word])).find(|&(_, free)| free != 0)?
        };
        let bit = free.trailing_zeros();
        ports[word] |= 1 << bit;
        Some((word as u32 * 64 + bit) as u16)
    }

    /// Gives a port back.
    #[inline]
    pub(crate) fn give_back(&mut self, binding: Binding, protocol: u8) {
        let word = base(binding.address, protocol) + usize::from(binding.port) / 64;
        let mask = 1 << (binding.port % 64);
        debug_assert!(self.held[word] & mask != 0, "a port is given back once");
        self.held[word] &= !mask;
    }
}

fn base(address: u16, protocol: u8) -> usize {
    let lane = match protocol {
        TCP => 0,
        ICMP => 2,
        _ => 1,
    };
    (usize::from(address) * PROTOCOLS + lane) * WORDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::UDP;
    use std::collections::HashSet;

    #[test]
    fn every_port_is_handed_out_once_and_then_none() {
        let mut pool = Pool::new(0, 2, PORTS_ALL);
        let mut random = Random::new(1);
        let ports = 65_536 - PORT_FIRST as usize;
        let mut seen = HashSet::new();
        for _ in 0..2 * ports {
            let binding = pool.take(1, UDP, &mut random).expect("a port is free");
            assert!(u32::from(binding.port) >= PORT_FIRST);
            assert!(seen.insert((binding.address, binding.port)), "{binding:?} twice");
        }
        assert_eq!(pool.take(0, UDP, &mut random), None);
        assert!(pool.take(0, TCP, &mut random).is_some(), "protocols do not share ports");
        let last = Binding { address: 0, port: 65_535 };
        pool.give_back(last, UDP);
        assert_eq!(pool.take(1, UDP, &mut random), Some(last));
    }
}
