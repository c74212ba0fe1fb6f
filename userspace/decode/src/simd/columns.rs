//! Turns records round: what stands side by side in a record comes to stand one below the other.
//!
//! A window of 16 bytes of each record is loaded, one byte shuffle brings up to four numbers of it
//! into the order of the machine, each in a lane of 32 bits, and a transposition of 4 × 4 lanes in
//! each half of the register makes columns of eight rows of them.
//!
//! AVX-512 has the same kernels: vectors of 64 bytes, sixteen rows at a time, were slower on Zen 4
//! by a fifth, because it splits them, and because columns are not aligned to them.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the call of code for the processor at hand")
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

#[cfg(target_arch = "x86_64")]
use super::Kind;
use super::{Level, strided::Strided};
use std::cell::Cell;

/// Rows that the lanes hold.
pub const ROWS: usize = 64;

/// Bytes of a record that are looked at together.
pub const WINDOW: usize = 16;

/// Where each byte of the lanes comes from: its place in the window, or [`NOTHING`].
pub type Pick = [u8; WINDOW];

/// A byte of a lane that is zero.
pub const NOTHING: u8 = 0x80;

/// Cells of a column, for as many rows as the lanes hold.
pub type Rows<T> = [Cell<T>; ROWS];

/// One column of numbers.
pub type Lane = Rows<u32>;

/// What stands for each of the bytes from 0 on.
pub type Table = [u8; 16];

/// Lanes that are no columns yet: what is in them goes on to columns of other types.
#[derive(Clone, Debug)]
pub struct Lanes([Lane; 8]);

impl Default for Lanes {
    fn default() -> Self {
        Lanes([const { [const { Cell::new(0) }; ROWS] }; 8])
    }
}

impl Lanes {
    /// A lane, by the lowest two bits of its number.
    #[inline(always)]
    pub fn get(&self, lane: u8) -> &Lane {
        let Lanes(lanes) = self;
        lanes.get(usize::from(lane % 4)).unwrap_or(&lanes[0])
    }

    /// All of them.
    #[inline(always)]
    pub fn all(&self) -> [&Lane; 8] {
        self.0.each_ref()
    }
}

/// What vector instructions do for columns, of which they fill so many rows, [`ROWS`] at the most,
/// and those behind them that are in the same group.
pub trait Vectors: Copy {
    /// Makes columns of the windows of up to [`ROWS`] records from `first` on. Rows behind the last
    /// one of a group repeat it.
    fn transpose(self, windows: &Strided<'_, WINDOW>, first: usize, pick: &Pick, lanes: [&Lane; 4]);

    /// Byte `shift` of each number, from the lowest on.
    fn bytes(self, lane: &Lane, shift: u8, rows: usize, cells: &Rows<u8>);

    /// The bytes of each number, from the lowest on.
    fn all_bytes(self, lane: &Lane, rows: usize, cells: [&Rows<u8>; 4]);

    /// Puts for each number the entry of a table, 0 for numbers that it does not reach, and tells
    /// whether those of `all` are 1 for all of them.
    fn look_up(self, table: &Table, all: &Table, rows: usize, cells: &Rows<u8>) -> bool;

    /// Bytes `shift` and `shift + 1` of each number, as one number.
    fn ports(self, lane: &Lane, shift: u8, rows: usize, cells: &Rows<u16>);

    /// The lower and the higher half of each number.
    fn both_ports(self, lane: &Lane, rows: usize, low: &Rows<u16>, high: &Rows<u16>);

    /// Each number, as a longer one.
    fn widen(self, lane: &Lane, rows: usize, cells: &Rows<u64>);

    /// Two numbers as the halves of one.
    fn join(self, low: &Lane, high: &Lane, rows: usize, cells: &Rows<u64>);

    /// The windows as they are, of up to [`ROWS`] records from `first` on.
    fn copy(self, windows: &Strided<'_, WINDOW>, first: usize, cells: &Rows<[u8; WINDOW]>);
}

/// Work that is compiled for each set of instructions; all of it must be inlined.
pub trait Kernel {
    /// What comes of it.
    type Output;

    /// Does the work.
    fn run<V: Vectors>(self, vectors: V) -> Self::Output;
}

impl Level {
    /// Does the work with vector instructions, where there are any.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub fn vectorized<K: Kernel>(self, kernel: K) -> Option<K::Output> {
        match self.0 {
            Kind::Avx512 => {
                // SAFETY: a level says that the processor has its instructions.
                Some(unsafe { avx2::run_avx512(kernel) })
            }
            Kind::Avx2 => {
                // SAFETY: as above.
                Some(unsafe { avx2::run(kernel) })
            }
            Kind::Portable => None,
        }
    }

    /// Does the work with vector instructions, where there are any.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline]
    pub fn vectorized<K: Kernel>(self, _: K) -> Option<K::Output> {
        None
    }
}
