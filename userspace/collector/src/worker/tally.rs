//! What a worker has counted and not told yet: plain numbers, of which others see the sums after each
//! burst.

use crate::counters::WorkerCounters;
use logweir_decode::batch::Batch;
use logweir_store::schema::Family;
use std::mem;

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
        counters.received.add(mem::take(&mut self.received));
        counters.received_bytes.add(mem::take(&mut self.received_bytes));
        counters.decoded.add(mem::take(&mut self.decoded));
    }

    /// Tells the records of the batch in hand.
    pub fn tell_records(&mut self, batch: &Batch, counters: &WorkerCounters) {
        for ((counter, told), now) in counters.records.iter().zip(&mut self.told).zip(rows(batch)) {
            counter.add(now - mem::replace(told, now));
        }
        counters.in_hand.set(self.told.iter().sum());
    }

    /// Tells that the batch in hand has gone to the writer. The next one is another one.
    pub fn end_batch(&mut self, counters: &WorkerCounters) {
        let records = mem::take(&mut self.told).iter().sum();
        counters.handed_over.add(records);
        counters.in_hand.set(0);
    }

    /// Tells that the batch in hand is lost, since there is no writer.
    pub fn lose_batch(&mut self, counters: &WorkerCounters) {
        let records = mem::take(&mut self.told).iter().sum();
        counters.dropped_no_writer.add(records);
        counters.in_hand.set(0);
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
