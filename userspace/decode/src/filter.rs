//! The family `filter`: packets that a filter rule of a FireBrick matched (FB105 technical
//! reference, *Logging*).

use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What the filter did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Action {
    /// Dropped without a word. Black in the FireBrick's own log.
    Drop = 1,
    /// Let pass. Green.
    Allow = 2,
    /// Refused with an ICMP error or reset. Red.
    Reject = 3,
    /// Sent back to its source. Blue.
    Bounce = 4,
}

impl Action {
    /// The value of `action` in records.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Drop => "drop",
            Action::Allow => "allow",
            Action::Reject => "reject",
            Action::Bounce => "bounce",
        }
    }
}

/// One record of the family `filter`. Absent values are `None` or [`Text::EMPTY`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The filter's name; `Default` for the rule that holds where none matches.
    pub filter: Text,
    /// What it did.
    pub action: Option<Action>,
    /// IP protocol number.
    pub protocol: Option<u8>,
    /// The protocol's name, as printed.
    pub protocol_name: Text,
    /// Source MAC address; `None` where the exporter prints 0.
    pub mac: Option<[u8; 6]>,
    /// Interface of the source.
    pub src_interface: Text,
    /// Source address.
    pub src_addr: Option<IpAddr>,
    /// Source port.
    pub src_port: Option<u16>,
    /// Interface of the target.
    pub dst_interface: Text,
    /// Target address.
    pub dst_addr: Option<IpAddr>,
    /// Target port.
    pub dst_port: Option<u16>,
    /// TCP flags, as printed: letters of `SARF`.
    pub tcp_flags: Text,
    /// ICMP type.
    pub icmp_type: Option<u8>,
    /// ICMP code.
    pub icmp_code: Option<u8>,
    /// The ICMP type's name, as printed.
    pub icmp_type_name: Text,
    /// The ICMP identifier.
    pub icmp_id: Option<u16>,
    /// The IP packet's identification.
    pub fragment_id: Option<u16>,
    /// The fragment's offset as printed: the document does not say in which unit.
    pub fragment_offset: Option<u32>,
    /// What has no column: see [`crate::extra`].
    pub extra: Text,
}
