//! Latencies that others can read while they are being measured: counts by octave, from a
//! microsecond to minutes. The histogram of a thread has three digits, and nobody else sees it
//! before the thread ends.

use crate::counters::{Counter, Total};
use serde::{Deserialize, Serialize};

/// Octaves; the last one has no upper bound.
pub const OCTAVES: usize = 30;

/// The first octave is all below two to the power of this, in nanoseconds.
const FIRST_EXPONENT: u32 = 10;

/// Counts with a single writer, which needs no lock and no memory to add to them.
#[derive(Debug, Default)]
pub struct OctaveCounters {
    counts: [Counter; OCTAVES],
    sum_seconds: Total,
}

impl OctaveCounters {
    /// Counts so many that took so long; only the one writer may.
    pub fn add(&self, nanos: u64, count: u64) {
        if let Some(counter) = self.counts.get(octave(nanos)) {
            counter.add(count);
        }
        self.sum_seconds.add(nanos as f64 * 1e-9 * count as f64);
    }
}

/// The counts, as they were read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Octaves {
    /// How many took so long, from the shortest on; [`Octaves::bounds_ns`] has the bounds.
    pub counts: [u64; OCTAVES],
    /// How long all of them took together, in seconds.
    pub sum_seconds: f64,
}

impl Octaves {
    /// Adds what a thread has counted.
    pub fn read(&mut self, counters: &OctaveCounters) {
        for (count, counter) in self.counts.iter_mut().zip(&counters.counts) {
            *count += counter.get();
        }
        self.sum_seconds += counters.sum_seconds.get();
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What each octave's latencies are below of, in nanoseconds; `None` for the last.
    pub fn bounds_ns() -> impl Iterator<Item = Option<u64>> {
        (FIRST_EXPONENT..)
            .zip(1..=OCTAVES)
            .map(|(exponent, number)| (number < OCTAVES).then(|| 1 << exponent))
    }

    /// What was counted after `before` was read.
    #[must_use]
    pub fn since(&self, before: &Octaves) -> Octaves {
        let mut since = self.clone();
        for (count, before) in since.counts.iter_mut().zip(&before.counts) {
            *count = count.saturating_sub(*before);
        }
        since.sum_seconds -= before.sum_seconds;
        since
    }

    /// What so many of them took less than, in nanoseconds: a bound, at most twice the truth. `None`
    /// where nothing was counted.
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        let count = self.count();
        let rank = ((count as f64 * quantile).ceil() as u64).max(1);
        let mut below = 0;
        let reached = self.counts.iter().zip(Self::bounds_ns()).find(|(count, _)| {
            below += **count;
            below >= rank
        });
        reached.filter(|_| count > 0).map(|(_, bound)| bound.unwrap_or(u64::MAX))
    }
}

/// The number of the octave of a latency.
fn octave(nanos: u64) -> usize {
    let bits = u64::BITS - nanos.leading_zeros();
    (bits.saturating_sub(FIRST_EXPONENT) as usize).min(OCTAVES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_latency_is_below_its_bound_and_not_below_the_one_before() {
        let bounds: Vec<_> = Octaves::bounds_ns().collect();
        assert_eq!(bounds.len(), OCTAVES);
        for nanos in [0, 1, 1_023, 1_024, 1_025, 5_000, 1 << 37, (1 << 38) - 1] {
            let octave = octave(nanos);
            assert!(nanos < bounds[octave].unwrap(), "{nanos}");
            assert!(octave == 0 || nanos >= bounds[octave - 1].unwrap(), "{nanos}");
        }
        for nanos in [1 << 38, u64::MAX] {
            assert_eq!(bounds[octave(nanos)], None);
        }
    }

    #[test]
    fn what_was_counted_since_has_its_own_quantiles() {
        let (one, other) = (OctaveCounters::default(), OctaveCounters::default());
        one.add(2_000, 90);
        let mut before = Octaves::default();
        before.read(&one);
        one.add(2_000, 90);
        other.add(3_000_000, 10);
        let mut now = Octaves::default();
        now.read(&one);
        now.read(&other);
        let since = now.since(&before);
        assert_eq!(since.count(), 100);
        assert!((since.sum_seconds - (90.0 * 2e-6 + 10.0 * 3e-3)).abs() < 1e-9);
        assert_eq!(since.quantile_ns(0.9), Some(2_048));
        assert_eq!(since.quantile_ns(0.91), Some(1 << 22));
        assert_eq!(now.since(&now).quantile_ns(0.5), None);
    }
}
