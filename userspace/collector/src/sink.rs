//! Where batches go: to the store, to standard output, or nowhere.

mod discard;
mod journal;
mod pending;
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

    /// Takes what was dropped, to be written when it can be.
    fn take_drops(&mut self, _: Vec<Drops>) {}

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
    let patience = Patience::default();
    Writer { inlet, sink, ledger, losses, rounds, patience, told_at: 0 }.run()
}

/// What the loop works with.
struct Writer<'a, S> {
    inlet: &'a Inlet,
    sink: &'a mut S,
    ledger: &'a mut Ledger,
    losses: &'a mut Losses,
    rounds: &'a Counter,
    patience: Patience,
    /// When drops were told last.
    told_at: UnixNanos,
}

impl<S: Sink> Writer<'_, S> {
    fn run(mut self) -> Option<Histogram<u64>> {
        loop {
            self.rounds.add(1);
            match self.inlet.next(TICK) {
                Next::Batch(full) => {
                    self.ledger.take(full.batch.notes.iter());
                    self.give(&full.batch);
                    full.recycle();
                }
                Next::Timeout => {}
                Next::End => {
                    self.tell_drops(clock::now());
                    return self.sink.finish(clock::now());
                }
            }
            self.do_what_is_due();
        }
    }

    /// Gives a batch to the sink until it takes it, or there is no hope.
    fn give(&mut self, batch: &Batch) {
        while self.sink.take(batch, clock::now()) == Taken::Refused {
            if self.inlet.workers_are_gone() && self.patience.is_over() {
                return self.sink.give_up(batch);
            }
            self.rounds.add(1);
            thread::sleep(RETRY);
            self.do_what_is_due();
        }
    }

    fn do_what_is_due(&mut self) {
        let now = clock::now();
        // As it happens, since it is booked in the hour in which it is told.
        if !(0..DROPS_EVERY_NS).contains(&(now - self.told_at)) {
            self.tell_drops(now);
        }
        self.ledger.publish(now);
        self.sink.tick(now);
    }

    /// Tells ledger and sink what workers have dropped, and the sink what never came to them.
    fn tell_drops(&mut self, now: UnixNanos) {
        self.told_at = now;
        let drops = self.inlet.drops().take().into_iter().map(|(exporter, datagrams)| Drops {
            at: now,
            place: "no_batch".into(),
            exporter,
            datagrams,
        });
        let drops: Vec<_> = drops.collect();
        self.ledger.take_drops(&drops);
        self.sink.take_drops(drops);
        self.sink.take_drops(self.losses.news(now));
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

#[cfg(test)]
mod tests;
