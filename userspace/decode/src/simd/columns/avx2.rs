//! The kernels with vectors of 32 bytes: eight rows at a time.
#![expect(unsafe_code, reason = "loads and stores of vectors")]

use super::{Kernel, Lane, Pick, ROWS, Rows, Table, Vectors};
use crate::simd::{columns::WINDOW, strided::Strided};
use std::{arch::x86_64::*, cell::Cell, marker::PhantomData};

/// Rows of a group.
const GROUP: usize = 8;

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2::<K>(PhantomData))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2")]
pub fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2::<K>(PhantomData))
}

/// Made by `run*` only, so that whoever has it has AVX2.
struct Avx2<K>(PhantomData<K>);

impl<K> Clone for Avx2<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Avx2<K> {}

impl<K> Vectors for Avx2<K> {
    #[inline(always)]
    fn transpose(
        self,
        windows: &Strided<'_, WINDOW>,
        first: usize,
        pick: &Pick,
        lanes: [&Lane; 4],
    ) {
        // SAFETY: `self` is proof of AVX2.
        unsafe { transpose::<K>(windows, first, pick, lanes) }
    }

    #[inline(always)]
    fn bytes(self, lane: &Lane, shift: u8, rows: usize, cells: &Rows<u8>) {
        // SAFETY: as above.
        unsafe { bytes(lane, shift, rows, cells) }
    }

    #[inline(always)]
    fn all_bytes(self, lane: &Lane, rows: usize, cells: [&Rows<u8>; 4]) {
        // SAFETY: as above.
        unsafe { all_bytes(lane, rows, cells) }
    }

    #[inline(always)]
    fn look_up(self, table: &Table, all: &Table, rows: usize, cells: &Rows<u8>) -> bool {
        // SAFETY: as above.
        unsafe { look_up(table, all, rows, cells) }
    }

    #[inline(always)]
    fn ports(self, lane: &Lane, shift: u8, rows: usize, cells: &Rows<u16>) {
        // SAFETY: as above.
        unsafe { ports(lane, shift, rows, cells) }
    }

    #[inline(always)]
    fn both_ports(self, lane: &Lane, rows: usize, low: &Rows<u16>, high: &Rows<u16>) {
        // SAFETY: as above.
        unsafe { both_ports(lane, rows, low, high) }
    }

    #[inline(always)]
    fn widen(self, lane: &Lane, rows: usize, cells: &Rows<u64>) {
        // SAFETY: as above.
        unsafe { widen(lane, rows, cells) }
    }

    #[inline(always)]
    fn join(self, low: &Lane, high: &Lane, rows: usize, cells: &Rows<u64>) {
        // SAFETY: as above.
        unsafe { join(low, high, rows, cells) }
    }

