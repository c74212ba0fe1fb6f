//! The family `im`: users of instant messengers coming online and going offline.
//!
//! Who uses which account from where is personal data, and in many countries recording it needs a
//! lawful ground. Nothing of it is recorded unless the configuration says so
//! ([`crate::settings::ImPolicy`]), and then accounts are stored as keyed hashes unless it asks
//! for them in plain.

use crate::{
    record::Time,
    settings::ImPolicy,
    text::{Text, TextArena},
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What the user did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum ImEvent {
    /// Logged in.
    Online = 1,
    /// Logged out.
    Offline = 2,
    /// The exporter's word for it is not known.
    #[default]
    Unknown = 3,
}

impl ImEvent {
    /// The value of `event` in records.
    pub const fn name(self) -> &'static str {
        match self {
            ImEvent::Online => "online",
            ImEvent::Offline => "offline",
            ImEvent::Unknown => "unknown",
        }
    }
}

/// One record of the family `im`. Absent values are `None` or [`Text::EMPTY`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Im {
    /// What the user did.
    pub event: ImEvent,
    /// The messenger, as the exporter names it.
    pub application: Text,
    /// The account: a keyed hash in hexadecimal, or as sent where the configuration wants that.
    /// Personal data.
    pub account: Text,
    /// IP protocol number.
    pub protocol: Option<u8>,
    /// The user's address.
    pub src_addr: Option<IpAddr>,
    /// The user's port.
    pub src_port: Option<u16>,
    /// The server's address.
    pub dst_addr: Option<IpAddr>,
    /// The server's port.
    pub dst_port: Option<u16>,
    /// The user's public address.
    pub nat_src_addr: Option<IpAddr>,
    /// The user's public port.
    pub nat_src_port: Option<u16>,
    /// The server's address after translation.
    pub nat_dst_addr: Option<IpAddr>,
    /// The server's port after translation.
    pub nat_dst_port: Option<u16>,
    /// Begin of the session.
    pub start: Option<Time>,
    /// End of the session.
    pub end: Option<Time>,
    /// What has no column: see [`crate::extra`].
    pub extra: Text,
}

/// Bytes of a hashed account, in hexadecimal digits.
pub const ACCOUNT_HASH_BYTES: usize = 2 * blake3::OUT_LEN;

/// An account as the configuration wants it stored; `None` where it does not fit.
pub(crate) fn account(policy: &ImPolicy, sent: &[u8], text: &mut TextArena) -> Option<Text> {
    match policy {
        _ if sent.is_empty() => Some(Text::EMPTY),
        ImPolicy::Off => Some(Text::EMPTY),
        ImPolicy::Hashed(key) => text.push(blake3::keyed_hash(key, sent).to_hex().as_bytes()),
        ImPolicy::Plain => text.push(sent),
    }
}
