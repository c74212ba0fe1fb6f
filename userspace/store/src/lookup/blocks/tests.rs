use super::*;
use crate::{
    lookup::tests::{index, lookup, public, write},
    testing::{HOUR_BEGIN, Random, SECOND, context, small_batch},
};
use logweir_decode::{
    context::EventTime,
    port_block::{
        PortBlock,
        PortBlockEvent::{self, Allocate, Keepalive, Release, Unknown},
    },
};
use proptest::prelude::*;
use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

/// A record of a port block, as the naive search sees it.
#[derive(Clone, Copy, Debug)]
struct Block {
    event: PortBlockEvent,
    time: u32,
    host: u32,
    public: u32,
    /// None: the whole address.
    ports: Option<[u16; 2]>,
    protocol: Option<u8>,
}

impl Block {
    fn new(event: PortBlockEvent, time: u32) -> Block {
        Block {
            event,
            time,
            host: 0x6440_0001,
            public: 0xcb00_7101,
            ports: Some([1_024, 2_047]),
            protocol: None,
        }
    }

    fn random(random: &mut Random) -> Block {
        let first = 1_024 * random.below(3) as u16;
        Block {
            event: [Allocate, Keepalive, Release, Unknown][random.below(4) as usize],
            time: random.below(60) as u32,
            host: 1 + random.below(2) as u32,
            public: 1 + random.below(2) as u32,
            ports: (random.below(5) > 0).then_some([first, first + 1_023]),
            protocol: [None, None, Some(6), Some(17)][random.below(4) as usize],
        }
    }

    fn row(self) -> PortBlock {
        PortBlock {
            event: self.event,
            private_addr: Some(Ipv4Addr::from(self.host).into()),
            public_addr: Some(Ipv4Addr::from(self.public).into()),
            port_first: self.ports.map(|[first, _]| first),
            port_last: self.ports.map(|[_, last]| last),
            protocol: self.protocol,
            ..PortBlock::default()
        }
    }

    fn holds(self) -> bool {
        matches!(self.event, Allocate | Keepalive)
    }

    fn same_holding(self, other: Block) -> bool {
        (self.host, self.public, self.ports, self.protocol)
            == (other.host, other.public, other.ports, other.protocol)
    }
}

/// Writes the records, each with its index as sequence number.
fn store_blocks(directory: &Path, blocks: &[Block]) {
    let mut batch = small_batch();
    for (index, block) in blocks.iter().enumerate() {
        let mut context = context(HOUR_BEGIN);
        context.sequence = Some(index as u32);
        context.event_time = EventTime::Own(HOUR_BEGIN + i64::from(block.time) * SECOND);
        assert!(batch.port_block.push(&context, block.row()));
    }
    write(directory, &batch);
}

fn found_blocks(directory: &Path, lookup: &Lookup) -> Vec<(u64, Held)> {
    let answer = lookup.search(directory).unwrap();
    assert!(answer.unreadable.is_empty(), "{:?}", answer.unreadable);
    answer.blocks.iter().map(|found| (found.record.sequence.unwrap(), found.held)).collect()
}

#[test]
fn a_block_is_held_until_its_release() {
    let data = tempfile::tempdir().unwrap();
    store_blocks(data.path(), &[Block::new(Allocate, 100)]);
    let held = |at_s| found_blocks(data.path(), &lookup(at_s)).first().map(|(_, held)| *held);
    assert_eq!(
        [98, 99, 100, 200].map(held),
        [None, Some(Held::Near), Some(Held::Open), Some(Held::Open)]
    );
    let others = [
        Block { host: 1, ..Block::new(Release, 110) },
        Block { ports: Some([1_024, 1_535]), ..Block::new(Release, 110) },
        Block { public: 1, ..Block::new(Release, 110) },
        Block { protocol: Some(6), ..Block::new(Release, 110) },
        Block::new(Unknown, 110),
        Block::new(Release, 99),
    ];
    store_blocks(data.path(), &others);
    assert_eq!(held(200), Some(Held::Open));
    store_blocks(data.path(), &[Block::new(Release, 150)]);
    let throughout = Some(Held::Throughout);
    let expected = [throughout, throughout, Some(Held::Near), None];
    assert_eq!([100, 150, 151, 152].map(held), expected);
}

