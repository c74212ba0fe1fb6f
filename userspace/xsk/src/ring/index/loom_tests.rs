//! The orderings of the index protocol, model-checked: a slot is never touched by both sides.

#![cfg(loom)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::*;

const SIZE: u32 = 2;
const SENT: u32 = 4;
/// How often loom may switch threads where the program does not ask for it: without a bound the
/// interleavings take minutes.
const PREEMPTIONS_MAX: usize = 3;

struct Ring {
    producer: AtomicU32,
    consumer: AtomicU32,
    /// loom reports a slot that is read and written without an ordering between the two.
    slots: [UnsafeCell<u32>; SIZE as usize],
}

impl SharedIndices for Arc<Ring> {
    fn size(&self) -> u32 {
        SIZE
    }
    fn producer(&self) -> &AtomicU32 {
        &self.producer
    }
    fn consumer(&self) -> &AtomicU32 {
        &self.consumer
    }
}

fn slot(ring: &Ring, index: u32) -> &UnsafeCell<u32> {
    &ring.slots[(index & (SIZE - 1)) as usize]
}

fn pass_values(batch: u32) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS_MAX);
    model.check(move || {
        // Starts just before the wrap, so that the indices pass it.
        let start = u32::MAX - 1;
        let ring = Arc::new(Ring {
            producer: AtomicU32::new(start),
            consumer: AtomicU32::new(start),
            slots: [UnsafeCell::new(0), UnsafeCell::new(0)],
        });
        let producing = Arc::clone(&ring);
        let producer = thread::spawn(move || {
            let mut producer = Producer::new(Arc::clone(&producing));
            let mut sent = 0;
            while sent < SENT {
                let free = producer.free(batch);
                for _ in 0..free.min(batch).min(SENT - sent) {
                    let index = producer.claim().expect("known to be free");
                    slot(&producing, index).with_mut(|value| {
                        // SAFETY: the slot is claimed, which loom checks.
                        unsafe { *value = sent + 1 };
                    });
                    sent += 1;
                }
                producer.publish();
                if free == 0 {
                    thread::yield_now();
                }
            }
        });
        let mut consumer = Consumer::new(Arc::clone(&ring));
        let mut received = 0;
        while received < SENT {
            if consumer.available(1) == 0 {
                thread::yield_now();
                continue;
            }
            while let Some(index) = consumer.claim() {
                let value = slot(&ring, index).with(|value| {
                    // SAFETY: the slot is claimed, which loom checks.
                    unsafe { *value }
                });
                received += 1;
                assert_eq!(value, received);
            }
            consumer.release();
        }
        producer.join().expect("the producer ends");
    });
}

#[test]
fn loom_one_slot_at_a_time() {
    pass_values(1);
}

#[test]
fn loom_in_batches() {
    pass_values(SIZE);
}
