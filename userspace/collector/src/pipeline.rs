//! The running collector: sources, workers and the writer, wired together, and their balance.

mod attached;
mod closing;
mod config;
mod reload;
mod settled;
mod wiring;

pub use config::{Input, PipelineConfig};
pub use wiring::Sources;

use crate::{
    balance::{Balance, RecordBalance, RingBalance, SocketBalance},
    counters::{RingCounters, RingFill, SocketCounters, WorkerCounters},
    handoff::Inlet,
    latency::{Latency, Octaves},
    ledger::{self, Ledger},
    listener::Listener,
    losses::Losses,
    notice::Notice,
    orders::Orders,
    sink::{self, Sink, SinkCounters},
    worker::Finished,
};
use attached::AttachedSteering;
use closing::Closing;
use hdrhistogram::Histogram;
use logweir_decode::{limits::Limits, netflow::registry::Registry};
use settled::Settled;
use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    thread::JoinHandle,
    time::Duration,
};

/// A running collector.
#[derive(Debug)]
pub struct Pipeline<S> {
    steering: Option<AttachedSteering>,
    workers: Vec<WorkerThread>,
    rings: Vec<Arc<RingCounters>>,
    rx_ring_size: u32,
    sockets: Vec<Arc<SocketCounters>>,
    ring_mode: &'static str,
    writer: JoinHandle<Written<S>>,
    sink_counters: Arc<SinkCounters>,
    exporters: ledger::Published,
    registry: Arc<Registry>,
    instructions: Instructions,
    description: String,
}

/// What its threads were told.
#[derive(Debug)]
struct Instructions {
    orders: Notice<Orders>,
    limits: Notice<Limits>,
    /// The ports that are collected, by their numbers.
    listeners: Vec<Listener>,
}

#[derive(Debug)]
struct WorkerThread {
    name: String,
    /// Asks it to stop.
    stop: Arc<AtomicBool>,
    /// Whether it reads a ring, which the XDP program fills.
    reads_ring: bool,
    counters: Arc<WorkerCounters>,
    thread: JoinHandle<Finished>,
}

/// What the writer leaves behind.
#[derive(Debug)]
struct Written<S> {
    sink: S,
    arrival_to_stored: Option<Histogram<u64>>,
    ledger: Ledger,
}

/// What a pipeline leaves behind.
#[derive(Debug)]
pub struct Summary<S> {
    /// Everything counted.
    pub balance: Balance,
    /// Nanoseconds from arrival to decoded, a datagram.
    pub arrival_to_decoded: Histogram<u64>,
    /// Nanoseconds from arrival to stored, a record, where the sink knows.
    pub arrival_to_stored: Option<Histogram<u64>>,
    /// The sink, all of it safe; `None` where the writer panicked.
    pub sink: Option<S>,
    /// Threads that ended because something failed.
    pub errors: Vec<String>,
}

