//! A plan: what a template says about its records, worked out once, so that data is only moved.

use super::{
    profile::{Meaning, Profile},
    template::{Field, TemplateRecord},
};
use crate::{
    context::Format,
    reason::Reason,
    session::{Column, ColumnSet, Event},
};

/// How a move reads its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A big-endian number of the move's length, or the 16 bytes of an IPv6 address.
    Value,
    /// A natEvent code.
    NatEvent,
    /// Milliseconds since 1970: the whole seconds go to the move's column, the rest to this one.
    Milliseconds(Column),
    /// Milliseconds of the exporter's uptime; columns as above.
    UptimeMilliseconds(Column),
}

/// One field of every record into one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The column that is filled.
    pub column: Column,
    /// How the bytes are read.
    pub read: Read,
    /// Offset of the field in the record, in bytes.
    pub offset: u16,
    /// Length of the field, in bytes.
    pub len: u16,
}

/// A field that has no column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtraField {
    /// The information element.
    pub element: u16,
    /// Offset of the field in the record, in bytes.
    pub offset: u16,
    /// Length of the field, in bytes; never 0.
    pub len: u16,
}

/// A compiled template.
#[derive(Debug)]
pub struct Plan {
    /// What its records are called.
    pub format: Format,
    /// How its natEvent codes are read.
    pub profile: Profile,
    /// Length of a record in bytes; never 0.
    pub record_len: u16,
    /// Options data: describes the exporter, makes no session records.
    pub options: bool,
    /// The columns that it fills.
    pub columns: ColumnSet,
    /// The event of every record, where the record itself has none.
    pub constant_event: Option<Event>,
    /// The moves, by column.
    pub moves: Box<[Move]>,
    /// Fields for `extra`.
    pub extras: Box<[ExtraField]>,
}

impl Plan {
    /// Compiles a template.
    pub fn compile(
        template: &TemplateRecord<'_>,
        profile: Profile,
        fields_max: usize,
    ) -> Result<Plan, Reason> {
        let record_len = template.record_len(fields_max)?;
        let mut plan = Compiler::default();
        let mut offset = 0u16;
        for field in template.fields().filter(|_| !template.options) {
            plan.add(field, offset, profile);
            offset = offset.saturating_add(field.len);
        }
        let constant_event = (!plan.columns.has(Column::Event)).then_some(Event::Flow);
        if constant_event.is_some() {
            plan.columns = plan.columns.with(Column::Event);
        }
        Ok(Plan {
            format: profile.format(),
            profile,
            record_len,
            options: template.options,
            columns: plan.columns,
            constant_event,
            moves: plan.moves.into_boxed_slice(),
            extras: plan.extras.into_boxed_slice(),
        })
    }

    /// Heap bytes that the plan takes.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.moves) + size_of_val(&*self.extras)
    }
}

#[derive(Default)]
struct Compiler {
    columns: ColumnSet,
    moves: Vec<Move>,
    extras: Vec<ExtraField>,
}

impl Compiler {
    fn add(&mut self, field: Field, offset: u16, profile: Profile) {
        if field.len == 0 {
            return;
        }
        let moved = match profile.meaning(field.element) {
            Meaning::Value(column) => self.value(column, field.len, offset),
            Meaning::NatEvent => {
                let fits = field.len == 1;
                // Where the numbering is not known for sure, the code itself is kept as well.
                self.one(Column::Event, Read::NatEvent, fits, field.len, offset)
                    && profile != Profile::Iana
            }
            Meaning::Seconds(column) => {
                self.one(column, Read::Value, field.len <= 4, field.len, offset)
            }
            Meaning::Milliseconds(column, rest) => {
                self.pair(column, rest, Read::Milliseconds(rest), field.len == 8, field.len, offset)
            }
            Meaning::UptimeMilliseconds(column, rest) => {
                let read = Read::UptimeMilliseconds(rest);
                self.pair(column, rest, read, field.len == 4, field.len, offset)
            }
            Meaning::Extra => false,
        };
        if !moved {
            self.extra(field, offset);
        }
    }

    /// A plain value: as many bytes as the column holds, or fewer (reduced-size encoding).
    fn value(&mut self, column: Column, len: u16, offset: u16) -> bool {
        let (width, bytes) = (column.width(), usize::from(len));
        let fits = if width == 16 { bytes == 16 } else { bytes <= width };
        self.one(column, Read::Value, fits, len, offset)
    }

    fn one(&mut self, column: Column, read: Read, fits: bool, len: u16, offset: u16) -> bool {
        // The first of two fields for one column counts; the other is kept in `extra`.
        if !fits || self.columns.has(column) {
            return false;
        }
        self.columns = self.columns.with(column);
        self.moves.push(Move { column, read, offset, len });
        true
    }

    fn pair(
        &mut self,
        column: Column,
        rest: Column,
        read: Read,
        fits: bool,
        len: u16,
        offset: u16,
    ) -> bool {
        let moved = self.one(column, read, fits, len, offset);
        if moved {
            self.columns = self.columns.with(rest);
        }
        moved
    }

    fn extra(&mut self, field: Field, offset: u16) {
        self.extras.push(ExtraField { element: field.element, offset, len: field.len });
    }
}
