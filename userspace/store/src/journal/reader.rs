//! A segment read back: its batches, one at a time.

use super::{
    frame::{Drops, Kind},
    frames::{Found, Frames},
    segment::{BadHeader, Header, Segment},
};
use crate::error::StoreError;
use logweir_decode::{
    batch::{Batch, Capacity},
    image::{self, ImageError},
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Reads the frames of a closed segment, in the order in which they were appended. It holds one
/// batch and its bytes, however long the segment is.
#[derive(Debug)]
pub struct Reader {
    frames: Frames,
    path: PathBuf,
    batch: Box<Batch>,
    capacity: Capacity,
}

/// What a frame holds.
#[derive(Debug)]
pub enum Frame<'a> {
    /// A batch, as it was appended.
    Batch(&'a Batch),
    /// Datagrams that were dropped.
    Drops(Drops),
}

impl Reader {
    /// Opens a segment.
    ///
    /// # Errors
    /// If the file system refuses, or the file does not begin as this segment does.
    pub fn open(segment: &Segment) -> Result<Reader, StoreError> {
        let path = &segment.path;
        let read = |e| StoreError::io("read", path, e);
        let mut file = File::open(path).map_err(read)?;
        let header = read_header(&mut file, path)?;
        if header.is_none_or(|header| header.id != segment.id) {
            return Err(StoreError::Damaged { path: path.clone(), offset: 0 });
        }
        let frames = Frames::new(file, segment.id, segment.bytes).map_err(read)?;
        let capacity = Capacity { session_rows: 0, unparsed_rows: 0, text_bytes: 0 };
        let batch = Box::new(Batch::new(capacity));
        Ok(Reader { frames, path: path.clone(), batch, capacity })
    }

    /// The next frame; `None` behind the last one.
    ///
    /// # Errors
    /// If the file system refuses, or the bytes are not those that were written: then there is no
    /// way to what follows.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, StoreError> {
        let Self { frames, path, batch, capacity } = self;
        let offset = frames.offset();
        let damaged = || StoreError::Damaged { path: path.clone(), offset };
        match frames.next().map_err(|e| StoreError::io("read", &*path, e))? {
            Found::End => Ok(None),
            Found::Bad => Err(damaged()),
            Found::Frame(Kind::Drops, payload) => {
                let drops = postcard::from_bytes(payload).map_err(|_| damaged())?;
                Ok(Some(Frame::Drops(drops)))
            }
            Found::Frame(Kind::Batch, payload) => {
                restore(batch, capacity, payload).map_err(|_| damaged())?;
                Ok(Some(Frame::Batch(batch)))
            }
        }
    }
}

/// Makes a batch what an image says, and first larger where that is needed.
fn restore(batch: &mut Batch, has: &mut Capacity, image: &[u8]) -> Result<(), ImageError> {
    let needed = image::capacity(image)?;
    let larger = Capacity {
        session_rows: has.session_rows.max(needed.session_rows),
        unparsed_rows: has.unparsed_rows.max(needed.unparsed_rows),
        text_bytes: has.text_bytes.max(needed.text_bytes),
    };
    if larger != *has {
        *batch = Batch::new(larger);
        *has = larger;
    }
    batch.restore(image)
}

/// The header of a segment; `None` where it is damaged or not whole.
pub(super) fn read_header(file: &mut File, path: &Path) -> Result<Option<Header>, StoreError> {
    let mut bytes = [0; Header::BYTES];
    match file.read_exact(&mut bytes) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(StoreError::io("read", path, error)),
    }
    match Header::from_bytes(&bytes) {
        Ok(header) => Ok(Some(header)),
        Err(BadHeader::Damaged) => Ok(None),
        Err(BadHeader::Version(version)) => {
            Err(StoreError::Version { path: path.to_owned(), version })
        }
    }
}
