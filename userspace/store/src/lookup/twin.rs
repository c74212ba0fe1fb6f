//! Random sessions in several parts, some with an index, against a naive search of all of them.

use super::{
    tests::{BEGIN_S, evidence, index, write},
    *,
};
use crate::testing::{HOUR_BEGIN, Random, SECOND, context, small_batch};
use logweir_decode::session::{Event, SessionRow};
use proptest::prelude::*;
use std::{collections::BTreeSet, net::Ipv4Addr};

/// One record, as the naive search sees it.
#[derive(Clone, Copy, Debug)]
struct Sample {
    event: Event,
    start: Option<u32>,
    end: Option<u32>,
    host: u32,
    /// None: not translated.
    nat: Option<u32>,
    nat_v6: bool,
    port: Option<u16>,
    protocol: Option<u8>,
    /// How long after its event it arrived.
    lag: u32,
}

impl Sample {
    fn random(random: &mut Random) -> Sample {
        let event = 1 + random.below(5) as u8;
        Sample {
            event: Event::from_code(event).unwrap(),
            start: (random.below(4) > 0).then(|| random.below(40) as u32),
            end: (random.below(2) > 0).then(|| random.below(60) as u32),
            host: 1 + random.below(2) as u32,
            nat: (random.below(6) > 0).then(|| 1 + random.below(3) as u32),
            nat_v6: random.below(3) == 0,
            port: [None, Some(1_024), Some(1_025), Some(1_026)][random.below(4) as usize],
            protocol: [None, Some(6), Some(17)][random.below(3) as usize],
            lag: random.below(6) as u32,
        }
    }

    fn row(self) -> SessionRow {
        let v6 = |nat| u128::from(nat).to_be_bytes();
        SessionRow {
            event: Some(self.event as u8),
            protocol: self.protocol,
            src_v4: Some(self.host),
            src_port: self.port.filter(|_| self.nat.is_none()),
            nat_src_v4: self.nat.filter(|_| !self.nat_v6),
            nat_src_v6: self.nat.filter(|_| self.nat_v6).map(v6),
            nat_src_port: self.port.filter(|_| self.nat.is_some()),
            start_s: self.start.map(|s| BEGIN_S + s),
            end_s: self.end.map(|s| BEGIN_S + s),
            ..SessionRow::default()
        }
    }

    fn public(self) -> IpAddr {
        match self.nat {
            Some(nat) if self.nat_v6 => std::net::Ipv6Addr::from(u128::from(nat)).into(),
            Some(nat) => Ipv4Addr::from(nat).into(),
            None => self.inside(),
        }
    }

    fn inside(self) -> IpAddr {
        Ipv4Addr::from(self.host).into()
    }

    /// Seconds; a record without a time of its own happened at its arrival.
    fn event_time(self) -> u32 {
        let (own, other) = match self.event {
            Event::Create => (self.start, self.end),
            _ => (self.end, self.start),
        };
        own.or(other).unwrap_or(self.lag)
    }

    fn has_time(self) -> bool {
        self.start.or(self.end).is_some()
    }

    fn received(self) -> u32 {
        self.event_time() + if self.has_time() { self.lag } else { 0 }
    }

    fn begin(self) -> u32 {
        self.start.unwrap_or(self.event_time())
    }

    fn known_end(self) -> Option<u32> {
        let at_event = matches!(self.event, Event::End | Event::Flow | Event::Deny);
        self.end.or(at_event.then(|| self.event_time()))
    }

    fn same_session(self, other: Sample) -> bool {
        (self.host, self.port, self.protocol) == (other.host, other.port, other.protocol)
            && (self.public(), self.nat) == (other.public(), other.nat)
    }

    /// Whether this is the end of a session that began as `open`, or of a later one.
    fn may_end(self, open: Sample) -> bool {
        let tie = |end| end == open.begin() && self.start == Some(end);
        self.known_end().is_some_and(|end| open.begin() < end || tie(end))
    }
}

/// A question, in seconds.
struct Question<'a> {
    samples: &'a [Sample],
    lookup: &'a Lookup,
    at: u32,
    within: u32,
}

