//! Finds events by comparing what the collector tells of itself from one second to the next.
//!
//! What grows is told when it grows, with its sum since it was told last, at most once a minute; what
//! holds or does not is told when it begins to hold, and then not before it has ceased.

mod exporter;
mod growth;
mod thresholds;

pub use thresholds::Thresholds;

use super::{
    event::{Event, EventKind},
    known::Known,
};
use crate::{
    clock::Moment,
    ledger::ExporterReport,
    service::status::{ConfigurationStatus, Status, StoreStatus},
};
use exporter::{Found, Seen};
use growth::Growth;
use std::{borrow::Cow, collections::HashMap};
use thresholds::{Holding, is_so_long};

/// Events told at once; those beyond are told the next time, if they still are.
const EVENTS_MAX: usize = 100;

/// By how many hundredths a share has to leave its threshold until it has ceased to hold: sealing
/// takes room and gives it back every few seconds.
const SLACK: u64 = 2;

/// What was seen so far.
#[derive(Debug)]
pub struct Watcher {
    thresholds: Thresholds,
    exporters: HashMap<String, Seen>,
    /// Those that have sent to a collector before this one, and not to this one.
    awaited: HashMap<String, Seen>,
    lost: HashMap<Cow<'static, str>, Growth>,
    refused: Growth,
    sealing: Sealing,
    holding: Holding,
    events: Vec<Event>,
    /// The place of the exporter that is looked at first.
    next: usize,
}

/// How far the sealer was, and since when.
#[derive(Debug, Default)]
struct Sealing {
    sealed: u64,
    since: i64,
}

impl Sealing {
    /// Since when it stands still, while something waits.
    fn since(&mut self, waiting: u64, sealed: u64, now: Moment) -> i64 {
        if waiting == 0 || sealed != self.sealed {
            *self = Self { sealed, since: now.steady };
        }
        self.since
    }
}

