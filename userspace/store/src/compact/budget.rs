//! How much of a core and of the disk the merging may take.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::Duration;

/// A share of a core and a rate of bytes. After each step of a [`Merge`](super::Merge) it says how
/// long to rest so that both are kept.
#[derive(Debug)]
pub struct Budget {
    core_share: f64,
    bytes_per_second: f64,
    cpu: Duration,
}

impl Budget {
    /// No pause is longer: after a step that took much the rest is forgiven.
    const PAUSE_MAX: Duration = Duration::from_secs(10);

    /// A budget for work on the thread that asks for it: a share of a core from 0 to 1, and bytes
    /// read and written a second.
    pub fn new(core_share: f64, bytes_per_second: u64) -> Self {
        Self {
            core_share: core_share.clamp(0.001, 1.0),
            bytes_per_second: (bytes_per_second as f64).max(1.0),
            cpu: thread_time(),
        }
    }

    /// How long to rest after work on this thread since the last call, or since the budget was
    /// made, that moved so many bytes.
    pub fn pause(&mut self, bytes: u64) -> Duration {
        let now = thread_time();
        let worked = now.saturating_sub(self.cpu);
        self.cpu = now;
        self.pause_after(worked, bytes)
    }

    fn pause_after(&self, worked: Duration, bytes: u64) -> Duration {
        let by_core = worked.as_secs_f64() / self.core_share;
        let by_disk = bytes as f64 / self.bytes_per_second;
        let whole = Duration::try_from_secs_f64(by_core.max(by_disk)).unwrap_or(Duration::MAX);
        whole.saturating_sub(worked).min(Self::PAUSE_MAX)
    }
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(tv_sec.unsigned_abs(), u32::try_from(tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_as_long_as_the_scarcer_of_the_two_demands() {
        let budget = Budget::new(0.25, 1_000_000);
        let worked = Duration::from_millis(100);
        assert_eq!(budget.pause_after(worked, 0), Duration::from_millis(300));
        assert_eq!(budget.pause_after(worked, 2_000_000), Duration::from_millis(1_900));
        assert_eq!(Budget::new(1.0, u64::MAX).pause_after(worked, 1 << 20), Duration::ZERO);
        assert_eq!(Budget::new(0.0, 0).pause_after(worked, 1 << 40), Budget::PAUSE_MAX);
    }
}
