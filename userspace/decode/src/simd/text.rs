#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "vector loads"))]
//! Kernels for lines of text: where separators stand, and the numbers and addresses between them.
//!
//! A decoder looks once for all separators of a line ([`Places`]), checks that they stand where it
//! expects them ([`values`]), and has what is between them read together ([`numbers`], [`v4s`]).

mod addresses;
mod keys;
mod numbers;
mod places;

pub use addresses::{leading_v4, v4s};
pub use keys::{Key, values};
pub use numbers::numbers;
pub use places::{ByteSet, Places};

/// A part of a text, by its offsets in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub start: u16,
    /// Where what follows it begins.
    pub end: u16,
}

impl Span {
    /// The bytes of it; `None` where the text is shorter or the end stands before the start.
    pub fn of(self, text: &[u8]) -> Option<&[u8]> {
        text.get(usize::from(self.start)..usize::from(self.end))
    }
}

/// Reads values so many at a time; those of a last part that is not full are read twice.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn in_parts<T: Copy + Default, const N: usize, const PART: usize>(
    spans: &[Span; N],
    read: impl Fn([Span; PART]) -> Option<[T; PART]>,
) -> Option<[T; N]> {
    let mut values = [T::default(); N];
    let (parts, rest) = spans.as_chunks::<PART>();
    let (value_parts, value_rest) = values.as_chunks_mut::<PART>();
    for (values, part) in value_parts.iter_mut().zip(parts) {
        *values = read(*part)?;
    }
    if let [first, ..] = rest {
        let mut part = [*first; PART];
        part.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        value_rest.iter_mut().zip(read(part)?).for_each(|(to, from)| *to = from);
    }
    Some(values)
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn load_16(bytes: &[u8; 16]) -> std::arch::x86_64::__m128i {
    // SAFETY: 16 bytes are there, and the load asks for no alignment.
    unsafe { std::arch::x86_64::_mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn load_32(bytes: &[u8; 32]) -> std::arch::x86_64::__m256i {
    // SAFETY: 32 bytes are there, and the load asks for no alignment.
    unsafe { std::arch::x86_64::_mm256_loadu_si256(bytes.as_ptr().cast()) }
}
