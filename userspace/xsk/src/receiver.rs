//! Receives from one or more RX queues over one UMEM.

use core::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::xdp::XdpDescOptions;

use crate::options::QUEUES_MAX;
use crate::received::{Joined, Joiner, Received};
use crate::ring::memory::Descriptor;
use crate::ring::{CompletionRing, FillRing, RxRing};
use crate::socket::{BindRequest, Setup, Socket};
use crate::statistics::Statistics;
use crate::umem::{Memory, Pages, Umem};
use crate::{Interface, ReceiverOptions, XskError};

/// The kernel wants a completion ring even of a socket that never sends.
const COMPLETION_RING_SIZE: u32 = 64;

/// Receives packets from RX queues of one interface. One thread at a time uses it; a worker has
/// its own.
///
/// Attach the XDP program first (some drivers bind zero-copy only then), open the receiver, then
/// put [`Receiver::sockets`] into the program's `XSKMAP`: a program can redirect a packet only
/// into a socket that is bound to the very queue the packet came by. Take the sockets out of the
/// map, or detach the program, before the receiver is dropped, or packets to them are dropped.
#[derive(Debug)]
pub struct Receiver {
    // Fields drop in this order: sockets close before the memory that they write into is unmapped.
    queues: Vec<Queue>,
    umem: Umem,
    /// The queue to look at first next time, so that none starves.
    turn: usize,
}

#[derive(Debug)]
struct Queue {
    socket: Socket,
    rx: RxRing,
    fill: FillRing,
    /// Never used, but it belongs to the socket.
    _completion: CompletionRing,
    joiner: Joiner,
    busy_poll: bool,
    counters: Statistics,
}

/// How [`Receiver::wait`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// There are packets to receive, or the kernel says so.
    Ready,
    /// Nothing came in the time given.
    TimedOut,
    /// A signal came first.
    Interrupted,
    /// The interface of this queue is down (`ENETDOWN`); packets come again when it is up.
    InterfaceDown {
        /// The queue that noticed.
        queue: u32,
    },
    /// The interface is gone (`ENXIO`); only a new receiver on a new interface helps.
    InterfaceGone {
        /// The queue that noticed.
        queue: u32,
    },
}

impl Receiver {
    /// Opens a socket for each of `queues`, all over one UMEM.
    pub fn open(
        interface: &Interface,
        queues: &[u32],
        options: &ReceiverOptions,
    ) -> Result<Self, XskError> {
        options.check(queues)?;
        let frames = options.frames() * queues.len() as u32;
        let mut umem = Umem::new(frames, options.frame_size, options.headroom, options.huge_pages)?;
        let mut opened: Vec<Queue> = Vec::with_capacity(queues.len());
        for &queue in queues {
            let first = opened.first().map(|queue| &queue.socket);
            opened.push(Queue::open(interface, queue, first, &mut umem, options)?);
        }
        Ok(Self { queues: opened, umem, turn: 0 })
    }

