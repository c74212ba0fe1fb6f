//! The memory of a table's columns: one block for the columns of each type of cell.
//!
//! So a column is found by two numbers, its type and its place among those of the type, and not by
//! a jump for each column; decoders that move a handful of rows spend their time on this.

use crate::{session::Column, simd::scatter::scatter, text::Text};
use std::{cell, ops::Range};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The type of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CellKind {
    /// Codes and small numbers.
    U8,
    /// Ports.
    U16,
    /// IPv4 addresses, seconds, …
    U32,
    /// Counters.
    U64,
    /// IPv6 addresses.
    V6,
    /// Text.
    Text,
}

/// Cells of a column, by their type.
#[derive(Debug)]
pub enum Cells<'a> {
    /// Codes and small numbers.
    U8(&'a mut [u8]),
    /// Ports.
    U16(&'a mut [u16]),
    /// IPv4 addresses, seconds, …
    U32(&'a mut [u32]),
    /// Counters.
    U64(&'a mut [u64]),
    /// IPv6 addresses.
    V6(&'a mut [[u8; 16]]),
    /// Text.
    Text(&'a mut [Text]),
}

/// A type of cells.
pub trait Cell: Copy + Default + IntoBytes + FromBytes + Immutable {
    /// Which it is.
    const KIND: CellKind;

    /// The columns of this type.
    fn block(columns: &Columns) -> &Block<Self>;

    /// The columns of this type.
    fn block_mut(columns: &mut Columns) -> &mut Block<Self>;
}

macro_rules! cells {
    ($($block:ident, $kind:ident: $type:ty;)*) => {
        /// The columns of a table.
        #[derive(Debug)]
        pub struct Columns { capacity: usize, $($block: Block<$type>,)* }

        impl Columns {
            /// Columns of so many cells.
            pub fn new(capacity: usize) -> Self {
                Self { capacity, $($block: Block::new(CellKind::$kind, capacity),)* }
            }

            /// The bytes of some rows of a column, in native order; none where it has not so many.
            pub fn bytes(&self, column: Column, rows: Range<usize>) -> &[u8] {
                match column.kind() {
                    $(CellKind::$kind => {
                        self.get::<$type>(column).get(rows).unwrap_or_default().as_bytes()
                    })*
                }
            }

            /// The same, to be written to.
            pub fn bytes_mut(&mut self, column: Column, rows: Range<usize>) -> &mut [u8] {
                match column.kind() {
                    $(CellKind::$kind => {
                        let cells = self.from_mut::<$type>(column, 0);
                        cells.get_mut(rows).unwrap_or_default().as_mut_bytes()
                    })*
                }
            }

            /// All columns from row `first` on.
            #[inline]
            pub fn vacant(&mut self, first: usize) -> Vacant<'_> {
                Vacant { $($block: self.$block.vacant(first),)* }
            }
        }

        /// The vacant rows of all columns, each of which can be written to while another one is.
        #[derive(Clone, Copy, Debug)]
        #[expect(missing_docs, reason = "the columns of a type")]
        pub struct Vacant<'a> { $(pub $block: VacantBlock<'a, $type>,)* }

        $(impl Cell for $type {
            const KIND: CellKind = CellKind::$kind;

            #[inline]
            fn block(columns: &Columns) -> &Block<Self> {
                &columns.$block
            }

            #[inline]
            fn block_mut(columns: &mut Columns) -> &mut Block<Self> {
                &mut columns.$block
            }
        })*
    };
}

cells! { u8s, U8: u8; u16s, U16: u16; u32s, U32: u32; u64s, U64: u64; v6s, V6: [u8; 16]; texts, Text: Text; }

impl Columns {
    /// Cells of a column.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// A column's cells; none where they are of another type.
    #[inline]
    pub fn get<T: Cell>(&self, column: Column) -> &[T] {
        let block = T::block(self);
        let first = usize::from(Place::of(column).0) * block.pitch;
        let cells = block.cells.get(first..first + self.capacity).unwrap_or_default();
        if column.kind() == T::KIND { cells } else { &[] }
    }

    /// The cells of a column from row `first` on; none where they are of another type.
    #[inline]
    pub fn from_mut<T: Cell>(&mut self, column: Column, first: usize) -> &mut [T] {
        let rows = self.capacity.saturating_sub(first);
        let rows = if column.kind() == T::KIND { rows } else { 0 };
        self.rows_mut(Place::of(column), first, rows)
    }

    /// Writes a cell, where the column is of its type and has the row.
    #[inline]
    pub fn put<T: Cell>(&mut self, column: Column, row: usize, value: T) {
        let block = T::block_mut(self);
        let at = usize::from(Place::of(column).0) * block.pitch + row;
        if let Some(cell) = block.cells.get_mut(at).filter(|_| column.kind() == T::KIND) {
            *cell = value;
        }
    }

    /// Writes cells of a row, of one type of columns; none where a column is of another type or
    /// has no such row.
    #[inline(always)]
    pub fn put_all<T: Cell, const N: usize>(
        &mut self,
        columns: [Column; N],
        row: usize,
        values: [T; N],
    ) {
        if columns.iter().all(|column| column.kind() == T::KIND) {
            let block = T::block_mut(self);
            let mut places = [0; N];
            for (place, column) in places.iter_mut().zip(columns) {
                *place = usize::from(Place::of(column).0);
            }
            scatter(&mut block.cells, row, block.pitch, places, values);
        }
    }

    /// Cells of the column in this place among those of the type, from row `first` on. The caller
    /// has seen that the column has so many: what is behind it is another column.
    #[inline]
    pub fn rows_mut<T: Cell>(&mut self, place: Place, first: usize, rows: usize) -> &mut [T] {
        T::block_mut(self).rows_mut(place, first, rows)
    }
}

/// The columns of one type, one behind the other.
#[derive(Debug)]
pub struct Block<T> {
    cells: Box<[T]>,
    /// Cells from the beginning of a column to that of the next.
    pitch: usize,
}

impl<T: Cell> Block<T> {
    /// Equal rows of columns that lie whole pages apart would contend for the same few lines of
    /// the cache: five lines more keep them apart. No row of a column is one behind its last, so
    /// that what is written there by mistake is nowhere.
    const STAGGER_BYTES: usize = 5 * 64;
    const PAGE_BYTES: usize = 4096;

    fn new(kind: CellKind, capacity: usize) -> Self {
        let columns = Column::ALL.iter().filter(|column| column.kind() == kind).count();
        let pages = (capacity * size_of::<T>()).next_multiple_of(Self::PAGE_BYTES);
        let pitch = (pages + Self::STAGGER_BYTES) / size_of::<T>();
        Self { cells: vec![T::default(); columns * pitch].into_boxed_slice(), pitch }
    }

    /// Cells of the column in this place among those of the type, from row `first` on; none where
    /// there are not so many.
    #[inline]
    fn rows_mut(&mut self, place: Place, first: usize, rows: usize) -> &mut [T] {
        let first = usize::from(place.0) * self.pitch + first;
        self.cells.get_mut(first..first + rows).unwrap_or_default()
    }

    #[inline]
    fn vacant(&mut self, first: usize) -> VacantBlock<'_, T> {
        let cells = self.cells.get_mut(first..).unwrap_or_default();
        VacantBlock { cells: cell::Cell::from_mut(cells).as_slice_of_cells(), pitch: self.pitch }
    }
}

/// The vacant rows of the columns of one type.
#[derive(Clone, Copy, Debug)]
pub struct VacantBlock<'a, T: Copy> {
    cells: &'a [cell::Cell<T>],
    pitch: usize,
}

impl<'a, T: Copy> VacantBlock<'a, T> {
    /// Cells of the column in this place, from the vacant row `first` on.
    #[inline(always)]
    pub fn rows<const N: usize>(
        self,
        place: Place,
        first: usize,
    ) -> Option<&'a [cell::Cell<T>; N]> {
        self.cells.get(usize::from(place.0) * self.pitch + first..)?.first_chunk()
    }
}

/// The place of a column among those of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u8);

impl Place {
    /// The place of a column.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "there is one for each column")]
    pub const fn of(column: Column) -> Place {
        Place(PLACES[column as usize])
    }
}

/// The place of each column among those of its type.
#[expect(clippy::indexing_slicing, reason = "worked out by the compiler")]
const PLACES: [u8; Column::ALL.len()] = {
    let mut places = [0; Column::ALL.len()];
    let mut at = 0;
    while at < places.len() {
        let mut before = 0;
        while before < at {
            places[at] += (Column::ALL[before].kind() as u8 == Column::ALL[at].kind() as u8) as u8;
            before += 1;
        }
        at += 1;
    }
    places
};
