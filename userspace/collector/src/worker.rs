//! The worker: takes datagrams from its source, decodes them where they lie, and hands full
//! batches over. One thread, from the ring to the batch, without a lock; in the steady state it
//! allocates nothing.

mod tally;

use crate::{
    clock,
    counters::WorkerCounters,
    drops::Dropped,
    handoff::Outlet,
    latency,
    notice::Reader,
    orders::Orders,
    source::{Arrival, Source, drive::drive},
};
use hdrhistogram::Histogram;
use logweir_decode::{
    batch::Batch,
    context::UnixNanos,
    decoder::{Datagram, Decoder, Outcome},
    settings::Settings,
};
use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tally::Tally;

/// A batch that is not full is handed over at this age, so that a quiet exporter's records do not
/// wait for others.
const BATCH_AGE_MAX_NS: i64 = 1_000_000_000;

/// So long does a worker that ends wait for batches that the writer has: it may be unable to write.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// The largest payload that a waiting datagram may have: any.
const ANY_PAYLOAD: usize = 65_535;

/// A worker that is ready to run.
#[derive(Debug)]
pub struct Worker<S> {
    source: S,
    stage: Stage,
    stop: Arc<AtomicBool>,
    busy_poll: bool,
}

/// What a worker leaves behind.
#[derive(Debug)]
pub struct Finished {
    /// Nanoseconds from arrival to decoded, a datagram.
    pub arrival_to_decoded: Histogram<u64>,
    /// Why it stopped, when not because it was asked to.
    pub error: Option<io::Error>,
}

impl<S: Source> Worker<S> {
    /// A worker, whose decoder has the settings of the orders; `stop` asks it to take what is still
    /// there and end.
    pub fn new(
        source: S,
        decoder: Decoder,
        orders: Reader<Orders>,
        outlet: Outlet,
        counters: Arc<WorkerCounters>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let stage = Stage {
            decoder,
            orders,
            batch: None,
            batch_since: 0,
            now: clock::now(),
            outlet,
            counters,
            tally: Tally::default(),
            patience: if S::MAY_WAIT { Duration::MAX } else { Duration::ZERO },
            dropped: Dropped::default(),
            arrivals: Vec::with_capacity(4096),
            latency: latency::histogram(),
        };
        Self { source, stage, stop, busy_poll: false }
    }

    /// Never sleeps: asks its source again at once when nothing was there.
    #[must_use]
    pub fn busy_polling(mut self, busy_poll: bool) -> Self {
        self.busy_poll = busy_poll;
        self
    }

    /// Runs until it is asked to stop or the source ends.
    pub fn run(self) -> Finished {
        let Self { mut source, mut stage, stop, busy_poll } = self;
        let ended = drive(&mut source, &stop, busy_poll, |source| {
            stage.counters.rounds.add(1);
            stage.heed_orders();
            let received = source.receive(|arrival| stage.take(&arrival))?;
            stage.end_burst(source.now());
            Ok(received)
        });
        stage.abandon_waiting();
        stage.tell();
        stage.outlet.drops().leave_last(&mut stage.dropped);
        stage.hand_over();
        Finished { arrival_to_decoded: stage.latency, error: ended.err() }
    }
}

/// Everything behind the source: decoder, batch, hand-off and counters.
#[derive(Debug)]
struct Stage {
    decoder: Decoder,
    orders: Reader<Orders>,
    batch: Option<Box<Batch>>,
    batch_since: UnixNanos,
    /// The clock as it was read last. A batch's age counts from it and not from the arrival of its
    /// first datagram: where datagrams have waited long already, batches must not become small.
    now: UnixNanos,
    outlet: Outlet,
    counters: Arc<WorkerCounters>,
    tally: Tally,
    /// How long it waits for an empty batch.
    patience: Duration,
    /// What was dropped, until it is told.
    dropped: Dropped,
    /// Arrival times of the burst, until the clock has been read after it.
    arrivals: Vec<UnixNanos>,
    latency: Histogram<u64>,
}

impl Stage {
    /// Goes by new orders from here on, where there are any.
    fn heed_orders(&mut self) {
        if self.orders.refresh() {
            self.take_settings(Arc::clone(&self.orders.get().settings));
        }
    }

    #[cold]
    fn take_settings(&mut self, settings: Arc<Settings>) {
        // What was received under the old privacy is kept by that.
        if self.decoder.settings().privacy != settings.privacy {
            self.hand_over();
        }
        self.decoder.set_settings(settings);
    }

