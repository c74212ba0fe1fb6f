//! Sends by one TX queue over a UMEM of its own.

use core::time::Duration;
use std::thread;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;

use crate::frames::Frame;
use crate::ring::memory::Descriptor;
use crate::ring::{CompletionRing, FillRing, TxRing};
use crate::socket::{BindRequest, Setup, Socket};
use crate::statistics::SenderStatistics;
use crate::umem::{Pages, Umem};
use crate::{Interface, SenderOptions, XskError};

/// The kernel wants a fill ring even of a socket that never receives, and some drivers want
/// frames in it before they bind zero-copy.
const FILL_RING_SIZE: u32 = 64;

/// How long [`Sender::flush`] sleeps when the driver took nothing.
const FLUSH_PAUSE: Duration = Duration::from_micros(50);

/// Sends packets by one TX queue of an interface. One thread at a time uses it.
///
/// No packet that [`Sender::send`] accepted is lost in this crate: back-pressure of the driver
/// leaves it in the TX ring, and later calls go on. A device may still drop what it took: veth
/// without a queueing discipline does so when the other side is slow; with one (`tc qdisc replace
/// dev IF root pfifo`) newer kernels push back instead.
#[derive(Debug)]
pub struct Sender {
    // Fields drop in this order: the socket closes before the memory that it reads is unmapped.
    socket: Socket,
    tx: TxRing,
    completion: CompletionRing,
    _fill: FillRing,
    umem: Umem,
    counters: SenderStatistics,
}

impl Sender {
    /// Opens a socket on a queue that no other AF_XDP socket has.
    pub fn open(
        interface: &Interface,
        queue: u32,
        options: &SenderOptions,
    ) -> Result<Self, XskError> {
        options.check()?;
        let in_flight = 2 * options.tx_ring_size;
        let frames = in_flight + FILL_RING_SIZE;
        let mut umem = Umem::new(frames, options.frame_size, 0, options.huge_pages)?;
        let mut setup = Setup::new(interface, queue)?;
        setup.register(umem.memory.registration())?;
        let mut fill = setup.fill_ring(FILL_RING_SIZE)?;
        let completion = setup.completion_ring(in_flight)?;
        let tx = setup.tx_ring(options.tx_ring_size)?;
        for _ in 0..fill.free(FILL_RING_SIZE) {
            let Some(frame) = umem.frames.take() else { break };
            fill.push(umem.frames.give_to_fill(frame));
        }
        fill.publish();
        let socket = setup.bind(BindRequest {
            mode: options.bind_mode,
            need_wakeup: options.need_wakeup,
            multi_buffer: false,
        })?;
        let counters = SenderStatistics::default();
        Ok(Self { socket, tx, completion, _fill: fill, umem, counters })
    }

    /// Queues up to `count` packets and sends what the driver takes; the answer is how many were
    /// queued, fewer than `count` when frames or the TX ring run out.
    ///
    /// `write(i, bytes)` writes the `i`th packet, from its link-layer header on, and returns its
    /// length; 0 for no packet. A length beyond the frame is cut to it.
    pub fn send(
        &mut self,
        count: usize,
        mut write: impl FnMut(usize, &mut [u8]) -> usize,
    ) -> usize {
        self.complete();
        let wanted = u32::try_from(count).unwrap_or(u32::MAX);
        let room = self.tx.free(wanted).min(wanted);
        let mut queued = 0;
        for position in 0..room as usize {
            let Some(mut frame) = self.umem.frames.take() else { break };
            let bytes = self.umem.memory.bytes_mut(&mut frame);
            let len = write(position, bytes).min(bytes.len());
            if len == 0 {
                self.umem.frames.put_back(frame);
                continue;
            }
            self.push(frame, len as u32);
            queued += 1;
        }
        if queued > 0 {
            self.tx.publish();
        }
        self.kick();
        queued
    }

    fn push(&mut self, frame: Frame, len: u32) {
        let address = self.umem.frames.give_to_tx(frame);
        let pushed = self.tx.push(Descriptor { address, len, options: 0 });
        debug_assert!(pushed, "the ring had room");
        self.counters.queued_packets += 1;
        self.counters.queued_bytes += u64::from(len);
    }

    /// Takes back the frames of packets that are done, and lets the kernel go on with those in the
    /// TX ring. [`Sender::send`] does the same before and after it queues.
    pub fn drive(&mut self) {
        self.complete();
        self.kick();
    }

    /// Waits until every queued packet is done, at most `timeout`.
    pub fn flush(&mut self, timeout: Duration) -> Result<(), XskError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let before = self.umem.frames.in_tx();
            self.drive();
            self.complete();
            let outstanding = self.umem.frames.in_tx();
            if outstanding == 0 {
                return Ok(());
            }
            if let Some(errno) = self.socket.take_failure() {
                return Err(self.socket.place.wait(errno));
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let place = &self.socket.place;
                let interface = place.interface.name().to_owned();
                return Err(XskError::NotSent { interface, queue: place.queue, outstanding });
            }
            if outstanding == before {
                thread::sleep(FLUSH_PAUSE);
            }
        }
    }

    /// Waits until the TX ring has room, at most `timeout` (`None`: for ever); false if it has
    /// none yet. In copy mode the wait itself sends.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, XskError> {
        // A time beyond what the kernel can count is for ever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut poll_fd = [PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::OUT)];
        match poll(&mut poll_fd, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(self.socket.place.wait(errno)),
        }
        self.complete();
        Ok(self.tx.free(1) > 0 && self.umem.frames.free() > 0)
    }

    /// Lets the kernel send for as long as it makes headway. In copy mode one call takes a few
    /// dozen packets; the loop ends because each round takes at least one.
    fn kick(&mut self) {
        let mut pending = self.tx.pending();
        while pending > 0 && (!self.socket.need_wakeup || self.tx.needs_wakeup()) {
            self.socket.wake_tx();
            let left = self.tx.pending();
            if left >= pending {
                break;
            }
            pending = left;
        }
    }

    fn complete(&mut self) {
        let done = self.completion.available(u32::MAX);
        for _ in 0..done {
            let Some(address) = self.completion.next() else { break };
            if self.umem.frames.complete(address) {
                self.counters.completed_packets += 1;
            } else {
                self.counters.invalid_completions += 1;
            }
        }
        if done > 0 {
            self.completion.release();
        }
    }

    /// Whether the NIC reads the UMEM itself.
    pub fn is_zero_copy(&self) -> bool {
        self.socket.zero_copy
    }

    /// Which pages the UMEM lies in.
    pub fn pages(&self) -> Pages {
        self.umem.memory.pages()
    }

    /// Frames that can be written into.
    pub fn free_frames(&self) -> u32 {
        self.umem.frames.free()
    }

    /// Packets that are queued or on their way.
    pub fn outstanding(&self) -> u32 {
        self.umem.frames.in_tx()
    }

    /// The counters since the sender was opened.
    pub fn statistics(&self) -> Result<SenderStatistics, XskError> {
        Ok(SenderStatistics {
            wakeups: self.socket.wakeups.made.get(),
            wakeup_retries: self.socket.wakeups.retries.get(),
            kernel: self.socket.statistics()?.into(),
            ..self.counters
        })
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
