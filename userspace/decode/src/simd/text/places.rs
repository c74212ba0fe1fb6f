#![expect(
    unsafe_code,
    reason = "vector loads and stores, and calls of what needs vector instructions"
)]
//! Where the bytes of a set stand in a text, by comparing 64 of them at a time.

#[cfg(target_arch = "x86_64")]
use super::{load_16, load_32};
#[cfg(target_arch = "x86_64")]
use crate::simd::Kind;
use crate::simd::Level;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::mem::MaybeUninit;

/// A set of ASCII characters.
///
/// A character is in it if its low half's entry has the bit of its high half: two shuffles of a
/// vector register find that for all of its bytes.
#[derive(Clone, Copy, Debug)]
pub struct ByteSet {
    by_low_half: [u8; 16],
}

/// The bit of a high half; none for what is not ASCII.
const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0];

/// The offsets in a block.
#[cfg(target_arch = "x86_64")]
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const OFFSETS: [u8; 64] = {
    let mut offsets = [0; 64];
    let mut at = 0;
    while at < offsets.len() {
        offsets[at] = at as u8;
        at += 1;
    }
    offsets
};

impl ByteSet {
    /// The set of these characters.
    ///
    /// # Panics
    /// If one is not ASCII.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, in constants")]
    pub const fn of(bytes: &[u8]) -> Self {
        let mut by_low_half = [0; 16];
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            assert!(byte.is_ascii());
            by_low_half[(byte & 15) as usize] |= BITS[(byte >> 4) as usize];
            at += 1;
        }
        Self { by_low_half }
    }

    /// Whether a byte is in it.
    pub fn has(&self, byte: u8) -> bool {
        let entry = |table: &[u8; 16], half: u8| table.get(usize::from(half)).copied();
        let bits = entry(&self.by_low_half, byte & 15).zip(entry(&BITS, byte >> 4));
        bits.is_some_and(|(bits, bit)| bits & bit != 0)
    }

    fn mask(&self, block: &[u8; 64]) -> u64 {
        let bits = block.iter().enumerate();
        bits.fold(0, |mask, (at, byte)| mask | u64::from(self.has(*byte)) << at)
    }
}

/// The offsets of the bytes of a set, in order.
#[derive(Clone, Debug)]
pub struct Places {
    at: [MaybeUninit<u16>; Places::MAX + 64],
    count: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self { at: [const { MaybeUninit::uninit() }; _], count: 0 }
    }
}

impl Places {
    /// As many are found.
    pub const MAX: usize = 128;

    /// Finds where the bytes of `set` stand in `text`; `None` when there are more than
    /// [`Places::MAX`], or when the text is longer than 65,535 bytes.
    #[inline(always)]
    pub fn find(&mut self, level: Level, text: &[u8], set: &ByteSet) -> Option<&[u16]> {
        self.count = 0;
        u16::try_from(text.len()).ok()?;
        let found = match level.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level says that the processor has these instructions.
            Kind::Avx512 => unsafe { self.find_avx512(text, set) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level says that the processor has these instructions.
            Kind::Avx2 => unsafe { self.find_avx2(text, set) },
            _ => self.find_portable(text, set),
        };
        let found = self.at.get(..self.count).filter(|_| found)?;
        // SAFETY: as many have been written.
        Some(unsafe { found.assume_init_ref() })
    }

    fn find_portable(&mut self, text: &[u8], set: &ByteSet) -> bool {
        let (blocks, rest) = text.as_chunks();
        let mut base = 0u16;
        for block in blocks {
            if !self.push(set.mask(block), base) {
                return false;
            }
            base = base.wrapping_add(64);
        }
        let filled = (1 << rest.len()) - 1;
        self.push(set.mask(&padded(rest)) & filled, base)
    }

