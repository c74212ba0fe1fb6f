//! One AF_XDP socket: its options, its rings, its bind, and the system calls that wake the kernel.
//!
//! The order matters, and [`Setup`] keeps it: register the UMEM, size the rings, map them, fill
//! the fill ring, bind. Some drivers start receiving in `bind` and find an empty fill ring
//! otherwise.

use core::cell::Cell;
use core::time::Duration;
use std::sync::Arc;
use std::thread;

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::{self, Errno};
use rustix::net::xdp::{
    SocketAddrXdp, SocketAddrXdpFlags, SocketAddrXdpWithSharedUmem, XDP_PGOFF_RX_RING,
    XDP_PGOFF_TX_RING, XDP_UMEM_PGOFF_COMPLETION_RING, XDP_UMEM_PGOFF_FILL_RING, XdpMmapOffsets,
    XdpOptionsFlags, XdpRingOffset, XdpUmemReg,
};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
    sockopt,
};

use crate::mapping::Mapping;
use crate::options::{BindMode, BusyPoll};
use crate::ring::memory::{RingMemory, Slot};
use crate::ring::{CompletionRing, FillRing, RxRing, TxRing};
use crate::{Interface, XskError};

// `include/uapi/asm-generic/socket.h`; the libc crate does not have them.
const SO_BUSY_POLL: libc::c_int = 46;
const SO_PREFER_BUSY_POLL: libc::c_int = 69;
const SO_BUSY_POLL_BUDGET: libc::c_int = 70;

/// How often a bind to a busy queue is tried again, about a second in all.
const BUSY_RETRIES_MAX: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// A socket that is not bound yet.
#[derive(Debug)]
pub(crate) struct Setup {
    fd: OwnedFd,
    place: Place,
    offsets: Option<XdpMmapOffsets>,
}

/// Where a socket belongs; errors name it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) interface: Interface,
    pub(crate) queue: u32,
}

impl Place {
    fn option(&self, option: &'static str) -> impl FnOnce(Errno) -> XskError + '_ {
        move |errno| {
            let interface = self.interface.name().to_owned();
            XskError::SocketOption { interface, queue: self.queue, option, errno }
        }
    }

    fn ring(&self, ring: &'static str) -> impl FnOnce(Errno) -> XskError + '_ {
        move |errno| {
            let interface = self.interface.name().to_owned();
            XskError::MapRing { interface, queue: self.queue, ring, errno }
        }
    }

    pub(crate) fn wait(&self, errno: Errno) -> XskError {
        XskError::Wait { interface: self.interface.name().to_owned(), queue: self.queue, errno }
    }
}

/// What `bind` is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BindRequest {
    pub(crate) mode: BindMode,
    pub(crate) need_wakeup: bool,
    pub(crate) multi_buffer: bool,
}

impl Setup {
    pub(crate) fn new(interface: &Interface, queue: u32) -> Result<Self, XskError> {
        let place = Place { interface: interface.clone(), queue };
        let fd = socket_with(AddressFamily::XDP, SocketType::RAW, SocketFlags::CLOEXEC, None);
        let fd = fd.map_err(|errno| XskError::Socket {
            interface: interface.name().to_owned(),
            queue,
            errno,
        })?;
        Ok(Self { fd, place, offsets: None })
    }

    /// Makes this the socket that owns the registration of the UMEM.
    pub(crate) fn register(&self, umem: XdpUmemReg) -> Result<(), XskError> {
        sockopt::set_xdp_umem_reg(&self.fd, umem).map_err(self.place.option("XDP_UMEM_REG"))
    }

    /// Sets up preferred busy polling.
    pub(crate) fn busy_poll(&self, busy_poll: BusyPoll) -> Result<(), XskError> {
        // The kernel reads each as a signed int and refuses a negative one.
        let microseconds = busy_poll.microseconds.cast_signed();
        for (name, option, value) in [
            ("SO_PREFER_BUSY_POLL", SO_PREFER_BUSY_POLL, 1),
            ("SO_BUSY_POLL", SO_BUSY_POLL, microseconds),
            ("SO_BUSY_POLL_BUDGET", SO_BUSY_POLL_BUDGET, i32::from(busy_poll.budget)),
        ] {
            set_int_option(self.fd.as_fd(), option, value).map_err(self.place.option(name))?;
        }
        Ok(())
    }

