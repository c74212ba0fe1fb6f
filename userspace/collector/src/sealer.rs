//! The thread that seals: the journal's closed segments become sorted parts, and while there are
//! none the store is looked after: hours are closed, small parts merged, old ones deleted.
//!
//! What it cannot write it tries again, for as long as the collector runs: the segments wait in the
//! journal, which is on disk and has a limit of its own.

use crate::{clock, counters::Counter};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use logweir_store::{
    compact::Budget,
    error::StoreError,
    journal::Segment,
    keeper::{Keeper, SealedSegment},
};
use std::{
    collections::VecDeque,
    io,
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
        let counters = Arc::new(SealerCounters::default());
        let desk = Desk {
            segments,
            recovered: recovered.len(),
            waiting: recovered.into(),
            counters: Arc::clone(&counters),
            finished: Finished::default(),
            fault: None,
            ended: None,
        };
        let name = thread::Builder::new().name("lw-sealer".into());
        let thread = name.spawn(move || desk.run(keeper))?;
        Ok(Sealer { thread, counters })
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<SealerCounters> {
        &self.counters
    }

    /// Waits until all is sealed, or could not be; `None` where the thread panicked.
    pub fn join(self) -> Option<Finished> {
        self.thread.join().ok()
    }
}

/// Where segments wait to be sealed.
struct Desk {
    segments: Receiver<Segment>,
    waiting: VecDeque<Segment>,
    /// Of those that wait, the first ones are of an earlier process.
    recovered: usize,
    counters: Arc<SealerCounters>,
    finished: Finished,
    /// Why the last attempt failed, as it was told.
    fault: Option<String>,
    /// When nobody could send any more.
    ended: Option<Instant>,
}

impl Desk {
    fn run(mut self, mut keeper: Keeper) -> Finished {
        let mut cared_at = Instant::now();
        loop {
            self.counters.waiting.set(self.waiting.len() as u64);
            self.wait(self.pause());
            if !self.waiting.is_empty() {
                self.seal_next(&mut keeper);
            } else {
                let closed = keeper.close_hours(clock::now());
                self.told(closed, "closing an hour");
                if self.ended.is_some() {
                    break;
                }
                if cared_at.elapsed() >= CARE_INTERVAL {
                    self.care(&mut keeper);
                    cared_at = Instant::now();
                }
            }
            let out_of_patience = self.ended.is_some_and(|since| since.elapsed() > PATIENCE);
            if self.fault.is_some() && out_of_patience {
                break;
            }
        }
        self.finished.left = self.waiting.len();
        self.finished
    }

    fn pause(&self) -> Duration {
        match (&self.fault, self.waiting.is_empty()) {
            (Some(_), _) => RETRY,
            (None, true) => TICK,
            (None, false) => Duration::ZERO,
        }
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
    }

    fn seal_next(&mut self, keeper: &mut Keeper) {
        let Some(segment) = self.waiting.front() else { return };
        let sealed = keeper.seal(segment, clock::now());
        if let Some(sealed) = self.told(sealed, "sealing") {
            self.waiting.pop_front();
            self.note(keeper, &sealed);
        }
    }

    /// Deletes what is due, and merges small parts, if there are some. Segments that come meanwhile
    /// are sealed in between.
    fn care(&mut self, keeper: &mut Keeper) {
        let deleted = keeper.delete_due(clock::now());
        if let Some(deleted) = self.told(deleted, "deleting").filter(|deleted| deleted.parts > 0) {
            crate::say(&format!("deleted {} parts, {} records", deleted.parts, deleted.rows));
        }
        let mut budget = Budget::new(MERGE_CORE_SHARE, MERGE_BYTES_PER_SECOND);
        let merged = keeper.compact(&mut budget, clock::now(), |keeper, rest| {
            self.wait(rest);
            while self.fault.is_none() && !self.waiting.is_empty() {
                self.seal_next(keeper);
            }
            self.ended.is_none()
        });
        self.told(merged, "merging");
    }

    /// Says when something begins to fail, and when it goes on.
    fn told<T>(&mut self, result: Result<T, StoreError>, what: &str) -> Option<T> {
        match result {
            Ok(value) => {
                if self.fault.take().is_some() {
                    crate::tell(&format!("{what} goes on"));
                }
                Some(value)
            }
            Err(error) => {
                let fault = error.to_string();
                if self.fault.as_ref() != Some(&fault) {
                    crate::tell(&format!("{what} has to wait: {fault}"));
                    self.fault = Some(fault);
                }
                None
            }
        }
    }

    fn note(&mut self, keeper: &Keeper, sealed: &SealedSegment) {
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
        let room = PATHS_MAX.saturating_sub(self.finished.paths.len());
        let paths = sealed.parts.iter().map(|part| keeper.manifest().path(&part.path));
        self.finished.paths.extend(paths.take(room));
    }
}