    /// Decodes one datagram, or drops it where no batch has room.
    fn take(&mut self, arrival: &Arrival<'_>) {
        self.tally.received(arrival.payload.len());
        let Some(mut batch) = self.batch_with_room(arrival.payload.len()) else {
            self.counters.dropped_no_batch.add(1);
            self.dropped.add(arrival.exporter, 1);
            return;
        };
        let formats = &self.orders.get().formats;
        let format = formats.get(usize::from(arrival.listener)).copied().unwrap_or_default();
        let datagram = Datagram {
            payload: arrival.payload,
            exporter: arrival.exporter,
            exporter_port: arrival.exporter_port,
            received_at: arrival.received_at,
            format,
        };
        let outcome = self.decoder.decode(&datagram, &mut batch);
        self.count(outcome);
        self.batch = Some(batch);
        if self.arrivals.len() < self.arrivals.capacity() {
            self.arrivals.push(arrival.received_at);
        }
    }

    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Decoded => self.tally.decoded(),
            Outcome::Rejected(reason) => self.counters.rejected[reason].add(1),
            Outcome::Waiting => self.counters.waiting.add(1),
        }
    }

    /// Does what is due after a burst.
    fn end_burst(&mut self, now: UnixNanos) {
        self.now = now;
        self.note_latency(now);
        self.release_waiting(now);
        self.tell();
        self.hand_over_aged(now);
    }

    /// Tells what was counted since it was told last.
    fn tell(&mut self) {
        self.tally.tell(&self.counters);
        self.outlet.drops().leave(&mut self.dropped);
        if let Some(batch) = &self.batch {
            self.tally.tell_records(batch, &self.counters);
        }
    }

    /// Takes the batch in hand, or another one, that has room for a payload of this size.
    fn batch_with_room(&mut self, payload_bytes: usize) -> Option<Box<Batch>> {
        let full =
            |batch: &Batch| batch.is_worth_handing_over() || !batch.has_room_for(payload_bytes);
        if self.batch.as_deref().is_some_and(full) {
            self.hand_over();
        }
        self.batch.take().or_else(|| {
            self.batch_since = self.now;
            match self.patience {
                Duration::ZERO => self.outlet.take_empty(),
                patience => self.outlet.wait_empty(patience),
            }
        })
    }

    fn hand_over_aged(&mut self, now: UnixNanos) {
        // A clock that was set back makes an age negative: then it is not known, and old enough.
        let age = now.saturating_sub(self.batch_since);
        if self.batch.is_some() && !(0..=BATCH_AGE_MAX_NS).contains(&age) {
            self.hand_over();
        }
    }

    /// Hands the batch over; an empty one stays.
    fn hand_over(&mut self) {
        let Some(mut batch) = self.batch.take_if(|batch| !batch.is_empty()) else { return };
        batch.leave_out(&self.decoder.settings().privacy);
        self.tally.tell_records(&batch, &self.counters);
        match self.outlet.hand_over(batch) {
            Ok(()) => self.tally.end_batch(&self.counters),
            Err(mut batch) => {
                self.tally.lose_batch(&self.counters);
                let datagrams = batch.notes.iter().filter(|note| !note.waited);
                self.counters.unnoted.add(datagrams.count() as u64);
                batch.clear();
                self.batch = Some(batch);
            }
        }
    }

    /// Decodes datagrams whose templates have come, and gives up those that waited too long.
    fn release_waiting(&mut self, now: UnixNanos) {
        self.settle(|decoder, batch| decoder.release(now, batch));
    }

    /// Gives up all that still wait.
    fn abandon_waiting(&mut self) {
        // At the end the writer empties batches until all workers are gone.
        self.patience = self.patience.max(LAST_PATIENCE);
        self.settle(|decoder, batch| decoder.abandon(batch));
    }

    fn settle(&mut self, mut next: impl FnMut(&mut Decoder, &mut Batch) -> Option<Outcome>) {
        while self.decoder.waiting() > 0 {
            let Some(mut batch) = self.batch_with_room(ANY_PAYLOAD) else { return };
            let outcome = next(&mut self.decoder, &mut batch);
            self.batch = Some(batch);
            let Some(outcome) = outcome else { return };
            self.count(outcome);
            self.counters.waiting.set(self.decoder.waiting() as u64);
        }
    }

    fn note_latency(&mut self, now: UnixNanos) {
        let age = |arrival| u64::try_from(now.saturating_sub(arrival)).unwrap_or(0);
        let seen = &self.counters.arrival_to_decoded;
        latency::record_all(&mut self.latency, seen, self.arrivals.drain(..).map(age));
    }
}

#[cfg(test)]
mod tests;
