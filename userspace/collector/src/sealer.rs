//! The thread that seals: the journal's closed segments become sorted parts. Old parts are deleted
//! meanwhile, and while no segment waits hours are closed and small parts merged.
//!
//! What it cannot write it tries again, for as long as the collector runs: the segments wait in the
//! journal, which is on disk and has a limit of its own.

use crate::{
    clock,
    counters::Counter,
    notice::{Notice, Reader},
};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use logweir_store::{
    compact::Budget,
    error::StoreError,
    journal::Segment,
    keeper::{Keeper, SealedSegment},
    retention::Policy,
};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt, io,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long it sleeps when no segment comes.
const TICK: Duration = Duration::from_millis(200);
/// How long it waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);
/// How long it goes on trying once the collector has stopped.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks whether there is something to merge or to delete.
const CARE_INTERVAL: Duration = Duration::from_secs(10);
/// Paths of new files that are remembered for the closing words.
const PATHS_MAX: usize = 16;

/// What the merging of small parts may take: a share of a core, and bytes a second.
const MERGE_CORE_SHARE: f64 = 0.25;
const MERGE_BYTES_PER_SECOND: u64 = 64 << 20;

/// What the sealer counts.
#[derive(Debug, Default)]
pub struct SealerCounters {
    /// Records of this process in sealed parts.
    pub sealed: Counter,
    /// Records of earlier processes that were found in the journal, in sealed parts.
    pub recovered: Counter,
    /// Segments that wait.
    pub waiting: Counter,
}

/// A running sealer.
#[derive(Debug)]
pub struct Sealer {
    thread: JoinHandle<Finished>,
    counters: Arc<SealerCounters>,
    retention: Notice<Policy>,
}

/// What a sealer leaves behind.
#[derive(Debug, Default)]
pub struct Finished {
    /// Some of the files written, the first ones.
    pub paths: Vec<PathBuf>,
    /// Segments that could not be sealed and wait in the journal for the next start.
    pub left: usize,
}

impl Sealer {
    /// Starts a sealer of these segments and of those that come, until nobody can send any more.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(
        keeper: Keeper,
        recovered: Vec<Segment>,
        segments: Receiver<Segment>,
    ) -> io::Result<Sealer> {
        let retention = Notice::new(keeper.retention().clone());
        let desk = Desk::new(recovered, segments, retention.reader());
        let counters = Arc::clone(&desk.counters);
        let name = thread::Builder::new().name("lw-sealer".into());
        let thread = name.spawn(move || desk.run(keeper))?;
        Ok(Sealer { thread, counters, retention })
    }

    /// Whether it seals no more.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<SealerCounters> {
        &self.counters
    }

    /// Lets records be kept by another policy, from the next look at what is due on.
    pub fn retain_by(&self, policy: Policy) {
        self.retention.replace(policy, Duration::ZERO);
    }

    /// Waits until all is sealed, or could not be; `None` where the thread panicked.
    pub fn join(self) -> Option<Finished> {
        self.thread.join().ok()
    }
}

/// What a sealer does, of which each may fail for a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Sealing,
    Closing,
    Deleting,
    Merging,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Work::Sealing => "sealing",
            Work::Closing => "closing an hour",
            Work::Deleting => "deleting",
            Work::Merging => "merging",
        })
    }
}

/// Where segments wait to be sealed.
struct Desk {
    segments: Receiver<Segment>,
    waiting: VecDeque<Segment>,
    /// Of those that wait, the first ones are of an earlier process.
    recovered: usize,
    counters: Arc<SealerCounters>,
    retention: Reader<Policy>,
    finished: Finished,
    /// Why the last attempt failed, as it was told.
    faults: BTreeMap<Work, String>,
    /// When nobody could send any more.
    ended: Option<Instant>,
}

impl Desk {
    fn new(
        recovered: Vec<Segment>,
        segments: Receiver<Segment>,
        retention: Reader<Policy>,
    ) -> Desk {
        Desk {
            segments,
            recovered: recovered.len(),
            waiting: recovered.into(),
            counters: Arc::new(SealerCounters::default()),
            retention,
            finished: Finished::default(),
            faults: BTreeMap::new(),
            ended: None,
        }
    }

    fn run(mut self, mut keeper: Keeper) -> Finished {
        let mut cared_at: Option<Instant> = None;
        loop {
            self.wait(self.pause());
            if self.waiting.is_empty() {
                let closed = keeper.close_hours(clock::now());
                self.told(closed, Work::Closing);
                if self.ended.is_some() {
                    break;
                }
            } else {
                self.seal_next(&mut keeper);
            }
            if cared_at.is_none_or(|at| at.elapsed() >= CARE_INTERVAL) {
                self.care(&mut keeper);
                cared_at = Some(Instant::now());
            }
            let out_of_patience = self.ended.is_some_and(|since| since.elapsed() > PATIENCE);
            if self.is_failing(Work::Sealing) && out_of_patience {
                break;
            }
        }
        self.finished.left = self.waiting.len();
        self.finished
    }

