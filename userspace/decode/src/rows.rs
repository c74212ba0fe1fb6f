//! Records of a family that come one at a time: rows, each with its context.
//!
//! Sessions come by the million and in runs that share a context; they have a table of columns
//! ([`crate::session`]). All other families are rows of a struct.

use crate::{
    context::{Context, UnixNanos},
    contexts::{Contexts, Stamp},
    image::{ImageError, Pieces, Source},
    text::Text,
};
use serde::{Serialize, de::DeserializeOwned};

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

    /// The records, to be changed.
    pub(crate) fn rows_mut(&mut self) -> &mut [R] {
        &mut self.rows
    }

    /// All texts that the records name, of which `of` gives their own.
    pub(crate) fn texts<const N: usize>(
        &self,
        of: fn(&R) -> [Text; N],
    ) -> impl Iterator<Item = Text> {
        self.contexts.texts().chain(self.rows.iter().flat_map(of))
    }

    /// When the datagrams of the records arrived, in their order.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = UnixNanos> {
        self.stamps.iter().map(Stamp::received_at)
    }
}

impl<R: Serialize + DeserializeOwned> Rows<R> {
    /// Adds the records to an image.
    pub(crate) fn image<'a>(&'a self, into: &mut Pieces<'a>) -> Result<(), ImageError> {
        self.contexts.image(into)?;
        into.pack_all(&self.rows)?;
        into.plain(&self.stamps);
        Ok(())
    }

    /// Reads them back into a table that is empty.
    pub(crate) fn restore(&mut self, from: &mut Source<'_>) -> Result<(), ImageError> {
        self.contexts.restore(from)?;
        let Self { rows, stamps, contexts } = self;
        from.unpack_all(|row| {
            let fits = rows.len() < rows.capacity();
            if fits {
                rows.push(row);
            }
            fits
        })?;
        from.plain(stamps, rows.len())?;
        if stamps.iter().all(|stamp| contexts.has(*stamp)) {
            Ok(())
        } else {
            Err(ImageError::Damaged)
        }
    }
}
