//! The journal: batches on disk as soon as may be, as they are. What the sealer makes of them
//! later, sorted and indexed, takes longer than they may stay in memory.
//!
//! Batches are appended to segments, each as one checksummed frame, and a thread of the journal's
//! own syncs what was appended, every second unless told otherwise. What was synced is there after
//! whatever ends the process or the machine, once and in order; a frame that reached the disk in
//! part only is found out by its checksum and cut off. A segment ends when it is large or old
//! enough, or when its hour is over, and is removed when its records are elsewhere.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `segment` | names, headers, and the room that segments take |
//! | `frame` | what is appended at once |
//! | `sync` | the thread that syncs |
//! | `frames`, `reader` | segments read back |
//! | `recovery` | what an earlier process has left |

mod frame;
mod frames;
mod reader;
mod recovery;
mod segment;
mod sync;

pub use frame::Drops;
pub use reader::{Frame, Reader};
pub use recovery::Recovered;
pub use segment::{Segment, SegmentId};
pub use sync::Round;

use crate::{
    error::StoreError,
    incoming::{Incoming, sync_directory},
    partition::Hour,
};
use frame::{FrameHeader, Kind, PAYLOAD_MAX, write_all};
use logweir_decode::{batch::Batch, context::UnixNanos, image::ImageError};
use segment::{Header, Space};
use std::{
    fs::{self, OpenOptions},
    hash::{BuildHasher, Hasher, RandomState},
    io::{IoSlice, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use sync::{Syncer, Unsynced};

/// When segments end, how often they are synced, and how much room they may take.
#[derive(Clone, Copy, Debug)]
pub struct JournalConfig {
    /// Bytes after which a segment ends.
    pub segment_bytes_max: u64,
    /// How long a segment is appended to.
    pub segment_age_max: Duration,
    /// Bytes of all segments together; beyond that nothing is appended.
    pub bytes_max: u64,
    /// How long after it was appended a frame is synced.
    pub sync_interval: Duration,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            segment_bytes_max: 128 << 20,
            segment_age_max: Duration::from_secs(60),
            bytes_max: 4 << 30,
            sync_interval: Duration::from_secs(1),
        }
    }
}

/// The directory of segments in the data directory.
pub const DIRECTORY: &str = "journal";

/// How long after its end an hour's segment is appended to: batches that were on their way.
const HOUR_GRACE_NANOS: i64 = 5 * 1_000_000_000;

/// The journal that is being written.
///
/// It reads no clock but for when a round of syncing was done: the times are the caller's. An
/// append that fails leaves nothing behind and may be tried again.
#[derive(Debug)]
pub struct Journal {
    config: JournalConfig,
    directory: PathBuf,
    /// Tells the segments of this process from those of any other.
    tag: u64,
    /// Of the next segment.
    number: u32,
    open: Option<Open>,
    closed: Vec<Segment>,
    space: Space,
    syncer: Syncer,
}

/// The segment that is appended to.
#[derive(Debug)]
struct Open {
    to_sync: Unsynced,
    frames: u64,
    bytes: u64,
    opened_at: UnixNanos,
}

impl Journal {
    /// Opens the journal of a data directory that belongs to this process, and finds what an
    /// earlier one has left there.
    ///
    /// # Errors
    /// If the file system refuses something, or a segment is of a later version.
    pub fn open(
        incoming: &Incoming,
        config: JournalConfig,
    ) -> Result<(Journal, Recovered), StoreError> {
        let directory = incoming.data_directory().join(DIRECTORY);
        fs::create_dir_all(&directory).map_err(|e| StoreError::io("create", &directory, e))?;
        sync_directory(incoming.data_directory())?;
        let space = Space::default();
        let recovered = recovery::recover(&directory, &space)?;
        let syncer = Syncer::start(config.sync_interval)
            .map_err(|e| StoreError::io("start the thread that syncs", &directory, e))?;
        let journal = Journal {
            config,
            directory,
            tag: RandomState::new().build_hasher().finish(),
            number: 0,
            open: None,
            closed: Vec::new(),
            space,
            syncer,
        };
        Ok((journal, recovered))
    }

    /// Appends a batch. It is safe when a [`Round`] says so.
    ///
    /// # Errors
    /// If the file system refuses, or the journal holds as much as it may. The journal is then as
    /// it was, and what was appended before is not harmed.
    pub fn append(&mut self, batch: &Batch, now: UnixNanos) -> Result<(), StoreError> {
        let image = batch.image()?;
        let pieces: Vec<_> = image.pieces().collect();
        self.append_frame(Kind::Batch, &pieces, batch.records() as u64, batch.arrivals(), now)
    }

