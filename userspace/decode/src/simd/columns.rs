//! Turns records round: what stands side by side in a record comes to stand one below the other.
//!
//! A window of 16 bytes of each record is loaded, one byte shuffle brings up to four numbers of it
//! into the order of the machine, each in a lane of 32 bits, and a transposition of 4 × 4 lanes in
//! each half of the register makes columns of eight rows of them.
#![expect(unsafe_code, reason = "loads of vectors, and the call of code for the processor at hand")]

use super::{Kind, Level, strided::Strided};
use std::cell::Cell;

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

/// Cells of a column, for as many rows as the lanes hold.
pub type Rows<T> = [Cell<T>; ROWS];

/// One column of numbers.
pub type Lane = Rows<u32>;

/// Lanes that are no columns yet: what is in them goes on to columns of other types.
#[derive(Clone, Debug)]
pub struct Lanes([Lane; 4]);

impl Default for Lanes {
    fn default() -> Self {
        Lanes([const { [const { Cell::new(0) }; ROWS] }; 4])
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
    pub fn all(&self) -> [&Lane; 4] {
        self.0.each_ref()
    }
}

/// What vector instructions do for columns, of which they fill so many groups.
pub trait Vectors: Copy {
    /// Makes columns of the windows of up to [`ROWS`] records from `first` on. Rows behind the last
    /// one of a group repeat it.
    fn transpose(self, windows: &Strided<'_, WINDOW>, first: usize, pick: &Pick, lanes: [&Lane; 4]);

    /// Byte `shift` of each number, from the lowest on.
    fn bytes(self, lane: &Lane, shift: u8, groups: usize, cells: &Rows<u8>);

    /// Bytes `shift` and `shift + 1` of each number, as one number.
    fn ports(self, lane: &Lane, shift: u8, groups: usize, cells: &Rows<u16>);

    /// The lower and the higher half of each number.
    fn both_ports(self, lane: &Lane, groups: usize, low: &Rows<u16>, high: &Rows<u16>);

    /// Each number, as a longer one.
    fn widen(self, lane: &Lane, groups: usize, cells: &Rows<u64>);

    /// Two numbers as the halves of one.
    fn join(self, low: &Lane, high: &Lane, groups: usize, cells: &Rows<u64>);

    /// Puts for each number the entry of a table, 0 for numbers that it does not reach, and tells
    /// whether those of `all` are 1 for all of them.
    fn look_up(self, table: &[u8; 16], all: &[u8; 16], groups: usize, cells: &Rows<u8>) -> bool;
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
    use super::{GROUP, Kernel, Lane, Pick, ROWS, Rows, Strided, Vectors, WINDOW};
    use std::{arch::x86_64::*, cell::Cell};

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
            lanes: [&Lane; 4],
        ) {
            // SAFETY: `self` is proof of AVX2.
            unsafe { transpose(windows, first, pick, lanes) }
        }

        #[inline(always)]
        fn bytes(self, lane: &Lane, shift: u8, groups: usize, cells: &Rows<u8>) {
            // SAFETY: as above.
            unsafe { bytes(lane, shift, groups, cells) }
        }

        #[inline(always)]
        fn ports(self, lane: &Lane, shift: u8, groups: usize, cells: &Rows<u16>) {
            // SAFETY: as above.
            unsafe { ports(lane, shift, groups, cells) }
        }

        #[inline(always)]
        fn both_ports(self, lane: &Lane, groups: usize, low: &Rows<u16>, high: &Rows<u16>) {
            // SAFETY: as above.
            unsafe { both_ports(lane, groups, low, high) }
        }

        #[inline(always)]
        fn widen(self, lane: &Lane, groups: usize, cells: &Rows<u64>) {
            // SAFETY: as above.
            unsafe { widen(lane, groups, cells) }
        }

        #[inline(always)]
        fn join(self, low: &Lane, high: &Lane, groups: usize, cells: &Rows<u64>) {
            // SAFETY: as above.
            unsafe { join(low, high, groups, cells) }
        }

