//! Which rows have an inside address or a user: lists of granules, each some consecutive rows.
//!
//! A term is a hash; its high bits choose a bucket. The directory has where each bucket is and how
//! long; a bucket has its terms in order, each as the low 16 bits of the hash, the length of its
//! list, and its list: how far each granule is behind the one before. What has the same bits has
//! the rows of both: who reads the rows sees which are meant.

use super::{
    pages,
    row::Terms,
    varint::{self, Bytes},
};
use hashbrown::HashMap;

/// Rows of a granule. Those of an inside address are often of one public address, so that of
/// larger granules a term needs fewer; what is read of the part are pages, which are larger still.
pub(super) const GRANULE_ROWS: u64 = 256;

/// Terms that a bucket has, about.
const BUCKET_TERMS: usize = 64;

/// Where a bucket is among the buckets, and how long with its checksum.
pub(super) type Place = [u8; 12];

/// The lists while a part is written.
#[derive(Debug, Default)]
pub(super) struct Postings {
    lists: HashMap<u64, List>,
    /// What the last row added.
    last: Terms,
    granule: u64,
    /// Terms of the granule, some more than once.
    terms: Vec<u64>,
}

#[derive(Debug, Default)]
struct List {
    /// The number behind the last granule.
    next: u64,
    gaps: Vec<u8>,
}

impl Postings {
    /// Adds the terms of a row; rows come in their order.
    pub fn add(&mut self, row: u64, terms: Terms) {
        let granule = row / GRANULE_ROWS;
        if granule != self.granule {
            self.end_granule();
            (self.granule, self.last) = (granule, Terms::default());
        }
        if terms != self.last {
            self.last = terms;
            self.terms.extend(terms.into_iter().flatten());
        }
    }

    /// The lists are all over the memory: looked for one after the other, the processor waits for
    /// several of them at once.
    fn end_granule(&mut self) {
        for term in self.terms.drain(..) {
            let list = self.lists.entry(term).or_default();
            if list.next <= self.granule {
                varint::put(&mut list.gaps, self.granule - list.next);
                list.next = self.granule + 1;
            }
        }
    }

    /// The buckets, and the directory's entries.
    pub fn finish(mut self) -> (Vec<u8>, Vec<Place>) {
        self.end_granule();
        let mut lists: Vec<_> = self.lists.into_iter().collect();
        lists.sort_unstable_by_key(|(term, _)| *term);
        let buckets = (lists.len() / BUCKET_TERMS).next_power_of_two();
        let mut lists = lists.into_iter().peekable();
        let (mut out, mut places) = (Vec::new(), Vec::new());
        for bucket in 0..buckets {
            let mut bytes = Vec::new();
            while let Some((term, list)) =
                lists.next_if(|(term, _)| bucket_of(*term, buckets) == bucket)
            {
                bytes.extend((term as u16).to_le_bytes());
                varint::put(&mut bytes, list.gaps.len() as u64);
                bytes.extend(list.gaps);
            }
            pages::seal(&mut bytes);
            places.push(place(out.len() as u64, bytes.len() as u32));
            out.extend(bytes);
        }
        (out, places)
    }
}

/// Which of the buckets, a power of two, has the term.
pub(super) const fn bucket_of(term: u64, buckets: usize) -> usize {
    if buckets <= 1 { 0 } else { (term >> (64 - buckets.trailing_zeros())) as usize }
}

fn place(offset: u64, len: u32) -> Place {
    let mut place = [0; 12];
    let (low, high) = place.split_at_mut(8);
    low.copy_from_slice(&offset.to_le_bytes());
    high.copy_from_slice(&len.to_le_bytes());
    place
}

/// Where a bucket is, from the directory's entry.
pub(super) fn read_place(entry: Place) -> Option<(u64, usize)> {
    let mut entry = Bytes(&entry);
    let offset = u64::from_le_bytes(entry.array()?);
    Some((offset, u32::from_le_bytes(entry.array()?) as usize))
}

/// The granules of a term in a bucket without its checksum; `None` if it is not as it was written.
pub(super) fn granules(bucket: &[u8], term: u64) -> Option<Vec<u64>> {
    let mut bytes = Bytes(bucket);
    let mut granules = Vec::new();
    while !bytes.0.is_empty() {
        let bits = u16::from_le_bytes(bytes.array()?);
        let len = usize::try_from(bytes.number()?).ok()?;
        let mut gaps = Bytes(bytes.take(len)?);
        if bits != term as u16 {
            continue;
        }
        let mut next: u64 = 0;
        while !gaps.0.is_empty() {
            let granule = next.checked_add(gaps.number()?)?;
            granules.push(granule);
            next = granule.checked_add(1)?;
        }
    }
    granules.sort_unstable();
    granules.dedup();
    Some(granules)
}
