//! Records of a family that come one at a time: rows, each with its context.
//!
//! Sessions come by the million and in runs that share a context; they have a table of columns
//! ([`crate::session`]). All other families are rows of a struct.

use crate::context::Context;

/// The records of one family in a batch. Nothing here allocates after [`Rows::new`].
#[derive(Debug)]
pub struct Rows<R> {
    rows: Vec<R>,
    contexts: Vec<Context>,
}

impl<R> Rows<R> {
    /// An empty table for this many rows.
    pub fn new(capacity: usize) -> Self {
        Self { rows: Vec::with_capacity(capacity), contexts: Vec::with_capacity(capacity) }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.contexts.clear();
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Rows that still fit.
    pub fn room(&self) -> usize {
        let capacity = self.rows.capacity().min(self.contexts.capacity());
        capacity.saturating_sub(self.rows.len())
    }

    /// Adds one record; `false`, and nothing added, when the table is full.
    pub fn push(&mut self, context: &Context, row: R) -> bool {
        if self.room() == 0 {
            return false;
        }
        self.rows.push(row);
        self.contexts.push(*context);
        true
    }

    /// The records, each with its context.
    pub fn iter(&self) -> impl Iterator<Item = (&Context, &R)> {
        self.contexts.iter().zip(&self.rows)
    }
}
