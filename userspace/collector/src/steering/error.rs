//! What can go wrong with the XDP program, in words that name what to look at.

use std::{fmt, io, net::IpAddr};

use aya::{EbpfError, maps::MapError, programs::ProgramError};
use logweir_abi::SOCKETS_MAX;

/// Why the XDP program could not be loaded, attached or controlled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SteeringError {
    /// The kernel wants a privilege that the process lacks.
    #[error(
        "loading the XDP program is not permitted: it needs CAP_BPF and CAP_NET_ADMIN (or root)"
    )]
    LoadNotPermitted,
    /// The kernel refused the program.
    #[error("the kernel refused to load the XDP program (Linux 5.18 or later is needed): {source}")]
    Load {
        /// Its reason.
        source: Box<EbpfError>,
    },
    /// The built-in object is not the one that this code was written for.
    #[error(
        "the built-in XDP object has no usable \"{missing}\": rebuild it with `cargo xtask ebpf`"
    )]
    Object {
        /// Program or map.
        missing: &'static str,
    },
    /// No such interface.
    #[error("there is no network interface \"{interface}\" here")]
    UnknownInterface {
        /// Its name.
        interface: String,
    },
    /// Another program is there.
    #[error(
        "another XDP program is attached to {interface}: detach it first \
         (`ip link set dev {interface} xdp off`, or stop the process that holds it)"
    )]
    Occupied {
        /// The interface.
        interface: String,
    },
    /// This one is on an interface already.
    #[error("the XDP program is already attached to {interface}: one interface for each program")]
    AlreadyAttached {
        /// That interface.
        interface: String,
    },
    /// Attaching needs a privilege that the process lacks.
    #[error("attaching the XDP program to {interface} is not permitted: it needs CAP_NET_ADMIN")]
    AttachNotPermitted {
        /// The interface.
        interface: String,
    },
    /// Driver or kernel refused.
    #[error("attaching the XDP program to {interface} in {mode} mode failed: {source}")]
    Attach {
        /// The interface.
        interface: String,
        /// `native` or `generic`.
        mode: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// The program could not be taken off.
    #[error("detaching the XDP program from {interface} failed: {source}")]
    Detach {
        /// The interface.
        interface: String,
        /// The reason.
        source: Box<ProgramError>,
    },
    /// The socket map has no such slot.
    #[error("queue {queue} is out of range: the socket map has room for queues 0 to {last}", last = SOCKETS_MAX - 1)]
    QueueOutOfRange {
        /// The queue.
        queue: u32,
    },
    /// The kernel refused a socket.
    #[error("{what} the AF_XDP socket of queue {queue} failed: {source}")]
    Socket {
        /// `inserting` or `removing`.
        what: &'static str,
        /// The queue.
        queue: u32,
        /// The reason.
        source: Box<MapError>,
    },
    /// Two listeners for one address and port.
    #[error("two listeners for port {port} on {address}", address = DisplayAddress(*address))]
    DuplicateListener {
        /// The address; `None` for any.
        address: Option<IpAddr>,
        /// The port.
        port: u16,
    },
    /// The map is full.
    #[error("{count} entries are too many for map {map}: it has room for {entries_max}")]
    TooMany {
        /// The map.
        map: &'static str,
        /// How many there should be.
        count: usize,
        /// How many there can be.
        entries_max: u32,
    },
    /// A map could not be read or written.
    #[error("map {map} of the XDP program: {source}")]
    Map {
        /// The map.
        map: &'static str,
        /// The reason.
        source: Box<MapError>,
    },
    /// A trial could not be run.
    #[error("running the XDP program over a frame failed: {source}")]
    Trial {
        /// The reason.
        source: Box<ProgramError>,
    },
}

impl SteeringError {
    pub(super) fn from_load(source: EbpfError) -> Self {
        // EACCES is another matter: so the verifier speaks.
        let not_permitted = Some(rustix::io::Errno::PERM.raw_os_error());
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&source);
        while let Some(error) = cause {
            if error.downcast_ref::<io::Error>().is_some_and(|e| e.raw_os_error() == not_permitted)
            {
                return Self::LoadNotPermitted;
            }
            cause = error.source();
        }
        Self::Load { source: Box::new(source) }
    }
}

struct DisplayAddress(Option<IpAddr>);

impl fmt::Display for DisplayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("any address"),
        }
    }
}