impl Watcher {
    /// One that has seen nothing.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            exporters: HashMap::new(),
            awaited: HashMap::new(),
            lost: HashMap::new(),
            refused: Growth::default(),
            sealing: Sealing::default(),
            holding: Holding::default(),
            events: Vec::new(),
            next: 0,
        }
    }

    /// The same, waiting for these exporters from now on: nobody could hear them before.
    pub fn awaiting(mut self, known: &[Known], now: Moment) -> Self {
        let seen = |one: &Known| Seen::before(one.last_arrival.to_string(), now);
        self.awaited = known.iter().map(|one| (one.exporter.to_string(), seen(one))).collect();
        self
    }

    /// Goes by other thresholds from now on.
    pub fn set_thresholds(&mut self, thresholds: Thresholds) {
        let exporters = self.exporters.values_mut().chain(self.awaited.values_mut());
        exporters.for_each(|seen| seen.forget_others(&thresholds));
        self.holding.forget_others(&thresholds);
        self.thresholds = thresholds;
    }

    /// What is new in a status.
    pub fn compare(&mut self, status: &Status, now: Moment) -> Vec<Event> {
        self.losses(status, now);
        if let Some(store) = &status.store {
            self.room(store, now);
            self.journal(store, now);
            self.sealing(store, now);
        }
        self.reloads(&status.configuration, now);
        let exporters = status.exporters.as_slice();
        // Where it had to leave off the last time: those in front must not keep all to themselves.
        let (first, rest) = exporters.split_at(self.next.min(exporters.len()));
        for report in rest.iter().chain(first) {
            if self.events.len() >= EVENTS_MAX {
                break;
            }
            self.exporter(report, now);
            self.next = (self.next + 1) % exporters.len();
        }
        self.await_others(now);
        std::mem::take(&mut self.events)
    }

    fn losses(&mut self, status: &Status, now: Moment) {
        for (place, count) in status.balance.lost() {
            let Some(grown) = self.lost.entry(place.clone()).or_default().news(count, now) else {
                continue;
            };
            let kind = match place.as_ref() {
                "datagrams without a batch" => EventKind::QueueFull,
                "records without a writer" | "records not written" => EventKind::StoreFailed,
                _ => EventKind::ReceiveLoss,
            };
            self.tell(kind, None, now, None, format!("{grown} lost: {place}"));
        }
    }

    fn room(&mut self, store: &StoreStatus, now: Moment) {
        let hundredths = |part: u64, all: u64| part.saturating_mul(100).checked_div(all);
        if let Some(free) = hundredths(store.disk_free_bytes, store.disk_bytes) {
            let text = format!("{free} % of the store's disk is free");
            self.hundredths(EventKind::DiskLow, |at, slack| free < at + slack, now, &text);
        }
        if let Some(used) = hundredths(store.journal_bytes, store.journal_bytes_max) {
            let text = format!("{used} % of the journal's room is taken");
            self.hundredths(EventKind::JournalFull, |at, slack| used + slack > at, now, &text);
        }
    }

    fn hundredths(
        &mut self,
        kind: EventKind,
        holds: impl Fn(u64, u64) -> bool,
        now: Moment,
        text: &str,
    ) {
        for threshold in self.thresholds.of(kind).to_vec() {
            let slack = if self.holding.has(kind, threshold) { SLACK } else { 0 };
            if self.holding.begins(kind, Some(threshold), holds(threshold, slack)) {
                self.tell(kind, Some(threshold), now, None, text.to_owned());
            }
        }
    }

    fn journal(&mut self, store: &StoreStatus, now: Moment) {
        let fault = store.journal_fault.as_ref();
        if self.holding.begins(EventKind::JournalStuck, None, fault.is_some()) {
            let text = fault.cloned().unwrap_or_default();
            self.tell(EventKind::JournalStuck, None, now, None, text);
        }
    }

    fn sealing(&mut self, store: &StoreStatus, now: Moment) {
        const KIND: EventKind = EventKind::SealingStuck;
        let waiting = store.segments_waiting;
        let since = self.sealing.since(waiting, store.sealed + store.recovered, now);
        for threshold in self.thresholds.of(KIND).to_vec() {
            if self.holding.begins(KIND, Some(threshold), is_so_long(since, now, threshold)) {
                let wait = if waiting == 1 { "segment waits" } else { "segments wait" };
                let text = format!("{waiting} {wait}, and none was sealed for {threshold} s");
                self.tell(KIND, Some(threshold), now, None, text);
            }
        }
    }

    fn reloads(&mut self, configuration: &ConfigurationStatus, now: Moment) {
        if self.refused.news(configuration.refused, now).is_some() {
            let text = configuration.last_error.clone();
            let text = text.unwrap_or_else(|| "another one is in force by now".into());
            self.tell(EventKind::ReloadRefused, None, now, None, text);
        }
    }

    fn exporter(&mut self, report: &ExporterReport, now: Moment) {
        let name = &report.exporter;
        if !self.exporters.contains_key(name) {
            let seen = self.awaited.remove(name).unwrap_or_default();
            self.exporters.insert(name.clone(), seen);
            let text = "first datagram since the start".into();
            self.tell(EventKind::ExporterNew, None, now, Some(name), text);
        }
        let Some(seen) = self.exporters.get_mut(name) else { return };
        let found = seen.compare(report, &self.thresholds, now);
        self.tell_of(name, found, now);
    }

    fn await_others(&mut self, now: Moment) {
        let Self { awaited, thresholds, .. } = self;
        let found = awaited.iter_mut().map(|(name, seen)| (name, seen.await_it(thresholds, now)));
        let found = found.filter(|(_, found)| !found.is_empty());
        let found: Vec<_> = found
            .take(EVENTS_MAX.saturating_sub(self.events.len()))
            .map(|(name, found)| (name.clone(), found))
            .collect();
        found.into_iter().for_each(|(name, found)| self.tell_of(&name, found, now));
    }

    fn tell_of(&mut self, exporter: &str, found: Vec<Found>, now: Moment) {
        for (kind, threshold, text) in found {
            self.tell(kind, threshold, now, Some(exporter), text);
        }
    }

    fn tell(
        &mut self,
        kind: EventKind,
        threshold: Option<u64>,
        at: Moment,
        exporter: Option<&str>,
        text: String,
    ) {
        self.events.push(Event {
            kind,
            threshold,
            at: at.at,
            exporter: exporter.map(Into::into),
            text,
        });
    }
}

#[cfg(test)]
mod tests;
