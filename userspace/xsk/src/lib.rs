//! AF_XDP for a collector: UMEM, rings and sockets.
//!
//! An XDP program redirects packets into AF_XDP sockets; the kernel (or, in zero-copy mode, the
//! NIC) writes each into a frame of the UMEM, memory that this process shares with it. A
//! [`Receiver`] reads packets where they lie and gives the frames back; a [`Sender`] is the other
//! direction. The source of truth is the kernel's `Documentation/networking/af_xdp.rst`.
//!
//! Every frame has one owner at any time:
//!
//! ```text
//!                     fill ring                    RX ring
//!        ┌────────────────────────▶ kernel: ──────────────────┐
//!        │                          receives into             ▼
//!   user space: free frames ◀──────────────────────── user space: callback reads the packet
//!        │  ▲
//!        │  └───────────────────────────────────────┐
//!        ▼                          kernel:         │
//!   user space: writes ───────────▶ sends ──────────┘
//!                     TX ring            completion ring
//! ```
//!
//! In this crate, user space's ownership is a value that cannot be copied. Handing a frame to the
//! kernel consumes the value, and only a descriptor that names bytes of a frame which the kernel
//! was given brings it back. Any other descriptor is counted (`invalid_descriptors`) and skipped.
//!
//! All unsafe code of the project's collector that is not an instruction-set kernel is here, in
//! six places: mapping memory (`mapping`), reaching the shared ring pages (`ring::memory`), the
//! bytes of a frame (`umem`), asking for them ahead ([`prefetch()`]), one `setsockopt` (`socket`), and
//! `recvmmsg` for ordinary UDP sockets ([`udp`]), which take what the XDP program passes up.
#![cfg_attr(all(test, loom), expect(dead_code, reason = "loom checks the index protocol alone"))]

mod ring;
mod sync;

// Memory shared with the kernel cannot hold loom's atomics: its model checker sees the index
// protocol only.
#[cfg(not(all(test, loom)))]
mod error;
#[cfg(not(all(test, loom)))]
mod frames;
#[cfg(not(all(test, loom)))]
mod interface;
#[cfg(not(all(test, loom)))]
mod mapping;
#[cfg(not(all(test, loom)))]
mod options;
#[cfg(not(all(test, loom)))]
mod prefetch;
#[cfg(not(all(test, loom)))]
mod received;
#[cfg(not(all(test, loom)))]
mod receiver;
#[cfg(not(all(test, loom)))]
mod sender;
#[cfg(not(all(test, loom)))]
mod socket;
#[cfg(not(all(test, loom)))]
mod statistics;
#[cfg(not(all(test, loom)))]
mod umem;

#[cfg(not(all(test, loom)))]
pub mod udp;

#[cfg(not(all(test, loom)))]
pub use api::*;

#[cfg(not(all(test, loom)))]
mod api {
    pub use crate::error::XskError;
    pub use crate::interface::Interface;
    pub use crate::options::{
        BindMode, BusyPoll, FrameSize, PACKET_HEADROOM, ReceiverOptions, SenderOptions,
    };
    pub use crate::prefetch::prefetch;
    pub use crate::received::Received;
    #[cfg(feature = "loopback")]
    pub use crate::receiver::loopback;
    pub use crate::receiver::{Receiver, Wait};
    pub use crate::sender::Sender;
    pub use crate::statistics::{KernelStatistics, SenderStatistics, Statistics};
    pub use crate::umem::Pages;
}
