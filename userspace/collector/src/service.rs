//! What runs beside the pipeline: it looks at the collector and answers questions about it, and a
//! collector without it would collect all the same.
//!
//! The main thread posts a [`status::Status`] on a [`status::Board`] every second. Who serves it to
//! others reads it there, so that nobody who asks, however often, is felt by workers or writer.

pub mod alarm;
pub mod control;
pub mod live;
pub mod manager;
pub mod metrics;
pub mod reload;
pub mod status;
pub mod tap;
mod timed;
pub mod unknown;

#[cfg(test)]
mod testing;
