//! One receives, several decode: for a queue that brings more than one processor can decode.
//!
//! A dealer's thread receives from the source, copies datagrams into parcels, and deals these out
//! in turn; each lane ends in a [`source::dealt`](crate::source::dealt) of a worker, from which the
//! empty parcels come back. A frame goes back to the kernel as soon as its datagram is copied, so no
//! frame has two owners, and a worker that stands still keeps none. The number of parcels is fixed:
//! while the lanes lack empty ones for an ordinary burst, datagrams stay where the kernel put them.
//! After a second of that, or where a burst needs more of them, they are dropped and counted.

use crate::{
    counters::WorkerCounters,
    drops::{DropBox, Dropped},
    latency,
    source::{
        Arrival, Source,
        dealt::{DealtSource, Parcel},
        drive::drive,
    },
    worker::Finished,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::{
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
};

/// Parcels of a lane.
const PARCELS: usize = 64;

/// Parcels that a burst may take, as a rule.
const BURST_PARCELS: usize = 8;

/// So long does a dealer leave datagrams where they are, for workers that have no empty parcels.
const PATIENCE: Duration = Duration::from_secs(1);

/// So long does it sleep before it looks for empty parcels again: workers may need its processor.
const PAUSE: Duration = Duration::from_micros(50);

/// A dealer that is ready to run.
#[derive(Debug)]
pub struct Dealer<S> {
    source: S,
    table: Table,
    counters: Arc<WorkerCounters>,
    drops: DropBox,
    stop: Arc<AtomicBool>,
    busy_poll: bool,
}

/// The lanes, and the parcel in hand.
#[derive(Debug)]
struct Table {
    lanes: Vec<Lane>,
    /// The lane whose turn it is.
    turn: usize,
    /// A parcel that is being filled, and its lane.
    hand: Option<(usize, Box<Parcel>)>,
    /// Since when the lanes lack empty parcels.
    stalled_since: Option<Instant>,
}

#[derive(Debug)]
struct Lane {
    full: Sender<Box<Parcel>>,
    empty: Receiver<Box<Parcel>>,
}

impl<S: Source> Dealer<S> {
    /// A dealer of what this source gives, and the sources of so many workers. `counters` count
    /// what it drops, and `drops` are told whose that was; `stop` asks it to deal what is still there and end, and then they end.
    pub fn new(
        source: S,
        workers: usize,
        counters: Arc<WorkerCounters>,
        drops: DropBox,
        stop: Arc<AtomicBool>,
    ) -> (Self, Vec<DealtSource>) {
        let (lanes, dealt) = (0..workers).map(|_| lane()).unzip();
        let table = Table { lanes, turn: 0, hand: None, stalled_since: None };
        (Self { source, table, counters, drops, stop, busy_poll: false }, dealt)
    }

    /// Never sleeps: asks its source again at once when nothing was there.
    #[must_use]
    pub fn busy_polling(mut self, busy_poll: bool) -> Self {
        self.busy_poll = busy_poll;
        self
    }

    /// Runs until it is asked to stop or the source ends.
    pub fn run(self) -> Finished {
        let Self { mut source, mut table, counters, drops, stop, busy_poll } = self;
        let mut by_exporter = Dropped::default();
        let ended = drive(&mut source, &stop, busy_poll, |source| {
            counters.rounds.add(1);
            // What the ring or the socket still holds is not lost.
            while !table.is_ready() {
                thread::sleep(PAUSE);
            }
            let mut dropped = Burst::default();
            let received = source.receive(|arrival| {
                if !table.put(&arrival) {
                    dropped.add(&arrival);
                    by_exporter.add(arrival.exporter, 1);
                }
            });
            table.hand_over();
            dropped.tell(&counters);
            drops.leave(&mut by_exporter);
            received
        });
        drops.leave_last(&mut by_exporter);
        Finished { arrival_to_decoded: latency::histogram(), error: ended.err() }
    }
}

/// What was dropped of a burst.
#[derive(Default)]
struct Burst {
    datagrams: u64,
    bytes: u64,
}

impl Burst {
    fn add(&mut self, arrival: &Arrival<'_>) {
        self.datagrams += 1;
        self.bytes += arrival.payload.len() as u64;
    }

    fn tell(&self, counters: &WorkerCounters) {
        counters.received.add(self.datagrams);
        counters.received_bytes.add(self.bytes);
        counters.dropped_no_batch.add(self.datagrams);
    }
}

impl Table {
    /// Whether a burst finds room, or has waited for it in vain.
    fn is_ready(&mut self) -> bool {
        let empty: usize = self.lanes.iter().map(|lane| lane.empty.len()).sum();
        if empty >= BURST_PARCELS {
            self.stalled_since = None;
            return true;
        }
        self.stalled_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE
    }

    /// Copies a datagram into a parcel; `false` when there is none for it.
    fn put(&mut self, arrival: &Arrival<'_>) -> bool {
        if self.hand.as_ref().is_some_and(|(_, parcel)| !parcel.has_room_for(arrival)) {
            self.hand_over();
        }
        if self.hand.is_none() {
            self.hand = self.take();
        }
        let Some((_, parcel)) = &mut self.hand else { return false };
        parcel.put(arrival);
        true
    }

    /// An empty parcel, of the lane whose turn it is or of the next that has one.
    fn take(&mut self) -> Option<(usize, Box<Parcel>)> {
        let lanes = self.lanes.len();
        let (lane, parcel) = (0..lanes)
            .map(|offset| (self.turn + offset) % lanes)
            .find_map(|lane| Some((lane, self.lanes[lane].empty.try_recv().ok()?)))?;
        self.turn = (lane + 1) % lanes;
        Some((lane, parcel))
    }

    /// Hands over what is in hand.
    fn hand_over(&mut self) {
        if let Some((lane, parcel)) = self.hand.take() {
            // It has room for all parcels of the lane. A worker that has panicked takes none: its
            // thread says so, and its datagrams remain unaccounted.
            let _ = self.lanes[lane].full.try_send(parcel);
        }
    }
}

fn lane() -> (Lane, DealtSource) {
    let (full, dealt) = bounded(PARCELS);
    let (home, empty) = bounded(PARCELS);
    for _ in 0..PARCELS {
        // The channel has room for exactly these.
        let _ = home.try_send(Box::default());
    }
    (Lane { full, empty }, DealtSource::new(dealt, home))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Received;
    use std::{collections::BTreeSet, io};

    /// Datagrams with numbers, so many at a time.
    struct Numbers {
        numbers: std::ops::Range<u32>,
        burst: usize,
    }

    impl Source for Numbers {
        fn receive(&mut self, mut each: impl FnMut(Arrival<'_>)) -> io::Result<Received> {
            let mut count = 0;
            for number in self.numbers.by_ref().take(self.burst) {
                let payload = &number.to_be_bytes();
                let exporter = [192, 0, 2, number as u8].into();
                let received_at = number.into();
                let (exporter_port, listener) = (number as u16, 1);
                each(Arrival { payload, exporter, exporter_port, listener, received_at });
                count += 1;
            }
            Ok(if count == 0 { Received::End } else { Received::Datagrams(count) })
        }

        fn wait(&mut self, _: Duration) -> io::Result<()> {
            Ok(())
        }
    }

    fn dealer(burst: usize, workers: usize) -> (Dealer<Numbers>, Vec<DealtSource>) {
        let source = Numbers { numbers: 0..10_000, burst };
        Dealer::new(source, workers, Arc::default(), DropBox::default(), Arc::default())
    }

    /// Takes all that is dealt to a worker.
    fn take_all(mut source: DealtSource) -> Vec<u32> {
        let mut numbers = Vec::new();
        loop {
            let received = source.receive(|arrival| {
                let number = u32::from_be_bytes(arrival.payload.try_into().unwrap());
                assert_eq!(arrival.exporter, std::net::IpAddr::from([192, 0, 2, number as u8]));
                assert_eq!((arrival.exporter_port, arrival.listener), (number as u16, 1));
                assert_eq!(arrival.received_at, i64::from(number));
                numbers.push(number);
            });
            match received.unwrap() {
                Received::End => return numbers,
                Received::Datagrams(0) => source.wait(Duration::from_millis(1)).unwrap(),
                Received::Datagrams(_) => {}
            }
        }
    }

    #[test]
    fn each_datagram_is_dealt_to_one_worker_or_counted_as_dropped() {
        let (dealer, sources) = dealer(100, 3);
        let counters = dealer.counters.clone();
        let dealt = std::thread::scope(|scope| {
            let workers: Vec<_> =
                sources.into_iter().map(|source| scope.spawn(|| take_all(source))).collect();
            assert!(dealer.run().error.is_none());
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
        });
        let once: BTreeSet<_> = dealt.iter().copied().collect();
        assert_eq!(once.len(), dealt.len());
        let dropped = counters.dropped_no_batch.get();
        assert_eq!(dealt.len() as u64 + dropped, 10_000);
        assert_eq!(counters.received.get(), dropped);
        assert_eq!(counters.received_bytes.get(), 4 * dropped);
    }

    /// Two lanes of 64 parcels of 64 datagrams hold 8192.
    #[test]
    fn workers_that_stand_still_cost_what_does_not_fit() {
        let (dealer, sources) = dealer(64, 2);
        let counters = dealer.counters.clone();
        assert!(dealer.run().error.is_none());
        assert_eq!(counters.dropped_no_batch.get(), 10_000 - 8_192);
        let dealt: Vec<_> = sources.into_iter().map(take_all).collect();
        assert!(dealt.iter().all(|numbers| numbers.len() == 4_096 && numbers.is_sorted()));
    }
}
