//! The four rings of AF_XDP, each a type of its own, so that none can be taken for another.
//!
//! User space produces into the fill ring (frames to receive into) and the TX ring (packets to
//! send), and consumes the RX ring (packets received) and the completion ring (frames sent). The
//! layout is `Documentation/networking/af_xdp.rst`, "Rings", and `include/uapi/linux/if_xdp.h`.

pub(crate) mod index;
#[cfg(all(any(test, feature = "loopback"), not(all(test, loom))))]
pub(crate) mod loopback;
#[cfg(not(all(test, loom)))]
pub(crate) mod memory;

#[cfg(not(all(test, loom)))]
pub(crate) use rings::*;

#[cfg(not(all(test, loom)))]
mod rings {
    use super::index::{Consumer, Producer};
    use super::memory::{AddressSlot, Descriptor, DescriptorSlot, RingMemory};

    /// Frames that user space gives the kernel to receive into.
    #[derive(Debug)]
    pub(crate) struct FillRing(Producer<RingMemory<AddressSlot>>);

    impl FillRing {
        pub(crate) fn new(memory: RingMemory<AddressSlot>) -> Self {
            Self(Producer::new(memory))
        }

        /// Slots free to push into; looks anew when fewer than `wanted` are known.
        #[inline]
        pub(crate) fn free(&mut self, wanted: u32) -> u32 {
            self.0.free(wanted)
        }

        /// Writes the address of a frame into the next slot; false if none is known to be free.
        #[inline]
        pub(crate) fn push(&mut self, address: u64) -> bool {
            let Some(index) = self.0.claim() else { return false };
            self.0.shared().store(index, address);
            true
        }

        /// Hands all that was pushed to the kernel.
        #[inline]
        pub(crate) fn publish(&mut self) {
            self.0.publish();
        }

        /// Whether the kernel waits to be told of new frames.
        #[inline]
        pub(crate) fn needs_wakeup(&self) -> bool {
            self.0.shared().needs_wakeup()
        }
    }

    /// Frames that the kernel has sent, and gives back.
    #[derive(Debug)]
    pub(crate) struct CompletionRing(Consumer<RingMemory<AddressSlot>>);

    impl CompletionRing {
        pub(crate) fn new(memory: RingMemory<AddressSlot>) -> Self {
            Self(Consumer::new(memory))
        }

        /// Frames to read; looks anew when fewer than `wanted` are known.
        #[inline]
        pub(crate) fn available(&mut self, wanted: u32) -> u32 {
            self.0.available(wanted)
        }

        /// The address of the next frame that was sent.
        #[inline]
        pub(crate) fn next(&mut self) -> Option<u64> {
            let index = self.0.claim()?;
            Some(self.0.shared().load(index))
        }

        /// Gives the slots that were read back to the kernel.
        #[inline]
        pub(crate) fn release(&mut self) {
            self.0.release();
        }
    }

    /// Packets that the kernel has received.
    #[derive(Debug)]
    pub(crate) struct RxRing(Consumer<RingMemory<DescriptorSlot>>);

    impl RxRing {
        pub(crate) fn new(memory: RingMemory<DescriptorSlot>) -> Self {
            Self(Consumer::new(memory))
        }

        /// Descriptors to read; looks anew when fewer than `wanted` are known.
        #[inline]
        pub(crate) fn available(&mut self, wanted: u32) -> u32 {
            self.0.available(wanted)
        }

        /// The next descriptor.
        #[inline]
        pub(crate) fn next(&mut self) -> Option<Descriptor> {
            let index = self.0.claim()?;
            Some(self.0.shared().load(index))
        }

        /// The descriptor that will be next.
        #[inline]
        pub(crate) fn upcoming(&self) -> Option<Descriptor> {
            let index = self.0.upcoming()?;
            Some(self.0.shared().load(index))
        }

        /// Gives the slots that were read back to the kernel.
        #[inline]
        pub(crate) fn release(&mut self) {
            self.0.release();
        }
    }

    /// Packets that user space gives the kernel to send.
    #[derive(Debug)]
    pub(crate) struct TxRing(Producer<RingMemory<DescriptorSlot>>);

    impl TxRing {
        pub(crate) fn new(memory: RingMemory<DescriptorSlot>) -> Self {
            Self(Producer::new(memory))
        }

        /// Slots free to push into; looks anew when fewer than `wanted` are known.
        #[inline]
        pub(crate) fn free(&mut self, wanted: u32) -> u32 {
            self.0.free(wanted)
        }

        /// Writes a descriptor into the next slot; false if none is known to be free.
        #[inline]
        pub(crate) fn push(&mut self, descriptor: Descriptor) -> bool {
            let Some(index) = self.0.claim() else { return false };
            self.0.shared().store(index, descriptor);
            true
        }

        /// Hands all that was pushed to the kernel.
        #[inline]
        pub(crate) fn publish(&mut self) {
            self.0.publish();
        }

        /// Descriptors that the kernel has not taken yet, as of now.
        #[inline]
        pub(crate) fn pending(&mut self) -> u32 {
            self.0.unconsumed()
        }

        /// Whether the kernel waits to be told of new packets.
        #[inline]
        pub(crate) fn needs_wakeup(&self) -> bool {
            self.0.shared().needs_wakeup()
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
