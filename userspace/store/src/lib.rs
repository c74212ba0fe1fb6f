//! Batches to Parquet files, and questions to them.
//!
//! [`writer::Writer`] takes the [`Batch`](logweir_decode::batch::Batch)es of the decoders and
//! writes each family's rows to hourly partitions, so that a reader never sees half a file and
//! every row that went in is accounted for. [`lookup`] answers who held a public address and port.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`schema`] | the families and the columns of their files |
//! | [`convert`] | a batch's columns as Arrow arrays |
//! | [`partition`] | which directory a row belongs to |
//! | [`part`] | one Parquet file that is being written |
//! | [`incoming`] | the place where unfinished files are |
//! | [`seal`] | the batches of a closed segment as sorted files |
//! | [`writer`] | open parts, when they are closed, and the books |
//! | [`files`] | the files of a data directory |
//! | [`index`] | beside a part: where a public address and port, an inside address or a user is in it |
//! | [`lookup`] | trace-back by public address, port and time |
#![forbid(unsafe_code)]

pub mod arrivals;
pub mod convert;
pub mod error;
pub mod files;
pub mod found;
pub mod incoming;
pub mod ledger;
pub mod index;
pub mod lookup;
pub mod part;
pub mod partition;
mod prune;
mod scan;
pub mod schema;
pub mod seal;
mod split;
mod session_key;
#[cfg(test)]
mod testing;
pub mod totals;
pub mod writer;
