//! NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011): templates, and data moved into columns by them.
//!
//! [`v9`] and [`ipfix`] read their headers, and [`message`] takes the [`sets`] behind them apart,
//! which are the same in both. A [`template`] is compiled once into a [`plan`] by the meaning that a
//! [`profile`] gives to its elements; [`execute`] moves the records of a data set into columns by
//! that plan. Templates live in a [`registry`] that all workers share, with what [`options`] data
//! told about their exporter, and outlive a process ([`kept`]); data that comes before its template is in the [`waiting`] room.
//! [`v5`] has one layout: a plan that never changes.

pub mod blocks;
pub mod cache;
pub mod cisco_nsel;
pub mod elements;
pub mod execute;
pub mod extras;
pub mod huawei_ne;
pub mod huawei_usg;
pub mod ipfix;
pub mod kept;
pub mod message;
pub mod moves;
pub mod nat_event;
pub mod nokia;
pub mod numbers;
pub mod options;
pub mod plan;
pub mod profile;
pub mod records;
pub mod registry;
mod reread;
pub mod sets;
pub mod template;
pub mod tiles;
pub mod times;
pub mod usg_tiles;
pub mod v5;
pub mod v9;
pub mod waiting;

use crate::{
    batch::Batch,
    context::{Context, Format, UnixNanos},
    decoder::{Datagram, Outcome},
    note::Sequence,
    reason::Reason,
    settings::Settings,
};
use message::MessageDecoder;
use registry::Registry;
use std::sync::Arc;
use v5::V5Decoder;

/// A version of the protocol that has templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// NetFlow v9.
    V9,
    /// IPFIX, whose header says 10.
    Ipfix,
}

impl Version {
    /// The number in the header.
    pub const fn number(self) -> u16 {
        match self {
            Version::V9 => 9,
            Version::Ipfix => 10,
        }
    }

    /// What records are called where no vendor's profile has a name for them.
    pub const fn format(self) -> Format {
        match self {
            Version::V9 => Format::NetflowV9,
            Version::Ipfix => Format::Ipfix,
        }
    }
}

/// Decodes the NetFlow and IPFIX datagrams of one worker.
#[derive(Debug)]
pub struct Decoder {
    v5: V5Decoder,
    messages: MessageDecoder,
}

impl Decoder {
    /// A decoder that shares templates with all others of the registry.
    pub fn new(registry: Arc<Registry>, settings: Arc<Settings>) -> Self {
        let v5 = V5Decoder::new(settings.simd);
        Self { v5, messages: MessageDecoder::new(registry, settings) }
    }

    /// Goes by other settings from now on; the instructions in use stay.
    pub fn set_settings(&mut self, settings: Arc<Settings>) {
        self.messages.set_settings(settings);
    }

    /// Decodes one datagram, by the version that it begins with.
    #[inline]
    pub fn decode(
        &mut self,
        datagram: &Datagram<'_>,
        batch: &mut Batch,
    ) -> (Outcome, Option<Sequence>) {
        let (message, format) = match datagram.payload {
            [0, 5, ..] => return self.v5.decode(datagram, batch),
            [0, 9, ..] => (v9::read(datagram.payload), Format::NetflowV9),
            [0, 10, ..] => (ipfix::read(datagram.payload), Format::Ipfix),
            _ => (Err(Reason::UnsupportedVersion), Format::Unknown),
        };
        match message {
            Ok(message) => self.messages.decode(datagram, &message, batch),
            Err(reason) => (datagram.reject(reason, format, batch), None),
        }
    }

    /// Number of datagrams that wait for a template.
    pub fn waiting(&self) -> usize {
        self.messages.waiting()
    }

    /// Decodes what waited of one datagram because its template came, or gives it up because it has
    /// waited too long.
    pub fn release(&mut self, now: UnixNanos, batch: &mut Batch) -> Option<(Context, Outcome)> {
        self.messages.release(now, batch)
    }

    /// Gives up one datagram that waits, when the worker stops.
    pub fn abandon(&mut self, batch: &mut Batch) -> Option<(Context, Outcome)> {
        self.messages.abandon(batch)
    }
}
