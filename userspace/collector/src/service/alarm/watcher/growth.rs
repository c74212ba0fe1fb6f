//! Counts that grow.

use crate::clock::Moment;

/// How long growth is summed up before it is told again, in nanoseconds.
const TOLD_EVERY_NS: i64 = 60_000_000_000;

/// A count that grows.
#[derive(Debug, Default)]
pub(super) struct Growth {
    told: u64,
    /// By the clock that nobody sets.
    told_at: Option<i64>,
}

impl Growth {
    /// By how much it has grown, if that is to be told now.
    pub fn news(&mut self, count: u64, now: Moment) -> Option<u64> {
        let grown = count.checked_sub(self.told).filter(|grown| *grown > 0)?;
        let is_due = self.told_at.is_none_or(|at| now.steady - at >= TOLD_EVERY_NS);
        is_due.then(|| {
            *self = Self { told: count, told_at: Some(now.steady) };
            grown
        })
    }
}
