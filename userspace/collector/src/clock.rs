//! Wall-clock time, and the kernel's monotonic arrival times as such.

use logweir_decode::context::UnixNanos;
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since 1970 UTC.
pub fn now() -> UnixNanos {
    read(ClockId::Realtime)
}

/// A moment by two clocks: one to tell it, and one that nobody sets to measure from it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Nanoseconds since 1970 UTC.
    pub at: UnixNanos,
    /// Nanoseconds since some other time.
    pub steady: i64,
}

impl Moment {
    /// This one.
    pub fn now() -> Self {
        Self { at: now(), steady: read(ClockId::Monotonic) }
    }
}

/// Converts `CLOCK_MONOTONIC` times, which the XDP program stamps, to wall-clock times.
///
/// The two clocks drift apart when the wall clock is adjusted, so a worker makes a new one now and
/// then and not for each datagram.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicToUnix {
    offset_ns: i64,
}

impl MonotonicToUnix {
    /// Measures the distance of the clocks.
    pub fn measure() -> Self {
        let before = read(ClockId::Monotonic);
        let unix = read(ClockId::Realtime);
        let after = read(ClockId::Monotonic);
        Self { offset_ns: unix - (before + (after - before) / 2) }
    }

    /// The wall-clock time of a monotonic one.
    pub fn unix_nanos(self, monotonic_ns: u64) -> UnixNanos {
        i64::try_from(monotonic_ns).unwrap_or(i64::MAX).saturating_add(self.offset_ns)
    }
}

fn read(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monotonic_time_taken_now_is_now() {
        let clocks = MonotonicToUnix::measure();
        let before = now();
        let converted = clocks.unix_nanos(read(ClockId::Monotonic) as u64);
        assert!((converted - before).abs() < 1_000_000_000, "{converted} is not near {before}");
    }
}
