//! Times by the step of a ladder that they are on: few bits, and bounds instead of the time.
//!
//! The steps are quantiles of the times of one block, so that each holds about as many of them as
//! any other, whatever clocks and durations are in the block.

use super::varint::{self, Bytes};

/// Steps of a ladder.
pub(super) const STEPS: usize = 64;

/// Steps that make a wide one.
const WIDTH: usize = 8;

/// Every so many-th time makes the quantiles.
const SAMPLE: usize = 8;

/// The earliest and the latest time that something can have, microseconds.
pub(super) type Bounds = [i64; 2];

/// Step n holds the times from `rungs[n]` to before `rungs[n + 1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ladder {
    rungs: [i64; STEPS + 1],
}

impl Ladder {
    /// A ladder that has a step for each of these times.
    pub fn of(times: &[i64]) -> Self {
        let min = times.iter().copied().min().unwrap_or(0);
        let max = times.iter().copied().max().unwrap_or(0);
        let mut sample: Vec<i64> = times.iter().copied().step_by(SAMPLE).collect();
        sample.sort_unstable();
        let quantile = |step: usize| sample.get(step * sample.len() / STEPS).copied();
        let mut rungs = std::array::from_fn(|step| quantile(step).unwrap_or(max));
        rungs[0] = min;
        rungs[STEPS] = max.saturating_add(1);
        Self { rungs }
    }

    /// The step that a time of the block is on.
    pub fn step(&self, time: i64) -> u8 {
        let above = self.rungs.partition_point(|rung| *rung <= time);
        above.saturating_sub(1).min(STEPS - 1) as u8
    }

    /// The wide step that a time of the block is on.
    pub fn wide_step(&self, time: i64) -> u8 {
        self.step(time) / WIDTH as u8
    }

    /// The times of a step.
    pub fn bounds(&self, step: u8) -> Bounds {
        self.between(step.into(), 1)
    }

    /// The times of a wide step.
    pub fn wide_bounds(&self, step: u8) -> Bounds {
        self.between(usize::from(step) * WIDTH, WIDTH)
    }

    fn between(&self, first: usize, steps: usize) -> Bounds {
        let rung = |index: usize| self.rungs[index.min(STEPS)];
        [rung(first), rung(first + steps).saturating_sub(1)]
    }

    /// The lowest rung, and how far each is above the one before.
    pub fn write(&self, out: &mut Vec<u8>) {
        varint::put_signed(out, self.rungs[0]);
        for pair in self.rungs.windows(2) {
            varint::put(out, pair[1].abs_diff(pair[0]));
        }
    }

    pub fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let mut rungs = [bytes.signed()?; STEPS + 1];
        for index in 1..rungs.len() {
            rungs[index] = rungs[index - 1].checked_add_unsigned(bytes.number()?)?;
        }
        Some(Self { rungs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn each_time_is_within_the_bounds_of_its_step() {
        for (seed, spread) in [(1, 3), (2, 1_000_000), (3, 1 << 60)] {
            let mut random = Random::new(seed);
            let times: Vec<_> = (0..500).map(|_| random.below(spread) as i64 - 9).collect();
            let ladder = Ladder::of(&times);
            let mut bytes = Vec::new();
            ladder.write(&mut bytes);
            assert_eq!(Ladder::read(&mut Bytes(&bytes)).as_ref(), Some(&ladder));
            for time in times {
                let [low, high] = ladder.bounds(ladder.step(time));
                assert!(low <= time && time <= high);
                let [low, high] = ladder.wide_bounds(ladder.wide_step(time));
                assert!(low <= time && time <= high);
            }
        }
    }

    #[test]
    fn steps_hold_about_as_many_times_each() {
        let times: Vec<_> = (0..64_000).map(|index| index * index).collect();
        let ladder = Ladder::of(&times);
        let mut counts = [0; STEPS];
        times.iter().for_each(|time| counts[usize::from(ladder.step(*time))] += 1);
        assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
    }
}
