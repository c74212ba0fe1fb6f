//! The header of a NetFlow v9 datagram (RFC 3954 §5.1).
//!
//! ```text
//! 0   2 version 9          8  4 UTC seconds       16  4 Source ID
//! 2   2 count (ignored)   12  4 sequence          20    flowsets: ID, length, body
//! 4   4 uptime, ms
//! ```
//! All numbers are in network byte order. The count is not used: Huawei's document says that it
//! counts flowsets, the RFC that it counts records; lengths say enough.

use super::{
    Version,
    message::{Header, Message, word},
};
use crate::reason::Reason;

const HEADER_LEN: usize = 20;

/// Reads the header.
pub fn read(payload: &[u8]) -> Result<Message<'_>, Reason> {
    let (header, body) = payload.split_at_checked(HEADER_LEN).ok_or(Reason::HeaderTruncated)?;
    let header = Header {
        version: Version::V9,
        uptime_ms: Some(word(header, 4)),
        unix_seconds: word(header, 8),
        sequence: word(header, 12),
        domain: word(header, 16),
    };
    Ok(Message { header, body, sets_len: body.len() })
}
