//! The thread that seals: the journal's closed segments become sorted parts, and while there are
//! none the store is looked after.
//!
//! What it cannot write it tries again, for as long as the collector runs: the segments wait in the
//! journal, which is on disk and has a limit of its own.

use crate::{clock, counters::Counter};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use logweir_store::{
    error::StoreError,
    journal::Segment,
    keeper::{Keeper, SealedSegment},
    manifest::Part,
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
/// How long it goes on trying once the collector is to stop.
const PATIENCE: Duration = Duration::from_secs(10);
/// Paths of new files that are remembered for the closing words.
const PATHS_MAX: usize = 16;

/// What the sealer counts.
#[derive(Debug, Default)]
pub struct SealerCounters {
    /// Records in sealed parts.
    pub sealed: Counter,
    /// Segments that were sealed.
    pub segments: Counter,
}

/// A running sealer.
#[derive(Debug)]
pub struct Sealer {
    thread: JoinHandle<Finished>,
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
        counters: Arc<SealerCounters>,
    ) -> io::Result<Sealer> {
        let work = Work {
            keeper,
            segments,
            waiting: recovered.into(),
            counters,
            finished: Finished::default(),
            fault: None,
        };
        let thread = thread::Builder::new().name("lw-sealer".into()).spawn(move || work.run())?;
        Ok(Sealer { thread })
    }

    /// Waits until all is sealed, or could not be; `None` where the thread panicked.
    pub fn join(self) -> Option<Finished> {
        self.thread.join().ok()
    }
}

struct Work {
    keeper: Keeper,
    segments: Receiver<Segment>,
    waiting: VecDeque<Segment>,
    counters: Arc<SealerCounters>,
    finished: Finished,
    /// Why the last attempt failed, as it was told.
    fault: Option<String>,
}

impl Work {
    fn run(mut self) -> Finished {
        // When nobody could send any more.
        let mut ended: Option<Instant> = None;
        loop {
            match self.segments.recv_timeout(self.pause()) {
                Ok(segment) => self.waiting.push_back(segment),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if ended.is_none() => {
                    ended = Some(Instant::now());
                }
                Err(RecvTimeoutError::Disconnected) => thread::sleep(self.pause()),
            }
            if !self.waiting.is_empty() {
                self.seal_next();
            } else {
                self.look_after();
                if ended.is_some() {
                    break;
                }
            }
            let out_of_patience = ended.is_some_and(|since| since.elapsed() > PATIENCE);
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

    fn seal_next(&mut self) {
        let Some(segment) = self.waiting.front() else { return };
        let result = self.keeper.seal(segment, clock::now());
        if let Some(sealed) = self.told(result, "sealing") {
            self.waiting.pop_front();
            self.note(sealed);
        }
    }

    fn look_after(&mut self) {
        let result = self.keeper.close_hours(clock::now());
        self.told(result, "closing an hour");
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

    fn note(&mut self, sealed: SealedSegment) {
        self.counters.segments.add(1);
        self.counters.sealed.add(sealed.parts.iter().map(|part| part.rows).sum());
        if let Some(path) = &sealed.damaged {
            crate::tell(&format!(
                "a segment of the journal could not be read to its end, and was kept as {}",
                path.display()
            ));
        }
        let room = PATHS_MAX.saturating_sub(self.finished.paths.len());
        let paths = sealed.parts.iter().map(|part: &Part| self.keeper.manifest().path(&part.path));
        self.finished.paths.extend(paths.take(room));
    }
}
