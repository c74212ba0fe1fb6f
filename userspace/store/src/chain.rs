//! An append-only file of JSON lines in which each line names the one before, so that a line that
//! was changed, removed, inserted or moved is seen.
//!
//! ```json
//! {"number":2,"at":"2026-03-01T14:00:00.25Z","previous":"<hash of line 1>","entry":{…},"hash":"<its own>"}
//! ```
//!
//! `hash` is the SHA-256 of the line's bytes before `,"hash":`; `previous` is the hash of the line
//! before, 64 zeros in the first. Numbers begin with 1. An auditor needs no program of ours:
//! `sed -n 2p FILE | sed 's/,"hash":"[0-9a-f]*"}$//' | tr -d '\n' | sha256sum` prints the hash of
//! line 2.
//!
//! Several processes may append: each takes the file's lock, reads what others appended, and links
//! its line to the last. A line is written at once and is on disk (fdatasync) before `append`
//! returns. What a crash left of a line (no newline at the end, or bytes that never got to the
//! disk and read as NUL) is cut off by who appends next, and said.
//!
//! A chain cannot tell that its *last* lines were cut away: for that, its head has to be kept
//! elsewhere.

mod line;
mod tail;

pub use line::{Fault, Line, Read};

use crate::{digest::Digest, error::StoreError, incoming::sync_directory};
use line::Walk;
use logweir_decode::context::UnixNanos;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Seek, SeekFrom, Write},
    marker::PhantomData,
    os::unix::fs::{MetadataExt, fchown},
    path::{Path, PathBuf},
};

/// The last line of a chain: enough to tell later whether all up to it is still there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its number: how many lines there are.
    pub number: u64,
    /// Its hash; zeros where there is no line.
    pub hash: Digest,
}

/// A chain of entries that is open to be appended to.
#[derive(Debug)]
pub struct Chain<E> {
    path: PathBuf,
    file: File,
    /// What was read so far.
    walk: Walk,
    entries: PhantomData<fn() -> E>,
}

impl<E: Serialize + DeserializeOwned> Chain<E> {
    /// Opens a chain, which is made where it is missing: it belongs to whom its directory belongs to,
    /// so that what root asks first does not keep the collector out. Nothing is read yet.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let missing = !path.exists();
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.map_err(|e| StoreError::io("open", path, e))?;
        if let Some(directory) = path.parent().filter(|_| missing) {
            // Only root may give files away, and nobody else needs to.
            let _ = directory
                .metadata()
                .and_then(|owner| fchown(&file, Some(owner.uid()), Some(owner.gid())));
            sync_directory(directory)?;
        }
        Ok(Self { path: path.to_owned(), file, walk: Walk::default(), entries: PhantomData })
    }

    /// The last line that was read or appended.
    pub const fn head(&self) -> Head {
        self.walk.head
    }

    /// Keeps all other processes from appending, for as long as the result lives.
    ///
    /// # Errors
    /// If the file was removed or replaced meanwhile, or cannot be locked.
    pub fn lock(&mut self) -> Result<Locked<'_, E>, StoreError> {
        self.file.lock().map_err(|e| StoreError::io("lock", &self.path, e))?;
        let locked = Locked { chain: self };
        locked.chain.check_identity()?;
        Ok(locked)
    }

    /// Whether the name still is that of the file that is open.
    fn check_identity(&self) -> Result<(), StoreError> {
        let read = |e| StoreError::io("read", &self.path, e);
        let open = self.file.metadata().map_err(read)?;
        let same = match self.path.metadata() {
            Ok(named) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(read(error)),
        };
        let what = if !same {
            "it was removed or replaced while it was in use"
        } else if open.len() < self.walk.position {
            "its last lines were cut away while it was in use"
        } else {
            return Ok(());
        };
        Err(StoreError::Chain { path: self.path.clone(), what: what.to_owned() })
    }
}

/// A chain to which nobody else appends.
#[derive(Debug)]
pub struct Locked<'a, E> {
    chain: &'a mut Chain<E>,
}

impl<E: Serialize + DeserializeOwned> Locked<'_, E> {
    /// Reads the lines since the last call, and cuts off what a crash left of a line; the bytes of
    /// that.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn catch_up(&mut self, each: impl FnMut(Read<E>)) -> Result<u64, StoreError> {
        let Chain { path, file, walk, .. } = &mut *self.chain;
        let torn = read_on(file, walk, each).map_err(|e| StoreError::io("read", &*path, e))?;
        if torn > 0 {
            let cut = file.set_len(walk.position).and_then(|()| file.sync_data());
            cut.map_err(|e| StoreError::io("cut the torn end of", &*path, e))?;
        }
        Ok(torn)
    }

    /// Reads no more than what tells the last line, for who has no use for the others; cuts off what
    /// a crash left of a line.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn skip_to_end(&mut self) -> Result<u64, StoreError> {
        let Chain { path, file, walk, .. } = &mut *self.chain;
        let position = tail::begin_of_last_lines(file);
        let position = position.map_err(|e| StoreError::io("read", &*path, e))?;
        if position > walk.position {
            *walk = Walk { position, ..Walk::default() };
        }
        self.catch_up(|_| ())
    }

    /// Appends an entry, waits until it is on disk, and gives its place. The last line must
    /// have been read ([`catch_up`](Self::catch_up), [`skip_to_end`](Self::skip_to_end)).
    ///
    /// # Errors
    /// If the file system refuses; then nothing is appended.
    pub fn append(&mut self, entry: &E, at: UnixNanos) -> Result<Head, StoreError> {
        let Chain { path, file, walk, .. } = &mut *self.chain;
        let (line, head) = line::write(entry, at, walk.head)
            .map_err(|e| StoreError::Chain { path: path.clone(), what: e.to_string() })?;
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // If this fails too, what there is of the line is cut off as after a crash, or the
            // line counts; it never counts twice.
            let _ = file.set_len(walk.position);
            return Err(StoreError::io("append to", &*path, error));
        }
        let position = walk.position + line.len() as u64;
        *walk = Walk { head, position, place: walk.place + 1 };
        Ok(head)
    }
}

impl<E> Drop for Locked<'_, E> {
    fn drop(&mut self) {
        // A lock that cannot be given back ends with the file.
        let _ = self.chain.file.unlock();
    }
}

/// What reading a whole chain came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Its last line.
    pub head: Head,
    /// Bytes that a crash left of a line behind it.
    pub torn_bytes: u64,
}

/// Reads a chain and changes nothing; none has no lines.
///
/// # Errors
/// If it cannot be read.
pub fn read<E: DeserializeOwned>(
    path: &Path,
    each: impl FnMut(Read<E>),
) -> Result<Summary, StoreError> {
    let Some(mut file) = crate::files::open(path)? else { return Ok(Summary::default()) };
    // Where no lock can be had, as on some file systems, a line that is just being appended may
    // look torn.
    let _ = file.lock_shared();
    let mut walk = Walk::default();
    let torn_bytes =
        read_on(&mut file, &mut walk, each).map_err(|e| StoreError::io("read", path, e))?;
    Ok(Summary { head: walk.head, torn_bytes })
}

/// Reads on from where the walk is; the bytes of a torn line at the end.
fn read_on<E: DeserializeOwned>(
    file: &mut File,
    walk: &mut Walk,
    each: impl FnMut(Read<E>),
) -> io::Result<u64> {
    const BUFFER_BYTES: usize = 1 << 16;
    file.seek(SeekFrom::Start(walk.position))?;
    walk.on(&mut BufReader::with_capacity(BUFFER_BYTES, file), each)
}

#[cfg(test)]
mod tests;
