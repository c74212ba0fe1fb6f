//! Records to Parquet.

use super::{Sink, SinkCounters, Taken};
use crate::latency;
use hdrhistogram::Histogram;
use logweir_decode::{batch::Batch, context::UnixNanos};
use logweir_store::{
    error::StoreError,
    writer::{Outcome, Writer},
};
use std::{path::PathBuf, sync::Arc};

/// Complaints about failed writes that are printed; later ones are only counted.
const COMPLAINTS_MAX: u32 = 10;

/// Writes records to the store.
#[derive(Debug)]
pub struct StoreSink {
    writer: Writer,
    counters: Arc<SinkCounters>,
    arrival_to_stored: Histogram<u64>,
    paths: Vec<PathBuf>,
    complaints: u32,
}

/// Paths of new files that are remembered for the closing words.
const PATHS_MAX: usize = 16;

impl StoreSink {
    /// Writes to an open store.
    pub fn new(writer: Writer, counters: Arc<SinkCounters>) -> Self {
        Self {
            writer,
            counters,
            arrival_to_stored: latency::histogram(),
            paths: Vec::new(),
            complaints: 0,
        }
    }

    fn note(&mut self, outcome: Outcome, now: UnixNanos) {
        for part in outcome.committed {
            for (arrival, rows) in part.arrivals.iter() {
                let waited = u64::try_from(now - arrival).unwrap_or(0);
                self.arrival_to_stored.saturating_record_n(waited, rows);
            }
            if self.paths.len() < PATHS_MAX {
                self.paths.push(part.path);
            }
        }
        for failed in outcome.failed {
            self.complain(&failed.error, failed.rows);
        }
        let totals = self.writer.totals();
        self.counters.taken.set(totals.appended);
        self.counters.stored.set(totals.stored);
        self.counters.failed.set(totals.failed);
    }

    fn complain(&mut self, error: &StoreError, rows: u64) {
        self.complaints += 1;
        if self.complaints <= COMPLAINTS_MAX {
            crate::tell(&format!("{rows} records lost: {error}"));
        }
    }
}

impl Sink for StoreSink {
    fn take(&mut self, batch: &Batch, now: UnixNanos) -> Taken {
        let outcome = self.writer.append(batch, now).outcome;
        self.note(outcome, now);
        Taken::All
    }

    fn tick(&mut self, now: UnixNanos) {
        let outcome = self.writer.commit_due(now);
        self.note(outcome, crate::clock::now());
    }

    fn finish(&mut self, _: UnixNanos) -> Option<Histogram<u64>> {
        let outcome = self.writer.commit_all();
        self.note(outcome, crate::clock::now());
        Some(self.arrival_to_stored.clone())
    }

    fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}
