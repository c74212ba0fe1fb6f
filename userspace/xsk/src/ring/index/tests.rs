//! The index arithmetic against a queue as its model, at the wrap and with a hostile other side.

use std::collections::VecDeque;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;

struct Indices {
    size: u32,
    producer: AtomicU32,
    consumer: AtomicU32,
}

impl SharedIndices for Rc<Indices> {
    fn size(&self) -> u32 {
        self.size
    }
    fn producer(&self) -> &AtomicU32 {
        &self.producer
    }
    fn consumer(&self) -> &AtomicU32 {
        &self.consumer
    }
}

fn indices(size: u32, start: u32) -> Rc<Indices> {
    Rc::new(Indices { size, producer: AtomicU32::new(start), consumer: AtomicU32::new(start) })
}

#[test]
fn every_slot_passes_once_and_in_order_over_the_wrap() {
    for before_wrap in 0..6 {
        let shared = indices(4, u32::MAX - before_wrap);
        let mut producer = Producer::new(Rc::clone(&shared));
        let mut consumer = Consumer::new(shared);
        let mut sent = u32::MAX - before_wrap;
        let mut received = sent;
        for _ in 0..8 {
            assert_eq!(producer.free(4), 4);
            for _ in 0..3 {
                assert_eq!(producer.claim(), Some(sent));
                sent = sent.wrapping_add(1);
            }
            assert_eq!(consumer.available(1), 0, "nothing is seen before it is published");
            producer.publish();
            assert_eq!(producer.unconsumed(), 3);
            assert_eq!(consumer.available(1), 3);
            for _ in 0..3 {
                assert_eq!(consumer.claim(), Some(received));
                received = received.wrapping_add(1);
            }
            assert_eq!(consumer.claim(), None);
            assert_eq!(producer.free(4), 1, "nothing is free before it is given back");
            consumer.release();
        }
    }
}

#[test]
fn a_full_ring_gives_no_slot() {
    let shared = indices(2, u32::MAX);
    let mut producer = Producer::new(shared);
    assert_eq!(producer.free(2), 2);
    assert!(producer.claim().is_some());
    assert!(producer.claim().is_some());
    assert_eq!(producer.claim(), None);
    assert_eq!(producer.free(1), 0);
}

#[test]
fn a_side_takes_up_a_ring_in_use() {
    let shared = indices(8, u32::MAX - 1);
    let mut producer = Producer::new(Rc::clone(&shared));
    for _ in 0..5 {
        producer.claim();
    }
    producer.publish();
    let mut later = Consumer::new(Rc::clone(&shared));
    assert_eq!(later.available(1), 5);
    later.claim();
    later.release();
    assert_eq!(Producer::new(shared).free(8), 4);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Claim(u32),
    Publish,
    Look(u32),
    Take(u32),
    Release,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..12u32).prop_map(Step::Claim),
        Just(Step::Publish),
        (0..12u32).prop_map(Step::Look),
        (0..12u32).prop_map(Step::Take),
        Just(Step::Release),
    ]
}

proptest! {
    /// The model: indices claimed and not published, published and not taken, taken and not given
    /// back. Together they never exceed the ring's size.
    #[test]
    fn behaves_as_a_queue(
        size_log2 in 0..4u32,
        before_wrap in 0..40u32,
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let size = 1 << size_log2;
        let start = u32::MAX - before_wrap;
        let shared = indices(size, start);
        let mut producer = Producer::new(Rc::clone(&shared));
        let mut consumer = Consumer::new(shared);
        let (mut claimed, mut published) = (VecDeque::new(), VecDeque::new());
        let mut taken = 0;
        let mut next = start;
        for step in steps {
            match step {
                Step::Claim(count) => {
                    let used = (claimed.len() + published.len()) as u32 + taken;
                    prop_assert_eq!(producer.free(size), size - used);
                    for _ in 0..count.min(size - used) {
                        prop_assert_eq!(producer.claim(), Some(next));
                        claimed.push_back(next);
                        next = next.wrapping_add(1);
                    }
                }
                Step::Publish => {
                    producer.publish();
                    published.append(&mut claimed);
                }
                Step::Look(wanted) => {
                    let seen = consumer.available(wanted);
                    prop_assert!(seen <= published.len() as u32);
                    prop_assert!(seen >= wanted.min(published.len() as u32));
                }
                Step::Take(count) => {
                    for _ in 0..count.min(consumer.available(count)) {
                        prop_assert_eq!(consumer.claim(), published.pop_front());
                        taken += 1;
                    }
                }
                Step::Release => {
                    consumer.release();
                    taken = 0;
                }
            }
        }
    }

    /// Whatever the other side writes, no side believes that it owns more than the ring.
    #[test]
    fn a_hostile_index_never_yields_more_than_the_ring(
        start: u32, hostile: u32, wanted: u32,
    ) {
        let shared = indices(16, start);
        let mut producer = Producer::new(Rc::clone(&shared));
        shared.consumer.store(hostile, Ordering::Relaxed);
        prop_assert!(producer.free(wanted) <= 16);
        prop_assert!(producer.unconsumed() <= 16);

        let shared = indices(16, start);
        let mut consumer = Consumer::new(Rc::clone(&shared));
        shared.producer.store(hostile, Ordering::Relaxed);
        prop_assert!(consumer.available(wanted) <= 16);
    }
}