    fn pause(&self) -> Duration {
        match self.waiting.is_empty() {
            true if self.is_failing(Work::Closing) => RETRY,
            true => TICK,
            false if self.is_failing(Work::Sealing) => RETRY,
            false => Duration::ZERO,
        }
    }

    fn is_failing(&self, work: Work) -> bool {
        self.faults.contains_key(&work)
    }

    /// Waits for a segment, no longer than this.
    fn wait(&mut self, pause: Duration) {
        match self.segments.recv_timeout(pause) {
            Ok(segment) => self.waiting.push_back(segment),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) if self.ended.is_none() => {
                self.ended = Some(Instant::now());
            }
            Err(RecvTimeoutError::Disconnected) => thread::sleep(pause),
        }
        self.tell_waiting();
    }

    fn tell_waiting(&self) {
        self.counters.waiting.set(self.waiting.len() as u64);
    }

    fn seal_next(&mut self, keeper: &mut Keeper) {
        let Some(segment) = self.waiting.front() else { return };
        let sealed = keeper.seal(segment, clock::now());
        if let Some(sealed) = self.told(sealed, Work::Sealing)
            && let Some(segment) = self.waiting.pop_front()
        {
            self.tell_waiting();
            self.note(keeper, &segment, &sealed);
        }
    }

    /// Deletes what is due: where the disk is full, it may be what the sealing waits for. Merges
    /// small parts, if no segment waits.
    fn care(&mut self, keeper: &mut Keeper) {
        if self.retention.refresh() {
            keeper.set_retention(self.retention.get().clone());
        }
        let deleted = keeper.delete_due(clock::now());
        let deleted = self.told(deleted, Work::Deleting);
        if let Some(deleted) = deleted.filter(|deleted| deleted.parts > 0) {
            let parts = crate::counted(deleted.parts, "part");
            let records = crate::counted(deleted.rows, "record");
            crate::say(&format!("deleted {parts}, {records}"));
        }
        if self.waiting.is_empty() && self.ended.is_none() {
            self.merge(keeper);
        }
    }

    /// Merges small parts, if there are some. Segments that come meanwhile are sealed in between.
    fn merge(&mut self, keeper: &mut Keeper) {
        let mut budget = Budget::new(MERGE_CORE_SHARE, MERGE_BYTES_PER_SECOND);
        let merged = keeper.compact(&mut budget, clock::now, |keeper, rest| {
            self.wait(rest);
            while !self.waiting.is_empty() && !self.is_failing(Work::Sealing) {
                self.seal_next(keeper);
            }
            self.ended.is_none() && !self.is_failing(Work::Sealing)
        });
        // That there was nothing to merge does not mean that it would succeed.
        if !matches!(merged, Ok(false)) {
            self.told(merged, Work::Merging);
        }
    }

    /// Says when something begins to fail, and when it goes on.
    fn told<T>(&mut self, result: Result<T, StoreError>, work: Work) -> Option<T> {
        match result {
            Ok(value) => {
                if self.faults.remove(&work).is_some() {
                    crate::tell(&format!("{work} goes on"));
                }
                Some(value)
            }
            Err(error) => {
                let fault = error.to_string();
                if self.faults.get(&work) != Some(&fault) {
                    crate::tell(&format!("{work} has to wait: {fault}"));
                    self.faults.insert(work, fault);
                }
                None
            }
        }
    }

    fn note(&mut self, keeper: &Keeper, segment: &Segment, sealed: &SealedSegment) {
        let rows = sealed.parts.iter().map(|part| part.rows).sum();
        if self.recovered > 0 {
            self.recovered -= 1;
            self.counters.recovered.add(rows);
        } else {
            self.counters.sealed.add(rows);
        }
        if let Some(path) = &sealed.damaged {
            crate::tell(&format!(
                "a segment of the journal could not be read to its end, and was kept as {}",
                path.display()
            ));
        }
        if sealed.is_lost {
            let path = segment.path.display();
            crate::tell(&format!("{path} is no longer there: its records are lost"));
        }
        let room = PATHS_MAX.saturating_sub(self.finished.paths.len());
        let paths = sealed.parts.iter().map(|part| keeper.manifest().path(&part.path));
        self.finished.paths.extend(paths.take(room));
    }
}

#[cfg(test)]
mod tests;
