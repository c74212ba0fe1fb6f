//! The live log: the records that came last and what the collector has to tell of itself, in memory,
//! for people to look at.
//!
//! It is bounded by lines and by bytes, and so is what it costs: of each family so many records a
//! second are written down, and the others counted. What rules want there and the collector's own
//! events have a place of their own, from which a stream of records cannot drive them out.

pub mod filter;
mod ring;
pub mod text;

use crate::clock;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use filter::Filter;
use logweir_decode::context::UnixNanos;
use ring::Ring;
use serde_json::{Map, Value as Json};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveConfig {
    /// Lines, of records and of everything else, each.
    pub lines_max: usize,
    /// Bytes of these lines, likewise.
    pub bytes_max: usize,
    /// Records of each family that are written down in a second.
    pub records_per_second: u32,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self { lines_max: 10_000, bytes_max: 8 << 20, records_per_second: 100 }
    }
}

/// A line of the log: a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Later lines have greater numbers.
    pub number: u64,
    /// The object.
    pub json: Arc<str>,
}

/// The log.
#[derive(Debug)]
pub struct LiveLog {
    config: LiveConfig,
    kept: Mutex<Kept>,
    followers: Mutex<Vec<Arc<Follower>>>,
    /// Changes with `followers`, so that the writer need not look at them.
    changes: AtomicU64,
    /// Records that were not written down, being too many.
    skipped: AtomicU64,
}

#[derive(Debug)]
struct Kept {
    next_number: u64,
    records: Ring,
    events: Ring,
}

/// Lines that may wait for a follower.
const FOLLOWER_LINES_MAX: usize = 4_096;

/// Followers at the same time.
pub const FOLLOWERS_MAX: usize = 8;

/// Somebody who is shown what comes.
#[derive(Debug)]
pub struct Follower {
    filter: Filter,
    lines: Sender<Arc<str>>,
    /// What it was not shown: too many in a second, or it was too slow.
    skipped: AtomicU64,
}

/// A follower's own end.
#[derive(Debug)]
pub struct Following {
    log: Arc<LiveLog>,
    follower: Arc<Follower>,
    /// What comes, one JSON object each.
    pub lines: Receiver<Arc<str>>,
}

impl LiveLog {
    /// An empty log.
    pub fn new(config: LiveConfig) -> Self {
        let ring = || Ring::new(config.lines_max, config.bytes_max);
        Self {
            config,
            kept: Mutex::new(Kept { next_number: 1, records: ring(), events: ring() }),
            followers: Mutex::default(),
            changes: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        }
    }

    /// How much it keeps.
    pub const fn config(&self) -> &LiveConfig {
        &self.config
    }

    /// Records that were not written down, because more came than the configuration wants.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Counts records that are not written down.
    pub(super) fn skip(&self, records: u64) {
        self.skipped.fetch_add(records, Ordering::Relaxed);
    }

    /// Writes down records of the sample.
    pub(super) fn push_records(&self, lines: impl Iterator<Item = Arc<str>>) {
        let mut kept = lock(&self.kept);
        for json in lines {
            let number = kept.number();
            kept.records.push(Line { number, json });
        }
    }

    /// Writes down what a rule wants to be seen. Followers have seen it, if they want it.
    pub fn push_matched(&self, json: Arc<str>) {
        let mut kept = lock(&self.kept);
        let number = kept.number();
        kept.events.push(Line { number, json });
    }

    /// Writes down an event of the collector's own, and shows it.
    pub fn push_event(&self, event: &Map<String, Json>) {
        let json: Arc<str> = serde_json::to_string(event).unwrap_or_default().into();
        for follower in lock(&self.followers).iter() {
            if follower.filter.matches_object(event) {
                follower.show(&json);
            }
        }
        self.push_matched(json);
    }

    /// Writes down something that the collector tells of itself, by its name and in words.
    pub fn tell(&self, event: &str, text: &str) {
        self.push_event(&event_object(event, clock::now(), None, text));
    }

    /// The last `count` lines that a filter wants, oldest first.
    pub fn last(&self, filter: &Filter, count: usize) -> Vec<Line> {
        let mut lines: Vec<Line> = {
            let kept = lock(&self.kept);
            kept.records.lines().chain(kept.events.lines()).cloned().collect()
        };
        lines.sort_unstable_by_key(|line| std::cmp::Reverse(line.number));
        // A record of the sample that a rule wants here too is one line.
        let mut places = HashSet::new();
        lines.retain(|line| places.insert(line.json.as_ptr()));
        let wanted = |line: &Line| {
            serde_json::from_str(&line.json).is_ok_and(|object| filter.matches_object(&object))
        };
        let mut last: Vec<_> = lines.into_iter().filter(wanted).take(count).collect();
        last.reverse();
        last
    }

    /// Shows what comes from now on; `None` where too many want that already.
    pub fn follow(self: &Arc<Self>, filter: Filter) -> Option<Following> {
        let (sender, lines) = bounded(FOLLOWER_LINES_MAX);
        let follower = Arc::new(Follower { filter, lines: sender, skipped: AtomicU64::new(0) });
        let mut followers = lock(&self.followers);
        if followers.len() >= FOLLOWERS_MAX {
            return None;
        }
        followers.push(follower.clone());
        self.changes.fetch_add(1, Ordering::Release);
        Some(Following { log: self.clone(), follower, lines })
    }

    /// The followers, if they are others than at this count of changes.
    pub(super) fn followers_since(&self, seen: &mut u64) -> Option<Vec<Arc<Follower>>> {
        let changes = self.changes.load(Ordering::Acquire);
        if changes == *seen {
            return None;
        }
        *seen = changes;
        Some(lock(&self.followers).clone())
    }
}

impl Kept {
    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }
}

impl Follower {
    /// What it wants to be shown.
    pub(super) const fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) fn show(&self, json: &Arc<str>) {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(json.clone()) {
            self.skip();
        }
    }

    pub(super) fn skip(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Following {
    /// Records that it wanted and was not shown.
    pub fn skipped(&self) -> u64 {
        self.follower.skipped.load(Ordering::Relaxed)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        lock(&self.log.followers).retain(|other| !Arc::ptr_eq(other, &self.follower));
        self.log.changes.fetch_add(1, Ordering::Release);
    }
}

/// An event of the collector's own, as the log shows it.
pub fn event_object(
    event: &str,
    at: UnixNanos,
    exporter: Option<&str>,
    text: &str,
) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("record".into(), "event".into());
    object.insert("event".into(), event.into());
    object.insert("received_at".into(), crate::output::rfc3339(at, 3).into());
    if let Some(exporter) = exporter {
        object.insert("exporter".into(), exporter.into());
    }
    object.insert("text".into(), text.into());
    object
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
