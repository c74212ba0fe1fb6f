//! Who owns each frame of the UMEM: the kernel, to receive into; the kernel, to send; or user
//! space.
//!
//! A [`Frame`] is the proof that user space owns a frame. It cannot be copied; handing the frame
//! to the kernel consumes it, and only a descriptor of the kernel that names a frame which the
//! kernel was given brings it back. So no descriptor, however wrong, makes two owners of a frame.

/// Ownership of one frame. Dropping it is not unsafe, but the frame is lost until the UMEM is
/// made anew.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame(u32);

impl Frame {
    /// The frame's number in the UMEM.
    #[inline]
    pub(crate) fn index(&self) -> u32 {
        self.0
    }
}

/// A packet, or a part of one, in a frame that the kernel filled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) frame: Frame,
    /// Where the packet starts in the frame, in bytes.
    pub(crate) start: usize,
    /// Its length in bytes; it ends in the same frame.
    pub(crate) len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Owner {
    User,
    KernelFill,
    KernelTx,
}

/// The books of a UMEM's frames.
#[derive(Debug)]
pub(crate) struct Frames {
    /// log₂ of the frame size.
    shift: u32,
    owners: Box<[Owner]>,
    /// Frames that wait for use, last in first out: the warmest is used first.
    free: Vec<Frame>,
    in_fill: u32,
    in_tx: u32,
}

impl Frames {
    /// `count` frames of `frame_size` bytes, a power of two, all free.
    pub(crate) fn new(count: u32, frame_size: u32) -> Self {
        debug_assert!(frame_size.is_power_of_two());
        Self {
            shift: frame_size.trailing_zeros(),
            owners: (0..count).map(|_| Owner::User).collect(),
            free: (0..count).rev().map(Frame).collect(),
            in_fill: 0,
            in_tx: 0,
        }
    }

    /// Takes a free frame.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Frame> {
        self.free.pop()
    }

    /// Puts a frame back that user space has done with.
    #[inline]
    pub(crate) fn put_back(&mut self, frame: Frame) {
        self.free.push(frame);
    }

    /// Gives a frame to the kernel to receive into; the answer is its address for the fill ring.
    #[inline]
    pub(crate) fn give_to_fill(&mut self, frame: Frame) -> u64 {
        self.in_fill += 1;
        self.give(frame, Owner::KernelFill)
    }

    /// Gives a frame to the kernel to send; the answer is its address for the TX ring.
    #[inline]
    pub(crate) fn give_to_tx(&mut self, frame: Frame) -> u64 {
        self.in_tx += 1;
        self.give(frame, Owner::KernelTx)
    }

    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "consuming the token is the point")]
    fn give(&mut self, frame: Frame, to: Owner) -> u64 {
        self.owners[frame.0 as usize] = to;
        u64::from(frame.0) << self.shift
    }

    /// Takes back what an RX descriptor names. `None` if it names no frame of the fill ring, or
    /// bytes that do not lie in that frame; the frame itself is free again in the latter case.
    #[inline]
    pub(crate) fn take_filled(&mut self, address: u64, len: u32) -> Option<Filled> {
        let frame = self.take_from(address, Owner::KernelFill)?;
        self.in_fill -= 1;
        let size = 1usize << self.shift;
        let start = address as usize & (size - 1);
        let len = len as usize;
        if len > size - start {
            self.put_back(frame);
            return None;
        }
        Some(Filled { frame, start, len })
    }

    /// Takes back, as a free frame, what the completion ring names; false if it names no frame
    /// that was given to be sent.
    #[inline]
    pub(crate) fn complete(&mut self, address: u64) -> bool {
        let Some(frame) = self.take_from(address, Owner::KernelTx) else { return false };
        self.in_tx -= 1;
        self.put_back(frame);
        true
    }

    #[inline]
    fn take_from(&mut self, address: u64, from: Owner) -> Option<Frame> {
        let index = u32::try_from(address >> self.shift).ok()?;
        let owner = self.owners.get_mut(index as usize)?;
        if *owner != from {
            return None;
        }
        *owner = Owner::User;
        Some(Frame(index))
    }

    /// Frames in all.
    pub(crate) fn count(&self) -> u32 {
        self.owners.len() as u32
    }

    /// Frames that wait for use.
    pub(crate) fn free(&self) -> u32 {
        self.free.len() as u32
    }

    /// Frames that the kernel has, to receive into or received and not read yet.
    pub(crate) fn in_fill(&self) -> u32 {
        self.in_fill
    }

    /// Frames that the kernel has, to send.
    pub(crate) fn in_tx(&self) -> u32 {
        self.in_tx
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_descriptor_is_taken_once_and_only_from_the_ring_it_belongs_to() {
        let mut frames = Frames::new(4, 2048);
        let frame = frames.take().expect("free");
        let address = frames.give_to_fill(frame);
        assert!(!frames.complete(address), "it was not given to be sent");
        let filled = frames.take_filled(address + 256, 100).expect("it was given to be filled");
        assert_eq!((filled.start, filled.len), (256, 100));
        assert_eq!(frames.take_filled(address + 256, 100), None, "twice");
        frames.put_back(filled.frame);

        let frame = frames.take().expect("free");
        let address = frames.give_to_tx(frame);
        assert_eq!(frames.take_filled(address, 1), None, "it was given to be sent");
        assert!(frames.complete(address));
        assert!(!frames.complete(address), "twice");
        assert_eq!((frames.free(), frames.in_fill(), frames.in_tx()), (4, 0, 0));
    }

    #[test]
    fn a_packet_ends_in_its_frame() {
        let mut frames = Frames::new(2, 2048);
        for (start, len, valid) in
            [(0, 2048, true), (256, 1792, true), (256, 1793, false), (2047, u32::MAX, false)]
        {
            let frame = frames.take().expect("free");
            let address = frames.give_to_fill(frame);
            let filled = frames.take_filled(address + start, len);
            assert_eq!(filled.is_some(), valid, "{start} + {len}");
            if let Some(filled) = filled {
                frames.put_back(filled.frame);
            }
            assert_eq!(frames.free(), 2, "no frame is lost over it");
        }
    }

    proptest! {
        /// Whatever the kernel's rings say, no frame is taken twice and the books balance.
        #[test]
        fn no_descriptor_breaks_the_books(
            steps in prop::collection::vec((0..5u8, 0..6u64, 0..2048u64, 0..3000u32, any::<u64>()), 0..300),
        ) {
            let mut frames = Frames::new(4, 2048);
            let mut held: Vec<Frame> = Vec::new();
            for (action, frame, offset, len, wild) in steps {
                let near = frame * 2048 + offset;
                match action {
                    0 => if let Some(frame) = frames.take() { frames.give_to_fill(frame); },
                    1 => if let Some(frame) = frames.take() { frames.give_to_tx(frame); },
                    2 => held.extend(frames.take_filled(near, len).map(|filled| filled.frame)),
                    3 => { frames.complete(near); }
                    _ => {
                        frames.take_filled(wild, len);
                        frames.complete(wild);
                        held.drain(..).for_each(|frame| frames.put_back(frame));
                    }
                }
                let mut all: Vec<u32> = held.iter().chain(&frames.free).map(Frame::index).collect();
                all.sort_unstable();
                all.dedup();
                prop_assert_eq!(all.len(), held.len() + frames.free.len());
                let kernels = frames.in_fill() + frames.in_tx();
                prop_assert!(all.len() as u32 + kernels <= frames.count());
            }
        }
    }
}
