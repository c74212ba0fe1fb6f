//! Turns records round: what stands side by side in a record comes to stand one below the other.
//!
//! A window of 16 bytes of each record is loaded, one byte shuffle brings up to four numbers of it
//! into the order of the machine, each in a lane of 32 bits, and a transposition of 4 × 4 lanes in
//! each half of the register makes columns of eight rows of them.
#![expect(unsafe_code, reason = "loads of vectors, and the call of code for the processor at hand")]

use super::{Kind, Level, strided::Strided};

/// Rows of a column that are made at a time.
pub const GROUP: usize = 8;

/// Rows that the lanes hold.
pub const ROWS: usize = 64;

/// Bytes of a record that are looked at together.
pub const WINDOW: usize = 16;

/// Where each byte of the lanes comes from: its place in the window, or [`NOTHING`].
pub type Pick = [u8; WINDOW];

/// A byte of a lane that is zero.
pub const NOTHING: u8 = 0x80;

/// One column of numbers.
pub type Lane = [[u32; GROUP]; ROWS / GROUP];

/// The columns that a window makes.
#[derive(Clone, Debug, Default)]
pub struct Lanes([Lane; 4]);

impl Lanes {
    /// A column, by the lowest two bits of its number.
    #[inline(always)]
    pub fn get(&self, lane: u8) -> &Lane {
        let Lanes(lanes) = self;
        lanes.get(usize::from(lane % 4)).unwrap_or(&lanes[0])
    }
}

