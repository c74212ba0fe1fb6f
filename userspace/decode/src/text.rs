//! Text of a batch: bytes as the device sent them, in one arena that is allocated once.

use crate::interned::place;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use zerocopy_derive::{FromBytes, Immutable, IntoBytes};

/// Places for short texts that come again.
const PLACES: usize = 128;

/// A byte string in the [`TextArena`] of the same batch.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    IntoBytes,
    FromBytes,
    Immutable,
)]
#[repr(C)]
pub struct Text {
    start: u32,
    len: u32,
}

impl Text {
    /// The empty text, which stands for an absent value.
    pub const EMPTY: Text = Text { start: 0, len: 0 };

    /// A part of it: so many bytes from an offset on. Both must be inside of it.
    #[must_use]
    pub(crate) fn part(self, offset: u32, len: u32) -> Text {
        Text { start: self.start.wrapping_add(offset), len }
    }

    /// Whether the value is absent.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Where it begins in its arena.
    pub(crate) const fn start(self) -> u32 {
        self.start
    }
}

/// The text bytes of one batch.
#[derive(Debug)]
pub struct TextArena {
    bytes: Vec<u8>,
    /// Bytes that decoders may fill; behind them is room for what takes the place of their values.
    capacity: usize,
    /// Short texts that were interned lately, by their hash.
    recent: Box<[(ShortText, Text)]>,
}

impl TextArena {
    /// How many bytes of text one byte of a datagram may make: a one-byte element in `extra` takes
    /// eleven, its key and tags included, and a record gets at most
    /// [`OPTIONS_MAX`](Self::OPTIONS_MAX) more for each of its bytes.
    pub const EXPANSION_MAX: usize = 12 + Self::OPTIONS_MAX;

    /// How many bytes of text what options data told may add to a record, for each of its bytes.
    pub const OPTIONS_MAX: usize = 4;

    /// An empty arena of a fixed capacity in bytes.
    pub fn new(capacity: usize) -> Self {
        Self::with_room_behind(capacity, 0)
    }

    /// An empty arena, with room for so many bytes more that only
    /// [`push_behind`](Self::push_behind) fills.
    pub(crate) fn with_room_behind(capacity: usize, behind: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity + behind),
            capacity,
            recent: vec![(ShortText::default(), Text::EMPTY); PLACES].into_boxed_slice(),
        }
    }

    /// Forgets all text.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.recent.fill((ShortText::default(), Text::EMPTY));
    }

    /// Bytes that it holds.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes that still fit.
    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len())
    }

    /// Copies in what takes the place of another value; `None`, and nothing copied, when it does
    /// not fit.
    pub(crate) fn push_behind(&mut self, value: &[u8]) -> Option<Text> {
        if value.len() > self.bytes.capacity() - self.bytes.len() {
            return None;
        }
        self.push_fitting(value)
    }

    /// Copies a value in; `None`, and nothing copied, when it does not fit.
    pub fn push(&mut self, value: &[u8]) -> Option<Text> {
        if value.len() > self.room() {
            return None;
        }
        self.push_fitting(value)
    }

    fn push_fitting(&mut self, value: &[u8]) -> Option<Text> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        let text = Text { start, len: u32::try_from(value.len()).ok()? };
        self.bytes.extend_from_slice(value);
        Some(text)
    }

    /// As [`push`](Self::push), for a value that is likely to have come before (a name of a host, a
    /// zone, a policy): then it is there already. It cannot be appended to.
    #[inline]
    pub fn intern(&mut self, value: &[u8]) -> Option<Text> {
        if value.is_empty() {
            return Some(Text::EMPTY);
        }
        let Some(short) = ShortText::new(value) else { return self.push(value) };
        let (known, text) = self.recent.get(short.place()).copied()?;
        if known == short {
            return Some(text);
        }
        let text = self.push(value)?;
        *self.recent.get_mut(short.place())? = (short, text);
        Some(text)
    }

    /// Copies the parts in as one value; `None`, and nothing copied, when they do not fit.
    #[inline]
    pub fn push_parts(&mut self, parts: &[&[u8]]) -> Option<Text> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len > self.room() {
            return None;
        }
        let start = u32::try_from(self.bytes.len()).ok()?;
        let text = Text { start, len: u32::try_from(len).ok()? };
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        Some(text)
    }

    /// Appends to `text`, which must be empty or the value pushed last; `None`, and nothing
    /// appended, when it is not, or when there is no room.
    #[inline]
    pub fn append(&mut self, text: Text, parts: &[&[u8]]) -> Option<Text> {
        if text.is_empty() {
            return self.push_parts(parts);
        }
        if text.start as usize + text.len as usize != self.bytes.len() {
            return None;
        }
        let added = self.push_parts(parts)?;
        Some(Text { start: text.start, len: text.len.checked_add(added.len)? })
    }

    /// Overwrites all bytes but those of these values.
    pub(crate) fn keep_only(&mut self, values: impl Iterator<Item = Text>) {
        let mut kept = vec![false; self.bytes.len()];
        for value in values {
            let start = value.start as usize;
            kept.get_mut(start..start + value.len as usize).unwrap_or_default().fill(true);
        }
        for (byte, kept) in self.bytes.iter_mut().zip(kept) {
            if !kept {
                *byte = 0;
            }
        }
        // A text that was overwritten must not be found again.
        self.recent.fill((ShortText::default(), Text::EMPTY));
    }

    /// The bytes of all values.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of a value; empty for one that is not of this arena.
    pub fn get(&self, text: Text) -> &[u8] {
        let start = text.start as usize;
        self.bytes.get(start..start + text.len as usize).unwrap_or_default()
    }
}

