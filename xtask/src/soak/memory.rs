//! The collector's memory over time, and whether it is flat.

use std::time::Duration;

use anyhow::{Result, ensure};

/// Samples, by time since the start.
#[derive(Default)]
pub struct Memory(Vec<(Duration, u64)>);

/// Growth from the second quarter to the last one that is none.
const GROWTH_MAX: f64 = 0.02;

/// Of a quarter's samples one in so many is below its floor. The floor is what is never given back:
/// when an hour is over its parts are merged, for which much is taken, for minutes.
const ABOVE_FLOOR: usize = 10;

/// A shorter soak has no time to fill what is filled once: batches, caches, rooms.
const JUDGED_FROM: Duration = Duration::from_secs(600);

impl Memory {
    pub fn sample(&mut self, at: Duration, bytes: u64) {
        self.0.push((at, bytes));
    }

    /// The last sample, in words.
    pub fn last(&self) -> String {
        format!("{} MiB", self.0.last().map_or(0, |(_, bytes)| bytes >> 20))
    }

    /// Says how it went, and fails where it grew during a soak that is long enough to tell.
    pub fn check(&self, duration: Duration) -> Result<()> {
        let (Some(early), Some(late)) = (self.floor(duration, 1), self.floor(duration, 3)) else {
            println!("memory: too short to tell");
            return Ok(());
        };
        let growth = late as f64 / early as f64 - 1.0;
        println!(
            "memory: floor of {} MiB in the second quarter, {} MiB in the last ({:+.2} %); {} MiB at most",
            early >> 20,
            late >> 20,
            growth * 100.0,
            self.0.iter().map(|(_, bytes)| bytes >> 20).max().unwrap_or(0),
        );
        if duration < JUDGED_FROM {
            println!("memory: judged from {} minutes on", JUDGED_FROM.as_secs() / 60);
            return Ok(());
        }
        ensure!(growth <= GROWTH_MAX, "the collector's memory grew by {:.1} %", growth * 100.0);
        Ok(())
    }

    /// Of a quarter, from 0.
    fn floor(&self, duration: Duration, quarter: u32) -> Option<u64> {
        let (from, to) = (duration * quarter / 4, duration * (quarter + 1) / 4);
        let within = self.0.iter().filter(|(at, _)| (from..to).contains(at));
        let mut bytes: Vec<_> = within.map(|(_, bytes)| *bytes).collect();
        bytes.sort_unstable();
        bytes.get(bytes.len() / ABOVE_FLOOR).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples a second apart, of an hour.
    fn memory(bytes: impl Fn(u64) -> u64) -> Memory {
        Memory((0..3_600).map(|second| (Duration::from_secs(second), bytes(second))).collect())
    }

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn what_is_flat_after_the_start_is_flat() {
        let flat = memory(|second| (100 + second.min(300)) << 20);
        assert!(flat.check(HOUR).is_ok());
        let merging =
            memory(|second| (100 + 300 * u64::from((2_800..3_400).contains(&second))) << 20);
        assert!(merging.check(HOUR).is_ok());
    }

    #[test]
    fn what_grows_is_told() {
        let growing = memory(|second| (1_000 << 20) + second * 20_000);
        assert!(growing.check(HOUR).is_err());
        // In a short one nothing is known.
        assert!(growing.check(Duration::from_secs(60)).is_ok());
        assert!(Memory::default().check(HOUR).is_ok());
    }
}