/// What vector instructions do for columns.
pub trait Vectors: Copy {
    /// Makes columns of the windows of up to [`ROWS`] records from `first` on. Rows behind the last
    /// one of a group repeat it.
    fn transpose(self, windows: &Strided<'_, WINDOW>, first: usize, pick: &Pick, lanes: &mut Lanes);

    /// Byte `shift` of each number, from the lowest on.
    fn bytes(self, numbers: &Lane, shift: u8, cells: &mut [[u8; GROUP]]);

    /// Bytes `shift` and `shift + 1` of each number, as one number.
    fn ports(self, numbers: &Lane, shift: u8, cells: &mut [[u16; GROUP]]);

    /// The entry of a table for each number, 0 for numbers that it does not reach.
    fn look_up(self, table: &[u8; 16], numbers: [u8; GROUP]) -> [u8; GROUP];
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
    #[inline]
    pub fn vectorized<K: Kernel>(self, kernel: K) -> Option<K::Output> {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => {
                // SAFETY: a level says that the processor has its instructions.
                Some(unsafe { x86::run_avx512(kernel) })
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => {
                // SAFETY: as above.
                Some(unsafe { x86::run_avx2(kernel) })
            }
            _ => None,
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{GROUP, Kernel, Lane, Lanes, Pick, ROWS, Strided, Vectors, WINDOW};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
    pub fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
        kernel.run(Avx2(()))
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2")]
    pub fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
        kernel.run(Avx2(()))
    }

    /// Made by `run_*` only, so that whoever has it has AVX2.
    #[derive(Clone, Copy)]
    struct Avx2(());

    impl Vectors for Avx2 {
        #[inline(always)]
        fn transpose(
            self,
            windows: &Strided<'_, WINDOW>,
            first: usize,
            pick: &Pick,
            lanes: &mut Lanes,
        ) {
            // SAFETY: `self` is proof of AVX2.
            unsafe { transpose(windows, first, pick, lanes) }
        }

        #[inline(always)]
        fn bytes(self, numbers: &Lane, shift: u8, cells: &mut [[u8; GROUP]]) {
            // SAFETY: as above.
            unsafe { bytes(numbers, shift, cells) }
        }

        #[inline(always)]
        fn ports(self, numbers: &Lane, shift: u8, cells: &mut [[u16; GROUP]]) {
            // SAFETY: as above.
            unsafe { ports(numbers, shift, cells) }
        }

        #[inline(always)]
        fn look_up(self, table: &[u8; 16], numbers: [u8; GROUP]) -> [u8; GROUP] {
            // SAFETY: as above.
            unsafe { look_up(table, numbers) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(numbers: &[u32; GROUP]) -> __m256i {
        // SAFETY: as many bytes as the array has.
        unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
    }

    /// Moves the chosen bytes of each half together, and then those of both halves.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn bytes(numbers: &Lane, shift: u8, cells: &mut [[u8; GROUP]]) {
        let pick = 0x0c_08_04_00 + u32::from(shift) * 0x01_01_01_01;
        let pick = _mm256_set1_epi32(pick.cast_signed());
        for (cells, numbers) in cells.iter_mut().zip(numbers) {
            let picked = _mm256_shuffle_epi8(load(numbers), pick);
            let (low, high) =
                (_mm256_castsi256_si128(picked), _mm256_extracti128_si256::<1>(picked));
            *cells = _mm_cvtsi128_si64(_mm_unpacklo_epi32(low, high)).to_le_bytes();
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn ports(numbers: &Lane, shift: u8, cells: &mut [[u16; GROUP]]) {
        let pick = 0x0d0c_0908_0504_0100 + u64::from(shift) * 0x0101_0101_0101_0101;
        let pick = _mm256_set1_epi64x(pick.cast_signed());
        for (cells, numbers) in cells.iter_mut().zip(numbers) {
            let picked = _mm256_shuffle_epi8(load(numbers), pick);
            let (low, high) =
                (_mm256_castsi256_si128(picked), _mm256_extracti128_si256::<1>(picked));
            let ports = _mm_unpacklo_epi64(low, high);
            // SAFETY: as many bytes as the array has.
            unsafe { _mm_storeu_si128(cells.as_mut_ptr().cast(), ports) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn look_up(table: &[u8; 16], numbers: [u8; GROUP]) -> [u8; GROUP] {
        // SAFETY: 16 bytes, of an array of 16.
        let table = unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
        let numbers = _mm_cvtsi64_si128(i64::from_le_bytes(numbers));
        // The shuffle goes by the lowest four bits, and gives 0 where the highest bit is set.
        let at = _mm_adds_epu8(numbers, _mm_set1_epi8(0x70));
        _mm_cvtsi128_si64(_mm_shuffle_epi8(table, at)).to_le_bytes()
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn transpose(windows: &Strided<'_, WINDOW>, first: usize, pick: &Pick, lanes: &mut Lanes) {
        let rows = windows.rows().saturating_sub(first).min(ROWS);
        let stride = windows.stride();
        // SAFETY: 16 bytes, of an array of 16.
        let pick = unsafe { _mm_loadu_si128(pick.as_ptr().cast()) };
        let pick = _mm256_broadcastsi128_si256(pick);
        let (whole, rest) = (rows / GROUP, rows % GROUP);
        let mut at = windows.at(first);
        for group in 0..whole {
            let ahead = at.wrapping_add(4 * stride);
            let at_rows = [0, 1, 2, 3].map(|row| at.wrapping_add(row * stride));
            let ahead_rows = [0, 1, 2, 3].map(|row| ahead.wrapping_add(row * stride));
            // SAFETY: the pointers are those of eight rows that there are.
            unsafe { turn(at_rows, ahead_rows, pick, lanes, group) };
            at = ahead.wrapping_add(4 * stride);
        }
        if rest > 0 {
            let row = |row: usize| at.wrapping_add(row.min(rest - 1) * stride);
            // SAFETY: as above, and the last row stands for those behind it.
            unsafe { turn([0, 1, 2, 3].map(row), [4, 5, 6, 7].map(row), pick, lanes, whole) };
        }
    }

    /// Makes columns of eight rows.
    ///
    /// # Safety
    /// Each pointer is followed by 16 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn turn(
        low: [*const u8; 4],
        high: [*const u8; 4],
        pick: __m256i,
        lanes: &mut Lanes,
        group: usize,
    ) {
        let load = |low: *const u8, high: *const u8| {
            // SAFETY: as the caller says.
            let low = unsafe { _mm_loadu_si128(low.cast()) };
            // SAFETY: as the caller says.
            let high = unsafe { _mm_loadu_si128(high.cast()) };
            _mm256_shuffle_epi8(_mm256_set_m128i(high, low), pick)
        };
        let ([low_0, low_1, low_2, low_3], [high_0, high_1, high_2, high_3]) = (low, high);
        let (a, b) = (load(low_0, high_0), load(low_1, high_1));
        let (c, d) = (load(low_2, high_2), load(low_3, high_3));
        let (ab_low, ab_high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
        let columns = [
            _mm256_unpacklo_epi64(ab_low, cd_low),
            _mm256_unpackhi_epi64(ab_low, cd_low),
            _mm256_unpacklo_epi64(ab_high, cd_high),
            _mm256_unpackhi_epi64(ab_high, cd_high),
        ];
        for (lane, column) in lanes.0.iter_mut().zip(columns) {
            if let Some(cells) = lane.get_mut(group) {
                store(cells, column);
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(cells: &mut [u32; GROUP], values: __m256i) {
        // SAFETY: as many bytes as the array has.
        unsafe { _mm256_storeu_si256(cells.as_mut_ptr().cast(), values) }
    }
}