    /// Hands up to `max` packets to `each` and gives their frames back to the kernel; the answer
    /// is how many. Does not wait. A batch of 64 or more keeps the cost of the shared indices low.
    ///
    /// If `each` panics, the frame at hand is lost to this receiver.
    pub fn receive(&mut self, max: usize, mut each: impl FnMut(Received<'_>)) -> usize {
        let mut received = 0;
        let count = self.queues.len();
        for _ in 0..count {
            let queue = &mut self.queues[self.turn];
            self.turn = if self.turn + 1 == count { 0 } else { self.turn + 1 };
            received += queue.receive(&mut self.umem, max - received, &mut each);
            if received == max {
                break;
            }
        }
        received
    }

    /// Packets that wait in the fullest of the RX rings.
    pub fn waiting(&mut self) -> u32 {
        self.queues.iter_mut().map(|queue| queue.rx.available(u32::MAX)).max().unwrap_or(0)
    }

    /// Waits until there is something to receive, at most `timeout` (`None`: for ever). Returns
    /// at once if there is already.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Wait, XskError> {
        if self.queues.iter_mut().any(|queue| queue.rx.available(1) > 0) {
            return Ok(Wait::Ready);
        }
        let count = self.queues.len();
        let mut poll_fds: [PollFd<'_>; QUEUES_MAX] = core::array::from_fn(|position| {
            let queue = &self.queues[position.min(count - 1)];
            PollFd::from_borrowed_fd(queue.socket.as_fd(), PollFlags::IN)
        });
        // A time beyond what the kernel can count is for ever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let ready = match poll(&mut poll_fds[..count], timeout.as_ref()) {
            Ok(_) => self.queues.iter_mut().any(|queue| queue.rx.available(1) > 0),
            Err(Errno::INTR) => return Ok(Wait::Interrupted),
            Err(errno) => return Err(self.queues[0].socket.place.wait(errno)),
        };
        if ready { Ok(Wait::Ready) } else { self.idle() }
    }

    /// Nothing came: sees whether that is because the interface is down.
    fn idle(&self) -> Result<Wait, XskError> {
        for queue in &self.queues {
            queue.socket.wake_rx();
            let number = queue.socket.place.queue;
            match queue.socket.take_failure() {
                None => {}
                Some(Errno::NETDOWN) => return Ok(Wait::InterfaceDown { queue: number }),
                Some(Errno::NXIO) => return Ok(Wait::InterfaceGone { queue: number }),
                Some(errno) => return Err(queue.socket.place.wait(errno)),
            }
        }
        Ok(Wait::TimedOut)
    }

    /// Queue number and socket of each queue, for the `XSKMAP`.
    pub fn sockets(&self) -> impl Iterator<Item = (u32, BorrowedFd<'_>)> {
        self.queues.iter().map(|queue| (queue.socket.place.queue, queue.socket.as_fd()))
    }

    /// Whether every queue got zero-copy.
    pub fn is_zero_copy(&self) -> bool {
        self.queues.iter().all(|queue| queue.socket.zero_copy)
    }

    /// Whether packets of several frames are taken: asked for, and not refused by the kernel.
    pub fn is_multi_buffer(&self) -> bool {
        self.queues.iter().all(|queue| queue.socket.multi_buffer)
    }

    /// Which pages the UMEM lies in.
    pub fn pages(&self) -> Pages {
        self.umem.memory.pages()
    }

    /// Frames of the UMEM in all.
    pub fn frames(&self) -> u32 {
        self.umem.frames.count()
    }

    /// Frames that wait for room in a fill ring.
    pub fn free_frames(&self) -> u32 {
        self.umem.frames.free()
    }

    /// Frames that the kernel has: in a fill ring, or received and not read yet. Between two
    /// calls of [`Receiver::receive`] this and [`Receiver::free_frames`] are all frames.
    pub fn outstanding(&self) -> u32 {
        self.umem.frames.in_fill()
    }

    /// The counters of all queues together.
    pub fn statistics(&self) -> Result<Statistics, XskError> {
        let mut sum = Statistics::default();
        for queue in &self.queues {
            sum += queue.statistics()?;
        }
        Ok(sum)
    }

    /// Queue number and counters of each queue.
    pub fn queue_statistics(
        &self,
    ) -> impl Iterator<Item = (u32, Result<Statistics, XskError>)> + '_ {
        self.queues.iter().map(|queue| (queue.socket.place.queue, queue.statistics()))
    }
}

impl Queue {
    fn open(
        interface: &Interface,
        queue: u32,
        first: Option<&Socket>,
        umem: &mut Umem,
        options: &ReceiverOptions,
    ) -> Result<Self, XskError> {
        let mut setup = Setup::new(interface, queue)?;
        if first.is_none() {
            setup.register(umem.memory.registration())?;
        }
        if let Some(busy_poll) = options.busy_poll {
            setup.busy_poll(busy_poll)?;
        }
        let mut fill = setup.fill_ring(2 * options.rx_ring_size)?;
        let completion = setup.completion_ring(COMPLETION_RING_SIZE)?;
        let rx = setup.rx_ring(options.rx_ring_size)?;
        push_free_frames(&mut fill, umem, options.frames());
        let socket = match first {
            Some(first) => setup.bind_shared(first, options.bind_mode)?,
            None => setup.bind(BindRequest {
                mode: options.bind_mode,
                need_wakeup: options.need_wakeup,
                multi_buffer: options.multi_buffer.is_some(),
            })?,
        };
        Ok(Self {
            socket,
            rx,
            fill,
            _completion: completion,
            joiner: Joiner::new(options.multi_buffer.unwrap_or(0) as usize),
            busy_poll: options.busy_poll.is_some(),
            counters: Statistics::default(),
        })
    }

