//! A segment of the journal: its name, its header, and the room that all segments take.

use crate::{error::StoreError, incoming::sync_directory};
use logweir_decode::context::UnixNanos;
use std::{
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use xxhash_rust::xxh3::xxh3_64;

/// Which segment it is. No other one was or will be called the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId {
    /// Of the process that wrote it.
    pub tag: u64,
    /// Of this process's segments, from 0 on.
    pub number: u32,
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:06}", self.tag, self.number)
    }
}

impl SegmentId {
    /// The name of its file.
    pub fn file_name(self) -> String {
        format!("segment-{self}.journal")
    }

    /// The segment of a file; `None` for a file that is none.
    pub fn of_file(path: &Path) -> Option<SegmentId> {
        let name = path.file_name()?.to_str()?;
        let (tag, number) =
            name.strip_prefix("segment-")?.strip_suffix(".journal")?.split_once('-')?;
        let id =
            SegmentId { tag: u64::from_str_radix(tag, 16).ok()?, number: number.parse().ok()? };
        (id.file_name() == name).then_some(id)
    }

    /// What the checksums in the segment begin with, so that a frame of another one is none here.
    pub(super) const fn seed(self) -> u64 {
        self.tag.rotate_left(32) ^ self.number as u64
    }
}

/// A segment to which nothing is added any more.
#[derive(Debug)]
pub struct Segment {
    /// Which it is.
    pub id: SegmentId,
    /// Where it is.
    pub path: PathBuf,
    /// Its length. What the file holds behind it was not written whole.
    pub bytes: u64,
    pub(super) space: Space,
}

impl Segment {
    /// Whether its file is no longer in the journal's directory. Where that is gone too, both may
    /// come back.
    ///
    /// # Errors
    /// If the file system refuses to tell.
    pub fn is_lost(&self) -> Result<bool, StoreError> {
        let there = fs::exists(&self.path).map_err(|e| StoreError::io("find", &self.path, e))?;
        Ok(!there && self.path.parent().is_some_and(Path::is_dir))
    }

    /// Waits until all of it is on disk, its name too. It may have ended before it was synced, and
    /// what an earlier process has left never was.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn sync(&self) -> Result<(), StoreError> {
        let synced = File::open(&self.path).and_then(|file| file.sync_data());
        synced.map_err(|e| StoreError::io("sync", &self.path, e))?;
        self.path.parent().map_or(Ok(()), sync_directory)
    }

    /// Removes it, if it is still there: its records are elsewhere by now. To be called until it
    /// succeeds, and not again.
    ///
    /// # Errors
    /// If the file system refuses; its bytes then still count.
    pub fn remove(&self) -> Result<(), StoreError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", &self.path, error));
            }
            _ => {}
        }
        self.space.give_back(self.bytes);
        Ok(())
    }

    /// Gives it a name that no start looks for: its end cannot be read, and a person may want to.
    ///
    /// # Errors
    /// If the file system refuses; its bytes then still count.
    pub fn set_aside(&self, aside: &Path) -> Result<(), StoreError> {
        fs::rename(&self.path, aside).map_err(|e| StoreError::io("rename", &self.path, e))?;
        self.space.give_back(self.bytes);
        Ok(())
    }
}

/// Bytes of all segments, open ones included.
#[derive(Clone, Debug, Default)]
pub(super) struct Space(Arc<AtomicU64>);

impl Space {
    pub fn used(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn take(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn give_back(&self, bytes: u64) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What a segment begins with: magic, version, number, tag, time, checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub id: SegmentId,
    pub created_at: UnixNanos,
}

/// Why a header is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// It is not what was written.
    Damaged,
    /// It is of a layout that came later.
    Version(u32),
}

impl Header {
    pub const BYTES: usize = 40;
    const MAGIC: [u8; 8] = *b"logweirJ";
    const VERSION: u32 = 1;

    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (fields, checksum) = bytes.split_at_mut(32);
        let parts: [&[u8]; 5] = [
            &Self::MAGIC,
            &Self::VERSION.to_le_bytes(),
            &self.id.number.to_le_bytes(),
            &self.id.tag.to_le_bytes(),
            &self.created_at.to_le_bytes(),
        ];
        for (to, from) in fields.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        checksum.copy_from_slice(&xxh3_64(fields).to_le_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Header, BadHeader> {
        let u32_at = |at| u32::from_le_bytes(array(bytes, at));
        let u64_at = |at| u64::from_le_bytes(array(bytes, at));
        if array(bytes, 0) != Self::MAGIC || xxh3_64(&bytes[..32]) != u64_at(32) {
            return Err(BadHeader::Damaged);
        }
        if u32_at(8) != Self::VERSION {
            return Err(BadHeader::Version(u32_at(8)));
        }
        let id = SegmentId { tag: u64_at(16), number: u32_at(12) };
        Ok(Header { id, created_at: i64::from_le_bytes(array(bytes, 24)) })
    }
}

/// The bytes from an offset on, which must be inside.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_written_and_others_are_none() {
        let id = SegmentId { tag: 0xabc, number: 12 };
        assert_eq!(id.file_name(), "segment-0000000000000abc-000012.journal");
        assert_eq!(SegmentId::of_file(Path::new(&id.file_name())), Some(id));
        for other in ["segment-abc-12.journal", "segment-0000000000000abc-000012.damaged", "x"] {
            assert_eq!(SegmentId::of_file(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_header_with_any_bit_changed_is_none() {
        let header = Header { id: SegmentId { tag: u64::MAX - 5, number: 7 }, created_at: -3 };
        let bytes = header.to_bytes();
        assert_eq!(Header::from_bytes(&bytes), Ok(header));
        for bit in 0..8 * Header::BYTES {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::from_bytes(&bytes), Err(BadHeader::Damaged));
        }
    }
}