#[test]
fn a_keepalive_confirms_a_block_and_a_new_allocation_does_not() {
    let data = tempfile::tempdir().unwrap();
    let blocks = [
        Block::new(Allocate, 100),
        Block::new(Keepalive, 200),
        // The release of this one was lost.
        Block::new(Allocate, 300),
        Block::new(Release, 400),
    ];
    store_blocks(data.path(), &blocks);
    let found = |at_s| found_blocks(data.path(), &lookup(at_s));
    assert_eq!(found(150), [(0, Held::Throughout)]);
    assert_eq!(found(250), [(1, Held::Open)]);
    assert_eq!(found(350), [(2, Held::Throughout)]);
    assert_eq!(found(450), []);
}

#[test]
fn a_block_that_is_given_when_it_is_released_is_held() {
    let data = tempfile::tempdir().unwrap();
    let blocks = [
        Block::new(Allocate, 0),
        Block::new(Release, 100),
        Block::new(Allocate, 100),
        Block::new(Release, 300),
    ];
    store_blocks(data.path(), &blocks);
    let found = |at_s| found_blocks(data.path(), &lookup(at_s));
    assert_eq!(found(50), [(0, Held::Throughout)]);
    assert_eq!(found(200), [(2, Held::Throughout)]);
    assert_eq!(found(400), []);
    // A keepalive is no begin.
    store_blocks(data.path(), &[Block::new(Release, 500), Block::new(Keepalive, 500)]);
    assert_eq!(found(600), []);
}

#[test]
fn a_block_of_which_only_the_end_is_stored_was_held_until_then() {
    let data = tempfile::tempdir().unwrap();
    let blocks = [
        Block::new(Release, 300),
        Block { host: 2, ..Block::new(Keepalive, 200) },
        Block { host: 3, ..Block::new(Allocate, 200) },
        Block { host: 3, ..Block::new(Release, 300) },
    ];
    store_blocks(data.path(), &blocks);
    let found = |at_s| found_blocks(data.path(), &lookup(at_s));
    assert_eq!(found(100), [(1, Held::Until), (0, Held::Until)]);
    assert_eq!(found(400), [(1, Held::Open)]);
}

