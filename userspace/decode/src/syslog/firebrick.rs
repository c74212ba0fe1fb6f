//! FireBrick filter logs.

use super::{Message, zone::Zones};
use crate::{batch::Batch, reason::Reason};

/// Whether a message has the marks of a filter log.
pub fn is_marked(_text: &[u8]) -> bool {
    false
}

/// Decodes a message.
pub fn decode(_: &Message<'_>, _: &mut Zones, _: &mut Batch) -> Result<(), Reason> {
    Err(Reason::SyslogUnknown)
}
