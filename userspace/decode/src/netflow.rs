//! NetFlow v9 (RFC 3954): templates, and data moved into columns by them.
//!
//! [`v9`] takes a datagram apart. A [`template`] is compiled once into a [`plan`] by the meaning
//! that a [`profile`] gives to its elements; [`execute`] moves the records of a data flowset into
//! columns by that plan. Templates live in a [`registry`] that all workers share; data that comes
//! before its template is in the [`waiting`] room.

pub mod elements;
pub mod execute;
pub mod huawei_usg;
pub mod plan;
pub mod profile;
pub mod registry;
pub mod template;
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
use registry::Registry;
use std::sync::Arc;
use v9::V9Decoder;

/// Decodes the NetFlow and IPFIX datagrams of one worker.
#[derive(Debug)]
pub struct Decoder {
    v9: V9Decoder,
}

impl Decoder {
    /// A decoder that shares templates with all others of the registry.
    pub fn new(registry: Arc<Registry>, settings: &Settings) -> Self {
        Self { v9: V9Decoder::new(registry, settings.limits) }
    }

    /// Decodes one datagram, by the version that it begins with.
    pub fn decode(
        &mut self,
        datagram: &Datagram<'_>,
        batch: &mut Batch,
    ) -> (Outcome, Option<Sequence>) {
        match datagram.payload {
            [0, 9, ..] => (self.v9.decode(datagram, batch), None),
            _ => (datagram.reject(Reason::UnsupportedVersion, Format::Unknown, batch), None),
        }
    }

    /// Number of datagrams that wait for a template.
    pub fn waiting(&self) -> usize {
        self.v9.waiting()
    }

    /// Settles one datagram that waited: its template came, or it has waited too long.
    pub fn release(&mut self, now: UnixNanos, batch: &mut Batch) -> Option<(Context, Outcome)> {
        self.v9.release(now, batch)
    }

    /// Gives up one datagram that waits, when the worker stops.
    pub fn abandon(&mut self, batch: &mut Batch) -> Option<(Context, Outcome)> {
        self.v9.abandon(batch)
    }
}
