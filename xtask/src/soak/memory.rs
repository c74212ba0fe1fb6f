//! The collector's memory over time, and whether it is flat.

use std::time::Duration;

use anyhow::{Result, ensure};

/// Samples, by time since the start.
#[derive(Default)]
pub struct Memory(Vec<(Duration, u64)>);

/// Growth from the second quarter to the last one that is none.
const GROWTH_MAX: f64 = 0.02;

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
        let (Some(early), Some(late)) = (self.median(duration, 1), self.median(duration, 3)) else {
            println!("memory: too short to tell");
            return Ok(());
        };
        let growth = late as f64 / early as f64 - 1.0;
        println!(
            "memory: median {} MiB in the second quarter, {} MiB in the last ({:+.2} %); slope {:+.2} \
             MiB an hour after the first quarter",
            early >> 20,
            late >> 20,
            growth * 100.0,
            self.slope(duration / 4) / f64::from(1 << 20) * 3_600.0,
        );
        if duration < JUDGED_FROM {
            println!("memory: judged from {} minutes on", JUDGED_FROM.as_secs() / 60);
            return Ok(());
        }
        ensure!(growth <= GROWTH_MAX, "the collector's memory grew by {:.1} %", growth * 100.0);
        Ok(())
    }

    /// Of a quarter, from 0.
    fn median(&self, duration: Duration, quarter: u32) -> Option<u64> {
        let (from, to) = (duration * quarter / 4, duration * (quarter + 1) / 4);
        let within = self.0.iter().filter(|(at, _)| (from..to).contains(at));
        let mut bytes: Vec<_> = within.map(|(_, bytes)| *bytes).collect();
        bytes.sort_unstable();
        bytes.get(bytes.len() / 2).copied()
    }

    /// Bytes a second, by least squares over the samples from a time on.
    fn slope(&self, from: Duration) -> f64 {
        let samples: Vec<_> = self
            .0
            .iter()
            .filter(|(at, _)| *at >= from)
            .map(|(at, bytes)| (at.as_secs_f64(), *bytes as f64))
            .collect();
        let count = samples.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
        let (time, bytes) = (mean(|sample| sample.0), mean(|sample| sample.1));
        let both: f64 = samples.iter().map(|(x, y)| (x - time) * (y - bytes)).sum();
        let square: f64 = samples.iter().map(|(x, _)| (x - time).powi(2)).sum();
        if square == 0.0 { 0.0 } else { both / square }
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
        assert!(flat.slope(HOUR / 4).abs() < 1.0);
    }

    #[test]
    fn what_grows_is_told() {
        let growing = memory(|second| (1_000 << 20) + second * 20_000);
        assert!(growing.check(HOUR).is_err());
        assert!((growing.slope(HOUR / 4) - 20_000.0).abs() < 1.0);
        // In a short one nothing is known.
        assert!(growing.check(Duration::from_secs(60)).is_ok());
        assert!(Memory::default().check(HOUR).is_ok());
    }
}