    /// Appends what was dropped.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_drops(&mut self, drops: &Drops, now: UnixNanos) -> Result<(), StoreError> {
        let payload = postcard::to_extend(drops, Vec::new()).map_err(|_| ImageError::Capacity)?;
        self.append_frame(Kind::Drops, &[&payload], 0, std::iter::empty(), now)
    }

    /// Ends the segment if it is old enough, or its hour is over.
    pub fn rotate_due(&mut self, now: UnixNanos) {
        if self.open.as_ref().is_some_and(|open| open.is_due(&self.config, now)) {
            self.rotate();
        }
    }

    /// Ends the segment: the next frame begins another one.
    pub fn rotate(&mut self) {
        if let Some(open) = self.open.take() {
            if open.frames == 0 {
                return self.discard(&open);
            }
            self.closed.push(Segment {
                id: open.to_sync.id,
                path: open.to_sync.path,
                bytes: open.bytes,
                space: self.space.clone(),
            });
        }
    }

    /// The segments that have ended since the last call, synced or about to be.
    pub fn take_closed(&mut self) -> Vec<Segment> {
        std::mem::take(&mut self.closed)
    }

    /// What was synced since the last call.
    pub fn take_rounds(&mut self) -> Vec<Round> {
        let rounds = self.syncer.take_rounds();
        if rounds.iter().any(|round| round.error.is_some()) {
            // What the kernel could not write it may have forgotten: nothing more to that file.
            self.rotate();
        }
        rounds
    }

    /// Syncs what was appended; `false` where the disk did not answer within this time.
    pub fn sync(&self, patience: Duration) -> bool {
        self.syncer.sync_now(patience)
    }

    /// Bytes of all segments that were not removed.
    pub fn bytes(&self) -> u64 {
        self.space.used()
    }

    fn append_frame(
        &mut self,
        kind: Kind,
        payload: &[&[u8]],
        records: u64,
        arrivals: impl Iterator<Item = (UnixNanos, u64)>,
        now: UnixNanos,
    ) -> Result<(), StoreError> {
        let payload_bytes = payload.iter().map(|piece| piece.len()).sum::<usize>();
        let payload_bytes = u32::try_from(payload_bytes).ok().filter(|bytes| *bytes <= PAYLOAD_MAX);
        let payload_bytes = payload_bytes.ok_or(ImageError::Capacity)?;
        let bytes = FrameHeader::BYTES as u64 + u64::from(payload_bytes);
        self.make_room(bytes)?;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open_segment(now)?,
        };
        let header = FrameHeader::new(open.to_sync.id, open.frames, kind, payload_bytes, payload);
        let header = header.to_bytes();
        let pieces = std::iter::once(&header[..]).chain(payload.iter().copied());
        let mut pieces: Vec<_> = pieces.map(IoSlice::new).collect();
        if let Err(error) = write_all(&*open.to_sync.file, &mut pieces) {
            let error = StoreError::io("write", &open.to_sync.path, error);
            let consistent = open.to_sync.file.set_len(open.bytes).is_ok();
            self.open = Some(open);
            if !consistent {
                self.rotate();
            }
            return Err(error);
        }
        open.frames += 1;
        open.bytes += bytes;
        self.space.take(bytes);
        self.syncer.note(&open.to_sync, open.bytes, records, arrivals);
        open.to_sync.is_new = false;
        let is_full = open.bytes >= self.config.segment_bytes_max;
        self.open = Some(open);
        if is_full {
            self.rotate();
        }
        Ok(())
    }

    /// Sees that a frame may be appended. Where it may not, the segment ends, so that it can be
    /// sealed and make room.
    fn make_room(&mut self, bytes: u64) -> Result<(), StoreError> {
        let bytes_max = self.config.bytes_max;
        if self.space.used().saturating_add(bytes) <= bytes_max {
            return Ok(());
        }
        self.rotate();
        Err(StoreError::JournalFull { path: self.directory.clone(), bytes_max })
    }

    fn open_segment(&mut self, now: UnixNanos) -> Result<Open, StoreError> {
        let id = SegmentId { tag: self.tag, number: self.number };
        let path = self.directory.join(id.file_name());
        // The directory may have been removed by hand.
        fs::create_dir_all(&self.directory)
            .map_err(|e| StoreError::io("create", &self.directory, e))?;
        let file = OpenOptions::new().create_new(true).append(true).open(&path);
        let file = file.map_err(|e| StoreError::io("create", &path, e))?;
        self.number += 1;
        let header = Header { id, created_at: now }.to_bytes();
        if let Err(error) = (&file).write_all(&header) {
            let _ = fs::remove_file(&path);
            return Err(StoreError::io("write", &path, error));
        }
        let bytes = header.len() as u64;
        self.space.take(bytes);
        let to_sync = Unsynced { id, path, file: Arc::new(file), is_new: true };
        Ok(Open { to_sync, frames: 0, bytes, opened_at: now })
    }

    /// Removes a segment that has no frame.
    fn discard(&self, open: &Open) {
        // There is nothing to be done if this fails: the next start removes it.
        let _ = fs::remove_file(&open.to_sync.path);
        self.space.give_back(open.bytes);
    }
}

impl Open {
    /// By age; or shortly after the end of the hour in which it was opened. A clock that was set
    /// back must not keep it open.
    fn is_due(&self, config: &JournalConfig, now: UnixNanos) -> bool {
        let age_max = i64::try_from(config.segment_age_max.as_nanos()).unwrap_or(i64::MAX);
        let by_age = self.opened_at.saturating_add(age_max);
        let by_hour = Hour::of(self.opened_at).end().saturating_add(HOUR_GRACE_NANOS);
        now < self.opened_at || now >= by_age.min(by_hour)
    }
}

#[cfg(test)]
mod tests;