        #[inline(always)]
        fn look_up(
            self,
            table: &[u8; 16],
            all: &[u8; 16],
            groups: usize,
            cells: &Rows<u8>,
        ) -> bool {
            // SAFETY: as above.
            unsafe { look_up(table, all, groups, cells) }
        }
    }

    /// The groups of a column.
    #[inline(always)]
    fn split<T>(cells: &Rows<T>) -> &[[Cell<T>; GROUP]] {
        cells.as_chunks().0
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(numbers: &[Cell<u32>; GROUP]) -> __m256i {
        // SAFETY: as many bytes as the array has.
        unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
    }

    /// Moves the chosen bytes of each half together, and then those of both halves.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn bytes(lane: &Lane, shift: u8, groups: usize, cells: &Rows<u8>) {
        let pick = 0x0c_08_04_00 + u32::from(shift) * 0x01_01_01_01;
        let pick = _mm256_set1_epi32(pick.cast_signed());
        for (numbers, cells) in split(lane).iter().zip(split(cells)).take(groups) {
            let picked = _mm256_shuffle_epi8(load(numbers), pick);
            let (low, high) =
                (_mm256_castsi256_si128(picked), _mm256_extracti128_si256::<1>(picked));
            let bytes = _mm_unpacklo_epi32(low, high);
            // SAFETY: as many bytes as there are cells.
            unsafe { _mm_storel_epi64(cells.as_ptr().cast_mut().cast(), bytes) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn ports(lane: &Lane, shift: u8, groups: usize, cells: &Rows<u16>) {
        let pick = 0x0d0c_0908_0504_0100 + u64::from(shift) * 0x0101_0101_0101_0101;
        let pick = _mm256_set1_epi64x(pick.cast_signed());
        for (numbers, cells) in split(lane).iter().zip(split(cells)).take(groups) {
            let picked = _mm256_shuffle_epi8(load(numbers), pick);
            let (low, high) =
                (_mm256_castsi256_si128(picked), _mm256_extracti128_si256::<1>(picked));
            store_ports(cells, _mm_unpacklo_epi64(low, high));
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn both_ports(lane: &Lane, groups: usize, low: &Rows<u16>, high: &Rows<u16>) {
        let pick = _mm256_set_epi64x(
            0x0f0e_0b0a_0706_0302,
            0x0d0c_0908_0504_0100,
            0x0f0e_0b0a_0706_0302,
            0x0d0c_0908_0504_0100,
        );
        let columns = split(low).iter().zip(split(high));
        for (numbers, (low, high)) in split(lane).iter().zip(columns).take(groups) {
            let picked = _mm256_shuffle_epi8(load(numbers), pick);
            let parted = _mm256_permute4x64_epi64::<0b11_01_10_00>(picked);
            store_ports(low, _mm256_castsi256_si128(parted));
            store_ports(high, _mm256_extracti128_si256::<1>(parted));
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store_ports(cells: &[Cell<u16>; GROUP], ports: __m128i) {
        // SAFETY: as many bytes as there are cells.
        unsafe { _mm_storeu_si128(cells.as_ptr().cast_mut().cast(), ports) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn widen(lane: &Lane, groups: usize, cells: &Rows<u64>) {
        for (numbers, cells) in split(lane).iter().zip(split(cells)).take(groups) {
            let numbers = load(numbers);
            let low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(numbers));
            let high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256::<1>(numbers));
            store_counters(cells, [low, high]);
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn join(low: &Lane, high: &Lane, groups: usize, cells: &Rows<u64>) {
        let halves = split(low).iter().zip(split(high));
        for ((low, high), cells) in halves.zip(split(cells)).take(groups) {
            let (low, high) = (load(low), load(high));
            let (even, odd) = (_mm256_unpacklo_epi32(low, high), _mm256_unpackhi_epi32(low, high));
            let counters = [
                _mm256_permute2x128_si256::<0x20>(even, odd),
                _mm256_permute2x128_si256::<0x31>(even, odd),
            ];
            store_counters(cells, counters);
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store_counters(cells: &[Cell<u64>; GROUP], [low, high]: [__m256i; 2]) {
        let ([low_cells, high_cells], _) = cells.as_chunks::<4>() else { return };
        // SAFETY: as many bytes as there are cells.
        unsafe { _mm256_storeu_si256(low_cells.as_ptr().cast_mut().cast(), low) };
        // SAFETY: as above.
        unsafe { _mm256_storeu_si256(high_cells.as_ptr().cast_mut().cast(), high) };
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn look_up(table: &[u8; 16], all: &[u8; 16], groups: usize, cells: &Rows<u8>) -> bool {
        // SAFETY: 16 bytes, of an array of 16.
        let table = unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
        // SAFETY: as above.
        let all = unsafe { _mm_loadu_si128(all.as_ptr().cast()) };
        let mut ones = _mm_set1_epi8(1);
        for cells in split(cells).iter().take(groups) {
            // SAFETY: as many bytes as there are cells.
            let numbers = unsafe { _mm_loadl_epi64(cells.as_ptr().cast()) };
            // The shuffle goes by the lowest four bits, and gives 0 where the highest bit is set.
            let at = _mm_adds_epu8(numbers, _mm_set1_epi8(0x70));
            ones = _mm_and_si128(ones, _mm_shuffle_epi8(all, at));
            let found = _mm_shuffle_epi8(table, at);
            // SAFETY: as above.
            unsafe { _mm_storel_epi64(cells.as_ptr().cast_mut().cast(), found) };
        }
        _mm_cvtsi128_si64(ones) == 0x0101_0101_0101_0101
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn transpose(windows: &Strided<'_, WINDOW>, first: usize, pick: &Pick, lanes: [&Lane; 4]) {
        let mut rows = windows.rows().saturating_sub(first).min(ROWS);
        let stride = windows.stride();
        // SAFETY: 16 bytes, of an array of 16.
        let pick = unsafe { _mm_loadu_si128(pick.as_ptr().cast()) };
        let pick = _mm256_broadcastsi128_si256(pick);
        let [a, b, c, d] = lanes.map(split);
        let groups = a.iter().zip(b).zip(c.iter().zip(d));
        let mut at = windows.at(first);
        for ((a, b), (c, d)) in groups.take(rows.div_ceil(GROUP)) {
            let columns = if rows >= GROUP {
                let ahead = at.wrapping_add(4 * stride);
                let low = [0, 1, 2, 3].map(|row| at.wrapping_add(row * stride));
                let high = [0, 1, 2, 3].map(|row| ahead.wrapping_add(row * stride));
                at = ahead.wrapping_add(4 * stride);
                rows -= GROUP;
                // SAFETY: the pointers are those of eight rows that there are.
                unsafe { turn(low, high, pick) }
            } else {
                let row = |row: usize| at.wrapping_add(row.min(rows - 1) * stride);
                // SAFETY: as above, and the last row stands for those behind it.
                unsafe { turn([0, 1, 2, 3].map(row), [4, 5, 6, 7].map(row), pick) }
            };
            for (cells, column) in [a, b, c, d].into_iter().zip(columns) {
                // SAFETY: as many bytes as there are cells.
                unsafe { _mm256_storeu_si256(cells.as_ptr().cast_mut().cast(), column) }
            }
        }
    }

    /// Makes columns of eight rows.
    ///
    /// # Safety
    /// Each pointer is followed by 16 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn turn(low: [*const u8; 4], high: [*const u8; 4], pick: __m256i) -> [__m256i; 4] {
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
        [
            _mm256_unpacklo_epi64(ab_low, cd_low),
            _mm256_unpackhi_epi64(ab_low, cd_low),
            _mm256_unpacklo_epi64(ab_high, cd_high),
            _mm256_unpackhi_epi64(ab_high, cd_high),
        ]
    }
}
