#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "vector loads, and calls of what needs vector instructions")
)]
//! Whether the keys that are expected stand at their places, 32 bytes at a time.

use super::Span;
#[cfg(target_arch = "x86_64")]
use super::load_32;
#[cfg(target_arch = "x86_64")]
use crate::simd::Kind;
use crate::simd::Level;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// A key with the separators around it, such as `,SourceIP=`.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    bytes: [u8; 32],
    len: u16,
}

impl Key {
    /// A key of up to 32 bytes.
    ///
    /// # Panics
    /// If it is longer.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, in constants")]
    pub const fn new(key: &[u8]) -> Self {
        let (mut bytes, mut at) = ([0; 32], 0);
        while at < key.len() {
            bytes[at] = key[at];
            at += 1;
        }
        Self { bytes, len: at as u16 }
    }

    /// Not zero where it does not stand at this place of the text.
    #[inline(always)]
    fn differences(&self, level: Level, text: &[u8], at: usize) -> u32 {
        match level.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Avx512 => match text.get(at..at + 32).and_then(<[_]>::first_chunk) {
                // SAFETY: the level says that the processor has these instructions.
                Some(bytes) => unsafe { self.differences_avx2(bytes) },
                // Nearer to the end of the text than a load reaches.
                None => self.differences_portable(text, at),
            },
            _ => self.differences_portable(text, at),
        }
    }

    fn differences_portable(&self, text: &[u8], at: usize) -> u32 {
        let key = self.bytes.get(..usize::from(self.len));
        let stands = key.zip(text.get(at..)).is_some_and(|(key, text)| text.starts_with(key));
        u32::from(!stands)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn differences_avx2(&self, bytes: &[u8; 32]) -> u32 {
        let same = _mm256_cmpeq_epi8(load_32(bytes), load_32(&self.bytes));
        _bzhi_u32(!_mm256_movemask_epi8(same).cast_unsigned(), self.len.into())
    }
}

/// The values of keys that stand one behind the other, each key at the next place of `places`. A
/// value ends at the next place, and the last one at the end of the text. `None` where a key does
/// not stand at its place.
#[inline(always)]
pub fn values<const N: usize>(
    level: Level,
    text: &[u8],
    places: &[u16],
    keys: &[Key; N],
) -> Option<[Span; N]> {
    let here = places.first_chunk::<N>()?;
    let mut differences = 0;
    for (key, place) in keys.iter().zip(here) {
        differences |= key.differences(level, text, (*place).into());
    }
    if differences != 0 {
        return None;
    }
    let mut spans = [Span::default(); N];
    let mut end = match places.get(N) {
        Some(end) => *end,
        None => text.len().try_into().ok()?,
    };
    for ((span, key), place) in spans.iter_mut().zip(keys).zip(here).rev() {
        *span = Span { start: place + key.len, end };
        end = *place;
    }
    Some(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEYS: [Key; 4] =
        [Key::new(b",A="), Key::new(b",Second="), Key::new(b",c="), Key::new(b",TheFourthOne=")];

    proptest! {
        #[test]
        fn all_levels_find_the_same_values(
            values in prop::array::uniform4("[a-z]{0,20}"),
            tail in "[,.=a-z]{0,40}",
            change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            cut in 0..6usize,
        ) {
            let [a, b, c, d] = values;
            let line = format!("head,A={a},Second={b},c={c},TheFourthOne={d}{tail}");
            let mut text = line.into_bytes();
            if let Some((at, byte)) = change {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let commas = text.iter().enumerate().filter(|(_, byte)| **byte == b',');
            let mut places: Vec<u16> = commas.map(|(at, _)| at as u16).collect();
            let expected = super::values(Level::PORTABLE, &text, &places, &KEYS);
            for level in Level::available() {
                prop_assert_eq!(super::values(level, &text, &places, &KEYS), expected);
            }
            if let Some([first, ..]) = expected {
                prop_assert_eq!(usize::from(first.start), "head,A=".len());
            }
            places.truncate(cut);
            let expected = super::values(Level::PORTABLE, &text, &places, &KEYS);
            prop_assert!(cut >= 4 || expected.is_none());
            for level in Level::available() {
                prop_assert_eq!(super::values(level, &text, &places, &KEYS), expected);
            }
        }
    }
}
