//! What an earlier process has left: segments that are whole as far as they were synced, and behind
//! that perhaps a frame of which only a part reached the disk.

use super::{
    frames::{Found, Frames},
    reader::read_header,
    segment::{Header, Segment, SegmentId, Space},
};
use crate::{
    error::{StoreError, is_damage},
    files,
    incoming::sync_directory,
};
use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// What was found at the start.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Segments with something in them, in the order in which they were written.
    pub segments: Vec<Segment>,
    /// Segments that ended in something that is no frame, and was cut off.
    pub torn_segments: u64,
    /// Bytes that were cut off.
    pub torn_bytes: u64,
    /// Files whose beginning is no segment's, by their new names: nobody reads them.
    pub damaged: Vec<PathBuf>,
}

/// Reads all segments of a journal, and cuts off what is not whole.
///
/// # Errors
/// If the file system refuses something, or a segment is of a later version.
pub(super) fn recover(journal: &Path, space: &Space) -> Result<Recovered, StoreError> {
    let mut recovered = Recovered::default();
    let mut ordered = Vec::new();
    for (path, id) in segments(journal)? {
        if let Some((created_at, segment)) = recovered.take(path, id, space)? {
            ordered.push((created_at, segment));
        }
    }
    ordered.sort_by_key(|(created_at, segment)| (*created_at, segment.id));
    recovered.segments = ordered.into_iter().map(|(_, segment)| segment).collect();
    sync_directory(journal)?;
    Ok(recovered)
}

impl Recovered {
    /// Takes one file; `None` where nothing is left of it.
    fn take(
        &mut self,
        path: PathBuf,
        id: SegmentId,
        space: &Space,
    ) -> Result<Option<(i64, Segment)>, StoreError> {
        let read = |e| StoreError::io("read", &path, e);
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(read)?;
        let length = file.metadata().map_err(read)?.len();
        let header = match read_header(&mut file, &path) {
            Err(error) if error.is_damage() => None,
            header => header?.filter(|header| header.id == id),
        };
        let Some(header) = header else {
            self.torn_segments += 1;
            self.torn_bytes += length;
            self.damaged.extend(set_aside(&path, length)?);
            return Ok(None);
        };
        let cut = file.try_clone().map_err(read)?;
        let mut frames = Frames::new(file, id, length).map_err(read)?;
        let bytes = match whole(&mut frames) {
            // What the device cannot read is not cut off: the sealer sets it aside.
            Err(error) if is_damage(&error) => length,
            bytes => bytes.map_err(read)?,
        };
        if bytes < length {
            self.torn_segments += 1;
            self.torn_bytes += length - bytes;
            let cut = cut.set_len(bytes).and_then(|()| cut.sync_data());
            cut.map_err(|e| StoreError::io("cut", &path, e))?;
        }
        if bytes == Header::BYTES as u64 {
            fs::remove_file(&path).map_err(|e| StoreError::io("remove", &path, e))?;
            return Ok(None);
        }
        space.take(bytes);
        Ok(Some((header.created_at, Segment { id, path, bytes, space: space.clone() })))
    }
}

/// Where the last frame ends that is whole.
fn whole(frames: &mut Frames) -> io::Result<u64> {
    while let Found::Frame(..) = frames.next()? {}
    Ok(frames.offset())
}

/// Takes a file without a header out of the way. One that is so short that it holds nothing else
/// is removed.
fn set_aside(path: &Path, length: u64) -> Result<Option<PathBuf>, StoreError> {
    if length <= Header::BYTES as u64 {
        fs::remove_file(path).map_err(|e| StoreError::io("remove", path, e))?;
        return Ok(None);
    }
    let aside = path.with_extension("damaged");
    fs::rename(path, &aside).map_err(|e| StoreError::io("rename", path, e))?;
    Ok(Some(aside))
}

fn segments(journal: &Path) -> Result<impl Iterator<Item = (PathBuf, SegmentId)>, StoreError> {
    let paths = files::entries(journal)?.into_iter();
    Ok(paths.filter_map(|path| SegmentId::of_file(&path).map(|id| (path, id))))
}
