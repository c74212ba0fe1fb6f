//! Instant-messenger logs of a Huawei USG, as syslog.

use super::{Message, header::Header, zone::Zones};
use crate::{batch::Batch, reason::Reason};

/// Whether a message is an instant-messenger log.
pub fn is_marked(_header: &Header<'_>) -> bool {
    false
}

/// Decodes a message.
pub fn decode(_: &Header<'_>, _: &Message<'_>, _: &mut Zones, _: &mut Batch) -> Result<(), Reason> {
    Err(Reason::ImNotRecorded)
}
