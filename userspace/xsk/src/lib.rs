//! AF_XDP.
#![cfg_attr(all(test, loom), expect(dead_code, reason = "loom checks the index protocol alone"))]
#[cfg(not(all(test, loom)))]
mod mapping;
mod ring;
mod sync;
