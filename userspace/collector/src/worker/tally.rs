//! What a worker has counted and not told yet: plain numbers, of which others see the sums after each
//! burst.

use crate::counters::WorkerCounters;
use logweir_decode::batch::Batch;
use logweir_store::schema::Family;

/// Counts of the burst that is being taken.
#[derive(Debug, Default)]
pub(super) struct Tally {
    received: u64,
    received_bytes: u64,
    decoded: u64,
    /// Records of the batch in hand that were told, by family.
    told: [u64; Family::ALL.len()],
}

impl Tally {
    /// Counts a datagram that the source gave.
    pub fn received(&mut self, payload_bytes: usize) {
        self.received += 1;
        self.received_bytes += payload_bytes as u64;
    }

    /// Counts a datagram of which all was decoded.
    pub fn decoded(&mut self) {
        self.decoded += 1;
    }

    /// Tells the datagrams.
    pub fn tell(&mut self, counters: &WorkerCounters) {
        counters.received.add(std::mem::take(&mut self.received));
        counters.received_bytes.add(std::mem::take(&mut self.received_bytes));
        counters.decoded.add(std::mem::take(&mut self.decoded));
    }

    /// Tells the records of the batch in hand.
    pub fn tell_records(&mut self, batch: &Batch, counters: &WorkerCounters) {
        for ((counter, told), now) in counters.records.iter().zip(&mut self.told).zip(rows(batch)) {
            counter.add(now - std::mem::replace(told, now));
        }
    }

    /// The next batch is another one.
    pub fn end_batch(&mut self) {
        self.told = Default::default();
    }
}

fn rows(batch: &Batch) -> [u64; Family::ALL.len()] {
    Family::ALL.map(|family| match family {
        Family::Session => batch.session.rows(),
        Family::PortBlock => batch.port_block.rows(),
        Family::Im => batch.im.rows(),
        Family::Filter => batch.filter.rows(),
        Family::Unparsed => batch.unparsed.rows(),
    } as u64)
}
