use super::*;
use crate::{
    counters::Counter,
    handoff::{self, Next},
    ledger::Ledger,
    losses::Losses,
    notice::Notice,
    orders::Orders,
    sink::{self, PrintSink, SinkCounters, TextFormat},
    source::Received,
};
use logweir_decode::{
    batch::Capacity, decoder::FormatHint, limits::Limits, netflow::registry::Registry,
    settings::Settings,
};
use logweir_store::schema::Family;
use std::time::Duration;

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

fn run_source(source: Payloads<false>, batches: usize) -> (Arc<WorkerCounters>, handoff::Inlet) {
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
        Notice::new(Orders::default()).reader(),
        outlet,
        counters.clone(),
        Arc::default(),
    );
    (worker, counters)
}

const SMALL: Capacity = Capacity { session_rows: 4096, unparsed_rows: 4096, text_bytes: 64 << 10 };
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
        scope.spawn(|| {
            sink::run(&inlet, &mut sink, &mut ledger, &mut Losses::default(), &Counter::default())
        });
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

/// A line at a time; while the second one is received the orders become these.
struct Reloaded<'a> {
    notice: &'a Notice<Orders>,
    orders: Option<Orders>,
    received: usize,
}

impl Source for Reloaded<'_> {
    fn receive(&mut self, mut each: impl FnMut(Arrival<'_>)) -> io::Result<Received> {
        self.received += 1;
        if self.received == 2
            && let Some(orders) = self.orders.take()
        {
            self.notice.replace(orders, Duration::ZERO);
        }
        if self.received > 3 {
            return Ok(Received::End);
        }
        each(Arrival {
            payload: LINE,
            exporter: [192, 0, 2, 1].into(),
            exporter_port: 1,
            listener: 0,
            received_at: clock::now(),
        });
        Ok(Received::Datagrams(1))
    }

    fn wait(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

/// The destinations of each batch's records, where the orders change before the third one.
fn destinations(orders: Orders) -> Vec<Vec<bool>> {
    let notice = Notice::new(Orders::default());
    let (mut outlets, inlet) = handoff::connect(&[4], SMALL);
    let worker = Worker::new(
        Reloaded { orders: Some(orders), received: 0, notice: &notice },
        Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::default()),
        notice.reader(),
        outlets.remove(0),
        Arc::default(),
        Arc::default(),
    );
    assert!(worker.run().error.is_none());
    let mut batches = Vec::new();
    while let Next::Batch(full) = inlet.next(Duration::ZERO) {
        let records = logweir_decode::record::records(&full.batch);
        let has = |fields| crate::output::json::object(&fields).contains_key("dst_addr");
        batches.push(records.map(has).collect());
    }
    batches
}

#[test]
fn what_was_received_is_kept_as_was_ordered_then() {
    let privacy = logweir_decode::privacy::Privacy { omit_destinations: true, user_key: None };
    let omitting = Settings { privacy, ..Settings::default() };
    let orders = |settings: Settings| Orders { settings: settings.into(), ..Orders::default() };
    assert_eq!(destinations(orders(omitting)), [vec![true, true], vec![false]]);
    // What changes nothing of that makes no batch smaller.
    let limits = Settings::with_limits(Limits { messages_per_datagram: 1, ..Limits::DEFAULT });
    assert_eq!(destinations(orders(limits)), [vec![true, true, true]]);
    let rejecting = Orders { formats: vec![FormatHint::Netflow], ..Orders::default() };
    assert_eq!(destinations(rejecting), [vec![true, true, false]], "the last one is unparsed");
}
