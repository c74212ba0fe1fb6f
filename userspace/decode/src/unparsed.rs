//! Records of the family `unparsed`: what no decoder understood, kept with its reason.

use crate::{batch::Run, context::Context, reason::Reason, session::ColumnSet, text::Text};

/// One record of the family `unparsed`.
#[derive(Clone, Copy, Debug)]
pub struct Unparsed {
    /// Why it was not decoded.
    pub reason: Reason,
    /// The bytes, as received.
    pub raw: Text,
}

/// The unparsed records of a batch.
#[derive(Debug)]
pub struct UnparsedTable {
    rows: Vec<Unparsed>,
    runs: Vec<Run>,
}

impl UnparsedTable {
    /// The shortest part of a datagram that becomes an unparsed record of its own: a
    /// syslog line of one byte, and what ends it.
    pub const BYTES_PER_RECORD_MIN: usize = 2;

    /// An empty table for this many rows.
    pub fn new(capacity: usize) -> Self {
        Self { rows: Vec::with_capacity(capacity), runs: Vec::with_capacity(capacity) }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.runs.clear();
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Rows that still fit.
    pub fn room(&self) -> usize {
        self.rows.capacity() - self.rows.len()
    }

    /// Adds one record; `false`, and nothing added, when the table is full.
    pub fn push(&mut self, context: &Context, record: Unparsed) -> bool {
        if self.room() == 0 {
            return false;
        }
        let Ok(first_row) = u32::try_from(self.rows.len()) else { return false };
        self.rows.push(record);
        self.runs.push(Run { first_row, rows: 1, columns: ColumnSet::EMPTY, context: *context });
        true
    }

    /// The records, each with its context.
    pub fn iter(&self) -> impl Iterator<Item = (&Context, &Unparsed)> {
        self.runs.iter().map(|run| &run.context).zip(&self.rows)
    }
}
