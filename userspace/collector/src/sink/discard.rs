//! Records counted and thrown away: what remains is receiving and decoding, for those who measure
//! these.

use super::{Sink, SinkCounters, Taken};
use hdrhistogram::Histogram;
use logweir_decode::{batch::Batch, context::UnixNanos};
use std::sync::Arc;

/// Counts records and keeps none.
#[derive(Debug)]
pub struct DiscardSink {
    counters: Arc<SinkCounters>,
}

impl DiscardSink {
    /// Counts in `counters`.
    pub fn new(counters: Arc<SinkCounters>) -> Self {
        Self { counters }
    }
}

impl Sink for DiscardSink {
    fn take(&mut self, batch: &Batch, _: UnixNanos) -> Taken {
        let records = batch.records() as u64;
        self.counters.taken.add(records);
        self.counters.discarded.add(records);
        Taken::All
    }

    fn tick(&mut self, _: UnixNanos) {}

    fn finish(&mut self, _: UnixNanos) -> Option<Histogram<u64>> {
        None
    }
}
