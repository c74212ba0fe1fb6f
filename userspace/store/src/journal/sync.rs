//! The thread that makes durable what was appended, so that appending does not wait for the disk.

use super::segment::SegmentId;
use crate::{arrivals::Arrivals, error::StoreError, incoming::sync_directory};
use logweir_decode::context::UnixNanos;
use std::{
    fs::File,
    io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

/// A round of the thread: what it has made durable, or failed to.
#[derive(Debug)]
pub struct Round {
    /// Records that were appended since the round before.
    pub records: u64,
    /// When these had arrived.
    pub arrivals: Arrivals,
    /// The end of what was appended before this round: a segment and a length.
    pub end: Option<(SegmentId, u64)>,
    /// When it was done.
    pub at: UnixNanos,
    /// Why it may not be on disk, if it may not.
    pub error: Option<StoreError>,
}

/// What is to be made durable.
#[derive(Debug, Default)]
struct Work {
    files: Vec<Unsynced>,
    records: u64,
    arrivals: Arrivals,
    end: Option<(SegmentId, u64)>,
}

/// A file to which something was appended.
#[derive(Clone, Debug)]
pub(super) struct Unsynced {
    pub id: SegmentId,
    pub path: PathBuf,
    pub file: Arc<File>,
    /// Whether the directory does not have it durably yet.
    pub is_new: bool,
}

#[derive(Debug, Default)]
struct State {
    work: Work,
    rounds: Vec<Round>,
    /// Rounds that were asked for before it is time.
    asked: u64,
    /// Rounds that were begun after that.
    done: u64,
    stop: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    told: Condvar,
}

/// The thread's other end. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Syncer(Arc<Shared>);

impl Syncer {
    /// Starts the thread, which works so often.
    pub fn start(interval: Duration) -> io::Result<Syncer> {
        let shared = Arc::new(Shared::default());
        let for_thread = shared.clone();
        thread::Builder::new().name("lw-sync".into()).spawn(move || for_thread.run(interval))?;
        Ok(Syncer(shared))
    }

    /// Notes a frame that was appended to a file, which ends there now.
    pub fn note(
        &self,
        file: &Unsynced,
        bytes: u64,
        records: u64,
        arrivals: impl Iterator<Item = (UnixNanos, u64)>,
    ) {
        let mut state = self.0.lock();
        let work = &mut state.work;
        if work.files.last().is_none_or(|last| last.id != file.id) {
            work.files.push(file.clone());
        }
        work.records += records;
        arrivals.for_each(|(received_at, records)| work.arrivals.add(received_at, records));
        work.end = Some((file.id, bytes));
    }

    /// The rounds since the last call.
    pub fn take_rounds(&self) -> Vec<Round> {
        std::mem::take(&mut self.0.lock().rounds)
    }

    /// Has all of it synced now; `false` where that took too long.
    pub fn sync_now(&self, patience: Duration) -> bool {
        let begin = Instant::now();
        let mut state = self.0.lock();
        state.asked += 1;
        let wanted = state.asked;
        self.0.wake.notify_all();
        while state.done < wanted {
            let Some(left) = patience.checked_sub(begin.elapsed()) else { return false };
            let waited = self.0.told.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.0.lock().stop = true;
        self.0.wake.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, interval: Duration) {
        let mut failed = None;
        let mut state = self.lock();
        loop {
            let waited = self.wake.wait_timeout_while(state, interval, |state| {
                !state.stop && state.asked == state.done
            });
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let (asked, stop) = (state.asked, state.stop);
            let work = std::mem::take(&mut state.work);
            drop(state);
            let round = work.sync(&mut failed);
            state = self.lock();
            state.rounds.extend(round);
            state.done = asked;
            self.told.notify_all();
            if stop {
                return;
            }
        }
    }
}

impl Work {
    /// `None` where there is nothing to do. The last segment that could not be synced is noted: to
    /// it more may be appended until that is known.
    fn sync(self, failed: &mut Option<SegmentId>) -> Option<Round> {
        let Work { files, records, arrivals, end } = self;
        if files.is_empty() {
            return None;
        }
        let mut error = None;
        for file in &files {
            if let Err(fault) = file.sync_unless(*failed) {
                *failed = Some(file.id);
                error = error.or(Some(fault));
            }
        }
        Some(Round { records, arrivals, end, at: now(), error })
    }
}

impl Unsynced {
    /// Syncs it, unless that has failed: the kernel tells it once, and forgets what it could not
    /// write.
    fn sync_unless(&self, failed: Option<SegmentId>) -> Result<(), StoreError> {
        if failed == Some(self.id) {
            let source = io::Error::other("it could not be synced before");
            return Err(StoreError::io("sync", &self.path, source));
        }
        self.sync()
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|e| StoreError::io("sync", &self.path, e))?;
        match self.path.parent() {
            Some(directory) if self.is_new => sync_directory(directory),
            _ => Ok(()),
        }
    }
}

fn now() -> UnixNanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A round of one file, whose name cannot be synced while its directory is missing.
    fn round(number: u32, is_new: bool, failed: &mut Option<SegmentId>) -> Option<StoreError> {
        let id = SegmentId { tag: 1, number };
        let file = Arc::new(tempfile::tempfile().unwrap());
        let file = Unsynced { id, path: "/missing/segment".into(), file, is_new };
        Work { files: vec![file], ..Work::default() }.sync(failed).unwrap().error
    }

    #[test]
    fn a_segment_that_could_not_be_synced_once_is_never_safe() {
        let mut failed = None;
        assert!(round(1, false, &mut failed).is_none());
        assert!(round(2, true, &mut failed).is_some());
        assert!(round(2, false, &mut failed).is_some(), "the kernel says that all is well");
        assert!(round(3, false, &mut failed).is_none());
    }
}
