//! A batch's columns as Arrow arrays, a column at a time.
//!
//! A column of a batch means something only in the rows of runs that name it, so each is copied
//! run by run: whole slices where a run has it, nulls where it has not. What a value means (zero is
//! absent, which of two addresses is the tunnel's) is defined by [`logweir_decode::record`] for one
//! record at a time; here the same is done for whole columns, and tests hold the two together.
//! The records of the other families come one at a time, and are converted as they come.

mod cells;
mod common;
pub mod extra;
mod filter;
mod im;
mod port_block;
mod records;
mod session;
mod text;
mod times;
mod unparsed;

#[cfg(test)]
mod tests;

pub use filter::filter;
pub use im::im;
pub use port_block::port_block;
pub use records::Record;
pub use session::session;
pub use unparsed::unparsed;