impl<S: Sink + Send + 'static> Pipeline<S> {
    /// Starts a pipeline into this sink.
    ///
    /// # Errors
    /// One sentence that says what could not be had.
    pub fn start(
        config: &PipelineConfig,
        sink: S,
        sink_counters: Arc<SinkCounters>,
    ) -> Result<Self, String> {
        Self::start_from(Sources::open(config)?, config, sink, sink_counters)
    }

    /// Starts a pipeline from sources that were opened by the same configuration.
    ///
    /// # Errors
    /// One sentence: there are no threads to be had.
    pub fn start_from(
        sources: Sources,
        config: &PipelineConfig,
        sink: S,
        sink_counters: Arc<SinkCounters>,
    ) -> Result<Self, String> {
        wiring::start(sources, config, sink, sink_counters)
    }

    /// What it is and in which modes, in one line.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether any thread has ended of itself: the files were read, or something failed.
    pub fn has_ended(&self) -> bool {
        self.writer.is_finished() || self.workers.iter().any(|worker| worker.thread.is_finished())
    }

    /// The templates of all exporters.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// How often the loop of each worker and of the writer has gone round. Whoever does not stand
    /// still goes round several times a second.
    pub fn rounds(&self) -> Vec<(String, u64)> {
        let workers =
            self.workers.iter().map(|worker| (worker.name.clone(), worker.counters.rounds.get()));
        let writer = ("lw-writer".to_owned(), self.sink_counters.rounds.get());
        workers.chain([writer]).collect()
    }

    /// Workers that run.
    pub fn workers(&self) -> usize {
        self.workers.iter().filter(|worker| !worker.thread.is_finished()).count()
    }

    /// How long datagrams took from arrival to decoded.
    pub fn arrival_to_decoded(&self) -> Octaves {
        let mut octaves = Octaves::default();
        for worker in &self.workers {
            octaves.read(&worker.counters.arrival_to_decoded);
        }
        octaves
    }

    /// What is known of each exporter, as of the last second.
    pub fn exporters(&self) -> Arc<Vec<ledger::ExporterReport>> {
        self.exporters.read()
    }

    /// The RX rings, by queue.
    pub fn rings(&self) -> Vec<RingFill> {
        let rings = self.rings.iter().map(|counters| RingFill {
            frames: self.rx_ring_size.into(),
            fullest: counters.fullest.get(),
        });
        rings.collect()
    }

    /// The balance as it stands. While traffic flows its stages are read one after the other, so
    /// it need not come out even.
    pub fn balance(&self) -> Balance {
        let mut balance = Balance::default();
        // The writer's counters first: what comes to it meanwhile is not stored yet.
        self.add_records(&mut balance.records);
        let settled = balance.records.settled();
        let mut on_the_way = 0;
        for worker in &self.workers {
            balance.add_worker(&worker.counters);
            on_the_way += worker.counters.in_hand.get() + worker.counters.handed_over.get();
        }
        balance.records.pending = on_the_way.saturating_sub(settled);
        if !self.rings.is_empty() {
            let mut ring = RingBalance { mode: self.ring_mode.into(), ..RingBalance::default() };
            for counters in &self.rings {
                ring.received += counters.received.get();
                ring.rx_ring_full += counters.rx_ring_full.get();
                ring.rx_dropped += counters.rx_dropped.get();
                ring.unreadable += counters.unreadable.get();
            }
            balance.ring = Some(ring);
        }
        if !self.sockets.is_empty() {
            let received = self.sockets.iter().map(|socket| socket.received.get()).sum();
            let not_allowed = self.sockets.iter().map(|socket| socket.not_allowed.get()).sum();
            let dropped = self.sockets.iter().map(|socket| socket.dropped.get()).sum();
            balance.socket = Some(SocketBalance { received, not_allowed, dropped });
        }
        if let Some(attached) = &self.steering {
            attached.add_to(&mut balance);
        }
        balance.close();
        balance
    }

    /// What the writer has counted. Pending is only what it has taken: at the end, when nothing can
    /// be on the way to it any more, everything else must have turned up.
    fn add_records(&self, records: &mut RecordBalance) {
        records.stored = self.sink_counters.stored.get();
        records.failed = self.sink_counters.failed.get();
        records.discarded = self.sink_counters.discarded.get();
        records.pending = self.sink_counters.taken.get().saturating_sub(records.settled());
    }

    /// Ends the pipeline: nothing new is let in, everything that was received is decoded and
    /// stored, and the balance is drawn.
    ///
    /// The UDP sockets end first: when the XDP program is gone, all traffic would come to them.
    pub fn stop(mut self) -> Summary<S> {
        let mut closing = Closing::default();
        let (rings, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.workers).into_iter().partition(|worker| worker.reads_ring);
        closing.join(others);
        let nic = self.steering.as_mut().and_then(|attached| {
            let nic = attached.settled_nic();
            closing.errors.extend(attached.steering.detach().err().map(|error| error.to_string()));
            // Packets that the driver has in hand reach the rings.
            std::thread::sleep(Duration::from_millis(50));
            nic
        });
        closing.join(rings);
        self.finish(nic, closing)
    }

    fn finish(self, nic: Option<Settled>, mut closing: Closing) -> Summary<S> {
        // The workers' ends of the hand-off are gone: the writer takes what is left and ends.
        while !self.writer.is_finished() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut balance = self.balance();
        for counters in &closing.counters {
            balance.add_worker(counters);
        }
        self.add_records(&mut balance.records);
        if let Some(settled) = nic {
            let seen = balance.xdp.as_ref().map_or(0, |xdp| xdp.seen);
            balance.nic = Some(settled.carried_to(seen));
        }
        let (sink, arrival_to_stored) = match self.writer.join() {
            Ok(Written { sink, arrival_to_stored, ledger }) => {
                balance.exporters = Some(ledger.report());
                (Some(sink), arrival_to_stored)
            }
            Err(_) => {
                closing.errors.push("lw-writer panicked: what it had not stored is lost".into());
                balance.records.lose_unstored();
                (None, None)
            }
        };
        balance.arrival_to_decoded = Some(Latency::of(&closing.arrival_to_decoded));
        balance.arrival_to_stored = arrival_to_stored.as_ref().map(Latency::of);
        balance.close();
        let Closing { errors, arrival_to_decoded, .. } = closing;
        Summary { balance, arrival_to_decoded, arrival_to_stored, sink, errors }
    }
}

/// The writer's thread.
fn spawn_writer<S: Sink + Send + 'static>(
    inlet: Inlet,
    mut sink: S,
    mut ledger: Ledger,
    mut losses: Losses,
    counters: Arc<SinkCounters>,
) -> io::Result<JoinHandle<Written<S>>> {
    std::thread::Builder::new().name("lw-writer".into()).spawn(move || {
        let arrival_to_stored =
            sink::run(&inlet, &mut sink, &mut ledger, &mut losses, &counters.rounds);
        Written { sink, arrival_to_stored, ledger }
    })
}
