//! The family `port_block`: one row for each block of public ports that a CGNAT box gives to a
//! subscriber or takes back.

use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What happened to the block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum PortBlockEvent {
    /// It was given to a subscriber.
    Allocate = 1,
    /// It was taken back.
    Release = 2,
    /// It is still given: a periodic report.
    Keepalive = 3,
    /// The exporter's word for it is not known.
    #[default]
    Unknown = 4,
}

impl PortBlockEvent {
    /// The value of `event` in records.
    pub const fn name(self) -> &'static str {
        match self {
            PortBlockEvent::Allocate => "allocate",
            PortBlockEvent::Release => "release",
            PortBlockEvent::Keepalive => "keepalive",
            PortBlockEvent::Unknown => "unknown",
        }
    }
}

/// One record of the family `port_block`. Absent values are `None` or [`Text::EMPTY`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBlock {
    /// What happened to it.
    pub event: PortBlockEvent,
    /// The subscriber's address.
    pub private_addr: Option<IpAddr>,
    /// The public address of the block.
    pub public_addr: Option<IpAddr>,
    /// First port of the block.
    pub port_first: Option<u16>,
    /// Last port of the block, included.
    pub port_last: Option<u16>,
    /// IP protocol number, where the block is of one protocol only.
    pub protocol: Option<u8>,
    /// VRF of the subscriber.
    pub src_vrf: Option<u32>,
    /// The exporter's number of the subscriber's session.
    pub session_id: Option<u64>,
    /// The exporter's number of the record.
    pub sequence: Option<u64>,
    /// The kind of translation, as the exporter names it: `NAT444`, `DSLITE`, …
    pub scene: Text,
    /// What has no column: see [`crate::extra`].
    pub extra: Text,
}
