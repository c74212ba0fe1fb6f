//! The other way in: an ordinary UDP socket, read by `recvmmsg` in batches.
//!
//! What the XDP program passes up (fragments, IP options, …) arrives here, and without XDP
//! everything does. It stands in this crate because, like the rings, it hands the kernel pointers
//! to memory of ours.

use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use std::{
    io,
    mem::{self, MaybeUninit},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    ptr,
};

/// Datagrams a system call, at most.
const BATCH: usize = 64;

/// The largest UDP payload over IPv6 without jumbograms, and so over either family.
const PAYLOAD_BYTES_MAX: usize = 65_535;

/// Room for the control messages of one datagram: a time stamp and a drop count.
const CONTROL_BYTES: usize = 128;

/// One datagram.
#[derive(Debug)]
pub struct UdpDatagram<'a> {
    /// The payload.
    pub payload: &'a [u8],
    /// Who sent it. An IPv4 sender is an IPv4 address, on sockets of either family.
    pub source: SocketAddr,
    /// When the kernel received it: nanoseconds since 1970 UTC (`SO_TIMESTAMPNS`).
    pub received_at_ns: Option<i64>,
}

/// A UDP socket with everything that a batch needs, allocated once.
#[derive(Debug)]
pub struct UdpReceiver {
    socket: OwnedFd,
    receive_buffer_bytes: usize,
    buffers: Box<[u8]>,
    slots: Box<[Slot]>,
    headers: Box<[libc::mmsghdr]>,
    drops_reported: u32,
    /// The drop count when the intake was ended: what is refused after that is not lost.
    drops_at_end: Option<u64>,
}

/// What the kernel fills beside the payload of one datagram.
#[derive(Clone, Copy)]
struct Slot {
    address: libc::sockaddr_storage,
    control: Control,
    iovec: libc::iovec,
}

/// Control messages are structures: their buffer is aligned like one.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL_BYTES]);

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

// SAFETY: the pointers in `headers` and `slots` are written before each system call and mean
// nothing outside of it; all memory they point to is owned by the value itself.
unsafe impl Send for UdpReceiver {}