    /// Adds the places of a block's bits.
    fn push(&mut self, mut mask: u64, base: u16) -> bool {
        let Some((room, _)) =
            self.at.get_mut(self.count..).and_then(<[_]>::split_first_chunk_mut::<64>)
        else {
            return false;
        };
        let count = mask.count_ones() as usize;
        // Four at a time, whether there are so many or not: how many is hard to predict.
        for four in room.as_chunks_mut::<4>().0.iter_mut().take(count.div_ceil(4)) {
            for place in four {
                place.write(base.wrapping_add(mask.trailing_zeros() as u16));
                mask &= mask.wrapping_sub(1);
            }
        }
        self.count += count;
        self.count <= Self::MAX
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn find_avx2(&mut self, text: &[u8], set: &ByteSet) -> bool {
        let by_low_half = _mm256_broadcastsi128_si256(load_16(&set.by_low_half));
        let by_high_half = _mm256_broadcastsi128_si256(load_16(&BITS));
        let (blocks, rest) = text.as_chunks();
        let mut base = 0u16;
        for block in blocks {
            if !self.push(mask_avx2(block, by_low_half, by_high_half), base) {
                return false;
            }
            base = base.wrapping_add(64);
        }
        let filled = (1 << rest.len()) - 1;
        self.push(mask_avx2(&padded(rest), by_low_half, by_high_half) & filled, base)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt"
    )]
    fn find_avx512(&mut self, text: &[u8], set: &ByteSet) -> bool {
        let by_low_half = _mm512_broadcast_i32x4(load_16(&set.by_low_half));
        let by_high_half = _mm512_broadcast_i32x4(load_16(&BITS));
        let (blocks, rest) = text.as_chunks();
        let mut base = 0u16;
        for block in blocks {
            let mask = mask_avx512(load_64(block), by_low_half, by_high_half);
            if !self.push_avx512(mask, base) {
                return false;
            }
            base = base.wrapping_add(64);
        }
        let filled = (1 << rest.len()) - 1;
        // SAFETY: the mask names no byte behind the rest's end, and others are not read.
        let last = unsafe { _mm512_maskz_loadu_epi8(filled, rest.as_ptr().cast()) };
        self.push_avx512(mask_avx512(last, by_low_half, by_high_half) & filled, base)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,popcnt")]
    fn push_avx512(&mut self, mask: u64, base: u16) -> bool {
        let Some((room, _)) =
            self.at.get_mut(self.count..).and_then(<[_]>::split_first_chunk_mut::<64>)
        else {
            return false;
        };
        let offsets = _mm512_maskz_compress_epi8(mask, load_64(&OFFSETS));
        let base = _mm512_set1_epi16(base.cast_signed());
        let count = mask.count_ones() as usize;
        let Some((few, _)) = room.split_first_chunk_mut() else { return false };
        let first = _mm256_cvtepu8_epi16(_mm512_castsi512_si128(offsets));
        store_16(few, _mm256_add_epi16(_mm512_castsi512_si256(base), first));
        if count > few.len() {
            let ([low, high], _) = room.as_chunks_mut::<32>() else { return false };
            let first = _mm512_castsi512_si256(offsets);
            store_32(low, _mm512_add_epi16(base, _mm512_cvtepu8_epi16(first)));
            let last = _mm512_extracti64x4_epi64::<1>(offsets);
            store_32(high, _mm512_add_epi16(base, _mm512_cvtepu8_epi16(last)));
        }
        self.count += count;
        self.count <= Self::MAX
    }
}

/// The last bytes of a text, with zeros behind them.
fn padded(rest: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    if let Some(start) = block.get_mut(..rest.len()) {
        start.copy_from_slice(rest);
    }
    block
}

/// The bits of the bytes that are in a set.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn mask_avx2(block: &[u8; 64], by_low_half: __m256i, by_high_half: __m256i) -> u64 {
    let ([first, second], _) = block.as_chunks::<32>() else { return 0 };
    let absent = |bytes: __m256i| {
        let low = _mm256_shuffle_epi8(by_low_half, bytes);
        let high_halves = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15));
        let high = _mm256_shuffle_epi8(by_high_half, high_halves);
        let absent = _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
        u64::from(_mm256_movemask_epi8(absent).cast_unsigned())
    };
    !(absent(load_32(first)) | absent(load_32(second)) << 32)
}

/// The bits of the bytes that are in a set.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn mask_avx512(bytes: __m512i, by_low_half: __m512i, by_high_half: __m512i) -> u64 {
    let low = _mm512_shuffle_epi8(by_low_half, bytes);
    let high_halves = _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), _mm512_set1_epi8(15));
    _mm512_test_epi8_mask(low, _mm512_shuffle_epi8(by_high_half, high_halves))
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn store_16(places: &mut [MaybeUninit<u16>; 16], values: __m256i) {
    // SAFETY: 16 places of two bytes are 32 bytes, and the store asks for no alignment.
    unsafe { _mm256_storeu_si256(places.as_mut_ptr().cast(), values) };
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
fn store_32(places: &mut [MaybeUninit<u16>; 32], values: __m512i) {
    // SAFETY: 32 places of two bytes are 64 bytes, and the store asks for no alignment.
    unsafe { _mm512_storeu_si512(places.as_mut_ptr().cast(), values) };
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
fn load_64(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes are there, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SET: ByteSet = ByteSet::of(b",=\0<|\n");

    fn expected(text: &[u8]) -> Option<Vec<u16>> {
        let places = text.iter().enumerate().filter(|(_, byte)| b",=\0<|\n".contains(byte));
        let places: Vec<u16> = places.map(|(at, _)| at as u16).collect();
        (places.len() <= Places::MAX).then_some(places)
    }

    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![9 => any::<u8>(), 1 => prop::sample::select(b",=\0<|\n\xac\x8a".as_slice())]
    }

    proptest! {
        #[test]
        fn all_levels_find_every_place(text in prop::collection::vec(byte(), 0..700)) {
            for level in Level::available() {
                let mut places = Places::default();
                let found = places.find(level, &text, &SET).map(<[u16]>::to_vec);
                prop_assert_eq!(found, expected(&text), "{}", level.name());
            }
        }
    }

    #[test]
    fn there_is_an_end_to_them() {
        for (byte, len) in
            [(b',', 63), (b',', 64), (b',', 128), (b',', 129), (b'a', 65_535), (b'a', 65_536)]
        {
            let text = vec![byte; len];
            for level in Level::available() {
                let mut places = Places::default();
                let found = places.find(level, &text, &SET).map(<[u16]>::len);
                let wanted = match byte {
                    b',' => Some(len).filter(|len| *len <= Places::MAX),
                    _ => Some(0).filter(|_| len <= 65_535),
                };
                assert_eq!(found, wanted, "{len} {}", level.name());
            }
        }
    }
}
