//! The end of the workers.

use super::WorkerThread;
use crate::{counters::WorkerCounters, latency};
use hdrhistogram::Histogram;
use std::sync::{Arc, atomic::Ordering};

/// What the workers leave behind as they end.
pub(super) struct Closing {
    pub counters: Vec<Arc<WorkerCounters>>,
    pub arrival_to_decoded: Histogram<u64>,
    pub errors: Vec<String>,
}

impl Default for Closing {
    fn default() -> Self {
        let arrival_to_decoded = latency::histogram();
        Self { counters: Vec::new(), arrival_to_decoded, errors: Vec::new() }
    }
}

impl Closing {
    /// Asks workers to stop and waits until they have.
    pub fn join(&mut self, workers: Vec<WorkerThread>) {
        for worker in &workers {
            worker.stop.store(true, Ordering::Release);
        }
        for WorkerThread { name, counters, thread, .. } in workers {
            match thread.join() {
                Ok(finished) => {
                    self.errors.extend(finished.error.map(|error| format!("{name}: {error}")));
                    // Both histograms have the same bounds.
                    let _ = self.arrival_to_decoded.add(&finished.arrival_to_decoded);
                }
                Err(_) => self.errors.push(format!("{name} panicked")),
            }
            self.counters.push(counters);
        }
    }
}
