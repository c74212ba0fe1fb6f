//! Ring against ring: a test plays the kernel's half over the same pages, with no kernel and no
//! privilege.

use std::sync::Arc;
use std::thread;

use rustix::net::xdp::XdpRingOffset;

use super::index::{Consumer, Producer, SharedIndices};
use super::loopback::{self, OFFSETS};
use super::memory::{AddressSlot, Descriptor, DescriptorSlot, RingMemory, Slot};
use super::*;
use crate::mapping::Mapping;
use crate::sync::Ordering;

const SIZE: u32 = 8;
/// Two views of one ring whose indices stand at `start`.
fn pair<T: Slot>(start: u32) -> (RingMemory<T>, RingMemory<T>) {
    loopback::pair(SIZE, start)
}

#[test]
fn the_fill_ring_reaches_the_kernel_over_the_wrap() {
    let (ours, kernels) = pair::<AddressSlot>(u32::MAX - 5);
    let mut fill = FillRing::new(ours);
    let mut kernel = Consumer::new(kernels);
    for round in 0..4u64 {
        assert_eq!(fill.free(SIZE), SIZE);
        for frame in 0..u64::from(SIZE) {
            assert!(fill.push(round * 100_000 + frame * 2048));
        }
        assert!(!fill.push(0), "the ring is full");
        assert_eq!(kernel.available(SIZE), 0, "not published");
        fill.publish();
        assert_eq!(kernel.available(SIZE), SIZE);
        for frame in 0..u64::from(SIZE) {
            let index = kernel.claim().expect("filled");
            assert_eq!(kernel.shared().load(index), round * 100_000 + frame * 2048);
        }
        kernel.release();
    }
}

#[test]
fn the_rx_ring_yields_what_the_kernel_wrote() {
    let (ours, kernels) = pair::<DescriptorSlot>(u32::MAX - 2);
    let mut rx = RxRing::new(ours);
    let mut kernel = Producer::new(kernels);
    let written =
        |index: u32| Descriptor { address: u64::from(index) << 11, len: index, options: 1 };
    for _ in 0..3 {
        for _ in 0..SIZE - 1 {
            let index = kernel.claim().expect("free");
            kernel.shared().store(index, written(index));
        }
        assert_eq!(rx.available(1), 0, "not published");
        kernel.publish();
        assert_eq!(rx.available(1), SIZE - 1);
        let first = kernel.shared().consumer().load(Ordering::Relaxed);
        for step in 0..SIZE - 1 {
            assert_eq!(rx.next(), Some(written(first.wrapping_add(step))));
        }
        assert_eq!(rx.next(), None);
        rx.release();
        assert_eq!(kernel.free(SIZE), SIZE);
    }
}

#[test]
fn tx_counts_what_the_kernel_has_not_taken_and_completion_gives_it_back() {
    let (ours, kernels) = pair::<DescriptorSlot>(u32::MAX);
    let mut tx = TxRing::new(ours);
    let mut kernel_tx = Consumer::new(kernels);
    let (ours, kernels) = pair::<AddressSlot>(u32::MAX);
    let mut completion = CompletionRing::new(ours);
    let mut kernel_completion = Producer::new(kernels);

    assert_eq!(tx.free(3), SIZE);
    for frame in 0..3 {
        assert!(tx.push(Descriptor { address: frame * 4096, len: 64, options: 0 }));
    }
    tx.publish();
    assert_eq!(tx.pending(), 3);
    assert_eq!(kernel_tx.available(1), 3);
    for _ in 0..2 {
        let index = kernel_tx.claim().expect("published");
        let sent = kernel_tx.shared().load(index);
        let index = kernel_completion.claim().expect("room");
        kernel_completion.shared().store(index, sent.address);
    }
    kernel_tx.release();
    kernel_completion.publish();
    assert_eq!(tx.pending(), 1);
    assert_eq!(completion.available(SIZE), 2);
    assert_eq!(completion.next(), Some(0));
    assert_eq!(completion.next(), Some(4096));
    assert_eq!(completion.next(), None);
    completion.release();
}

#[test]
fn two_threads_pass_every_descriptor_in_order() {
    const SENT: u32 = 100_000;
    let (ours, kernels) = pair::<DescriptorSlot>(u32::MAX - 1000);
    let kernel = thread::spawn(move || {
        let mut kernel = Producer::new(kernels);
        let mut sent = 0;
        while sent < SENT {
            if kernel.free(1) == 0 {
                thread::yield_now();
                continue;
            }
            while sent < SENT {
                let Some(index) = kernel.claim() else { break };
                let descriptor = Descriptor { address: u64::from(sent), len: sent, options: 0 };
                kernel.shared().store(index, descriptor);
                sent += 1;
            }
            kernel.publish();
        }
    });
    let mut rx = RxRing::new(ours);
    let mut received = 0;
    while received < SENT {
        if rx.available(1) == 0 {
            thread::yield_now();
            continue;
        }
        while let Some(descriptor) = rx.next() {
            assert_eq!(descriptor.address, u64::from(received));
            assert_eq!(descriptor.len, received);
            received += 1;
        }
        rx.release();
    }
    kernel.join().expect("the kernel's half ends");
}

#[test]
fn the_wakeup_flag_is_the_kernels() {
    let len = RingMemory::<AddressSlot>::mapping_len(SIZE, &OFFSETS).expect("a small ring");
    let mapping = Arc::new(Mapping::anonymous(len, false).expect("a page"));
    // A view whose producer index lies where the ring keeps its flags, to write them.
    let flags_as_index = XdpRingOffset { producer: 128, ..OFFSETS };
    let kernel = RingMemory::<AddressSlot>::new(Arc::clone(&mapping), SIZE, &flags_as_index);
    let kernel = kernel.expect("fits");
    let fill = FillRing::new(RingMemory::new(Arc::clone(&mapping), SIZE, &OFFSETS).expect("fits"));
    assert!(!fill.needs_wakeup());
    kernel.producer().store(1, Ordering::Relaxed);
    assert!(fill.needs_wakeup());

    let no_flags = XdpRingOffset { flags: None, ..OFFSETS };
    let old = RingMemory::<AddressSlot>::new(mapping, SIZE, &no_flags).expect("fits");
    assert!(!old.needs_wakeup(), "a kernel without flags never asks");
}

#[test]
fn offsets_that_lead_out_of_the_pages_are_refused() {
    let mapping = Arc::new(Mapping::anonymous(4096, false).expect("a page"));
    let fits = |size, offsets| {
        RingMemory::<AddressSlot>::new(Arc::clone(&mapping), size, &offsets).is_some()
    };
    assert!(fits(SIZE, OFFSETS));
    assert!(!fits(SIZE - 1, OFFSETS), "not a power of two");
    assert!(!fits(0, OFFSETS));
    assert!(!fits(512, OFFSETS), "slots past the end");
    assert!(!fits(SIZE, XdpRingOffset { producer: 4096, ..OFFSETS }));
    assert!(!fits(SIZE, XdpRingOffset { consumer: 2, ..OFFSETS }), "not aligned");
    assert!(!fits(SIZE, XdpRingOffset { flags: Some(u64::MAX), ..OFFSETS }));
    assert!(!fits(SIZE, XdpRingOffset { desc: 196, ..OFFSETS }), "not aligned");
}
