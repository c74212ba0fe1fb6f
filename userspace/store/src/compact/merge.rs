//! The rows of several sorted parts in one order.

use super::{Plan, cursor::Cursor, exchange::Staged};
use crate::{
    error::StoreError,
    incoming::Incoming,
    layout::Layout,
    nulls::{is_null, nulls},
    seal::{Beside, NewPart, order::Place},
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::interleave::interleave;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};

/// Rows that are merged and written at a time.
const CHUNK_ROWS: usize = 64 * 1024;

/// Bytes that are written at a time: an array has room for 2 GiB of text or datagrams.
const CHUNK_BYTES: usize = 256 << 20;

/// A merge that goes on step by step: between two steps there is time for other work, or for a
/// rest. One that is dropped leaves everything as it was.
pub struct Merge<'a> {
    plan: Plan,
    incoming: &'a Incoming,
    stem: String,
    part: NewPart<'a>,
    cursors: Vec<Cursor>,
    /// Those that have rows, the one whose row is next on top; equal rows in the order of the parts.
    heads: BinaryHeap<Reverse<(Place, usize)>>,
    rows: u64,
}

impl<'a> Merge<'a> {
    /// Opens the parts, and creates the file that they become.
    ///
    /// # Errors
    /// If a part cannot be read or the file cannot be created.
    pub fn start(
        plan: Plan,
        incoming: &'a Incoming,
        layout: Layout,
        beside: &mut dyn Beside,
    ) -> Result<Self, StoreError> {
        let mut cursors = Vec::with_capacity(plan.parts.len());
        for part in &plan.parts {
            cursors.extend(Cursor::open(&part.path, plan.family)?);
        }
        // No name comes twice: who still opens a part that was merged must not find another one.
        let stem = format!("compacted-{:016x}", RandomState::new().build_hasher().finish());
        let heads = cursors.iter().enumerate();
        let heads = heads.map(|(index, cursor)| Reverse((cursor.place(), index))).collect();
        let part = NewPart::create(incoming, (plan.family, stem.clone()), layout, beside)?;
        Ok(Self { plan, incoming, stem, part, cursors, heads, rows: 0 })
    }

    /// Merges the next rows, some ten thousand of them; `false` when there were no more.
    ///
    /// # Errors
    /// If a part cannot be read or the file cannot be written: the merge is then to be dropped.
    pub fn step(&mut self, beside: &mut dyn Beside) -> Result<bool, StoreError> {
        let chunk = self.next_rows()?;
        if chunk.num_rows() == 0 {
            return Ok(false);
        }
        self.rows += chunk.num_rows() as u64;
        self.part.write(&chunk, beside)?;
        Ok(true)
    }

    /// Bytes of the new file so far: about as many were read.
    pub fn bytes(&self) -> u64 {
        self.part.bytes()
    }

    /// Completes the new part and waits until it is on disk. It has not got its final name.
    ///
    /// # Errors
    /// If the file system refuses, or not all rows were merged.
    pub fn finish(self, beside: &mut dyn Beside) -> Result<Staged<'a>, StoreError> {
        let Self { plan, incoming, stem, part, rows, .. } = self;
        Staged::new(plan, incoming, stem, rows, part.finish(beside)?)
    }

    /// The next rows in their order, at most [`CHUNK_ROWS`], and about [`CHUNK_BYTES`].
    fn next_rows(&mut self) -> Result<RecordBatch, StoreError> {
        let schema = self.plan.family.batch_schema();
        let mut batches: Vec<RecordBatch> =
            self.cursors.iter().map(|cursor| cursor.batch().clone()).collect();
        // Which of the batches has the rows of which cursor.
        let mut current: Vec<usize> = (0..batches.len()).collect();
        let mut rows: Vec<(usize, usize)> = Vec::with_capacity(CHUNK_ROWS);
        let mut bytes = 0;
        while rows.len() < CHUNK_ROWS && bytes < CHUNK_BYTES {
            let Some(mut head) = self.heads.peek_mut() else { break };
            let index = head.0.1;
            let (Some(cursor), Some(batch)) = (self.cursors.get_mut(index), current.get_mut(index))
            else {
                break;
            };
            rows.push((*batch, cursor.row()));
            bytes += cursor.row_bytes();
            if !cursor.advance() {
                if !cursor.next_batch()? {
                    PeekMut::pop(head);
                    continue;
                }
                *batch = batches.len();
                batches.push(cursor.batch().clone());
            }
            head.0.0 = cursor.place();
        }
        Ok(gather(&schema, &batches, &rows)?)
    }
}

/// These rows of these batches, as (batch, row).
fn gather(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    rows: &[(usize, usize)],
) -> Result<RecordBatch, ArrowError> {
    let column = |index: usize| -> Result<ArrayRef, ArrowError> {
        let arrays: Vec<&dyn Array> =
            batches.iter().map(|batch| batch.column(index).as_ref()).collect();
        // Most columns are of other formats than these rows are.
        if arrays.iter().all(|array| is_null(*array)) {
            return Ok(nulls(schema.field(index).data_type(), rows.len()));
        }
        interleave(&arrays, rows)
    };
    let columns = (0..schema.fields().len()).map(column).collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}
