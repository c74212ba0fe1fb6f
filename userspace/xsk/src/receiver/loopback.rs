//! A receiver whose kernel is played by the caller: for tests and benchmarks of what user space does
//! alone, without a device and without privilege.

use super::{Queue, Receiver, push_free_frames};
use crate::FrameSize;
use crate::received::Joiner;
use crate::ring::index::{Consumer, Producer};
use crate::ring::loopback::pair;
use crate::ring::memory::{AddressSlot, Descriptor, DescriptorSlot, RingMemory};
use crate::ring::{CompletionRing, FillRing, RxRing};
use crate::socket::Socket;
use crate::statistics::Statistics;
use crate::umem::Umem;

/// The kernel's halves of a queue's rings.
#[derive(Debug)]
pub struct Kernel {
    rx: Producer<RingMemory<DescriptorSlot>>,
    fill: Consumer<RingMemory<AddressSlot>>,
    ring_size: u32,
}

/// A receiver of one queue over `frames` frames of 2048 bytes, and its kernel. Both rings have
/// `ring_size` slots, a power of two, and begin shortly before their indices wrap. Packets in
/// several frames are joined up to `join_max` bytes.
///
/// # Panics
/// If there is no memory for it.
pub fn receiver(frames: u32, ring_size: u32, join_max: usize) -> (Receiver, Kernel) {
    const START: u32 = u32::MAX - 3;
    let (rx, kernels_rx) = pair(ring_size, START);
    let (fill, kernels_fill) = pair(ring_size, START);
    let (completion, _) = pair(ring_size, 0);
    let mut queue = Queue {
        socket: Socket::of_another_family(),
        rx: RxRing::new(rx),
        fill: FillRing::new(fill),
        _completion: CompletionRing::new(completion),
        joiner: Joiner::new(join_max),
        busy_poll: false,
        counters: Statistics::default(),
    };
    let mut umem = Umem::new(frames, FrameSize::Bytes2048, 0, false).expect("memory");
    push_free_frames(&mut queue.fill, &mut umem, frames);
    let (rx, fill) = (Producer::new(kernels_rx), Consumer::new(kernels_fill));
    (Receiver { queues: vec![queue], umem, turn: 0 }, Kernel { rx, fill, ring_size })
}

impl Kernel {
    /// Writes a descriptor into the RX ring, whatever it names; does nothing if the ring is full.
    pub fn write(&mut self, address: u64, len: u32, options: u32) {
        self.rx.free(self.ring_size);
        let Some(index) = self.rx.claim() else { return };
        self.rx.shared().store(index, Descriptor { address, len, options });
        self.rx.publish();
    }

    /// Takes the address of the next frame from the fill ring.
    pub fn take(&mut self) -> Option<u64> {
        self.fill.available(self.ring_size);
        let index = self.fill.claim()?;
        self.fill.release();
        Some(self.fill.shared().load(index))
    }
}
