//! Where batches go: to the store, to standard output, or nowhere.

mod discard;
mod journal;
mod print;

pub use discard::DiscardSink;
pub use journal::JournalSink;
pub use print::{PrintSink, TextFormat};

use crate::{
    clock,
    counters::{Counter, Notice},
    handoff::{Inlet, Next},
    latency::OctaveCounters,
    ledger::Ledger,
    losses::Losses,
};
use hdrhistogram::Histogram;
use logweir_decode::{batch::Batch, context::UnixNanos};
use logweir_store::journal::Drops;
use std::{
    thread,
    time::{Duration, Instant},
};

/// What a sink has done with the records that it was given: each is in exactly one of these, or
/// pending.
#[derive(Debug, Default)]
pub struct SinkCounters {
    /// How often the writer's loop has gone round, with or without batches.
    pub rounds: Counter,
    /// Records given to it.
    pub taken: Counter,
    /// Records that are safe: synced to the journal, or printed.
    pub stored: Counter,
    /// Records that could not be written.
    pub failed: Counter,
    /// Records that were thrown away, as was asked for.
    pub discarded: Counter,
    /// Bytes of the journal that are not in parts yet.
    pub journal_bytes: Counter,
    /// Why the journal cannot be appended to.
    pub append_fault: Notice,
    /// Why the journal cannot be synced.
    pub sync_fault: Notice,
    /// Records by the time from arrival to stored.
    pub arrival_to_stored: OctaveCounters,
}

/// What a sink did with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// It has taken all of it; what of that it cannot keep it counts.
    All,
    /// It has taken nothing of it: it may be able to later.
    Refused,
}

/// Takes batches and keeps their records.
pub trait Sink {
    /// Takes the records of a batch.
    fn take(&mut self, batch: &Batch, now: UnixNanos) -> Taken;

    /// Counts a batch as lost that it has refused until the end.
    fn give_up(&mut self, _: &Batch) {}

    /// Takes what was dropped.
    fn take_drops(&mut self, _: Vec<Drops>) {}

    /// Whether it can keep nothing for the time being.
    fn is_stuck(&self) -> bool {
        false
    }

    /// Does what is due, with or without new batches.
    fn tick(&mut self, now: UnixNanos);

    /// Makes everything safe that was taken. Returns nanoseconds from arrival to stored, a record,
    /// where it knows.
    fn finish(&mut self, now: UnixNanos) -> Option<Histogram<u64>>;
}

/// How long the writer sleeps when nothing comes.
const TICK: Duration = Duration::from_millis(100);

/// How long it waits before it gives a sink again what that has refused.
const RETRY: Duration = Duration::from_millis(100);

/// How long it goes on with that when the workers have ended.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// How often drops are told, in nanoseconds.
const DROPS_EVERY_NS: i64 = 1_000_000_000;

/// The writer's loop: until all workers have ended and everything is safe. While the sink refuses a
/// batch none comes back to the workers, which drop what they have no batch for. `rounds` counts how
/// often it comes by, so that others see that it does.
pub fn run(
    inlet: &Inlet,
    sink: &mut impl Sink,
    ledger: &mut Ledger,
    losses: &mut Losses,
    rounds: &Counter,
) -> Option<Histogram<u64>> {
    let mut drops_told_at = 0;
    let mut patience = Patience::default();
    loop {
        rounds.add(1);
        match inlet.next(TICK) {
            Next::Batch(full) => {
                ledger.take(full.batch.notes.iter());
                give(&full.batch, inlet, sink, &mut patience, rounds);
                full.recycle();
            }
            Next::Timeout => {}
            Next::End => {
                let now = clock::now();
                tell_drops(inlet, sink, ledger, now);
                sink.take_drops(losses.news(now));
                return sink.finish(clock::now());
            }
        }
        let now = clock::now();
        if !sink.is_stuck() && !(0..DROPS_EVERY_NS).contains(&(now - drops_told_at)) {
            tell_drops(inlet, sink, ledger, now);
            sink.take_drops(losses.news(now));
            drops_told_at = now;
        }
        ledger.publish(now);
        sink.tick(now);
    }
}

/// Gives a batch to the sink until it takes it, or there is no hope.
fn give(
    batch: &Batch,
    inlet: &Inlet,
    sink: &mut impl Sink,
    patience: &mut Patience,
    rounds: &Counter,
) {
    while sink.take(batch, clock::now()) == Taken::Refused {
        if inlet.workers_are_gone() && patience.is_over() {
            return sink.give_up(batch);
        }
        rounds.add(1);
        thread::sleep(RETRY);
        sink.tick(clock::now());
    }
}

/// What is left of [`LAST_PATIENCE`], for all batches together.
#[derive(Default)]
struct Patience(Option<Instant>);

impl Patience {
    fn is_over(&mut self) -> bool {
        self.0.get_or_insert_with(Instant::now).elapsed() > LAST_PATIENCE
    }
}

/// Tells ledger and sink what the workers have dropped.
fn tell_drops(inlet: &Inlet, sink: &mut impl Sink, ledger: &mut Ledger, now: UnixNanos) {
    let drops = inlet.drops().take().into_iter().map(|(exporter, datagrams)| Drops {
        at: now,
        place: "no_batch".into(),
        exporter,
        datagrams,
    });
    let drops: Vec<_> = drops.collect();
    ledger.take_drops(&drops);
    sink.take_drops(drops);
}