impl UdpReceiver {
    /// Binds a socket.
    ///
    /// Several may bind the same address (`SO_REUSEPORT`): the kernel spreads senders over them.
    /// The receive buffer is as large as asked for, where the process may exceed the system's
    /// limit or the limit allows; [`UdpReceiver::receive_buffer_bytes`] tells what it became.
    ///
    /// # Errors
    /// As of `socket(2)`, `setsockopt(2)` and `bind(2)`.
    pub fn bind(address: SocketAddr, receive_buffer_bytes: usize) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = net::socket_with(family, SocketType::DGRAM, flags, None)?;
        sockopt::set_socket_reuseport(&socket, true)?;
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, false)?;
        }
        if sockopt::set_socket_recv_buffer_size_force(&socket, receive_buffer_bytes).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, receive_buffer_bytes)?;
        }
        enable(&socket, libc::SO_TIMESTAMPNS)?;
        enable(&socket, libc::SO_RXQ_OVFL)?;
        net::bind(&socket, &address)?;
        let receive_buffer_bytes = sockopt::socket_recv_buffer_size(&socket)?;
        // SAFETY: a plain structure of integers and pointers, for which all-zero bytes are a value.
        let slot = unsafe { mem::zeroed::<Slot>() };
        // SAFETY: as above.
        let header = unsafe { mem::zeroed::<libc::mmsghdr>() };
        Ok(Self {
            socket,
            receive_buffer_bytes,
            buffers: vec![0; BATCH * PAYLOAD_BYTES_MAX].into_boxed_slice(),
            slots: vec![slot; BATCH].into_boxed_slice(),
            headers: vec![header; BATCH].into_boxed_slice(),
            drops_reported: 0,
            drops_at_end: None,
        })
    }

    /// The receive buffer as the kernel counts it, in bytes: twice what was asked for, because it
    /// counts its own overhead.
    pub fn receive_buffer_bytes(&self) -> usize {
        self.receive_buffer_bytes
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// As of `getsockname(2)`.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        Ok(net::getsockname(&self.socket)?.try_into()?)
    }

    /// Receives what is there, at most one batch, and calls `each` for every datagram. Returns
    /// their number; 0 when none is there.
    ///
    /// # Errors
    /// As of `recvmmsg(2)`, but for "none is there" and interruptions.
    pub fn receive(&mut self, mut each: impl FnMut(UdpDatagram<'_>)) -> io::Result<usize> {
        let count = self.receive_batch()?;
        for index in 0..count {
            let (header, slot) = (&self.headers[index], &self.slots[index]);
            let control = read_control(&header.msg_hdr);
            if let Some(drops) = control.drops {
                self.drops_reported = drops;
            }
            let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            let source = read_address(&slot.address).unwrap_or(unknown);
            let start = index * PAYLOAD_BYTES_MAX;
            let len = (header.msg_len as usize).min(PAYLOAD_BYTES_MAX);
            each(UdpDatagram {
                payload: &self.buffers[start..start + len],
                source,
                received_at_ns: control.received_at_ns,
            });
        }
        Ok(count)
    }

    fn receive_batch(&mut self) -> io::Result<usize> {
        let buffers = self.buffers.chunks_exact_mut(PAYLOAD_BYTES_MAX);
        for ((header, slot), buffer) in self.headers.iter_mut().zip(&mut self.slots).zip(buffers) {
            slot.iovec =
                libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            // The kernel shortens the lengths to what it wrote: they are set anew each time.
            header.msg_hdr.msg_name = ptr::from_mut(&mut slot.address).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = &mut slot.iovec;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = slot.control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES as _;
        }
        // SAFETY: each of the BATCH headers points to a name, an iovec and a control buffer of
        // its own slot, with their true lengths, and the iovec to a buffer of its own; all live
        // until the call has returned, because `self` is borrowed.
        let count = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        match usize::try_from(count) {
            Ok(count) => Ok(count.min(BATCH)),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                error if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                error => Err(error),
            },
        }
    }

    /// Datagrams that the kernel dropped at this socket, because its buffer was full or their
    /// checksum was wrong, since it was bound.
    ///
    /// Datagrams carry this count (`SO_RXQ_OVFL`) as of when they were queued; the socket itself
    /// is asked (`SO_MEMINFO`) for what was dropped after the last of them.
    pub fn drops(&self) -> u64 {
        self.drops_at_end.unwrap_or_else(|| self.drops_now())
    }

    /// Lets nothing new in: what has been queued can still be received, and then there is no more,
    /// however much is sent.
    ///
    /// # Errors
    /// As of `setsockopt(2)`.
    pub fn end_intake(&mut self) -> io::Result<()> {
        // A classic BPF program that accepts no byte of any packet: `ret #0`.
        let mut refuse_all =
            libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: 0 };
        let program = libc::sock_fprog { len: 1, filter: &mut refuse_all };
        self.drops_at_end = Some(self.drops_now());
        // SAFETY: the kernel reads a program of one instruction, which `program` points to, and
        // copies it before it returns.
        let result = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                ptr::from_ref(&program).cast(),
                size_of_val(&program) as libc::socklen_t,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn drops_now(&self) -> u64 {
        const SK_MEMINFO_DROPS: usize = 8;
        let mut meminfo = [0u32; SK_MEMINFO_DROPS + 1];
        let mut len = size_of_val(&meminfo) as libc::socklen_t;
        // SAFETY: the kernel writes at most `len` bytes to `meminfo`, which has as many.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                meminfo.as_mut_ptr().cast(),
                &mut len,
            )
        };
        let asked = if result == 0 { meminfo[SK_MEMINFO_DROPS] } else { 0 };
        u64::from(asked.max(self.drops_reported))
    }
}

impl AsFd for UdpReceiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Switches a boolean socket option on.
fn enable(socket: &OwnedFd, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads an int, which `on` is, of the length given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            ptr::from_ref(&on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The control messages of one datagram that are used.
#[derive(Default)]
struct ControlMessages {
    received_at_ns: Option<i64>,
    drops: Option<u32>,
}

fn read_control(header: &libc::msghdr) -> ControlMessages {
    let mut control = ControlMessages::default();
    // SAFETY: the header describes control messages that the kernel wrote, or none.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: a non-null message lies wholly within the control buffer, aligned like one.
    while let Some(current) = unsafe { message.as_ref() } {
        // SAFETY: the data follow the header of a message that the kernel wrote.
        let data = unsafe { libc::CMSG_DATA(current) };
        match (current.cmsg_level, current.cmsg_type) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                // SAFETY: this message's data are a timespec; their alignment is not known.
                let time = unsafe { ptr::read_unaligned(data.cast::<libc::timespec>()) };
                control.received_at_ns = time
                    .tv_sec
                    .checked_mul(1_000_000_000)
                    .and_then(|nanos| nanos.checked_add(time.tv_nsec));
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                // SAFETY: this message's data are a 32-bit count.
                control.drops = Some(unsafe { ptr::read_unaligned(data.cast::<u32>()) });
            }
            _ => {}
        }
        // SAFETY: `current` is a message of this header.
        message = unsafe { libc::CMSG_NXTHDR(header, current) };
    }
    control
}

