//! What can go wrong between opening a socket and closing it, one clear sentence each.

use rustix::io::Errno;

/// A failure to set up or to use an AF_XDP socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XskError {
    /// No interface of this name in the calling thread's network namespace.
    #[error("there is no network interface {interface:?}: {errno}")]
    NoInterface {
        /// The name or index that was asked for.
        interface: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// An option has a value that cannot work.
    #[error("{option} is {value}, but {rule}")]
    InvalidOption {
        /// The option's name, as in the options' struct.
        option: &'static str,
        /// Its value.
        value: u64,
        /// What it must be.
        rule: &'static str,
    },
    /// Memory for the UMEM could not be had.
    #[error("cannot map {bytes} bytes for the UMEM: {errno}")]
    MapUmem {
        /// Bytes asked for.
        bytes: usize,
        /// The kernel's answer.
        errno: Errno,
    },
    /// `socket(AF_XDP)` failed: no `CAP_NET_RAW`, or a kernel without `CONFIG_XDP_SOCKETS`.
    #[error(
        "cannot open an AF_XDP socket for {interface} queue {queue}: {errno}{}", socket_help(*errno)
    )]
    Socket {
        /// Interface name.
        interface: String,
        /// RX/TX queue number.
        queue: u32,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A socket option could not be read or set.
    #[error(
        "the kernel refuses {option} for {interface} queue {queue}: {errno}{}", memory_help(*errno)
    )]
    SocketOption {
        /// Interface name.
        interface: String,
        /// RX/TX queue number.
        queue: u32,
        /// The kernel's name of the option.
        option: &'static str,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A ring's pages could not be mapped, or do not hold the ring.
    #[error("cannot map the {ring} ring of {interface} queue {queue}: {errno}")]
    MapRing {
        /// Interface name.
        interface: String,
        /// RX/TX queue number.
        queue: u32,
        /// `fill`, `completion`, `RX` or `TX`.
        ring: &'static str,
        /// The kernel's answer.
        errno: Errno,
    },
    /// `bind` failed: `EBUSY` if another socket still has the queue after a second, `EINVAL` if there is no such queue,
    /// `EOPNOTSUPP` if the driver has no zero-copy and [`crate::BindMode::ZeroCopy`] was asked for.
    #[error("cannot bind to {interface} queue {queue} ({mode}): {errno}")]
    Bind {
        /// Interface name.
        interface: String,
        /// RX/TX queue number.
        queue: u32,
        /// The mode that was asked for.
        mode: crate::BindMode,
        /// The kernel's answer.
        errno: Errno,
    },
    /// Waiting for packets, or waking the kernel, failed.
    #[error("cannot wait for {interface} queue {queue}: {errno}")]
    Wait {
        /// Interface name.
        interface: String,
        /// RX/TX queue number; the first of the receiver's.
        queue: u32,
        /// The kernel's answer.
        errno: Errno,
    },
    /// Packets were still unsent when the time was over. They stay in the TX ring.
    #[error("{outstanding} packets to {interface} queue {queue} were not sent in time")]
    NotSent {
        /// Interface name.
        interface: String,
        /// TX queue number.
        queue: u32,
        /// Packets that the kernel has not given back.
        outstanding: u32,
    },
}

/// What helps where there is no socket.
fn socket_help(errno: Errno) -> &'static str {
    match errno {
        Errno::PERM | Errno::ACCESS => ": it needs CAP_NET_RAW",
        Errno::AFNOSUPPORT => ": the kernel was built without CONFIG_XDP_SOCKETS",
        _ => "",
    }
}

/// What helps where the UMEM is more than the process may lock.
fn memory_help(errno: Errno) -> &'static str {
    match errno {
        Errno::NOBUFS => {
            ": the process may lock too little memory (`ulimit -l unlimited`, LimitMEMLOCK=infinity \
             or CAP_IPC_LOCK)"
        }
        _ => "",
    }
}