    #[inline(always)]
    fn copy(self, windows: &Strided<'_, WINDOW>, first: usize, cells: &Rows<[u8; WINDOW]>) {
        // SAFETY: as above.
        unsafe { copy(windows, first, cells) }
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

/// Chooses byte `shift` of each number, four in each half.
#[inline]
#[target_feature(enable = "avx2")]
fn each_byte(shift: u8) -> __m256i {
    let pick = 0x0c_08_04_00 + u32::from(shift) * 0x01_01_01_01;
    _mm256_set1_epi32(pick.cast_signed())
}

/// Moves the chosen bytes of each half together, and then those of both halves.
#[inline]
#[target_feature(enable = "avx2")]
fn pick_bytes(numbers: &[Cell<u32>; GROUP], pick: __m256i) -> __m128i {
    let picked = _mm256_shuffle_epi8(load(numbers), pick);
    _mm_unpacklo_epi32(_mm256_castsi256_si128(picked), _mm256_extracti128_si256::<1>(picked))
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_bytes(cells: &[Cell<u8>; GROUP], bytes: __m128i) {
    // SAFETY: as many bytes as there are cells.
    unsafe { _mm_storel_epi64(cells.as_ptr().cast_mut().cast(), bytes) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn bytes(lane: &Lane, shift: u8, rows: usize, cells: &Rows<u8>) {
    let pick = each_byte(shift);
    for (numbers, cells) in split(lane).iter().zip(split(cells)).take(rows.div_ceil(GROUP)) {
        store_bytes(cells, pick_bytes(numbers, pick));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn all_bytes(lane: &Lane, rows: usize, [a, b, c, d]: [&Rows<u8>; 4]) {
    // In each half the lowest bytes of four numbers, then the next ones, …
    let pick = _mm_set_epi32(0x0f_0b_07_03, 0x0e_0a_06_02, 0x0d_09_05_01, 0x0c_08_04_00);
    let pick = _mm256_broadcastsi128_si256(pick);
    let fours = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    let columns = split(a).iter().zip(split(b)).zip(split(c).iter().zip(split(d)));
    for (numbers, ((a, b), (c, d))) in split(lane).iter().zip(columns).take(rows.div_ceil(GROUP)) {
        let picked = _mm256_shuffle_epi8(load(numbers), pick);
        let parted = _mm256_permutevar8x32_epi32(picked, fours);
        let (low, high) = (_mm256_castsi256_si128(parted), _mm256_extracti128_si256::<1>(parted));
        store_bytes(a, low);
        store_bytes(b, _mm_unpackhi_epi64(low, low));
        store_bytes(c, high);
        store_bytes(d, _mm_unpackhi_epi64(high, high));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn look_up(table: &Table, all: &Table, rows: usize, cells: &Rows<u8>) -> bool {
    // SAFETY: 16 bytes, of an array of 16.
    let table = unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
    // SAFETY: as above.
    let all = unsafe { _mm_loadu_si128(all.as_ptr().cast()) };
    let mut ones = _mm_set1_epi8(1);
    for cells in split(cells).iter().take(rows.div_ceil(GROUP)) {
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
fn ports(lane: &Lane, shift: u8, rows: usize, cells: &Rows<u16>) {
    let pick = 0x0d0c_0908_0504_0100 + u64::from(shift) * 0x0101_0101_0101_0101;
    let pick = _mm256_set1_epi64x(pick.cast_signed());
    for (numbers, cells) in split(lane).iter().zip(split(cells)).take(rows.div_ceil(GROUP)) {
        let picked = _mm256_shuffle_epi8(load(numbers), pick);
        let (low, high) = (_mm256_castsi256_si128(picked), _mm256_extracti128_si256::<1>(picked));
        store_ports(cells, _mm_unpacklo_epi64(low, high));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn both_ports(lane: &Lane, rows: usize, low: &Rows<u16>, high: &Rows<u16>) {
    let pick = _mm256_set_epi64x(
        0x0f0e_0b0a_0706_0302,
        0x0d0c_0908_0504_0100,
        0x0f0e_0b0a_0706_0302,
        0x0d0c_0908_0504_0100,
    );
    let columns = split(low).iter().zip(split(high));
    for (numbers, (low, high)) in split(lane).iter().zip(columns).take(rows.div_ceil(GROUP)) {
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
fn widen(lane: &Lane, rows: usize, cells: &Rows<u64>) {
    for (numbers, cells) in split(lane).iter().zip(split(cells)).take(rows.div_ceil(GROUP)) {
        let numbers = load(numbers);
        let low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(numbers));
        let high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256::<1>(numbers));
        store_counters(cells, [low, high]);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn join(low: &Lane, high: &Lane, rows: usize, cells: &Rows<u64>) {
    let halves = split(low).iter().zip(split(high));
    for ((low, high), cells) in halves.zip(split(cells)).take(rows.div_ceil(GROUP)) {
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

/// One for each kernel, so that it is inlined there: its loop is what time is spent on.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose<K>(windows: &Strided<'_, WINDOW>, first: usize, pick: &Pick, lanes: [&Lane; 4]) {
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

#[inline]
#[target_feature(enable = "avx2")]
fn copy(windows: &Strided<'_, WINDOW>, first: usize, cells: &Rows<[u8; WINDOW]>) {
    let rows = windows.rows().saturating_sub(first);
    let copy = |at: *const u8, cell: &Cell<[u8; WINDOW]>| {
        // SAFETY: the caller's pointers are those of rows that there are, with 16 bytes each.
        let window = unsafe { _mm_loadu_si128(at.cast()) };
        // SAFETY: as many bytes as the cell has.
        unsafe { _mm_storeu_si128(cell.as_ptr().cast(), window) }
    };
    let (stride, mut at) = (windows.stride(), windows.at(first));
    let (fours, rest) = cells.get(..rows).unwrap_or(cells).as_chunks::<4>();
    for four in fours {
        for (row, cell) in four.iter().enumerate() {
            copy(at.wrapping_add(row * stride), cell);
        }
        at = at.wrapping_add(4 * stride);
    }
    for cell in rest {
        copy(at, cell);
        at = at.wrapping_add(stride);
    }
}