fn read_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let mut v4 = MaybeUninit::<libc::sockaddr_in>::uninit();
    let mut v6 = MaybeUninit::<libc::sockaddr_in6>::uninit();
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: a storage is at least as large as an address of any family.
            unsafe { ptr::copy_nonoverlapping(ptr::from_ref(storage).cast(), v4.as_mut_ptr(), 1) };
            // SAFETY: the line above wrote all of it, and any bytes are a value.
            let v4 = unsafe { v4.assume_init() };
            let address = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::new(address.into(), u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: a storage is at least as large as an address of any family.
            unsafe { ptr::copy_nonoverlapping(ptr::from_ref(storage).cast(), v6.as_mut_ptr(), 1) };
            // SAFETY: the line above wrote all of it, and any bytes are a value.
            let v6 = unsafe { v6.assume_init() };
            let address = IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)).to_canonical();
            Some(SocketAddr::new(address, u16::from_be(v6.sin6_port)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn receiver(address: &str, buffer: usize) -> (UdpReceiver, SocketAddr) {
        let receiver = UdpReceiver::bind(address.parse().unwrap(), buffer).unwrap();
        let address = receiver.local_address().unwrap();
        (receiver, address)
    }

    #[test]
    fn datagrams_come_with_source_and_time() {
        let (mut receiver, address) = receiver("127.0.0.1:0", 1 << 20);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for index in 0..200u8 {
            sender.send_to(&vec![index; usize::from(index)], address).unwrap();
        }
        let mut next = 0u8;
        while next < 200 {
            receiver
                .receive(|datagram| {
                    assert_eq!(datagram.payload, vec![next; usize::from(next)]);
                    assert_eq!(datagram.source, sender.local_addr().unwrap());
                    assert!(datagram.received_at_ns.unwrap() > 0);
                    next += 1;
                })
                .unwrap();
        }
        assert_eq!(receiver.receive(|_| panic!("nothing more was sent")).unwrap(), 0);
        assert_eq!(receiver.drops(), 0);
    }

    #[test]
    fn what_does_not_fit_the_buffer_is_counted() {
        let (mut receiver, address) = receiver("127.0.0.1:0", 4096);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..1000 {
            sender.send_to(&[0; 1000], address).unwrap();
        }
        let mut received = 0;
        while receiver.receive(|_| received += 1).unwrap() > 0 {}
        assert!(received < 1000);
        assert_eq!(received + receiver.drops(), 1000);
    }

    #[test]
    fn after_the_end_of_intake_only_the_queued_are_received() {
        let (mut receiver, address) = receiver("127.0.0.1:0", 1 << 20);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(b"queued", address).unwrap();
        receiver.end_intake().unwrap();
        for _ in 0..100 {
            sender.send_to(b"late", address).unwrap();
        }
        let mut received = Vec::new();
        while receiver.receive(|datagram| received.push(datagram.payload.to_vec())).unwrap() > 0 {}
        assert_eq!(received, [b"queued"]);
        assert_eq!(receiver.drops(), 0);
    }

    #[test]
    fn an_ipv6_socket_shows_ipv4_senders_as_such() {
        let Ok(mut receiver) = UdpReceiver::bind("[::]:0".parse().unwrap(), 1 << 16) else {
            println!("skipped: this host has no IPv6");
            return;
        };
        let port = receiver.local_address().unwrap().port();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(b"x", ("127.0.0.1", port)).unwrap();
        let mut source = None;
        while source.is_none() {
            receiver.receive(|datagram| source = Some(datagram.source)).unwrap();
        }
        assert_eq!(source, sender.local_addr().ok());
    }
}
