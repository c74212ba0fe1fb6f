//! Where a ring's indices and slots live: in pages shared with the kernel.
//!
//! Everything in these pages is read and written as an atomic, the slots too (Relaxed, which costs
//! no more than a plain access): however the other side behaves, a race is a wrong value that the
//! checks behind it catch, never undefined behaviour.

use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;
use std::sync::Arc;

use rustix::net::xdp::{XdpDesc, XdpRingFlags, XdpRingOffset};

use super::index::SharedIndices;
use crate::mapping::Mapping;
use crate::sync::{AtomicU32, Ordering};

/// A slot of a ring, as it lies in the shared pages.
pub(crate) trait Slot {
    /// What the slot holds.
    type Value;
    /// Reads the slot.
    fn load(&self) -> Self::Value;
    /// Writes the slot.
    fn store(&self, value: Self::Value);
}

/// A slot of the fill and completion rings: the address of a frame, as an offset into the UMEM.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct AddressSlot(AtomicU64);

impl Slot for AddressSlot {
    type Value = u64;

    #[inline]
    fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    fn store(&self, address: u64) {
        self.0.store(address, Ordering::Relaxed);
    }
}

/// What a slot of the RX and TX rings holds (`struct xdp_desc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// Offset of the packet's first byte from the start of the UMEM.
    pub(crate) address: u64,
    /// Length of the packet, or of its part in this frame, in bytes.
    pub(crate) len: u32,
    /// `XDP_PKT_CONTD` and, for TX, `XDP_TX_METADATA`.
    pub(crate) options: u32,
}

/// A slot of the RX and TX rings.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct DescriptorSlot {
    address: AtomicU64,
    len: AtomicU32,
    options: AtomicU32,
}

const _: () = assert!(size_of::<DescriptorSlot>() == size_of::<XdpDesc>());

impl Slot for DescriptorSlot {
    type Value = Descriptor;

    #[inline]
    fn load(&self) -> Descriptor {
        Descriptor {
            address: self.address.load(Ordering::Relaxed),
            len: self.len.load(Ordering::Relaxed),
            options: self.options.load(Ordering::Relaxed),
        }
    }

    #[inline]
    fn store(&self, descriptor: Descriptor) {
        self.address.store(descriptor.address, Ordering::Relaxed);
        self.len.store(descriptor.len, Ordering::Relaxed);
        self.options.store(descriptor.options, Ordering::Relaxed);
    }
}

/// One ring's pages: indices, flags, slots.
#[derive(Debug)]
pub(crate) struct RingMemory<T> {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    /// `None` before Linux 5.4, which has no flags.
    flags: Option<NonNull<AtomicU32>>,
    slots: NonNull<[T]>,
    mask: u32,
    /// Keeps what the pointers above point to.
    _mapping: Arc<Mapping>,
}

// SAFETY: the pointers are into the mapping that is held beside them, which may be used from any
// thread, and they are used for atomic access alone.
unsafe impl<T: Send> Send for RingMemory<T> {}

impl<T: Slot> RingMemory<T> {
    /// Bytes to map for a ring of `size` slots with these offsets; `None` if no address space
    /// holds so many.
    pub(crate) fn mapping_len(size: u32, offsets: &XdpRingOffset) -> Option<usize> {
        let slots = size_of::<T>().checked_mul(usize::try_from(size).ok()?)?;
        usize::try_from(offsets.desc).ok()?.checked_add(slots)
    }

    /// Finds a ring of `size` slots in its pages. `None` if `size` is not a power of two, or if
    /// the offsets lead out of the mapping or to unaligned places.
    pub(crate) fn new(mapping: Arc<Mapping>, size: u32, offsets: &XdpRingOffset) -> Option<Self> {
        if !size.is_power_of_two() {
            return None;
        }
        let index = |offset: u64| Self::index_at(&mapping, offset);
        let flags = match offsets.flags {
            Some(offset) => Some(index(offset)?),
            None => None,
        };
        let first_slot = usize::try_from(offsets.desc).ok()?;
        Some(Self {
            producer: index(offsets.producer)?,
            consumer: index(offsets.consumer)?,
            flags,
            slots: mapping.array(first_slot, usize::try_from(size).ok()?)?,
            mask: size - 1,
            _mapping: mapping,
        })
    }

    fn index_at(mapping: &Mapping, offset: u64) -> Option<NonNull<AtomicU32>> {
        mapping.array::<AtomicU32>(usize::try_from(offset).ok()?, 1).map(NonNull::cast)
    }

    /// Reads the slot of this index.
    #[inline]
    pub(crate) fn load(&self, index: u32) -> T::Value {
        self.slot(index).load()
    }

    /// Writes the slot of this index.
    #[inline]
    pub(crate) fn store(&self, index: u32, value: T::Value) {
        self.slot(index).store(value);
    }

    /// Whether the kernel asks to be woken (`XDP_RING_NEED_WAKEUP`): it will not look at this
    /// ring again before a system call tells it to.
    #[inline]
    pub(crate) fn needs_wakeup(&self) -> bool {
        let Some(flags) = self.flags else { return false };
        // SAFETY: `new` found an aligned u32 there, in the mapping that `self` holds.
        let flags = unsafe { flags.as_ref() };
        flags.load(Ordering::Relaxed) & XdpRingFlags::XDP_RING_NEED_WAKEUP.bits() != 0
    }

    #[inline]
    fn slot(&self, index: u32) -> &T {
        // SAFETY: `new` found an aligned array of slots there, in the mapping that `self` holds;
        // a slot is made of atomics, for which any bytes are a value and shared access is sound.
        let slots = unsafe { self.slots.as_ref() };
        &slots[(index & self.mask) as usize]
    }
}

impl<T> SharedIndices for RingMemory<T> {
    fn size(&self) -> u32 {
        self.mask + 1
    }

    #[inline]
    fn producer(&self) -> &AtomicU32 {
        // SAFETY: `new` found an aligned u32 there, in the mapping that `self` holds.
        unsafe { self.producer.as_ref() }
    }

    #[inline]
    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: `new` found an aligned u32 there, in the mapping that `self` holds.
        unsafe { self.consumer.as_ref() }
    }
}
