//! Records to the journal of the store.

use super::{Sink, SinkCounters, Taken, pending::PendingDrops};
use crate::latency;
use crossbeam_channel::Sender;
use hdrhistogram::Histogram;
use logweir_decode::{batch::Batch, context::UnixNanos};
use logweir_store::{
    error::StoreError,
    journal::{Drops, Journal, Round, Segment},
};
use std::{sync::Arc, time::Duration};

/// How long the disk may take for the last sync.
const LAST_SYNC_PATIENCE: Duration = Duration::from_secs(10);

/// Appends batches to the journal, and hands the segments that have ended to whoever seals them.
#[derive(Debug)]
pub struct JournalSink {
    journal: Journal,
    counters: Arc<SinkCounters>,
    arrival_to_stored: Histogram<u64>,
    /// Where segments go that have ended; nowhere any more at the end.
    sealer: Option<Sender<Segment>>,
    /// What was dropped and is not in the journal yet.
    drops: PendingDrops,
    /// Why nothing can be appended, and since when.
    fault: Option<Fault>,
    /// Why what was appended cannot be synced, and since when.
    sync_fault: Option<Fault>,
    /// Records of batches that were given up.
    given_up: u64,
}

#[derive(Debug)]
struct Fault {
    error: StoreError,
    since: UnixNanos,
}

impl JournalSink {
    /// Writes to an open journal. Segments go to the `sealer`, whose channel has room for all that
    /// the journal may hold; without one they wait for the next start.
    pub fn new(journal: Journal, counters: Arc<SinkCounters>, sealer: Sender<Segment>) -> Self {
        Self {
            journal,
            counters,
            arrival_to_stored: latency::histogram(),
            sealer: Some(sealer),
            drops: PendingDrops::default(),
            fault: None,
            sync_fault: None,
            given_up: 0,
        }
    }

    /// Notes whether the journal could be appended to, and says so when that changes.
    fn note_append(&mut self, appended: Result<(), StoreError>, now: UnixNanos) -> bool {
        match appended {
            Ok(()) => {
                if let Some(fault) = self.fault.take() {
                    self.counters.append_fault.set(None);
                    crate::tell(&format!("the journal is written again, after {}", fault.age(now)));
                }
                true
            }
            Err(error) => {
                let is_new = self.fault.is_none();
                if is_new {
                    self.counters.append_fault.set(Some(error.to_string()));
                    crate::tell(&format!(
                        "{error}: what memory cannot hold is dropped and counted until it can"
                    ));
                }
                let since = self.fault.as_ref().map_or(now, |fault| fault.since);
                self.fault = Some(Fault { error, since });
                false
            }
        }
    }

    fn note_rounds(&mut self) {
        for round in self.journal.take_rounds() {
            self.note_round(round);
        }
    }

    fn note_round(&mut self, round: Round) {
        let Round { records, arrivals, at, error, .. } = round;
        if let Some(error) = error {
            if self.sync_fault.is_none() {
                self.counters.sync_fault.set(Some(error.to_string()));
                crate::tell(&format!("{error}: a loss of power would now cost records"));
                self.sync_fault = Some(Fault { error, since: at });
            }
            return;
        }
        if let Some(fault) = self.sync_fault.take() {
            self.counters.sync_fault.set(None);
            crate::tell(&format!("the journal is synced again, after {}", fault.age(at)));
        }
        self.counters.stored.add(records);
        for (arrival, records) in arrivals.iter() {
            let waited = u64::try_from(at.saturating_sub(arrival)).unwrap_or(0);
            self.arrival_to_stored.saturating_record_n(waited, records);
            self.counters.arrival_to_stored.add(waited, records);
        }
    }

    fn append_drops(&mut self, now: UnixNanos) {
        while let Some(drops) = self.drops.pop() {
            let appended = self.journal.append_drops(&drops, now);
            if !self.note_append(appended, now) {
                return self.drops.add(drops);
            }
        }
    }

    fn hand_over(&mut self) {
        for segment in self.journal.take_closed() {
            if let Some(sealer) = &self.sealer {
                // One that nobody takes is found by the next start.
                let _ = sealer.send(segment);
            }
        }
    }
}

impl Fault {
    fn age(&self, now: UnixNanos) -> String {
        format!("{:.1} s", now.saturating_sub(self.since) as f64 / 1e9)
    }
}

impl Sink for JournalSink {
    fn take(&mut self, batch: &Batch, now: UnixNanos) -> Taken {
        let appended = self.journal.append(batch, now);
        if !self.note_append(appended, now) {
            return Taken::Refused;
        }
        self.counters.taken.add(batch.records() as u64);
        Taken::All
    }

    fn give_up(&mut self, batch: &Batch) {
        let records = batch.records() as u64;
        self.counters.taken.add(records);
        self.counters.failed.add(records);
        self.given_up += records;
    }

    fn take_drops(&mut self, drops: Vec<Drops>) {
        drops.into_iter().for_each(|drops| self.drops.add(drops));
    }

    fn tick(&mut self, now: UnixNanos) {
        self.append_drops(now);
        self.journal.rotate_due(now);
        self.note_rounds();
        self.hand_over();
        self.counters.journal_bytes.set(self.journal.bytes());
    }

    fn finish(&mut self, now: UnixNanos) -> Option<Histogram<u64>> {
        self.append_drops(now);
        self.journal.rotate();
        let answered = self.journal.sync(LAST_SYNC_PATIENCE);
        self.note_rounds();
        self.hand_over();
        self.sealer = None;
        let counters = &self.counters;
        let settled = counters.stored.get() + counters.failed.get();
        let unsynced = counters.taken.get().saturating_sub(settled);
        counters.failed.add(unsynced);
        if let Some(fault) = self.fault.as_ref().filter(|_| self.given_up > 0) {
            crate::tell(&format!("{} records lost: {}", self.given_up, fault.error));
        }
        match &self.sync_fault {
            _ if !answered => crate::tell(&format!(
                "{unsynced} records may be lost: the disk did not answer within {} s",
                LAST_SYNC_PATIENCE.as_secs()
            )),
            Some(fault) if unsynced > 0 => {
                crate::tell(&format!("{unsynced} records may be lost: {}", fault.error));
            }
            _ => {}
        }
        Some(self.arrival_to_stored.clone())
    }
}
