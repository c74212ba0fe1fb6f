//! Both views of one ring over the same pages, with no kernel: for who plays its half.

use std::sync::Arc;

use rustix::net::xdp::XdpRingOffset;

use super::index::SharedIndices as _;
use super::memory::{RingMemory, Slot};
use crate::mapping::Mapping;
use crate::sync::Ordering;

/// As the kernel lays rings out: indices and flags on cache lines of their own, then the slots.
pub(crate) const OFFSETS: XdpRingOffset =
    XdpRingOffset { producer: 0, consumer: 64, desc: 192, flags: Some(128) };

/// Two views of a ring of `size` slots whose indices stand at `start`: ours and the kernel's.
pub(crate) fn pair<T: Slot>(size: u32, start: u32) -> (RingMemory<T>, RingMemory<T>) {
    let len = RingMemory::<T>::mapping_len(size, &OFFSETS).expect("a ring that fits memory");
    let mapping = Arc::new(Mapping::anonymous(len, false).expect("memory"));
    let view = || RingMemory::<T>::new(Arc::clone(&mapping), size, &OFFSETS).expect("it fits");
    let (ours, kernels) = (view(), view());
    ours.producer().store(start, Ordering::Relaxed);
    ours.consumer().store(start, Ordering::Relaxed);
    (ours, kernels)
}