    pub(crate) fn fill_ring(&mut self, size: u32) -> Result<FillRing, XskError> {
        sockopt::set_xdp_umem_fill_ring_size(&self.fd, size)
            .map_err(self.place.option("XDP_UMEM_FILL_RING"))?;
        let offsets = self.offsets()?.fr;
        self.map("fill", size, XDP_UMEM_PGOFF_FILL_RING, &offsets).map(FillRing::new)
    }

    pub(crate) fn completion_ring(&mut self, size: u32) -> Result<CompletionRing, XskError> {
        sockopt::set_xdp_umem_completion_ring_size(&self.fd, size)
            .map_err(self.place.option("XDP_UMEM_COMPLETION_RING"))?;
        let offsets = self.offsets()?.cr;
        let page = XDP_UMEM_PGOFF_COMPLETION_RING;
        self.map("completion", size, page, &offsets).map(CompletionRing::new)
    }

    pub(crate) fn rx_ring(&mut self, size: u32) -> Result<RxRing, XskError> {
        sockopt::set_xdp_rx_ring_size(&self.fd, size).map_err(self.place.option("XDP_RX_RING"))?;
        let offsets = self.offsets()?.rx;
        self.map("RX", size, XDP_PGOFF_RX_RING, &offsets).map(RxRing::new)
    }

    pub(crate) fn tx_ring(&mut self, size: u32) -> Result<TxRing, XskError> {
        sockopt::set_xdp_tx_ring_size(&self.fd, size).map_err(self.place.option("XDP_TX_RING"))?;
        let offsets = self.offsets()?.tx;
        self.map("TX", size, XDP_PGOFF_TX_RING, &offsets).map(TxRing::new)
    }

    fn offsets(&mut self) -> Result<XdpMmapOffsets, XskError> {
        if let Some(offsets) = self.offsets {
            return Ok(offsets);
        }
        let offsets = sockopt::xdp_mmap_offsets(&self.fd);
        let offsets = offsets.map_err(self.place.option("XDP_MMAP_OFFSETS"))?;
        Ok(*self.offsets.insert(offsets))
    }

    fn map<T: Slot>(
        &self,
        name: &'static str,
        size: u32,
        page_offset: u64,
        offsets: &XdpRingOffset,
    ) -> Result<RingMemory<T>, XskError> {
        let memory = RingMemory::<T>::mapping_len(size, offsets).ok_or(Errno::NOMEM);
        let memory = memory
            .and_then(|len| Mapping::of_ring(self.fd.as_fd(), page_offset, len))
            .and_then(|pages| RingMemory::new(Arc::new(pages), size, offsets).ok_or(Errno::INVAL));
        memory.map_err(self.place.ring(name))
    }

    /// Binds the socket that has registered the UMEM. A kernel or driver that refuses
    /// `XDP_USE_SG` gets a second request without it.
    pub(crate) fn bind(self, request: BindRequest) -> Result<Socket, XskError> {
        let mut multi_buffer = request.multi_buffer;
        let mut bound = self.try_bind(request, multi_buffer);
        if multi_buffer && matches!(bound, Err(Errno::INVAL | Errno::OPNOTSUPP)) {
            multi_buffer = false;
            bound = self.try_bind(request, multi_buffer);
        }
        bound.map_err(|errno| self.refused(request.mode, errno))?;
        self.bound(request.need_wakeup, multi_buffer)
    }

    fn try_bind(&self, request: BindRequest, multi_buffer: bool) -> io::Result<()> {
        let mut flags = match request.mode {
            // The kernel itself tries zero-copy first.
            BindMode::Auto => SocketAddrXdpFlags::empty(),
            BindMode::ZeroCopy => SocketAddrXdpFlags::XDP_ZEROCOPY,
            BindMode::Copy => SocketAddrXdpFlags::XDP_COPY,
        };
        flags.set(SocketAddrXdpFlags::XDP_USE_NEED_WAKEUP, request.need_wakeup);
        flags.set(SocketAddrXdpFlags::XDP_USE_SG, multi_buffer);
        let address = self.address(flags);
        patiently(|| bind(&self.fd, &address))
    }

    /// Binds another queue to the UMEM of `first`, whose bind flags it inherits: the kernel takes
    /// no others beside `XDP_SHARED_UMEM`.
    pub(crate) fn bind_shared(self, first: &Socket, mode: BindMode) -> Result<Socket, XskError> {
        let addr = self.address(SocketAddrXdpFlags::XDP_SHARED_UMEM);
        let address = SocketAddrXdpWithSharedUmem { addr, shared_umem_fd: first.as_fd() };
        let bound = patiently(|| bind(&self.fd, &address));
        bound.map_err(|errno| self.refused(mode, errno))?;
        self.bound(first.need_wakeup, first.multi_buffer)
    }

