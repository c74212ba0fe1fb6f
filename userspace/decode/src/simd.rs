//! Kernels that use the processor's vector instructions, and which of them this machine can run.
//!
//! The modules below this one are the only ones of the crate with unsafe code. Each kernel has a portable twin that gives the
//! same for every input; a [`Level`] says which of them to take, and whoever has one above
//! [`Level::PORTABLE`] has it from a test of the processor.

pub mod columns;
mod run;
pub mod scatter;
pub mod strided;
pub mod text;

use std::sync::LazyLock;

/// A set of instructions that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Portable,
    Avx2,
    Avx512,
}

impl Level {
    /// No more than the compiler's target has: on every machine.
    pub const PORTABLE: Level = Level(Kind::Portable);

    /// The best of this machine.
    pub fn best() -> Level {
        static BEST: LazyLock<Level> = LazyLock::new(|| Level(detect()));
        *BEST
    }

    /// All that this machine has, the slowest first.
    pub fn available() -> impl Iterator<Item = Level> {
        let all = [Kind::Portable, Kind::Avx2, Kind::Avx512];
        all.into_iter().map(Level).filter(|level| *level <= Level::best())
    }

    /// The name in options and reports.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            Kind::Avx2 => "avx2",
            Kind::Avx512 => "avx512",
        }
    }
}

impl Default for Level {
    fn default() -> Self {
        Level::best()
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Kind {
    let has_avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("movbe")
        && is_x86_feature_detected!("popcnt");
    // Those of Ice Lake and Zen 4.
    let has_avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2");
    match (has_avx2, has_avx512) {
        (true, true) => Kind::Avx512,
        (true, false) => Kind::Avx2,
        _ => Kind::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Kind {
    Kind::Portable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_level_is_available_and_the_last() {
        let available: Vec<_> = Level::available().collect();
        assert_eq!(available.first(), Some(&Level::PORTABLE));
        assert_eq!(available.last(), Some(&Level::best()));
    }
}
