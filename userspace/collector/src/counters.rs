//! What a worker counts. Each counter has one writer, its worker; anyone may read them.

use crate::latency::OctaveCounters;
use logweir_decode::reason::ByReason;
use logweir_store::schema::Family;
use serde::{Deserialize, Serialize};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// A counter with a single writer: adding is a load and a store, without a locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it; only the one writer may.
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Sets it; only the one writer may.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Reads it.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A sum with a single writer, in floating point: it loses digits rather than run over.
#[derive(Debug, Default)]
pub struct Total(AtomicU64);

impl Total {
    /// Adds to it; only the one writer may.
    pub fn add(&self, amount: f64) {
        self.0.store((self.get() + amount).to_bits(), Ordering::Relaxed);
    }

    /// Reads it.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// A sentence that stands for as long as something is wrong. Who posts it does so when it changes,
/// not for each datagram.
#[derive(Debug, Default)]
pub struct Notice(Mutex<Option<String>>);

impl Notice {
    /// Replaces it.
    pub fn set(&self, sentence: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sentence;
    }

    /// Reads it.
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The counters of one worker, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct WorkerCounters {
    /// How often its loop has gone round, with or without datagrams.
    pub rounds: Counter,
    /// Datagrams that the source gave.
    pub received: Counter,
    /// Bytes of their payloads.
    pub received_bytes: Counter,
    /// Datagrams of which all was decoded.
    pub decoded: Counter,
    /// Datagrams of which something was rejected, by reason.
    pub rejected: ByReason<Counter>,
    /// Datagrams dropped because no empty batch was left.
    pub dropped_no_batch: Counter,
    /// Datagrams that wait for their template now.
    pub waiting: Counter,
    /// Records of each family.
    pub records: [Counter; Family::ALL.len()],
    /// Of the records, those in the batch that is being filled.
    pub in_hand: Counter,
    /// Of the records, those in batches that were handed over to the writer.
    pub handed_over: Counter,
    /// Records lost because the writer was gone.
    pub dropped_no_writer: Counter,
    /// Datagrams that are in no ledger, because the writer was gone.
    pub unnoted: Counter,
    /// Datagrams by the time from arrival to decoded.
    pub arrival_to_decoded: OctaveCounters,
}

/// What an AF_XDP source counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct RingCounters {
    /// Packets taken from the RX ring that were readable datagrams.
    pub received: Counter,
    /// Packets that the kernel could not put into a full RX ring.
    pub rx_ring_full: Counter,
    /// Packets that the kernel had no frame for, or that were too long for one.
    pub rx_dropped: Counter,
    /// Packets taken from the RX ring that could not be read as a datagram.
    pub unreadable: Counter,
    /// The most packets that waited in the RX ring at once, in the last whole second.
    pub fullest: Counter,
}

/// How full an RX ring has been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RingFill {
    /// Packets that it holds at most.
    pub frames: u64,
    /// The most that waited in it at once, in the last whole second.
    pub fullest: u64,
}

/// What a UDP source counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct SocketCounters {
    /// Datagrams received from exporters that may send.
    pub received: Counter,
    /// Datagrams from senders that are not on the allow-list.
    pub not_allowed: Counter,
    /// Datagrams that the kernel dropped at the socket.
    pub dropped: Counter,
}
