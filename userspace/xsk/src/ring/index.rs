//! The arithmetic of a single-producer, single-consumer ring, with no memory and no kernel in it.
//!
//! Each side counts the slots it has ever used in a `u32` that wraps at 2³²; the slot is the count
//! modulo the ring's size, which is a power of two. A side keeps its own count and the last value
//! it saw of the other's, and touches the shared indices only when it must: the producer publishes
//! with a Release store that the consumer's Acquire load meets, and the other way round for slots
//! given back.
//!
//! The other side is not trusted. Whatever it writes into its index, the number of slots that a
//! side believes to be its own is never more than the ring's size.

use crate::sync::{AtomicU32, Ordering};

/// Where the two shared indices of a ring live: in pages shared with the kernel, or in a test.
pub(crate) trait SharedIndices {
    /// Slots in the ring: a power of two.
    fn size(&self) -> u32;
    /// How many slots were ever published by the producer.
    fn producer(&self) -> &AtomicU32;
    /// How many slots were ever given back by the consumer.
    fn consumer(&self) -> &AtomicU32;
}

/// The half of a ring that writes slots.
#[derive(Debug)]
pub(crate) struct Producer<S> {
    shared: S,
    size: u32,
    /// Slots ever claimed; those from the shared index up to here are not published yet.
    claimed: u32,
    /// The consumer's index when it was last looked at.
    consumer_seen: u32,
}

impl<S: SharedIndices> Producer<S> {
    /// Takes up the ring where its indices stand.
    pub(crate) fn new(shared: S) -> Self {
        let size = shared.size();
        // Relaxed: this side alone writes the producer's index.
        let claimed = shared.producer().load(Ordering::Relaxed);
        let consumer_seen = shared.consumer().load(Ordering::Acquire);
        Self { shared, size, claimed, consumer_seen }
    }

    /// Where the indices and slots live.
    pub(crate) fn shared(&self) -> &S {
        &self.shared
    }

    /// Slots that can be claimed. The consumer's index is read only when fewer than `wanted` are
    /// known to be free.
    #[inline]
    pub(crate) fn free(&mut self, wanted: u32) -> u32 {
        if self.known_free() < wanted {
            self.consumer_seen = self.shared.consumer().load(Ordering::Acquire);
        }
        self.known_free()
    }

    /// The index of the next slot to write, if one is known to be free (see [`Producer::free`]).
    #[inline]
    pub(crate) fn claim(&mut self) -> Option<u32> {
        if self.known_free() == 0 {
            return None;
        }
        let index = self.claimed;
        self.claimed = index.wrapping_add(1);
        Some(index)
    }

    /// Hands every claimed slot to the consumer.
    #[inline]
    pub(crate) fn publish(&mut self) {
        self.shared.producer().store(self.claimed, Ordering::Release);
    }

    /// Slots claimed that the consumer has not given back, as of now.
    pub(crate) fn unconsumed(&mut self) -> u32 {
        self.size - self.free(self.size)
    }

    fn known_free(&self) -> u32 {
        self.size.saturating_sub(self.claimed.wrapping_sub(self.consumer_seen))
    }
}

/// The half of a ring that reads slots.
#[derive(Debug)]
pub(crate) struct Consumer<S> {
    shared: S,
    size: u32,
    /// Slots ever claimed; those from the shared index up to here are not given back yet.
    claimed: u32,
    /// The producer's index when it was last looked at.
    producer_seen: u32,
}

impl<S: SharedIndices> Consumer<S> {
    /// Takes up the ring where its indices stand.
    pub(crate) fn new(shared: S) -> Self {
        let size = shared.size();
        // Relaxed: this side alone writes the consumer's index.
        let claimed = shared.consumer().load(Ordering::Relaxed);
        let producer_seen = shared.producer().load(Ordering::Acquire);
        Self { shared, size, claimed, producer_seen }
    }

    /// Where the indices and slots live.
    pub(crate) fn shared(&self) -> &S {
        &self.shared
    }

    /// Slots that can be read. The producer's index is read only when fewer than `wanted` are
    /// known to be filled.
    #[inline]
    pub(crate) fn available(&mut self, wanted: u32) -> u32 {
        if self.known_available() < wanted {
            self.producer_seen = self.shared.producer().load(Ordering::Acquire);
        }
        self.known_available()
    }

    /// The index of the next slot to read, if one is known to be filled (see
    /// [`Consumer::available`]).
    #[inline]
    pub(crate) fn claim(&mut self) -> Option<u32> {
        if self.known_available() == 0 {
            return None;
        }
        let index = self.claimed;
        self.claimed = index.wrapping_add(1);
        Some(index)
    }

    /// The index of the slot that the next [`Consumer::claim`] will give, if one is known to be
    /// filled.
    #[inline]
    pub(crate) fn upcoming(&self) -> Option<u32> {
        (self.known_available() > 0).then_some(self.claimed)
    }

    /// Gives every claimed slot back to the producer.
    #[inline]
    pub(crate) fn release(&mut self) {
        self.shared.consumer().store(self.claimed, Ordering::Release);
    }

    fn known_available(&self) -> u32 {
        self.producer_seen.wrapping_sub(self.claimed).min(self.size)
    }
}

#[cfg(test)]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;