    fn receive(
        &mut self,
        umem: &mut Umem,
        max: usize,
        each: &mut impl FnMut(Received<'_>),
    ) -> usize {
        let mut received = 0;
        let mut read = false;
        self.rx.available(u32::try_from(max).unwrap_or(u32::MAX));
        while received < max {
            let Some(descriptor) = self.rx.next() else { break };
            read = true;
            if let Some(upcoming) = self.rx.upcoming() {
                umem.memory.prefetch(upcoming.address, upcoming.len);
            }
            received += usize::from(self.take(descriptor, umem, each));
        }
        if read {
            self.rx.release();
        }
        self.refill(umem);
        if self.busy_poll && !read {
            self.socket.wake_rx();
        }
        received
    }

    /// Takes one descriptor; true if it completed a packet, which was then handed to `each`.
    #[inline]
    fn take(
        &mut self,
        descriptor: Descriptor,
        umem: &mut Umem,
        each: &mut impl FnMut(Received<'_>),
    ) -> bool {
        let continues = descriptor.options & XdpDescOptions::XDP_PKT_CONTD.bits() != 0;
        let filled = umem.frames.take_filled(descriptor.address, descriptor.len);
        let Some(filled) = filled else {
            self.counters.invalid_descriptors += 1;
            if self.joiner.at_start() && !continues {
                self.counters.invalid_packets += 1;
                return false;
            }
            return self.take_part(None, continues, each);
        };
        let frame = bytes_up_to(&umem.memory, &filled);
        let delivered = if self.joiner.at_start() && !continues {
            self.counters.received_packets += 1;
            self.counters.received_bytes += filled.len as u64;
            each(Received::new(frame, filled.start, self.socket.place.queue));
            true
        } else {
            self.take_part(Some((frame, filled.start)), continues, each)
        };
        umem.frames.put_back(filled.frame);
        delivered
    }

    fn take_part(
        &mut self,
        part: Option<(&[u8], usize)>,
        continues: bool,
        each: &mut impl FnMut(Received<'_>),
    ) -> bool {
        let counters = &mut self.counters;
        match self.joiner.join(part, continues) {
            Joined::Unfinished => return false,
            Joined::TooLong => counters.multi_buffer_too_long += 1,
            Joined::Truncated => counters.multi_buffer_truncated += 1,
            Joined::Packet(frame, start) => {
                counters.received_packets += 1;
                counters.multi_buffer_packets += 1;
                counters.received_bytes += (frame.len() - start) as u64;
                each(Received::new(frame, start, self.socket.place.queue));
                return true;
            }
        }
        false
    }

    /// Gives free frames to the kernel, and wakes it if it waits for that.
    fn refill(&mut self, umem: &mut Umem) {
        let free = umem.frames.free();
        if free > 0 {
            push_free_frames(&mut self.fill, umem, free);
        }
        if self.socket.need_wakeup && self.fill.needs_wakeup() {
            self.socket.wake_rx();
        }
    }

    fn statistics(&self) -> Result<Statistics, XskError> {
        Ok(Statistics {
            wakeups: self.socket.wakeups.made.get(),
            wakeup_retries: self.socket.wakeups.retries.get(),
            kernel: self.socket.statistics()?.into(),
            ..self.counters
        })
    }
}

/// The frame from its first byte to the packet's last.
#[inline]
fn bytes_up_to<'a>(memory: &'a Memory, filled: &'a crate::frames::Filled) -> &'a [u8] {
    &memory.bytes(&filled.frame)[..filled.start + filled.len]
}

/// Moves up to `max` free frames into the fill ring, as far as it has room.
fn push_free_frames(fill: &mut FillRing, umem: &mut Umem, max: u32) {
    let room = fill.free(max).min(max);
    let mut pushed = false;
    for _ in 0..room {
        let Some(frame) = umem.frames.take() else { break };
        let address = umem.frames.give_to_fill(frame);
        pushed = fill.push(address);
        debug_assert!(pushed, "the ring had room");
    }
    if pushed {
        fill.publish();
    }
}

#[cfg(any(test, feature = "loopback"))]
pub mod loopback;
#[cfg(test)]
mod tests;
