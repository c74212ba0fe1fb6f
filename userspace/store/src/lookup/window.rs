//! What an index can say of a time, and what it leaves to the records.

use super::{Clock, Lookup};
use crate::index::{Entry, Kind, Summary};
use std::collections::HashMap;

/// The times in question, microseconds.
pub(super) struct Window {
    first: i64,
    last: i64,
    clock: Clock,
}

impl Window {
    pub fn of(lookup: &Lookup) -> Self {
        let [first, _] = lookup.tolerance();
        Self {
            first: first.div_euclid(1_000),
            last: lookup.begin_max_micros(),
            clock: lookup.clock,
        }
    }

    /// The latest begin by the device's clock of what may be held, where that is what is asked by.
    pub fn begin_max_micros(&self) -> Option<i64> {
        (self.clock == Clock::Device).then_some(self.last)
    }

    /// Whether a row of the part may have begun in time.
    pub fn may_begin_in(&self, summary: &Summary) -> bool {
        summary.begin_min.saturating_add(self.shift(summary.delay)[0]) <= self.last
    }

    /// Whether the row's record may be held.
    pub fn may_hold(&self, entry: &Entry) -> bool {
        let [least, most] = self.shift(entry.delay);
        entry.begin[0].saturating_add(least) <= self.last
            && entry.end.is_none_or(|[_, end]| end.saturating_add(most) >= self.first)
    }

    /// Whether the row's record ended before the time, and began in time as well.
    fn is_over(&self, entry: &Entry) -> bool {
        let most = self.shift(entry.delay)[1];
        entry.begin[1].saturating_add(most) <= self.last
            && entry.end.is_some_and(|[_, end]| end.saturating_add(most) < self.first)
    }

    /// How far the clock that is asked by may be ahead of the device's.
    const fn shift(&self, delay: [i64; 2]) -> [i64; 2] {
        match self.clock {
            Clock::Device => [0; 2],
            Clock::Received => delay,
        }
    }
}

/// Of the sessions that ended before the time, by an end whose begin is in another part or block,
/// after when they ended at least; of several ends the latest.
#[derive(Default)]
pub(super) struct LoneEnds(HashMap<u64, i64>);

impl LoneEnds {
    pub fn add(&mut self, entry: &Entry, window: &Window) {
        if let (Kind::Lone, Some([earliest, _]), Some(session)) =
            (entry.kind, entry.end, entry.session())
            && window.is_over(entry)
        {
            let latest = self.0.entry(session).or_insert(earliest);
            *latest = earliest.max(*latest);
        }
    }

    /// Whether the session of an open row had certainly ended before the time.
    pub fn has_ended(&self, open: &Entry) -> bool {
        let session = open.session().filter(|_| open.kind == Kind::Open);
        let end = session.and_then(|session| self.0.get(&session));
        end.is_some_and(|end| *end > open.begin[1])
    }
}
