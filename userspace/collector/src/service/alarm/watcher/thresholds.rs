//! From where on something is an event, and which thresholds are crossed.

use crate::{clock::Moment, service::alarm::event::EventKind};
use std::collections::{HashMap, HashSet};

const SECOND_NS: i64 = 1_000_000_000;

/// From where on something is an event: all that rules want, or the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds(HashMap<EventKind, Vec<u64>>);

impl Thresholds {
    /// Those of such pairs of kind and threshold; the default of a kind that has none.
    pub fn new(wanted: impl IntoIterator<Item = (EventKind, u64)>) -> Self {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for (kind, threshold) in wanted {
            let of_kind = all.entry(kind).or_default();
            if !of_kind.contains(&threshold) {
                of_kind.push(threshold);
            }
        }
        for kind in EventKind::ALL {
            if let Some((threshold, _)) = kind.default_threshold() {
                all.entry(*kind).or_insert_with(|| vec![threshold]);
            }
        }
        Self(all)
    }

    /// Those of a kind; none where it has none.
    pub(super) fn of(&self, kind: EventKind) -> &[u64] {
        self.0.get(&kind).map_or(&[], Vec::as_slice)
    }
}

/// What holds: the thresholds that are crossed, and kinds that have none.
#[derive(Debug, Default)]
pub(super) struct Holding(HashSet<(EventKind, Option<u64>)>);

impl Holding {
    /// Whether it has just begun to hold.
    pub fn begins(&mut self, kind: EventKind, threshold: Option<u64>, holds: bool) -> bool {
        if holds {
            self.0.insert((kind, threshold))
        } else {
            self.0.remove(&(kind, threshold));
            false
        }
    }

    /// Forgets what held by other thresholds than these: nobody looks any more whether it does.
    pub fn forget_others(&mut self, thresholds: &Thresholds) {
        let is_looked_at = |kind, threshold: Option<u64>| {
            threshold.is_none_or(|it| thresholds.of(kind).contains(&it))
        };
        self.0.retain(|(kind, threshold)| is_looked_at(*kind, *threshold));
    }

    /// Whether it holds.
    pub fn has(&self, kind: EventKind, threshold: u64) -> bool {
        self.0.contains(&(kind, Some(threshold)))
    }

    /// Whether it holds by any threshold.
    pub fn any(&self, kind: EventKind) -> bool {
        self.0.iter().any(|(holding, _)| *holding == kind)
    }
}

/// Whether something is so by the clock that nobody sets, since then and for so long.
pub(super) fn is_so_long(since: i64, now: Moment, seconds: u64) -> bool {
    let passed = (now.steady - since) / SECOND_NS;
    u64::try_from(passed).is_ok_and(|passed| passed >= seconds)
}
