//! An exporter's blocks of public ports: given to subscribers, reported as still given, taken back.
//!
//! Blocks are of the upper half of an address's ports, sessions of the lower: no port has two
//! holders.

use super::pool::Pool;
use crate::random::Random;
use crate::record::{Block, BlockEvent};

/// Ports from here on are of blocks.
pub(crate) const PORTS_BEGIN: u32 = 32_768;
/// Ports of a block.
const BLOCK_PORTS: u32 = 256;
const BLOCKS_EACH: u32 = (65_536 - PORTS_BEGIN) / BLOCK_PORTS;
/// Blocks that live at once, at most: so many that a block comes again within a test.
const LIVE_MAX: usize = 1_024;

/// The blocks of all public addresses of an exporter.
pub(crate) struct Blocks {
    live: Vec<Block>,
    /// For each address its blocks, set while given.
    held: Vec<bool>,
    /// Number of the next binding.
    session_id: u32,
}

impl Blocks {
    /// Blocks of so many addresses.
    pub(crate) fn new(addresses: u32) -> Self {
        let count = (addresses * BLOCKS_EACH) as usize;
        Self { live: Vec::with_capacity(LIVE_MAX), held: vec![false; count], session_id: 1 }
    }

    /// What happens next: `subscriber` is given a block, or another one's is kept or taken back.
    pub(crate) fn next(
        &mut self,
        subscriber: Block,
        pool: &Pool,
        random: &mut Random,
        keepalives: bool,
    ) -> Block {
        let live_max = LIVE_MAX.min(self.held.len() / 2);
        let which = random.below(self.live.len() as u32) as usize;
        match random.below(if keepalives { 5 } else { 4 }) {
            _ if self.live.is_empty() => self.allocate(subscriber, pool, random),
            0 | 1 if self.live.len() < live_max => self.allocate(subscriber, pool, random),
            4 => Block { event: BlockEvent::Keepalive, ..self.live[which] },
            _ => self.release(which, pool),
        }
    }

    fn allocate(&mut self, subscriber: Block, pool: &Pool, random: &mut Random) -> Block {
        let count = self.held.len();
        let from = random.below(count as u32) as usize;
        let slot = (0..count).map(|step| (from + step) % count).find(|&slot| !self.held[slot]);
        let slot = slot.expect("half of the blocks are free");
        self.held[slot] = true;
        let port_first = PORTS_BEGIN + slot as u32 % BLOCKS_EACH * BLOCK_PORTS;
        let block = Block {
            event: BlockEvent::Allocate,
            public_v4: pool.address(slot as u32 / BLOCKS_EACH),
            port_first: port_first as u16,
            port_last: (port_first + BLOCK_PORTS - 1) as u16,
            session_id: self.session_id,
            ..subscriber
        };
        self.session_id = self.session_id.wrapping_add(1);
        self.live.push(block);
        block
    }

    fn release(&mut self, which: usize, pool: &Pool) -> Block {
        let block = self.live.swap_remove(which);
        let first = u32::from(block.port_first) - PORTS_BEGIN;
        let addresses = self.held.len() as u32 / BLOCKS_EACH;
        let address = (0..addresses).find(|&index| pool.address(index) == block.public_v4);
        let slot = address.expect("one of the pool's") * BLOCKS_EACH + first / BLOCK_PORTS;
        self.held[slot as usize] = false;
        Block { event: BlockEvent::Release, ..block }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_block_has_one_holder() {
        let pool = Pool::new(0, 2, PORTS_BEGIN);
        let (mut blocks, mut random) = (Blocks::new(2), Random::new(3));
        let mut held = HashSet::new();
        let mut seen = [0; 3];
        for _ in 0..10_000 {
            let block = blocks.next(Block::default(), &pool, &mut random, true);
            let ports = (block.public_v4, block.port_first, block.port_last);
            seen[block.event as usize] += 1;
            match block.event {
                BlockEvent::Allocate => assert!(held.insert(ports), "{block:?}"),
                BlockEvent::Release => assert!(held.remove(&ports), "{block:?}"),
                BlockEvent::Keepalive => assert!(held.contains(&ports), "{block:?}"),
            }
        }
        assert!(seen.iter().all(|&count| count > 1_000), "{seen:?}");
    }
}
