//! The same bytes of every record: what a column is made of.
#![expect(unsafe_code, reason = "a check for each cell would cost as much as the cell does")]

use std::marker::PhantomData;

/// Records that follow each other at equal distances.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    body: &'a [u8],
    stride: usize,
    rows: usize,
}

impl<'a> Grid<'a> {
    /// As many records as there are in a body, from the beginning of one to that of the next
    /// `stride` bytes. There are none where that is 0.
    #[inline]
    pub fn new(body: &'a [u8], stride: usize) -> Self {
        Self { body, stride, rows: body.len().checked_div(stride).unwrap_or(0) }
    }

    /// Number of records.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes from the beginning of a record to that of the next.
    #[inline]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// All bytes, also those behind the last record.
    #[inline]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The bytes from `start` on of each record; of none, where they are not all in the record.
    #[inline]
    pub fn strided<const N: usize>(&self, start: u16) -> Strided<'a, N> {
        let start = usize::from(start);
        let rows = if start + N <= self.stride { self.rows } else { 0 };
        let first = self.body.as_ptr().wrapping_add(start);
        Strided { first, stride: self.stride, rows, body: PhantomData }
    }
}

/// `N` bytes at the same place of each record of a [`Grid`].
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a, const N: usize> {
    /// Where the bytes of the first record are.
    first: *const u8,
    stride: usize,
    /// `first + row * stride` is followed by `N` bytes of the body, for each row below this: they
    /// are in a record, and all records are in the body.
    rows: usize,
    body: PhantomData<&'a [u8]>,
}

impl<'a, const N: usize> Strided<'a, N> {
    /// Number of records.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes from those of a record to those of the next.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Where the bytes of a record are, which must not be looked at where there is no such row.
    #[inline]
    pub(super) fn at(&self, row: usize) -> *const u8 {
        self.first.wrapping_add(row * self.stride)
    }

    /// The bytes of each record.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = [u8; N]> + Clone + use<'a, N> {
        let strided = *self;
        (0..self.rows).map(move |row| {
            // SAFETY: these bytes are in the body, which is borrowed for `'a`.
            unsafe { strided.at(row).cast::<[u8; N]>().read_unaligned() }
        })
    }

    /// Fills the first cells of a column, as many as there are records or as fit, with what `read`
    /// makes of the bytes.
    #[inline(always)]
    pub fn fill<T>(&self, cells: &mut [T], read: impl Fn([u8; N]) -> T) {
        let rows = self.rows.min(cells.len());
        let (groups, rest) = cells.get_mut(..rows).unwrap_or_default().as_chunks_mut::<4>();
        let mut at = self.first;
        for group in groups {
            // Without a branch between them: the compiler does not unroll by itself.
            for cell in group {
                // SAFETY: the cells are no more than the rows, whose bytes are in the body, and `at`
                // is that of this cell's row.
                *cell = read(unsafe { at.cast::<[u8; N]>().read_unaligned() });
                at = at.wrapping_add(self.stride);
            }
        }
        for cell in rest {
            // SAFETY: as above.
            *cell = read(unsafe { at.cast::<[u8; N]>().read_unaligned() });
            at = at.wrapping_add(self.stride);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_bytes_of_every_record_and_none_behind_it() {
        let body: Vec<u8> = (0..60).collect();
        for (stride, start) in [(6, 0), (6, 4), (60, 58), (7, 1), (2, 0), (31, 5)] {
            let strided = Grid::new(&body, stride).strided::<2>(start);
            let start = usize::from(start);
            let rows = 60 / stride;
            let expected: Vec<_> = (0..rows)
                .map(|row| [body[row * stride + start], body[row * stride + start + 1]])
                .collect();
            assert!(strided.iter().eq(expected.iter().copied()));
            for len in 0..12 {
                let mut cells = vec![[99; 2]; len];
                strided.fill(&mut cells, |bytes| bytes);
                let filled = rows.min(len);
                assert_eq!(cells[..filled], expected[..filled]);
                assert!(cells[filled..].iter().all(|cell| *cell == [99; 2]));
            }
        }
        for (stride, start) in [(6, 5), (61, 0), (0, 0), (1, u16::MAX), (usize::MAX, 0)] {
            assert_eq!(Grid::new(&body, stride).strided::<2>(start).rows(), 0);
        }
        assert_eq!(Grid::new(&[], 4).strided::<2>(0).rows(), 0);
    }
}
