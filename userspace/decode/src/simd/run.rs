#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the call of code for the processor at hand")
)]
//! Work of many kernels that is compiled as a whole for each level, so that they are inlined into
//! it and what one hands to the next stays in registers.

#[cfg(target_arch = "x86_64")]
use super::Kind;
use super::Level;

impl Level {
    /// Does the work with the instructions of this level. The compiler knows the level that it
    /// hands on; all of the work must be `#[inline(always)]`, the closure too.
    #[inline(always)]
    pub fn run<R>(self, work: impl FnOnce(Level) -> R) -> R {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level says that the processor has these instructions.
            Kind::Avx512 => unsafe { run_avx512(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level says that the processor has these instructions.
            Kind::Avx2 => unsafe { run_avx2(work) },
            _ => work(Level::PORTABLE),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
fn run_avx2<R>(work: impl FnOnce(Level) -> R) -> R {
    work(Level(Kind::Avx2))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
fn run_avx512<R>(work: impl FnOnce(Level) -> R) -> R {
    work(Level(Kind::Avx512))
}
