//! The header of an IPFIX message (RFC 7011 §3.1).
//!
//! ```text
//! 0   2 version 10         4  4 export time, UTC seconds    12  4 observation domain
//! 2   2 message length     8  4 sequence, of data records   16    sets: ID, length, body
//! ```
//! All numbers are in network byte order. A UDP datagram holds one message (§10.3.2), so the
//! length is the datagram's. A message that is longer than its datagram has lost its end, and is
//! rejected. Bytes behind a message that is shorter are no part of it: it is decoded, and they are
//! kept as `unparsed` unless they are zero, or the sets of the message end where the datagram does.

use super::{
    Version,
    message::{Header, Message, word},
};
use crate::reason::Reason;

const HEADER_LEN: usize = 16;

/// Reads the header.
pub fn read(payload: &[u8]) -> Result<Message<'_>, Reason> {
    let (header, body) = payload.split_at_checked(HEADER_LEN).ok_or(Reason::HeaderTruncated)?;
    let len = (word(header, 0) & 0xffff) as usize;
    let sets_len = len.checked_sub(HEADER_LEN).ok_or(Reason::MessageLength)?;
    if sets_len > body.len() {
        return Err(Reason::MessageLength);
    }
    let header = Header {
        version: Version::Ipfix,
        uptime_ms: None,
        unix_seconds: word(header, 4),
        sequence: word(header, 8),
        domain: word(header, 12),
    };
    Ok(Message { header, body, sets_len })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_len(len: u16, payload_len: usize) -> Result<(usize, usize), Reason> {
        let mut payload = [&[0, 10][..], &len.to_be_bytes(), &[0; 60]].concat();
        payload.truncate(payload_len);
        read(&payload).map(|message| (message.sets_len, message.body.len()))
    }

    #[test]
    fn the_length_says_where_the_message_ends() {
        assert_eq!(read_len(20, 20), Ok((4, 4)));
        assert_eq!(read_len(20, 27), Ok((4, 11)));
        assert_eq!(read_len(21, 20), Err(Reason::MessageLength));
        assert_eq!(read_len(15, 20), Err(Reason::MessageLength));
        assert_eq!(read_len(16, 15), Err(Reason::HeaderTruncated));
    }
}