/// A text of at most 16 bytes as two numbers that no other such text has: its first and its last
/// bytes, which overlap, and its length. The default is the empty text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ShortText {
    first: u64,
    last: u64,
    len: usize,
}

impl ShortText {
    #[inline]
    fn new(text: &[u8]) -> Option<Self> {
        let len = text.len();
        let (first, last) = match text {
            [] => (0, 0),
            [first] => (u64::from(*first), 0),
            [first, middle, last] => {
                (u64::from(*first) | u64::from(*middle) << 8, u64::from(*last))
            }
            [first, last] => (u64::from(*first), u64::from(*last)),
            _ if len < 8 => (
                u32::from_le_bytes(*text.first_chunk()?).into(),
                u32::from_le_bytes(*text.last_chunk()?).into(),
            ),
            _ if len <= 16 => {
                (u64::from_le_bytes(*text.first_chunk()?), u64::from_le_bytes(*text.last_chunk()?))
            }
            _ => return None,
        };
        Some(Self { first, last, len })
    }

    fn place(self) -> usize {
        place::<PLACES>(self.first ^ self.last.rotate_left(32) ^ self.len as u64)
    }
}

/// Device text as UTF-8: as it stands where it is valid, else read as GBK, the charset that
/// Huawei firewalls use unless `firewall log charset utf-8` is set. Never fails: bytes of neither
/// charset become U+FFFD.
pub fn to_utf8(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::GBK.decode_without_bom_handling(bytes).0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_does_not_fit_leaves_the_arena_as_it_was() {
        let mut arena = TextArena::new(8);
        let capacity = arena.room();
        let first = arena.push(b"12345").unwrap();
        assert_eq!(arena.push(&vec![0; capacity]), None);
        assert_eq!(arena.get(first), b"12345");
        assert_eq!(arena.room(), capacity - 5);
    }

    #[test]
    fn a_part_of_a_text() {
        let mut arena = TextArena::new(64);
        arena.push(b"abc").unwrap();
        let text = arena.push(b"defg").unwrap();
        for (offset, expected) in [(0, "defg"), (1, "ef"), (4, "")] {
            let part = text.part(offset, expected.len() as u32);
            assert_eq!(arena.get(part), expected.as_bytes());
        }
    }

    #[test]
    fn append_extends_the_last_value_only() {
        let mut arena = TextArena::new(64);
        let first = arena.append(Text::EMPTY, &[b"a", b"b"]).unwrap();
        let longer = arena.append(first, &[b"c"]).unwrap();
        assert_eq!(arena.get(longer), b"abc");
        assert_eq!(arena.append(first, &[b"x"]), None);
    }

    #[test]
    fn a_short_text_is_kept_once_and_told_from_all_others() {
        let mut arena = TextArena::new(1 << 16);
        let texts: Vec<Vec<u8>> = (0..40).map(|len| (0..len).collect()).collect();
        for _ in 0..2 {
            for text in &texts {
                for at in 0..text.len() {
                    let mut other = text.clone();
                    other[at] ^= 0x80;
                    let other_text = arena.intern(&other).unwrap();
                    assert_eq!(arena.get(other_text), other);
                }
                let first = arena.intern(text).unwrap();
                let second = arena.intern(text).unwrap();
                assert_eq!(arena.get(second), text);
                assert_eq!(first == second, text.len() <= 16, "{text:?}");
            }
            arena.clear();
        }
    }

    #[test]
    fn gbk_text_is_read_where_it_is_not_utf8() {
        assert_eq!(to_utf8("中文".as_bytes()), "中文");
        assert_eq!(to_utf8(b"\xd6\xd0\xce\xc4"), "中文");
    }
}