    fn address(&self, flags: SocketAddrXdpFlags) -> SocketAddrXdp {
        SocketAddrXdp::new(flags, self.place.interface.index(), self.place.queue)
    }

    fn refused(&self, mode: BindMode, errno: Errno) -> XskError {
        let interface = self.place.interface.name().to_owned();
        XskError::Bind { interface, queue: self.place.queue, mode, errno }
    }

    fn bound(self, need_wakeup: bool, multi_buffer: bool) -> Result<Socket, XskError> {
        let options = sockopt::xdp_options(&self.fd).map_err(self.place.option("XDP_OPTIONS"))?;
        let zero_copy = options.contains(XdpOptionsFlags::XDP_OPTIONS_ZEROCOPY);
        let Self { fd, place, .. } = self;
        let wakeups = Wakeups::default();
        Ok(Socket { fd, place, zero_copy, need_wakeup, multi_buffer, wakeups })
    }
}

/// The kernel frees a queue some time after the socket that had it was closed, so a collector that
/// starts again finds it busy for a moment.
fn patiently(bind: impl Fn() -> io::Result<()>) -> io::Result<()> {
    for _ in 0..BUSY_RETRIES_MAX {
        match bind() {
            Err(Errno::BUSY) => thread::sleep(BUSY_PAUSE),
            answer => return answer,
        }
    }
    bind()
}

fn set_int_option(fd: BorrowedFd<'_>, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer and length are those of an int that lives through the call, which only
    // reads it.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            core::ptr::from_ref(&value).cast(),
            len,
        )
    };
    if result == 0 {
        return Ok(());
    }
    // The libc crate keeps errno where std reads it.
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL))
}

/// Counters of the system calls that wake the kernel. One thread uses a socket at a time.
#[derive(Debug, Default)]
pub(crate) struct Wakeups {
    pub(crate) made: Cell<u64>,
    pub(crate) retries: Cell<u64>,
    /// The last answer, if it was neither success nor the ordinary "not now".
    failure: Cell<Option<Errno>>,
}

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    pub(crate) place: Place,
    pub(crate) zero_copy: bool,
    pub(crate) need_wakeup: bool,
    pub(crate) multi_buffer: bool,
    pub(crate) wakeups: Wakeups,
}

impl Socket {
    /// A socket of another family, whose system calls fail: for rings that a test made.
    #[cfg(any(test, feature = "loopback"))]
    pub(crate) fn of_another_family() -> Self {
        let fd = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None);
        Self {
            fd: fd.expect("a socket"),
            place: Place { interface: Interface::by_name("lo").expect("lo"), queue: 0 },
            zero_copy: false,
            need_wakeup: false,
            multi_buffer: true,
            wakeups: Wakeups::default(),
        }
    }

    /// Lets the kernel look at the fill ring, and drives NAPI if busy polling is set.
    pub(crate) fn wake_rx(&self) {
        let mut nothing: [u8; 0] = [];
        self.note(recv(&self.fd, &mut nothing[..], RecvFlags::DONTWAIT).map(|_| ()));
    }

    /// Lets the kernel look at the TX ring. In copy mode this call is what sends.
    pub(crate) fn wake_tx(&self) {
        self.note(send(&self.fd, &[], SendFlags::DONTWAIT).map(|_| ()));
    }

    /// "Not now" is an ordinary answer of a driver: it is counted, and the next call tries again.
    fn note(&self, result: io::Result<()>) {
        let wakeups = &self.wakeups;
        wakeups.made.set(wakeups.made.get() + 1);
        wakeups.failure.set(None);
        match result {
            Ok(()) => {}
            Err(Errno::AGAIN | Errno::BUSY | Errno::NOBUFS | Errno::INTR) => {
                wakeups.retries.set(wakeups.retries.get() + 1);
            }
            Err(errno) => wakeups.failure.set(Some(errno)),
        }
    }

    /// How the last attempt to wake the kernel failed, if it did.
    pub(crate) fn take_failure(&self) -> Option<Errno> {
        self.wakeups.failure.take()
    }

    /// The kernel's counters (`XDP_STATISTICS`).
    pub(crate) fn statistics(&self) -> Result<rustix::net::xdp::XdpStatistics, XskError> {
        sockopt::xdp_statistics(&self.fd).map_err(self.place.option("XDP_STATISTICS"))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
