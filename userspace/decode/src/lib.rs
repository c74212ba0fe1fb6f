//! Bytes to records: the session-log formats of firewalls and NAT boxes, decoded in place into the
//! columns of a [`Batch`](batch::Batch).
//!
//! No input or output, no clock, no threads: a datagram and its time of arrival go in, rows come
//! out. The same functions serve AF_XDP, sockets, capture files, tests and benchmarks.
// But for what is below `simd`.
#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "whatever a sender sends must not end a worker"
    )
)]

pub mod batch;
pub mod binary;
pub mod cells;
pub mod context;
mod contexts;
pub mod declared;
pub mod decoder;
pub mod extra;
pub mod filter;
pub mod im;
pub mod image;
mod interned;
pub mod limits;
mod names;
pub mod nearest;
pub mod netflow;
pub mod note;
pub mod port_block;
pub mod privacy;
pub mod reason;
pub mod record;
pub mod rows;
pub mod sequence;
pub mod session;
pub mod settings;
pub mod simd;
pub mod syslog;
pub mod text;
pub mod unparsed;
