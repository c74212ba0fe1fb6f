//! Latencies: histograms in nanoseconds, and how they are printed.

mod octaves;

pub use octaves::{OctaveCounters, Octaves};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longer ones count as this.
const NANOS_MAX: u64 = 3_600_000_000_000;

/// An empty histogram: up to an hour, three significant digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, NANOS_MAX, 3).expect("the histogram accepts these constants")
}

/// Records all of them, and counts them where others see it. To find a value's place costs more than
/// to count it: those that follow each other and have the same place are counted at once.
pub fn record_all(
    histogram: &mut Histogram<u64>,
    seen: &OctaveCounters,
    nanos: impl Iterator<Item = u64>,
) {
    let record = |histogram: &mut Histogram<u64>, nanos, count| {
        histogram.saturating_record_n(nanos, count);
        seen.add(nanos, count);
    };
    let (mut place, mut count) = (0..=0, 0);
    for nanos in nanos {
        if !place.contains(&nanos) {
            record(histogram, *place.start(), count);
            place = histogram.lowest_equivalent(nanos)..=histogram.highest_equivalent(nanos);
            count = 0;
        }
        count += 1;
    }
    record(histogram, *place.start(), count);
}

/// What is told of a histogram, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many were recorded.
    pub count: u64,
    /// Half of them took no longer.
    pub p50_ns: u64,
    /// 99 % took no longer.
    pub p99_ns: u64,
    /// 99.9 % took no longer.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Latency {
    /// Reads a histogram.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            count: histogram.len(),
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            p999_ns: histogram.value_at_quantile(0.999),
            max_ns: histogram.max(),
        }
    }
}

/// `p50 … p99 … p99.9 … max …`, in fitting units; `none` where nothing was recorded.
pub fn summary(histogram: &Histogram<u64>) -> String {
    if histogram.is_empty() {
        return "none".into();
    }
    let at = |quantile| duration(histogram.value_at_quantile(quantile));
    let max = duration(histogram.max());
    format!("p50 {}  p99 {}  p99.9 {}  max {max}", at(0.5), at(0.99), at(0.999))
}

/// A time in a fitting unit.
pub fn duration(nanos: u64) -> String {
    let nanos_f = nanos as f64;
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} µs", nanos_f / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", nanos_f / 1e6),
        _ => format!("{:.2} s", nanos_f / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_at_once_counts_as_if_it_were_not() {
        let nanos = [5, 5, 100_000, 100_001, 100_200, 5, u64::MAX, 0, 0];
        let (mut one_by_one, mut at_once) = (histogram(), histogram());
        nanos.iter().for_each(|nanos| one_by_one.saturating_record(*nanos));
        let counters = OctaveCounters::default();
        record_all(&mut at_once, &counters, nanos.into_iter());
        assert_eq!(at_once, one_by_one);
        record_all(&mut at_once, &counters, std::iter::empty());
        assert_eq!(at_once, one_by_one);
        let mut seen = Octaves::default();
        seen.read(&counters);
        assert_eq!(seen.count(), 9);
    }

    #[test]
    fn each_range_has_its_unit() {
        let shown = [999, 1_500, 2_500_000, 3_500_000_000].map(duration);
        assert_eq!(shown, ["999 ns", "1.5 µs", "2.5 ms", "3.50 s"]);
        assert_eq!(summary(&histogram()), "none");
    }
}
