//! What a collector tells of itself while it runs, and where it hangs for others to read.

use crate::{
    balance::Balance, ledger::ExporterReport, privileges::Privileges, sealer::SealerCounters,
    sink::SinkCounters,
};
use serde::{Serialize, Serializer};
use std::sync::{Arc, Mutex, PoisonError};

/// The state of a running collector.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// Of the program.
    pub version: &'static str,
    /// What it collects from, and in which modes.
    pub description: String,
    /// When it was started, RFC 3339.
    pub started_at: String,
    /// When this was written, RFC 3339.
    pub at: String,
    /// The balance so far. Its stages are read one after the other: it need not come out even.
    pub balance: Balance,
    /// What is known of each exporter, as of the last second.
    #[serde(serialize_with = "shared")]
    pub exporters: Arc<Vec<ExporterReport>>,
    /// What the process may still do.
    pub privileges: Privileges,
    /// The store; `None` where records are discarded.
    pub store: Option<StoreStatus>,
}

fn shared<T: Serialize, S: Serializer>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
    value.as_ref().serialize(to)
}

/// The state of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreStatus {
    /// The data directory.
    pub data: String,
    /// Bytes of the journal's segments that are not in parts yet.
    pub journal_bytes: u64,
    /// Bytes that they may have.
    pub journal_bytes_max: u64,
    /// Closed segments that wait for the sealer.
    pub segments_waiting: u64,
    /// Records of this process in sealed parts.
    pub sealed: u64,
    /// Records of earlier processes, found in the journal, in sealed parts.
    pub recovered: u64,
}

impl StoreStatus {
    /// Reads the counters of those who write.
    pub fn read(&mut self, sink: &SinkCounters, sealer: &SealerCounters) {
        self.journal_bytes = sink.journal_bytes.get();
        self.segments_waiting = sealer.waiting.get();
        self.sealed = sealer.sealed.get();
        self.recovered = sealer.recovered.get();
    }
}

/// Where the last status hangs.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Arc<Status>>>);

impl Board {
    /// Replaces the status.
    pub fn post(&self, status: Status) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(status);
    }

    /// The last status.
    pub fn read(&self) -> Arc<Status> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
