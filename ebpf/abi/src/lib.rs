//! What the XDP program and the collector agree on: map names and keys, the counters' meaning, and
//! the metadata that travels with each redirected frame.
//!
//! Both sides compile this file, so neither can drift. It is `no_std`, has no dependency and
//! no unsafe code.
#![no_std]
#![forbid(unsafe_code)]

mod counter;
mod frame_meta;
mod listener;
mod port;
mod setting;

pub use counter::{Counter, Fate};
pub use frame_meta::{FRAME_META_LEN, Family, FrameMeta};
pub use listener::{ALLOW_MAX, AllowKeyV4, AllowKeyV6, LISTENERS_MAX, ListenerKey};
pub use port::{PORTS, PortListeners};
pub use setting::Settings;

/// How many RX queues the socket map has room for; a frame of a queue beyond it is passed up and
/// counted as [`Counter::NoSocket`].
pub const SOCKETS_MAX: u32 = 256;

/// Names of the program and its maps in the object file.
pub mod names {
    /// The XDP program.
    pub const PROGRAM: &str = "steer";
    /// `XSKMAP`: RX queue number → AF_XDP socket.
    pub const SOCKETS: &str = "SOCKETS";
    /// Array: UDP port → [`crate::PortListeners`] (`u32`).
    pub const PORTS: &str = "PORTS";
    /// Hash: [`crate::ListenerKey`] → number (`u32`) of a listener on a single address.
    pub const LISTENERS: &str = "LISTENERS";
    /// LPM trie: exporter IPv4 prefixes that may send; being in it is what counts, not the value.
    pub const ALLOW_V4: &str = "ALLOW_V4";
    /// LPM trie: exporter IPv6 prefixes that may send.
    pub const ALLOW_V6: &str = "ALLOW_V6";
    /// Per-CPU array: [`crate::Counter`] → packets (`u64`).
    pub const COUNTERS: &str = "COUNTERS";
    /// Array of one element: [`crate::Settings`]. It is a section of the object, so that the program
    /// reads it without a lookup.
    pub const SETTINGS: &str = ".data.settings";
}
