//! Makes an index of the rows of a part, as they are written.

use super::{
    block,
    header::{Header, Summary},
    key::Key,
    pages,
    postings::Postings,
    row::{Columns, Row},
};
use crate::{error::StoreError, schema::Family};
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use std::io::{self, Write};

/// A block's first key, where it is behind the header, and its length with its checksum.
pub(super) type Fence = [u8; Key::BYTES + 8 + 4];

/// Takes the rows of one part in their order. It has the index in memory, two or three bytes a row,
/// and the rows of one block.
#[derive(Debug)]
pub struct Builder {
    summary: Summary,
    rows: Vec<Row>,
    last: Option<Key>,
    blocks: Vec<u8>,
    fences: Vec<Fence>,
    postings: Postings,
}

impl Builder {
    /// For a part of this family; `None` if the family has no index.
    pub fn new(family: Family) -> Option<Self> {
        (!super::columns(family).is_empty()).then(|| Self {
            summary: Summary::new(family),
            rows: Vec::with_capacity(block::ROWS),
            last: None,
            blocks: Vec::new(),
            fences: Vec::new(),
            postings: Postings::default(),
        })
    }

    /// Adds the next rows of the part, with the columns of [`columns`](super::columns).
    ///
    /// # Errors
    /// If a column is missing or of another type, or the rows are not in the order of trace: by
    /// public address (IPv4, IPv6, none) and public or first port (absent as 0).
    pub fn push(&mut self, rows: &RecordBatch) -> Result<(), StoreError> {
        let columns = Columns::of(self.summary.family, rows)?;
        for index in 0..rows.num_rows() {
            let (row, terms) = columns.row(index);
            if self.last > Some(row.key) {
                return Err(out_of_order().into());
            }
            self.last = Some(row.key);
            self.postings.add(self.summary.rows, terms);
            self.summary.add(&row);
            self.rows.push(row);
            if self.rows.len() == block::ROWS {
                self.end_block();
            }
        }
        Ok(())
    }

    fn end_block(&mut self) {
        let Some(first) = self.rows.first() else { return };
        let mut block = Vec::with_capacity(4 * self.rows.len());
        block::encode(&self.rows, &mut block);
        pages::seal(&mut block);
        self.fences.push(fence(first.key, self.blocks.len() as u64, block.len() as u32));
        self.blocks.extend(block);
        self.rows.clear();
    }

    /// Writes the index. The caller syncs the file and gives it its name before the part has its.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(mut self, file: &mut impl Write) -> io::Result<()> {
        self.end_block();
        let (buckets, places) = self.postings.finish();
        let fences = pages::write(&self.fences);
        let directory = pages::write(&places);
        let header = Header {
            summary: self.summary,
            blocks_len: self.blocks.len() as u64,
            pages: [&fences, &directory].map(|bytes| (bytes.len() / pages::PAGE) as u64),
            buckets: places.len() as u64,
            buckets_len: buckets.len() as u64,
        };
        file.write_all(&header.to_bytes())?;
        [self.blocks, fences, directory, buckets].iter().try_for_each(|part| file.write_all(part))
    }
}

fn fence(key: Key, offset: u64, len: u32) -> Fence {
    let mut fence = [0; Key::BYTES + 8 + 4];
    let parts = key.to_bytes().into_iter().chain(offset.to_le_bytes()).chain(len.to_le_bytes());
    fence.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
    fence
}

fn out_of_order() -> ArrowError {
    ArrowError::InvalidArgumentError("the rows are not in the order of trace".to_owned())
}
