//! Records of a family that come one at a time: rows, each with its context.
//!
//! Sessions come by the million and in runs that share a context; they have a table of columns
//! ([`crate::session`]). All other families are rows of a struct.

use crate::{
    context::Context,
    contexts::{Contexts, Stamp},
};

/// The records of one family in a batch. Nothing here allocates after [`Rows::new`].
#[derive(Debug)]
pub struct Rows<R> {
    rows: Vec<R>,
    stamps: Vec<Stamp>,
    contexts: Contexts,
}

impl<R> Rows<R> {
    /// An empty table for this many rows.
    pub fn new(capacity: usize) -> Self {
        Self {
            rows: Vec::with_capacity(capacity),
            stamps: Vec::with_capacity(capacity),
            contexts: Contexts::new(capacity),
        }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.stamps.clear();
        self.contexts.clear();
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Rows that still fit.
    pub fn room(&self) -> usize {
        let capacity = self.rows.capacity().min(self.stamps.capacity());
        capacity.saturating_sub(self.rows.len())
    }

    /// Adds one record; `false`, and nothing added, when the table is full.
    pub fn push(&mut self, context: &Context, row: R) -> bool {
        if self.room() == 0 {
            return false;
        }
        let Some(stamp) = self.contexts.pack(context) else { return false };
        self.rows.push(row);
        self.stamps.push(stamp);
        true
    }

    /// The records, each with its context.
    pub fn iter(&self) -> impl Iterator<Item = (Context, &R)> {
        let contexts = self.stamps.iter().filter_map(|stamp| self.contexts.get(*stamp));
        contexts.zip(&self.rows)
    }
}
