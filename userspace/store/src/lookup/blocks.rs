//! Which port blocks held a public address and port at a time.
//!
//! A subscriber holds a block from a record that says so (`allocate`, `keepalive`) until a
//! `release` of the same block from the same subscriber. Such records need not be stored, or may be
//! lost: the answer is what the nearest ones say. A record whose event is not known says nothing.

use super::{Answer, Found, Held, Lookup};
use crate::{error::StoreError, found::StoredPortBlock, scan::Scan, schema::Family};
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
        // The block may have been given at any time, and what comes after the time tells whether it
        // still was: all records of the address are read.
        let scan = Scan {
            address: self.wanted_address(["public_addr_v4", "public_addr_v6"]),
            further: Vec::new(),
            begin_max_micros: None,
        };
        let each = |record: StoredPortBlock, path: &Path, row| {
            if self.is_within(&record) {
                let history = histories.entry(Holding::of(&record)).or_default();
                let found = Found { held: Held::Near, record, file: path.to_owned(), row };
                history.add(found, self.at_micros());
            }
        };
        scan.records((directory, Family::PortBlock), answer, each)?;
        let tolerance = self.tolerance();
        let mut found: Vec<_> =
            histories.into_values().filter_map(|history| history.judge(tolerance)).collect();
        self.sort(&mut found, |record| record.event_time);
        Ok(found)
    }

    /// Whether the block has the port and protocol. One without ports is the whole address, one
    /// without a protocol is of all.
    fn is_within(&self, block: &StoredPortBlock) -> bool {
        let has_port = |port| {
            block.port_first.is_none_or(|first| first <= port)
                && block.port_last.is_none_or(|last| port <= last)
        };
        self.port.is_none_or(has_port)
            && self.protocol.is_none_or(|asked| block.protocol.is_none_or(|own| own == asked))
    }
}

/// A block of the public address, and who holds it.
#[derive(PartialEq, Eq, Hash)]
struct Holding {
    ports: [Option<u16>; 2],
    protocol: Option<u8>,
    private_addr: Option<IpAddr>,
    src_vrf: Option<u32>,
}

impl Holding {
    fn of(block: &StoredPortBlock) -> Self {
        Self {
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
    /// The latest release before the time.
    released: Option<UnixNanos>,
    /// The first record after the time that says that the block was held until then: a release or
    /// keepalive.
    held_until: Option<UnixNanos>,
    /// The first allocation after the time: what was before is another holding.
    given_again: Option<UnixNanos>,
}

impl History {
    fn add(&mut self, found: Found<StoredPortBlock>, at: UnixNanos) {
        let Some(time) = found.record.event_time else { return };
        match found.record.event.as_deref() {
            Some("release") if time < at => self.released = self.released.max(Some(time)),
            Some("release") => self.held_until = earliest(self.held_until, time),
            Some("allocate" | "keepalive") if time <= at => self.add_held(time, found),
            Some("allocate") => {
                self.given_again = earliest(self.given_again, time);
                self.add_next(time, found);
            }
            Some("keepalive") => {
                self.held_until = earliest(self.held_until, time);
                self.add_next(time, found);
            }
            _ => {}
        }
    }

    fn add_held(&mut self, time: UnixNanos, found: Found<StoredPortBlock>) {
        if self.held.as_ref().is_none_or(|(latest, _)| *latest < time) {
            self.held = Some((time, found));
        }
    }

    fn add_next(&mut self, time: UnixNanos, found: Found<StoredPortBlock>) {
        if self.next.as_ref().is_none_or(|(first, _)| time < *first) {
            self.next = Some((time, found));
        }
    }

    fn judge(self, [first, last]: [UnixNanos; 2]) -> Option<Found<StoredPortBlock>> {
        let (held, found) = match self.held {
            Some((since, found)) if self.released.is_none_or(|released| released < since) => {
                let until = self.held_until.filter(|until| {
                    self.given_again.is_none_or(|given_again| *until <= given_again)
                });
                (if until.is_some() { Held::Throughout } else { Held::Open }, found)
            }
            Some((_, found)) if self.released >= Some(first) => (Held::Near, found),
            _ => (Held::Near, self.next.filter(|(time, _)| *time <= last)?.1),
        };
        Some(Found { held, ..found })
    }
}

fn earliest(known: Option<UnixNanos>, time: UnixNanos) -> Option<UnixNanos> {
    Some(known.map_or(time, |known| known.min(time)))
}

#[cfg(test)]
mod tests;
