//! The moments at which the collector is hit.

use std::{
    fmt, fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use logweir_traffic::random::Random;

/// What is to be hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aim {
    /// The journal while it is written, or whatever is done then.
    Journal,
    /// A part while it is made.
    Sealing,
    /// The first moments of a start, while the journal is read and sealed.
    Recovery,
    /// Parts of an hour that is over while they are merged, or change places.
    Compaction,
    /// The journal, by a loss of power.
    PowerLoss,
}

impl Aim {
    /// The aims of rounds, again and again: the first five have each one.
    const CYCLE: [Aim; 10] = [
        Aim::Sealing,
        Aim::Recovery,
        Aim::PowerLoss,
        Aim::Journal,
        Aim::Compaction,
        Aim::Sealing,
        Aim::Recovery,
        Aim::PowerLoss,
        Aim::Recovery,
        Aim::Sealing,
    ];

    /// That of a round; without a disk of which the power can be taken, the journal instead.
    pub fn of_round(round: usize, has_disk: bool) -> Aim {
        match Self::CYCLE[round % Self::CYCLE.len()] {
            Aim::PowerLoss if !has_disk => Aim::Journal,
            aim => aim,
        }
    }

    /// Waits for the moment; whether what is to be hit was seen to go on.
    pub fn wait(self, data: &Path, random: &mut Random) -> bool {
        let incoming = data.join(".incoming");
        let begun = match self {
            Aim::Recovery => true,
            Aim::Journal | Aim::PowerLoss => {
                thread::sleep(Duration::from_millis(1_200));
                true
            }
            Aim::Sealing => appears(&incoming, Duration::from_secs(10), |name| {
                name.starts_with("part-") && name.ends_with(".partial")
            }),
            // While parts are merged, or, one in two, when directories change places.
            Aim::Compaction if random.below(2) == 0 => {
                appears(&incoming, Duration::from_secs(60), |name| name.ends_with(".hour"))
            }
            Aim::Compaction => appears(&incoming, Duration::from_secs(60), |name| {
                name.starts_with("compacted-") && name.ends_with(".partial")
            }),
        };
        thread::sleep(Duration::from_micros(random.below(self.spread_micros()).into()));
        begun
    }

    /// How long what is to be hit takes, about.
    fn spread_micros(self) -> u32 {
        match self {
            Aim::Journal | Aim::PowerLoss => 2_000_000,
            Aim::Recovery => 400_000,
            Aim::Sealing => 60_000,
            Aim::Compaction => 400_000,
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Aim::Journal => "journal",
            Aim::Sealing => "sealing",
            Aim::Recovery => "recovery",
            Aim::Compaction => "compaction",
            Aim::PowerLoss => "power loss",
        })
    }
}

/// Waits until a directory has something of such a name, no longer than this.
fn appears(directory: &Path, patience: Duration, is_it: impl Fn(&str) -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        if entries.into_iter().any(|entry| is_it(&entry.file_name().to_string_lossy())) {
            return true;
        }
        thread::sleep(Duration::from_micros(200));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn five_rounds_hit_everything() {
        let aims = |has_disk| (0..5).map(move |round| Aim::of_round(round, has_disk));
        assert_eq!(aims(true).collect::<BTreeSet<_>>().len(), 5);
        assert!(aims(false).all(|aim| aim != Aim::PowerLoss));
    }
}
