//! Which port blocks held a public address and port at a time.
//!
//! A subscriber holds a block from a record that says so (`allocate`, `keepalive`) until a
//! `release` of the same block from the same subscriber. Such records need not be stored, or may be
//! lost: the answer is what the nearest ones say; where only one after the time is stored, it is the
//! weakest answer. Many devices tell whole seconds: where a release and an allocation have the same
//! time, the allocation is the later. A record whose event is not known says nothing.

use super::{Answer, Asked, Clock, Found, Held, Lookup, parts::Parts};
use crate::{error::StoreError, found::StoredPortBlock};
use logweir_decode::context::UnixNanos;
use std::{collections::HashMap, net::IpAddr, path::Path};

impl Lookup {
    /// Searches the port blocks: for each block and subscriber the latest record at or before the
    /// time that says that the block is held, unless it was released since.
    pub(super) fn blocks(
        &self,
        directory: &Path,
        answer: &mut Answer,
    ) -> Result<Vec<Found<StoredPortBlock>>, StoreError> {
        let mut histories: HashMap<Holding, History> = HashMap::new();
        if matches!(self.asked, Asked::User(_)) {
            // Records of port blocks name no user.
            return Ok(Vec::new());
        }
        // The block may have been given at any time, and what comes after the time tells whether it
        // still was: all records of the address are read.
        Parts::blocks(self, directory, answer)?.all(answer, |record, path, row| {
            if self.asks_for_block(&record) {
                let history = histories.entry(Holding::of(&record)).or_default();
                let time = self.time_of(&record);
                let found = Found { held: Held::Near, record, file: path.to_owned(), row };
                history.add(time, found, self.at_micros());
            }
        });
        let tolerance = self.tolerance();
        let mut found: Vec<_> =
            histories.into_values().filter_map(|history| history.judge(tolerance)).collect();
        found.sort_by_cached_key(|found| {
            let distance = self.time_of(&found.record).map(|time| time.abs_diff(self.at));
            (found.held, distance, found.file.clone(), found.row)
        });
        Ok(found)
    }

    /// When the event happened, by the clock that is asked by.
    fn time_of(&self, block: &StoredPortBlock) -> Option<UnixNanos> {
        match self.clock {
            Clock::Device => block.event_time,
            Clock::Received => block.received_at,
        }
    }

    /// Whether the block is one that is asked for. One without a protocol is of all.
    fn asks_for_block(&self, block: &StoredPortBlock) -> bool {
        let is_asked = match &self.asked {
            Asked::Public { address, port } => {
                block.public_addr == Some(address.to_canonical())
                    && port.is_none_or(|port| has_port(block, port))
            }
            Asked::Inside { address, .. } => block.private_addr == Some(address.to_canonical()),
            Asked::User(_) => false,
        };
        is_asked && self.is_of_protocol(block.protocol)
    }
}

/// One without ports is the whole address, one without a last port is its first port alone.
fn has_port(block: &StoredPortBlock, port: u16) -> bool {
    let Some(first) = block.port_first else {
        return block.port_last.is_none_or(|last| port <= last);
    };
    (first..=block.port_last.unwrap_or(first)).contains(&port)
        && u64::from(port - first).is_multiple_of(step(block))
}

/// How far a port of the block is from the next: element 363, which has no column.
fn step(block: &StoredPortBlock) -> u64 {
    let extra = block.extra.as_deref().and_then(|extra| serde_json::from_str(extra).ok());
    let step = extra.and_then(|extra: serde_json::Value| extra.get("portRangeStepSize")?.as_u64());
    step.unwrap_or(1).max(1)
}

/// A block of the public address, and who holds it.
#[derive(PartialEq, Eq, Hash)]
struct Holding {
    public_addr: Option<IpAddr>,
    ports: [Option<u16>; 2],
    protocol: Option<u8>,
    private_addr: Option<IpAddr>,
    src_vrf: Option<u32>,
}

impl Holding {
    fn of(block: &StoredPortBlock) -> Self {
        Self {
            public_addr: block.public_addr,
            ports: [block.port_first, block.port_last],
            protocol: block.protocol,
            private_addr: block.private_addr,
            src_vrf: block.src_vrf,
        }
    }
}

/// What the records of a holding say around the time in question.
#[derive(Default)]
struct History {
    /// The latest record at or before the time that says that the block is held.
    held: Option<(UnixNanos, Found<StoredPortBlock>)>,
    /// The first such record after it.
    next: Option<(UnixNanos, Found<StoredPortBlock>)>,
    /// The latest allocation at or before the time.
    given: Option<UnixNanos>,
    /// The latest release before the time.
    released: Option<UnixNanos>,
    /// The first record after the time that says that the block was held until then: a release or
    /// keepalive.
    held_until: Option<(UnixNanos, Found<StoredPortBlock>)>,
    /// The first allocation after the time: what was before is another holding.
    given_again: Option<UnixNanos>,
}

impl History {
    fn add(&mut self, time: Option<UnixNanos>, found: Found<StoredPortBlock>, at: UnixNanos) {
        let Some(time) = time else { return };
        match found.record.event.as_deref() {
            Some("release") if time < at => self.released = self.released.max(Some(time)),
            Some("release") => add_first(&mut self.held_until, time, found),
            Some("allocate") if time <= at => {
                self.given = self.given.max(Some(time));
                self.add_held(time, found);
            }
            Some("keepalive") if time <= at => self.add_held(time, found),
            Some("allocate") => {
                let first = self.given_again.map_or(time, |known| known.min(time));
                self.given_again = Some(first);
                add_first(&mut self.next, time, found);
            }
            Some("keepalive") => {
                add_first(&mut self.held_until, time, found.clone());
                add_first(&mut self.next, time, found);
            }
            _ => {}
        }
    }

    fn add_held(&mut self, time: UnixNanos, found: Found<StoredPortBlock>) {
        if self.held.as_ref().is_none_or(|(latest, _)| *latest < time) {
            self.held = Some((time, found));
        }
    }

    fn judge(self, [first, last]: [UnixNanos; 2]) -> Option<Found<StoredPortBlock>> {
        let nothing_before = self.held.is_none() && self.released.is_none();
        let is_held = self.is_held();
        let given_again = self.given_again.unwrap_or(UnixNanos::MAX);
        let until = self.held_until.filter(|(until, _)| *until <= given_again);
        let (held, found) = match self.held {
            Some((_, found)) if is_held && until.is_some() => (Held::Throughout, found),
            Some((_, found)) if is_held => (Held::Open, found),
            Some((_, found)) if self.released >= Some(first) => (Held::Near, found),
            _ => match self.next.filter(|(time, _)| *time <= last) {
                Some((_, found)) => (Held::Near, found),
                None => (Held::Until, until.filter(|_| nothing_before)?.1),
            },
        };
        Some(Found { held, ..found })
    }

    /// Whether the block was not released since the latest record that says that it is held.
    fn is_held(&self) -> bool {
        let Some((since, _)) = self.held else { return false };
        self.released.is_none_or(|released| {
            released < since || released == since && self.given == Some(since)
        })
    }
}

fn add_first(
    first: &mut Option<(UnixNanos, Found<StoredPortBlock>)>,
    time: UnixNanos,
    found: Found<StoredPortBlock>,
) {
    if first.as_ref().is_none_or(|(known, _)| time < *known) {
        *first = Some((time, found));
    }
}

#[cfg(test)]
mod tests;