impl Question<'_> {
    /// Every record against every other.
    fn answer(&self) -> BTreeSet<(u32, Held)> {
        let mut held = BTreeSet::new();
        for (index, sample) in self.samples.iter().enumerate().filter(|(_, s)| self.asks_for(s)) {
            let Some(how) = self.judge(*sample) else { continue };
            let others = || self.samples.iter().filter(|other| other.same_session(*sample));
            let ended = |other: &Sample| self.is_over(*other) && other.may_end(*sample);
            if how == Held::Open && others().any(ended) {
                continue;
            }
            held.insert((index as u32, how));
            if sample.known_end().is_none() {
                held.extend(self.ends(*sample).map(|index| (index as u32, Held::Until)));
            }
        }
        // What a record says by itself counts.
        let alone: BTreeSet<u32> =
            held.iter().filter(|(_, held)| *held != Held::Until).map(|(index, _)| *index).collect();
        held.retain(|(index, held)| *held != Held::Until || !alone.contains(index));
        held
    }

    fn asks_for(&self, sample: &Sample) -> bool {
        let same = |asked: Option<u16>, own: Option<u16>| match (asked, own) {
            (Some(asked), Some(own)) => asked == own,
            _ => true,
        };
        let src_port = sample.port.filter(|_| sample.nat.is_none());
        let asked = match &self.lookup.asked {
            Asked::Public { address, port } => {
                *address == sample.public() && same(*port, sample.port)
            }
            Asked::Inside { address, port } => *address == sample.inside() && same(*port, src_port),
            Asked::User(_) => false,
        };
        asked
            && self
                .lookup
                .protocol
                .is_none_or(|asked| sample.protocol.is_none_or(|own| own == asked))
    }

    fn shift(&self, sample: Sample) -> u32 {
        match self.lookup.clock {
            Clock::Device => 0,
            Clock::Received => sample.received() - sample.event_time(),
        }
    }

    fn is_over(&self, sample: Sample) -> bool {
        let shift = self.shift(sample);
        sample.begin() + shift <= self.at + self.within
            && sample.known_end().is_some_and(|end| end + shift + self.within < self.at)
    }

    fn judge(&self, sample: Sample) -> Option<Held> {
        let shift = self.shift(sample);
        let begin = sample.begin() + shift;
        if begin > self.at + self.within {
            return None;
        }
        match sample.known_end().map(|end| end + shift) {
            None => Some(if begin <= self.at { Held::Open } else { Held::Near }),
            Some(end) if end + self.within < self.at => None,
            Some(end) if begin <= self.at && self.at <= end && sample.event != Event::Deny => {
                Some(Held::Throughout)
            }
            Some(_) => Some(Held::Near),
        }
    }

    /// The records of the end of a session without one.
    fn ends(&self, open: Sample) -> impl Iterator<Item = usize> {
        let later: Vec<_> = (0..self.samples.len())
            .map(|index| (index, self.samples[index]))
            .filter(|(_, other)| self.asks_for(other))
            .filter(|(_, other)| other.same_session(open) && other.may_end(open))
            .collect();
        let first = later.iter().filter_map(|(_, other)| other.known_end()).min();
        let own = later.into_iter().filter(move |(_, other)| {
            other.known_end() == first && other.start.is_none_or(|start| start <= open.begin() + 1)
        });
        let own: Vec<_> = own.collect();
        let start = own.iter().map(|(_, other)| other.start).min();
        own.into_iter().filter(move |(_, own)| Some(own.start) == start).map(|(index, _)| index)
    }
}

/// Stores the samples in some parts, each sorted for trace, each with an index or not.
fn store(directory: &Path, samples: &[Sample], random: &mut Random) {
    let parts = 1 + random.below(4);
    let part_of: Vec<_> = samples.iter().map(|_| random.below(parts)).collect();
    for part in 0..parts {
        let mut own: Vec<_> = (0..samples.len()).filter(|index| part_of[*index] == part).collect();
        own.sort_by_key(|index| {
            let sample = samples[*index];
            let public = sample.nat.map(|_| sample.public());
            let begin = sample.begin();
            (public.is_none(), public, sample.port.filter(|_| sample.nat.is_some()), begin)
        });
        let mut batch = small_batch();
        for index in own {
            let sample = samples[index];
            let mut context = context(HOUR_BEGIN + i64::from(sample.received()) * SECOND);
            context.sequence = Some(index as u32);
            assert!(batch.session.push(&context, &sample.row()));
        }
        write(directory, &batch);
        if random.below(3) > 0 {
            index(directory);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn lookup_finds_what_a_naive_search_finds(seed: u64, count in 1..200usize) {
        let mut random = Random::new(seed);
        let samples: Vec<_> = (0..count).map(|_| Sample::random(&mut random)).collect();
        let data = tempfile::tempdir().unwrap();
        store(data.path(), &samples, &mut random);
        for _ in 0..12 {
            let (at, within) = (random.below(70) as u32, random.below(4) as u32);
            let wanted = samples[random.below(count as u64) as usize];
            let port = wanted.port.filter(|_| random.below(2) == 0);
            let lookup = Lookup {
                asked: match random.below(3) {
                    0 => Asked::Inside { address: wanted.inside(), port },
                    _ => Asked::Public { address: wanted.public(), port },
                },
                at: HOUR_BEGIN + i64::from(at) * SECOND,
                within: Duration::from_secs(within.into()),
                protocol: wanted.protocol.filter(|_| random.below(2) == 0),
                clock: [Clock::Device, Clock::Received][random.below(2) as usize],
            };
            let answer = lookup.search(data.path()).unwrap();
            prop_assert!(answer.unreadable.is_empty() && answer.damaged.is_empty(), "{:?}", answer);
            let found: BTreeSet<_> = evidence(&answer).into_iter().collect();
            let question = Question { samples: &samples, lookup: &lookup, at, within };
            prop_assert_eq!(found, question.answer(), "{:?} {:?}", lookup, samples);
        }
    }
}
