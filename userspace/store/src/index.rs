//! Beside a part: which of its rows have a public address and port, an inside address or a user,
//! and what they may say of a time, without reading the part.
//!
//! A file `NAME.trace` beside `NAME.parquet`. A part without one, or with a damaged one, is
//! searched by its own statistics. docs/store.md has the file byte by byte.
//!
//! | section | what it is |
//! | --- | --- |
//! | header | [`Summary`], and where the rest is |
//! | blocks | 4,096 rows each: their keys, a byte of times, and part of their session's hash |
//! | fences | the first key of each block, in pages that are searched by halving |
//! | directory, buckets | which rows have an inside address or a user |

mod beside;
mod block;
mod builder;
mod header;
mod key;
mod ladder;
mod pages;
mod postings;
mod reader;
mod row;
mod sessions;
mod varint;

pub use beside::Indexes;
pub use block::{Entry, Kind};
pub use builder::Builder;
pub use header::Summary;
pub use key::Key;
pub use reader::Index;
pub use row::{address_term, columns, user_term};
pub use sessions::Sessions;

/// The extension of an index, without the dot.
pub const EXTENSION: &str = "trace";

#[cfg(test)]
mod tests;
