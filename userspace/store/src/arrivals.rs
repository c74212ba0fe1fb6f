//! When records arrived that were made durable together, so that the time from arrival to disk can
//! be told.

use logweir_decode::context::UnixNanos;

/// Counts of rows by time of arrival, in steps of a millisecond as long as there are few enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// How far the times are rounded, milliseconds.
    grain_ms: i64,
    pairs: Vec<(i64, u64)>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { grain_ms: 1, pairs: Vec::new() }
    }
}

impl Arrivals {
    /// The most pairs that are held, 1 MiB: at this point the order of arrival is given up, and
    /// the grain made coarser if that does not help.
    pub const PAIRS_MAX: usize = 64 * 1024;

    /// Adds rows that arrived at one time.
    pub fn add(&mut self, received_at: UnixNanos, rows: u64) {
        let step = received_at.div_euclid(self.grain_ms * 1_000_000);
        match self.pairs.last_mut() {
            Some((last, count)) if *last == step => *count += rows,
            _ => {
                if self.pairs.len() == Self::PAIRS_MAX {
                    self.compact();
                    return self.add(received_at, rows);
                }
                self.pairs.push((step, rows));
            }
        }
    }

    /// Pairs of time of arrival (rounded down) and number of rows; a time may stand more than
    /// once.
    pub fn iter(&self) -> impl Iterator<Item = (UnixNanos, u64)> {
        self.pairs
            .iter()
            .map(|(step, rows)| (step.saturating_mul(self.grain_ms * 1_000_000), *rows))
    }

    fn compact(&mut self) {
        self.pairs.sort_unstable();
        self.merge_equal();
        while self.pairs.len() > Self::PAIRS_MAX / 2 {
            self.grain_ms *= 2;
            for (step, _) in &mut self.pairs {
                *step = step.div_euclid(2);
            }
            self.merge_equal();
        }
    }

    fn merge_equal(&mut self) {
        self.pairs.dedup_by(|next, kept| {
            let equal = next.0 == kept.0;
            if equal {
                kept.1 += next.1;
            }
            equal
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_same_millisecond_are_one_pair() {
        let mut arrivals = Arrivals::default();
        arrivals.add(5_100_000, 2);
        arrivals.add(5_900_000, 3);
        arrivals.add(7_000_000, 1);
        arrivals.add(5_000_000, 1);
        let pairs: Vec<_> = arrivals.iter().collect();
        assert_eq!(pairs, [(5_000_000, 5), (7_000_000, 1), (5_000_000, 1)]);
    }

    #[test]
    fn the_number_of_pairs_is_bounded_and_no_row_is_lost() {
        let mut arrivals = Arrivals::default();
        let rows = 5 * Arrivals::PAIRS_MAX as i64;
        for i in 0..rows {
            arrivals.add(i * 3_000_000, 1);
        }
        assert!(arrivals.iter().count() <= Arrivals::PAIRS_MAX);
        assert_eq!(arrivals.iter().map(|(_, rows)| rows).sum::<u64>(), rows as u64);
        assert!(arrivals.grain_ms > 1);
    }
}
