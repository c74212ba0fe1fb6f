//! Reads an index by few, small, positioned reads: the header, a page of fences or two, a block.

use super::{
    block::{self, Block, Entry},
    builder::Fence,
    header::{self, Header, Summary},
    key::Key,
    pages::{self, PAGE, per_page},
    postings::{self, GRANULE_ROWS, Place},
    varint::Bytes,
};
use crate::{error::StoreError, files};
use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// The largest block or bucket that is believed in: a damaged length shall not fill the memory.
const LEN_MAX: usize = 64 << 20;

/// The index of a part.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    file: File,
    header: Header,
}

impl Index {
    /// Opens the index of a part, by the path of the part; `None` if it has none.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn open(part: &Path) -> Result<Option<Self>, StoreError> {
        let path = part.with_extension(super::EXTENSION);
        let Some(file) = files::open(&path)? else { return Ok(None) };
        let bytes = read(&file, &path, 0, header::LEN)?;
        let header = Header::read(&bytes);
        let header = header.map_err(|fault| StoreError::Index { path: path.clone(), fault })?;
        Ok(Some(Self { path, file, header }))
    }

    /// What the rows have in common.
    pub fn summary(&self) -> &Summary {
        &self.header.summary
    }

    /// What is known of the rows whose keys are between these two, both included.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn rows_of(&self, keys: [Key; 2]) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        let [first, last] = keys;
        for number in self.first_block(first)?..self.header.block_count() {
            let fence = self.fence(number)?;
            if fence.key > last {
                break;
            }
            let bytes = self.block(&fence)?;
            let block = self.sound(Block::parse(&bytes, number * block::ROWS as u64))?;
            let rows = self.sound(block.rows_of(keys))?;
            found.extend(self.sound(block.entries(rows))?);
        }
        Ok(found)
    }

    /// What is known of the rows among which those of a term are, see
    /// [`address_term`](super::address_term) and [`user_term`](super::user_term); others are among
    /// them as well.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn rows_with(&self, term: u64) -> Result<Vec<Entry>, StoreError> {
        const GRANULES: u64 = block::ROWS as u64 / GRANULE_ROWS;
        let granules = self.granules(term)?;
        let mut found = Vec::new();
        for granules in granules.chunk_by(|a, b| a / GRANULES == b / GRANULES) {
            let Some(number) = granules.first().map(|granule| granule / GRANULES) else { continue };
            let first_row = number * block::ROWS as u64;
            let bytes = self.block(&self.fence(number)?)?;
            let block = self.sound(Block::parse(&bytes, first_row))?;
            let rows = (self.header.summary.rows.saturating_sub(first_row)).min(block::ROWS as u64);
            for granule in granules {
                let first = granule * GRANULE_ROWS - first_row;
                let rows = first as usize..(first + GRANULE_ROWS).min(rows) as usize;
                found.extend(self.sound(block.entries(rows))?);
            }
        }
        Ok(found)
    }

    fn granules(&self, term: u64) -> Result<Vec<u64>, StoreError> {
        let buckets = usize::try_from(self.header.buckets).unwrap_or(0);
        let number = postings::bucket_of(term, buckets);
        if number >= buckets {
            return Ok(Vec::new());
        }
        let place: Place = self.entry(self.header.directory_at(), number as u64)?;
        let (offset, len) = self.sound(postings::read_place(place))?;
        let bucket = self.sealed(self.header.buckets_at().saturating_add(offset), len)?;
        let bucket = self.sound(pages::unseal(&bucket))?;
        self.sound(postings::granules(bucket, term))
    }

    /// The first block that may have a row with the key: the one before the first block that begins
    /// with the key or one above.
    fn first_block(&self, key: Key) -> Result<u64, StoreError> {
        let in_page = per_page(size_of::<Fence>()) as u64;
        let count = self.header.block_count();
        let mut range = 0..count;
        while !range.is_empty() {
            // The pages are in order, and so are the fences of each.
            let page = (range.start + (range.end - range.start) / 2) / in_page;
            let fences = self.fences(page, count)?;
            let below = fences.partition_point(|fence| fence.key < key) as u64;
            let first = page * in_page;
            if below == 0 {
                range.end = first.max(range.start);
            } else if below == fences.len() as u64 {
                range.start = (first + below).min(range.end);
            } else {
                return Ok(first + below - 1);
            }
        }
        Ok(range.start.saturating_sub(1))
    }

    fn fences(&self, page: u64, count: u64) -> Result<Vec<FenceAt>, StoreError> {
        let in_page = per_page(size_of::<Fence>());
        let bytes = self.page(self.header.fences_at(), page)?;
        let rest = usize::try_from(count.saturating_sub(page * in_page as u64)).unwrap_or(in_page);
        let fences = bytes.as_chunks().0.iter().take(in_page.min(rest));
        fences.map(|fence| self.sound(FenceAt::read(fence))).collect()
    }

    fn fence(&self, number: u64) -> Result<FenceAt, StoreError> {
        let fence: Fence = self.entry(self.header.fences_at(), number)?;
        self.sound(FenceAt::read(&fence))
    }

    fn block(&self, fence: &FenceAt) -> Result<Vec<u8>, StoreError> {
        let mut bytes =
            self.sealed(self.header.blocks_at().saturating_add(fence.offset), fence.len)?;
        let len = self.sound(pages::unseal(&bytes).map(<[u8]>::len))?;
        bytes.truncate(len);
        Ok(bytes)
    }

    fn entry<const N: usize>(&self, section: u64, number: u64) -> Result<[u8; N], StoreError> {
        let in_page = per_page(N) as u64;
        let bytes = self.page(section, number / in_page)?;
        let entry = bytes.as_chunks().0.get((number % in_page) as usize).copied();
        self.sound(entry)
    }

    /// A page without its checksum.
    fn page(&self, section: u64, number: u64) -> Result<Vec<u8>, StoreError> {
        let offset = section.saturating_add(number.saturating_mul(PAGE as u64));
        let mut bytes = self.sealed(offset, PAGE)?;
        let len = self.sound(pages::unseal(&bytes).map(<[u8]>::len))?;
        bytes.truncate(len);
        Ok(bytes)
    }

    fn sealed(&self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.sound((len <= LEN_MAX).then_some(()))?;
        read(&self.file, &self.path, offset, len)
    }

    fn sound<T>(&self, part: Option<T>) -> Result<T, StoreError> {
        let fault = "is damaged: what it has of the rows differs from its checksum or form";
        part.ok_or_else(|| StoreError::Index { path: self.path.clone(), fault })
    }
}

struct FenceAt {
    key: Key,
    offset: u64,
    len: usize,
}

impl FenceAt {
    fn read(fence: &Fence) -> Option<Self> {
        let mut bytes = Bytes(fence);
        Some(Self {
            key: Key::from_bytes(bytes.array()?)?,
            offset: u64::from_le_bytes(bytes.array()?),
            len: u32::from_le_bytes(bytes.array()?) as usize,
        })
    }
}

fn read(file: &File, path: &Path, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, offset).map_err(|e| StoreError::io("read", path, e))?;
    Ok(bytes)
}
