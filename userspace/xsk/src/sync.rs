//! The atomics that the ring indices use: the machine's, or loom's when its model checker runs
//! (`RUSTFLAGS="--cfg loom" cargo test -p logweir-xsk --lib --release loom`).

#[cfg(not(all(test, loom)))]
pub(crate) use core::sync::atomic::{AtomicU32, Ordering};
#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic::{AtomicU32, Ordering};
