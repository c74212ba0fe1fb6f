//! Batches to a journal, the journal to sorted Parquet files, and questions to them.
//!
//! [`journal::Journal`] takes the [`Batch`](logweir_decode::batch::Batch)es of the decoders;
//! [`keeper::Keeper`] makes parts, indexes and the ledger of them, so that a reader never sees half a
//! file and every row that went in is accounted for. [`lookup`] answers who held a public address
//! and port.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`schema`] | the families and the columns of their files |
//! | [`convert`] | a batch's columns as Arrow arrays |
//! | [`partition`] | which directory a row belongs to |
//! | [`layout`] | how the columns of a file are encoded |
//! | [`incoming`] | the place where unfinished files are |
//! | [`seal`] | the batches of a closed segment as sorted files |
//! | [`journal`] | batches on disk, before they are sorted into parts |
//! | [`compact`] | an hour's small files become few large ones |
//! | [`digest`] | SHA-256 of bytes and files |
//! | [`chain`] | an append-only file whose lines each name the one before |
//! | [`audit`] | who asked what |
//! | [`manifest`] | which parts there are, and what became of others |
//! | [`retention`] | which parts are too old or too many |
//! | [`det_nat`] | who has a public address and port by a rule (RFC 7422) |
//! | [`verify`] | whether all is as the chains say |
//! | [`views`] | the same as SQL for other engines |
//! | [`files`] | the files of a data directory |
//! | [`index`] | beside a part: where a public address and port, an inside address or a user is in it |
//! | [`ledger`] | what was received in an hour, and what is missing |
//! | [`keeper`] | joins these: seals, closes hours, merges and deletes |
//! | [`lookup`] | trace-back by public address, port and time |
#![forbid(unsafe_code)]

pub mod arrivals;
pub mod audit;
pub mod chain;
pub mod compact;
pub mod convert;
pub mod det_nat;
pub mod digest;
pub mod error;
pub mod files;
pub mod found;
pub mod incoming;
pub mod index;
pub mod journal;
pub mod keeper;
pub mod layout;
pub mod ledger;
pub mod lookup;
pub mod manifest;
mod nulls;
pub mod partition;
mod prune;
mod read;
pub mod retention;
mod scan;
pub mod schema;
pub mod seal;
mod session_key;
mod split;
#[cfg(test)]
mod testing;
pub mod verify;
pub mod views;
