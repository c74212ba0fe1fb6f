//! Where batches go: to the store, to standard output, or nowhere.

mod discard;
mod print;
mod store;

pub use discard::DiscardSink;
pub use print::{PrintSink, TextFormat};
pub use store::StoreSink;

use crate::{
    clock,
    counters::Counter,
    handoff::{Inlet, Next},
    ledger::Ledger,
};
use hdrhistogram::Histogram;
use logweir_decode::{batch::Batch, context::UnixNanos};
use std::{path::PathBuf, time::Duration};

/// What a sink has done with the records that it was given: each is in exactly one of these, or
/// pending.
#[derive(Debug, Default)]
pub struct SinkCounters {
    /// Records given to it.
    pub taken: Counter,
    /// Records that are safe: in a file with its final name, or printed.
    pub stored: Counter,
    /// Records that could not be written.
    pub failed: Counter,
    /// Records that were thrown away, as was asked for.
    pub discarded: Counter,
}

/// Takes batches and keeps their records.
pub trait Sink {
    /// Takes the records of a batch.
    fn take(&mut self, batch: &Batch, now: UnixNanos);

    /// Does what is due, with or without new batches.
    fn tick(&mut self, now: UnixNanos);

    /// Makes everything safe that was taken. Returns nanoseconds from arrival to stored, a record,
    /// where it knows.
    fn finish(&mut self, now: UnixNanos) -> Option<Histogram<u64>>;

    /// Some of the files written, the first ones; none where it writes none.
    fn paths(&self) -> &[PathBuf] {
        &[]
    }
}

/// How long the writer sleeps when nothing comes.
const TICK: Duration = Duration::from_millis(100);

/// The writer's loop: until all workers have ended and everything is safe.
pub fn run(inlet: &Inlet, sink: &mut impl Sink, ledger: &mut Ledger) -> Option<Histogram<u64>> {
    loop {
        match inlet.next(TICK) {
            Next::Batch(full) => {
                ledger.take(full.batch.notes.iter());
                sink.take(&full.batch, clock::now());
                full.recycle();
            }
            Next::Timeout => {}
            Next::End => return sink.finish(clock::now()),
        }
        sink.tick(clock::now());
    }
}
