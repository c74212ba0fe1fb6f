//! The records of a set, and where their fields are.

use super::{
    plan::{Plan, Slot},
    template::{Length, VARIABLE_LENGTH},
};
use crate::simd::strided::{Grid, Strided};

/// Where a field is in a record of variable length: start and length in bytes.
pub type Span = (u16, u16);

/// Records of a set: any number of fixed length, or one of variable length.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a, 's> {
    grid: Grid<'a>,
    /// Bytes that stand before each record.
    head: u16,
    /// Where the fields are, where they are not where their slots say.
    spans: &'s [Span],
}

impl<'a, 's> Records<'a, 's> {
    /// As many records of a length as there are in a body.
    pub fn of_length(body: &'a [u8], len: usize) -> Self {
        Self::behind_heads(body, 0, len)
    }

    /// Records of which each stands behind a head of so many bytes.
    pub fn behind_heads(body: &'a [u8], head: u16, stride: usize) -> Self {
        Self { grid: Grid::new(body, stride), head, spans: &[] }
    }

    /// One record of variable length, with the places of its fields.
    pub fn walked(record: &'a [u8], spans: &'s [Span]) -> Self {
        Self { spans, ..Self::of_length(record, record.len()) }
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        self.grid.rows()
    }

    /// Bytes from the beginning of a record to that of the next.
    pub fn stride(&self) -> usize {
        self.grid.stride()
    }

    /// What is behind the last of them.
    pub fn rest(&self) -> &'a [u8] {
        self.grid.body().get(self.rows() * self.stride()..).unwrap_or_default()
    }

    fn bodies(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.grid.body().chunks_exact(self.stride().max(1))
    }

    /// Each record alone.
    pub fn each(&self) -> impl Iterator<Item = Self> {
        let records = *self;
        self.bodies().map(move |body| Records { grid: Grid::new(body, body.len()), ..records })
    }

    #[inline]
    fn place(&self, slot: Slot) -> Span {
        let (start, len) = match self.spans.get(usize::from(slot.field)) {
            Some(span) => *span,
            None => (slot.offset, slot.len),
        };
        (start.saturating_add(self.head), len)
    }

    /// The same field of every record.
    pub fn field(&self, slot: Slot) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let (start, len) = self.place(slot);
        let (start, len) = (usize::from(start), usize::from(len));
        self.bodies().map(move |record| record.get(start..start + len).unwrap_or_default())
    }

    /// The field of the first record.
    pub fn first(&self, slot: Slot) -> &'a [u8] {
        let (start, len) = self.place(slot);
        let (start, len) = (usize::from(start), usize::from(len));
        self.grid.body().get(start..start + len).unwrap_or_default()
    }

    /// The same field of every record, of a length that the plan has checked and the compiler
    /// knows. Without vector instructions, decoding spends its time here.
    #[inline]
    pub fn array<const N: usize>(&self, slot: Slot) -> Strided<'a, N> {
        self.grid.strided(self.place(slot).0)
    }

    /// Bytes from an offset on of every record of fixed length.
    #[inline]
    pub fn window<const N: usize>(&self, offset: u16) -> Strided<'a, N> {
        self.grid.strided(offset.saturating_add(self.head))
    }
}

/// The next record alone, and what is behind it; `None` where no whole one is left.
pub fn next_record<'a, 's>(
    plan: &Plan,
    body: &'a [u8],
    spans: &'s mut Vec<Span>,
) -> Option<(Records<'a, 's>, &'a [u8])> {
    spans.clear();
    let record_len = match plan.length {
        Length::Fixed(len) => usize::from(len),
        Length::Variable(_) => walk(&plan.field_lens, body, spans)?,
    };
    let (record, rest) = body.split_at_checked(record_len)?;
    Some((Records::walked(record, spans), rest))
}

/// Finds the fields of a record of variable length, and tells how long it is. The length of a
/// field stands before it: a byte, or 255 and two bytes (RFC 7011 §7).
fn walk(field_lens: &[u16], body: &[u8], spans: &mut Vec<Span>) -> Option<usize> {
    let mut at = 0u16;
    for len in field_lens {
        let mut len = *len;
        if len == VARIABLE_LENGTH {
            len = u16::from(*body.get(usize::from(at))?);
            at = at.checked_add(1)?;
            if len == 255 {
                let long = body.get(usize::from(at)..)?.first_chunk()?;
                len = u16::from_be_bytes(*long);
                at = at.checked_add(2)?;
            }
        }
        spans.push((at, len));
        at = at.checked_add(len)?;
    }
    let len = usize::from(at);
    (len <= body.len()).then_some(len)
}

/// A big-endian number of up to 8 bytes.
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Text without the zero bytes that fill it up.
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_ends_where_the_record_does() {
        let mut spans = Vec::new();
        let record = [1, 2, 3, b'a', b'b', b'c', 255, 0, 1, b'd', 0];
        let lens = [2, VARIABLE_LENGTH, VARIABLE_LENGTH, VARIABLE_LENGTH];
        assert_eq!(walk(&lens, &record, &mut spans), Some(record.len()));
        assert_eq!(spans, [(0, 2), (3, 3), (9, 1), (11, 0)]);
        for len in 0..record.len() {
            assert_eq!(walk(&lens, &record[..len], &mut Vec::new()), None);
        }
    }
}
