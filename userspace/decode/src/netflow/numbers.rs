//! Numbers and addresses of fixed length: nearly all that session records are made of.
//!
//! Here they are moved one column after the other, with whatever instructions there are; what
//! [`super::tiles`] does with vectors comes to the same.

use super::{
    nat_event::{CodeTable, Codes},
    plan::Slot,
    records::{Records, number},
};
use crate::{
    cells::{Cell, CellKind, Place},
    session::{Column, SessionTable},
};

/// A field that is moved into a column as it is, or as the event that its code stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// Where it is; as many bytes as a cell of the column has, or fewer (reduced-size encoding,
    /// RFC 7011 §6.2).
    pub slot: Slot,
    /// The column, among those of its type.
    pub place: Place,
    /// What the column holds.
    pub form: Form,
}

/// What a column holds of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// Codes and small numbers.
    U8,
    /// Codes of events, by this table.
    Event(&'static CodeTable),
    /// Ports.
    U16,
    /// IPv4 addresses, seconds, …
    U32,
    /// Counters.
    U64,
    /// IPv6 addresses.
    V6,
}

impl Number {
    /// A value for a column; `None` where it is not a number that fits there.
    pub fn value(column: Column, slot: Slot) -> Option<Number> {
        let form = match column.kind() {
            CellKind::U8 => Form::U8,
            CellKind::U16 => Form::U16,
            CellKind::U32 => Form::U32,
            CellKind::U64 => Form::U64,
            CellKind::V6 => Form::V6,
            CellKind::Text => return None,
        };
        let (width, bytes) = (column.width(), usize::from(slot.len));
        let fits = if form == Form::V6 { bytes == width } else { bytes <= width };
        fits.then_some(Number { slot, place: Place::of(column), form })
    }

    /// The code of an event.
    pub fn event(codes: Codes, slot: Slot) -> Option<Number> {
        let number = Number::value(Column::Event, slot)?;
        Some(Number { form: Form::Event(codes.table()), ..number })
    }

    /// Fills the column of the next rows, which fit, and tells whether a code of an event says more
    /// than the event.
    ///
    /// The widths that exporters really send are read as such; any shorter one byte by byte.
    #[inline]
    pub fn fill(&self, records: &Records<'_, '_>, table: &mut SessionTable) -> bool {
        let slot = self.slot;
        let (any, rows) = (|| records.field(slot).map(number), records.rows());
        match (self.form, slot.len) {
            (Form::U8, _) => {
                records.array(slot).fill(self.cells(rows, table), |[byte]: [u8; 1]| byte);
            }
            (Form::U16, 2) => records.array(slot).fill(self.cells(rows, table), u16::from_be_bytes),
            (Form::U16, _) => put(self.cells(rows, table), any().map(|number| number as u16)),
            (Form::U32, 4) => records.array(slot).fill(self.cells(rows, table), u32::from_be_bytes),
            (Form::U32, _) => put(self.cells(rows, table), any().map(|number| number as u32)),
            (Form::U64, 4) => {
                let read = |bytes| u64::from(u32::from_be_bytes(bytes));
                records.array(slot).fill(self.cells(rows, table), read);
            }
            (Form::U64, 8) => records.array(slot).fill(self.cells(rows, table), u64::from_be_bytes),
            (Form::U64, _) => put(self.cells(rows, table), any()),
            (Form::V6, _) => {
                records.array(slot).fill(self.cells(rows, table), |bytes: [u8; 16]| bytes);
            }
            (Form::Event(codes), _) => {
                let sent = records.array(slot);
                sent.fill(self.cells(rows, table), |[code]| codes.event(code));
                return sent.iter().any(|[code]| codes.keeps(code));
            }
        }
        false
    }

    fn cells<'t, T: Cell>(&self, rows: usize, table: &'t mut SessionTable) -> &'t mut [T] {
        table.vacant_rows(self.place, 0, rows)
    }
}

/// Fills the first cells of a column with values.
pub fn put<T>(cells: &mut [T], values: impl Iterator<Item = T>) {
    for (cell, value) in cells.iter_mut().zip(values) {
        *cell = value;
    }
}
