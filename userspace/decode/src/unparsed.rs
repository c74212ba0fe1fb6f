//! The family `unparsed`: what no decoder understood, kept with its reason.

use crate::{reason::Reason, text::Text};
use serde::{Deserialize, Serialize};

/// One record of the family `unparsed`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Unparsed {
    /// Why it was not decoded.
    pub reason: Reason,
    /// The bytes, as received.
    pub raw: Text,
}

impl Unparsed {
    /// The shortest part of a datagram that becomes an unparsed record of its own: a
    /// syslog line of one byte, and what ends it.
    pub const BYTES_PER_RECORD_MIN: usize = 2;
}
