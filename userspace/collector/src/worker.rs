//! The worker: takes datagrams from its source, decodes them where they lie, and hands full
//! batches over. One thread, from the ring to the batch, without a lock; in the steady state it
//! allocates nothing.

use crate::{
    clock,
    counters::WorkerCounters,
    handoff::Outlet,
    latency,
    source::{Arrival, Received, Source},
};
use hdrhistogram::Histogram;
use logweir_decode::{
    batch::Batch,
    context::UnixNanos,
    decoder::{Datagram, Decoder, FormatHint, Outcome},
};
use logweir_store::schema::Family;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A batch that is not full is handed over at this age, so that a quiet exporter's records do not
/// wait for others.
const BATCH_AGE_MAX_NS: i64 = 1_000_000_000;

/// A busy source publishes its counters once in so many bursts; asking the kernel takes a system
/// call.
const BURSTS_A_PUBLICATION: u64 = 256;

/// The longest sleep when nothing arrives.
const WAIT_MAX: Duration = Duration::from_millis(100);

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
    /// A worker. `formats` are the listeners' formats by their numbers; `stop` asks it to take
    /// what is still there and end.
    pub fn new(
        source: S,
        decoder: Decoder,
        formats: Vec<FormatHint>,
        outlet: Outlet,
        counters: Arc<WorkerCounters>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let stage = Stage {
            decoder,
            formats,
            batch: None,
            batch_since: 0,
            now: clock::now(),
            outlet,
            counters,
            may_wait: S::MAY_WAIT,
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
    pub fn run(mut self) -> Finished {
        let error = self.work().err();
        if error.is_some() {
            self.drain();
        }
        self.source.publish();
        self.stage.abandon_waiting();
        self.stage.hand_over();
        Finished { arrival_to_decoded: self.stage.latency, error }
    }

    /// Takes what a source that has failed still holds.
    fn drain(&mut self) {
        const BURSTS_MAX: u32 = 1024;
        for _ in 0..BURSTS_MAX {
            match self.source.receive(|arrival| self.stage.take(&arrival)) {
                Ok(Received::Datagrams(1..)) => {}
                _ => return,
            }
        }
    }

    fn work(&mut self) -> io::Result<()> {
        let mut stopping = false;
        for burst in 0u64.. {
            // Read before receiving: what arrived before the request is taken.
            if !stopping && self.stop.load(Ordering::Acquire) {
                stopping = true;
                self.source.end_intake()?;
            }
            let received = self.source.receive(|arrival| self.stage.take(&arrival))?;
            let now = self.source.now();
            self.stage.now = now;
            if burst.is_multiple_of(BURSTS_A_PUBLICATION) {
                self.source.publish();
            }
            self.stage.note_latency(now);
            self.stage.release_waiting(now);
            self.stage.hand_over_aged(now);
            match received {
                Received::End => return Ok(()),
                Received::Datagrams(0) if stopping => return Ok(()),
                Received::Datagrams(0) if self.busy_poll => {
                    // A wait is also how a source notices that its interface is gone.
                    if burst.is_multiple_of(BURSTS_A_PUBLICATION) {
                        self.source.wait(Duration::ZERO)?;
                    }
                }
                Received::Datagrams(0) => {
                    self.source.publish();
                    self.source.wait(WAIT_MAX)?;
                }
                Received::Datagrams(_) => {}
            }
        }
        Ok(())
    }
}

/// Everything behind the source: decoder, batch, hand-off and counters.
#[derive(Debug)]
struct Stage {
    decoder: Decoder,
    formats: Vec<FormatHint>,
    batch: Option<Box<Batch>>,
    batch_since: UnixNanos,
    /// The clock as it was read last. A batch's age counts from it and not from the arrival of its
    /// first datagram: where datagrams have waited long already, batches must not become small.
    now: UnixNanos,
    outlet: Outlet,
    counters: Arc<WorkerCounters>,
    may_wait: bool,
    /// Arrival times of the burst, until the clock has been read after it.
    arrivals: Vec<UnixNanos>,
    latency: Histogram<u64>,
}

impl Stage {
    /// Decodes one datagram, or drops it where no batch has room.
    fn take(&mut self, arrival: &Arrival<'_>) {
        self.counters.received.add(1);
        self.counters.received_bytes.add(arrival.payload.len() as u64);
        let Some(mut batch) = self.batch_with_room(arrival.payload.len()) else {
            self.counters.dropped_no_batch.add(1);
            return;
        };
        let format = self.formats.get(usize::from(arrival.listener)).copied().unwrap_or_default();
        let datagram = Datagram {
            payload: arrival.payload,
            exporter: arrival.exporter,
            exporter_port: arrival.exporter_port,
            received_at: arrival.received_at,
            format,
        };
        let before = rows(&batch);
        let outcome = self.decoder.decode(&datagram, &mut batch);
        self.count(outcome);
        self.count_records(before, &batch);
        self.batch = Some(batch);
        if self.arrivals.len() < self.arrivals.capacity() {
            self.arrivals.push(arrival.received_at);
        }
    }

    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Decoded => self.counters.decoded.add(1),
            Outcome::Rejected(reason) => self.counters.rejected[reason].add(1),
            Outcome::Waiting => self.counters.waiting.add(1),
        }
    }

    fn count_records(&self, before: FamilyRows, batch: &Batch) {
        for ((counter, before), now) in self.counters.records.iter().zip(before).zip(rows(batch)) {
            counter.add((now - before) as u64);
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
            if self.may_wait { self.outlet.wait_empty() } else { self.outlet.take_empty() }
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
        let Some(batch) = self.batch.take_if(|batch| !batch.is_empty()) else { return };
        let records = batch.records() as u64;
        match self.outlet.hand_over(batch) {
            Ok(()) => {}
            Err(mut batch) => {
                self.counters.dropped_no_writer.add(records);
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
        self.may_wait = true;
        self.settle(|decoder, batch| decoder.abandon(batch));
    }

    fn settle(&mut self, mut next: impl FnMut(&mut Decoder, &mut Batch) -> Option<Outcome>) {
        while self.decoder.waiting() > 0 {
            let Some(mut batch) = self.batch_with_room(ANY_PAYLOAD) else { return };
            let before = rows(&batch);
            let outcome = next(&mut self.decoder, &mut batch);
            self.count_records(before, &batch);
            self.batch = Some(batch);
            let Some(outcome) = outcome else { return };
            self.count(outcome);
            self.counters.waiting.set(self.decoder.waiting() as u64);
        }
    }

    fn note_latency(&mut self, now: UnixNanos) {
        for arrival in self.arrivals.drain(..) {
            self.latency.saturating_record(u64::try_from(now.saturating_sub(arrival)).unwrap_or(0));
        }
    }
}

/// Rows of each family, by its index.
type FamilyRows = [usize; Family::ALL.len()];

fn rows(batch: &Batch) -> FamilyRows {
    Family::ALL.map(|family| match family {
        Family::Session => batch.session.rows(),
        Family::PortBlock => batch.port_block.rows(),
        Family::Im => batch.im.rows(),
        Family::Filter => batch.filter.rows(),
        Family::Unparsed => batch.unparsed.rows(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        handoff::{self, Next},
        ledger::Ledger,
        sink::{self, PrintSink, SinkCounters, TextFormat},
    };
    use logweir_decode::{batch::Capacity, limits::Limits, netflow::registry::Registry};

    /// A source of a few payloads, so many at a time, which arrived so long ago. It may be left
    /// waiting if it is so called.
    struct Payloads<const PATIENT: bool> {
        left: Vec<&'static [u8]>,
        burst: usize,
        age_ns: i64,
    }

    impl<const PATIENT: bool> Source for Payloads<PATIENT> {
        const MAY_WAIT: bool = PATIENT;

        fn receive(&mut self, mut each: impl FnMut(Arrival<'_>)) -> io::Result<Received> {
            if self.left.is_empty() {
                return Ok(Received::End);
            }
            for payload in self.left.drain(..self.burst.min(self.left.len())) {
                each(Arrival {
                    payload,
                    exporter: [192, 0, 2, 1].into(),
                    exporter_port: 1,
                    listener: 0,
                    received_at: clock::now() - self.age_ns,
                });
            }
            Ok(Received::Datagrams(1))
        }

        fn wait(&mut self, _: Duration) -> io::Result<()> {
            Ok(())
        }
    }

    fn run(payloads: Vec<&'static [u8]>, batches: usize) -> (Arc<WorkerCounters>, handoff::Inlet) {
        run_source(Payloads { left: payloads, burst: usize::MAX, age_ns: 0 }, batches)
    }

    fn run_source(
        source: Payloads<false>,
        batches: usize,
    ) -> (Arc<WorkerCounters>, handoff::Inlet) {
        let (mut outlets, inlet) = handoff::connect(&[batches], SMALL);
        (run_into(source, outlets.remove(0)), inlet)
    }

    fn run_into<S: Source>(source: S, outlet: Outlet) -> Arc<WorkerCounters> {
        let (worker, counters) = worker_into(source, outlet);
        assert!(worker.run().error.is_none());
        counters
    }

    fn worker<S: Source>(
        source: S,
        batches: usize,
    ) -> (Worker<S>, Arc<WorkerCounters>, handoff::Inlet) {
        let (mut outlets, inlet) = handoff::connect(&[batches], SMALL);
        let (worker, counters) = worker_into(source, outlets.remove(0));
        (worker, counters, inlet)
    }

    fn worker_into<S: Source>(source: S, outlet: Outlet) -> (Worker<S>, Arc<WorkerCounters>) {
        let counters = Arc::new(WorkerCounters::default());
        let registry = Arc::new(Registry::new(Limits::DEFAULT));
        let worker = Worker::new(
            source,
            Decoder::new(registry, Arc::default()),
            vec![FormatHint::Auto],
            outlet,
            counters.clone(),
            Arc::default(),
        );
        (worker, counters)
    }

    const SMALL: Capacity =
        Capacity { session_rows: 4096, unparsed_rows: 4096, text_bytes: 64 << 10 };
    const LINE: &[u8] = b"<190>%%: Built an udp session, 192.0.2.1:1 (a) to 192.0.2.2:2 (b).";

    #[test]
    fn each_datagram_is_counted_once() {
        let (counters, inlet) = run(vec![LINE, b"", b"<190>hello", LINE, &[0xff]], 2);
        assert_eq!(counters.received.get(), 5);
        assert_eq!(counters.decoded.get(), 2);
        assert_eq!(counters.rejected.iter().map(|(_, counter)| counter.get()).sum::<u64>(), 3);
        let Next::Batch(full) = inlet.next(Duration::ZERO) else { panic!("a batch") };
        assert_eq!((full.batch.session.rows(), full.batch.unparsed.rows()), (2, 3));
    }

    /// A backlog of the kernel's, of minutes: as many records go into a batch as ever.
    #[test]
    fn datagrams_that_waited_long_do_not_make_batches_small() {
        let source = Payloads { left: vec![LINE; 200], burst: 10, age_ns: 120_000_000_000 };
        let (counters, inlet) = run_source(source, 2);
        assert_eq!((counters.decoded.get(), counters.dropped_no_batch.get()), (200, 0));
        let Next::Batch(full) = inlet.next(Duration::ZERO) else { panic!("a batch") };
        assert_eq!(full.batch.session.rows(), 200);
    }

    /// The ledger is made from notes, and there are as many as the counters say.
    #[test]
    fn each_datagram_is_noted_or_known_not_to_be() {
        let payloads = || vec![LINE, b"", b"<190>hello", LINE, &[0xff]];
        let (counters, inlet) = run(payloads(), 2);
        let Next::Batch(full) = inlet.next(Duration::ZERO) else { panic!("a batch") };
        assert_eq!((full.batch.notes.len(), counters.unnoted.get()), (5, 0));
        drop(inlet);
        let (mut outlets, inlet) = handoff::connect(&[2], SMALL);
        drop(inlet);
        let source = Payloads::<false> { left: payloads(), burst: usize::MAX, age_ns: 0 };
        let counters = run_into(source, outlets.remove(0));
        assert_eq!((counters.received.get(), counters.unnoted.get()), (5, 5));
    }

    #[test]
    fn without_an_empty_batch_datagrams_are_dropped_and_counted() {
        // A batch holds 4096 records.
        let (counters, _inlet) = run(vec![LINE; 5000], 1);
        let dropped = counters.dropped_no_batch.get();
        assert!(dropped > 0);
        assert_eq!(counters.decoded.get() + dropped, 5000);
        let sessions = counters.records[Family::Session as usize].get();
        assert_eq!(sessions, counters.decoded.get());
    }

    /// NetFlow v9 with one template of one field, and no data.
    const TEMPLATE: &[u8] = &[
        0, 9, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, // header
        0, 0, 0, 12, 1, 0, 0, 1, 0, 8, 0, 4, // template 256: sourceIPv4Address
    ];

    /// Templates make notes of datagrams and no records. A batch takes 4096 notes, so the two go
    /// to the writer and back.
    #[test]
    fn batches_of_notes_only_go_round_and_count_no_record() {
        let source = Payloads::<true> { left: vec![TEMPLATE; 20_000], burst: 500, age_ns: 0 };
        let (worker, counters, inlet) = worker(source, 2);
        let sink_counters = Arc::new(SinkCounters::default());
        let mut printed = Vec::new();
        let mut sink = PrintSink::new(&mut printed, TextFormat::Json, sink_counters.clone());
        let mut ledger = Ledger::new(&Limits::DEFAULT);
        std::thread::scope(|scope| {
            scope.spawn(|| sink::run(&inlet, &mut sink, &mut ledger));
            assert!(worker.run().error.is_none());
        });
        assert_eq!((counters.decoded.get(), counters.dropped_no_batch.get()), (20_000, 0));
        assert!(counters.records.iter().all(|records| records.get() == 0));
        assert_eq!((sink_counters.taken.get(), printed.len()), (0, 0));
    }

    /// Without a writer nothing is lost but the notes.
    #[test]
    fn notes_that_no_writer_takes_are_no_lost_records() {
        let source = Payloads::<false> { left: vec![TEMPLATE; 5_000], burst: 500, age_ns: 0 };
        let (worker, counters, inlet) = worker(source, 1);
        drop(inlet);
        assert!(worker.run().error.is_none());
        assert_eq!(counters.decoded.get(), 5_000);
        assert_eq!(counters.dropped_no_writer.get(), 0);
    }
}