#[test]
fn a_block_may_have_a_part_of_the_ports_or_one() {
    let block = |port_last, extra: &str| StoredPortBlock {
        port_first: Some(1_024),
        port_last,
        extra: Some(extra.to_owned()),
        ..StoredPortBlock::default()
    };
    let stepped = block(Some(2_047), r#"{"portRangeStepSize":4}"#);
    let has = |port| has_port(&stepped, port);
    assert_eq!(
        [1_020, 1_024, 1_025, 1_028, 2_047, 2_048].map(has),
        [false, true, false, true, false, false]
    );
    let whole = block(Some(2_047), r#"{"portRangeStepSize":0}"#);
    assert!(has_port(&whole, 1_025));
    let one = block(None, "{}");
    assert_eq!([1_023, 1_024, 1_025].map(|port| has_port(&one, port)), [false, true, false]);
}

#[test]
fn a_block_has_its_ports_and_its_protocol() {
    let data = tempfile::tempdir().unwrap();
    let blocks = [
        Block::new(Allocate, 100),
        Block { protocol: Some(6), host: 2, ..Block::new(Allocate, 101) },
        Block { ports: None, host: 3, ..Block::new(Allocate, 102) },
    ];
    store_blocks(data.path(), &blocks);
    let found = |port, protocol| {
        let lookup = Lookup { asked: public("203.0.113.1", port), protocol, ..lookup(150) };
        found_blocks(data.path(), &lookup).into_iter().map(|(index, _)| index).collect::<Vec<_>>()
    };
    assert_eq!(found(Some(1_024), None), [2, 1, 0]);
    assert_eq!(found(Some(2_047), Some(6)), [2, 1, 0]);
    assert_eq!(found(Some(2_047), Some(17)), [2, 0]);
    assert_eq!(found(Some(2_048), None), [2]);
    assert_eq!(found(None, Some(17)), [2, 0]);
}

/// Every record against every other.
fn naive_blocks(blocks: &[Block], lookup: &Lookup, at: u32, within: u32) -> BTreeSet<(u64, Held)> {
    let Asked::Public { address, port } = lookup.asked else { panic!("of a public address") };
    let asked = |block: &Block| {
        address == IpAddr::from(Ipv4Addr::from(block.public))
            && lookup.protocol.is_none_or(|asked| block.protocol.is_none_or(|own| own == asked))
            && match (port, block.ports) {
                (Some(port), Some([first, last])) => (first..=last).contains(&port),
                _ => true,
            }
    };
    let mut held = naive_until(blocks, asked, at, within);
    for (index, block) in
        blocks.iter().enumerate().filter(|(_, block)| asked(block) && block.holds())
    {
        let same = || blocks.iter().filter(|other| other.same_holding(*block)).enumerate();
        let place = same().position(|(_, other)| std::ptr::eq(other, block)).unwrap();
        let released_in = |from: u32, before: u32| {
            // On a tie with an allocation it is an earlier one that was released.
            let begun = same().any(|(_, other)| other.event == Allocate && other.time == from);
            same().any(|(_, other)| {
                let since = from < other.time || from == other.time && !begun;
                other.event == Release && since && other.time < before
            })
        };
        // Of several records at one time the first.
        let is_latest = !same().any(|(order, other)| {
            let later = other.time > block.time || other.time == block.time && order < place;
            other.holds() && other.time <= at && later
        });
        let answer = if block.time > at {
            let first = !same().any(|(order, other)| {
                let earlier = other.time < block.time || other.time == block.time && order < place;
                other.holds() && other.time > at && earlier
            });
            // It counts where no earlier record is an answer.
            let covered = same().any(|(_, other)| {
                other.holds()
                    && other.time <= at
                    && (!released_in(other.time, at)
                        || released_in(other.time.max(at.saturating_sub(within)), at))
            });
            (first && !covered && block.time <= at + within).then_some(Held::Near)
        } else if !is_latest {
            None
        } else if released_in(block.time, at) {
            released_in(block.time.max(at.saturating_sub(within)), at).then_some(Held::Near)
        } else {
            let after = |wanted: fn(&Block) -> bool, from: u32| {
                same()
                    .filter(|(_, other)| wanted(other) && other.time >= from)
                    .map(|(_, other)| other.time)
                    .min()
            };
            let released = after(|other| other.event == Release, at);
            let alive = after(|other| other.event == Keepalive, at + 1);
            let again = after(|other| other.event == Allocate, at + 1).unwrap_or(u32::MAX);
            let confirmed =
                released.is_some_and(|t| t <= again) || alive.is_some_and(|t| t <= again);
            Some(if confirmed { Held::Throughout } else { Held::Open })
        };
        held.extend(answer.map(|answer| (index as u64, answer)));
    }
    held
}

/// The first record after the time of a holding of which nothing earlier is stored.
fn naive_until(
    blocks: &[Block],
    asked: impl Fn(&Block) -> bool,
    at: u32,
    within: u32,
) -> BTreeSet<(u64, Held)> {
    let is_later = |block: &Block| match block.event {
        Release => block.time >= at,
        _ => block.time > at,
    };
    let mut held = BTreeSet::new();
    for (index, block) in blocks.iter().enumerate() {
        let is_end = |block: &Block| matches!(block.event, Release | Keepalive) && is_later(block);
        let ruled_out = blocks.iter().enumerate().any(|(other_index, other)| {
            let says = other.same_holding(*block) && other.event != Unknown;
            let is_first = (block.time, index) <= (other.time, other_index);
            says && (!is_later(other)
                || other.holds() && other.time <= at + within
                || is_end(other) && !is_first
                || other.event == Allocate && other.time < block.time)
        });
        if asked(block) && is_end(block) && !ruled_out {
            held.insert((index as u64, Held::Until));
        }
    }
    held
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn lookup_finds_the_blocks_that_a_naive_scan_finds(seed: u64, count in 1..120usize) {
        let mut random = Random::new(seed);
        let mut blocks: Vec<_> = (0..count).map(|_| Block::random(&mut random)).collect();
        let data = tempfile::tempdir().unwrap();
        let is_indexed = random.below(2) == 0;
        if is_indexed {
            blocks.sort_by_key(|block| (block.public, block.ports, block.time));
        }
        store_blocks(data.path(), &blocks);
        if is_indexed {
            index(data.path());
        }
        for _ in 0..8 {
            let (at, within) = (random.below(70) as u32, random.below(4) as u32);
            let wanted = blocks[random.below(count as u64) as usize];
            let port = wanted.ports.map(|[first, _]| first + random.below(1_024) as u16);
            let lookup = Lookup {
                asked: Asked::Public {
                    address: Ipv4Addr::from(wanted.public).into(),
                    port: port.filter(|_| random.below(2) == 0),
                },
                at: HOUR_BEGIN + i64::from(at) * SECOND,
                within: Duration::from_secs(within.into()),
                protocol: wanted.protocol.filter(|_| random.below(2) == 0),
                clock: Clock::Device,
            };
            let expected = naive_blocks(&blocks, &lookup, at, within);
            let found: BTreeSet<_> = found_blocks(data.path(), &lookup.clone()).into_iter().collect();
            prop_assert_eq!(found, expected, "{:?}", lookup);
        }
    }
}
