//! Notes as a batch and its image keep them: numbers without gaps between them.

use super::{DatagramNote, Sequence};
use crate::{context::UnixNanos, decoder::Outcome, reason::Reason};
use std::net::IpAddr;
use zerocopy_derive::{FromBytes, Immutable, IntoBytes};

/// A note without its sender and its place in the count.
#[derive(Clone, Copy, Debug, Default, IntoBytes, FromBytes, Immutable)]
#[repr(C)]
pub(super) struct Packed {
    received_at: UnixNanos,
    sender: u32,
    records: u32,
    unparsed: u32,
    /// [`DECODED`], [`WAITING`], or [`REJECTED`] and more: the reason.
    outcome: u16,
    flags: u16,
}

const DECODED: u16 = 0;
const WAITING: u16 = 1;
const REJECTED: u16 = 2;

/// A flag of [`Packed`]: an earlier note said that it waits.
const WAITED: u16 = 1 << 0;
/// A flag of [`Packed`]: it has a place in the count.
const HAS_SEQUENCE: u16 = 1 << 1;

impl Packed {
    /// Packs a note.
    #[inline]
    pub fn new(note: &DatagramNote, sender: u32) -> Packed {
        Packed {
            received_at: note.received_at,
            sender,
            records: note.records,
            unparsed: note.unparsed,
            outcome: match note.outcome {
                Outcome::Decoded => DECODED,
                Outcome::Waiting => WAITING,
                Outcome::Rejected(reason) => REJECTED + reason as u16,
            },
            flags: flag(WAITED, note.waited) | flag(HAS_SEQUENCE, note.sequence.is_some()),
        }
    }

    /// The index of its sender.
    pub const fn sender(&self) -> u32 {
        self.sender
    }

    /// Whether it has a place in the count.
    pub const fn has_sequence(&self) -> bool {
        self.flags & HAS_SEQUENCE != 0
    }

    /// The note; `None` where it is of no known outcome.
    pub fn unpack(
        &self,
        (exporter, exporter_port): (IpAddr, u16),
        sequence: Option<Sequence>,
    ) -> Option<DatagramNote> {
        let outcome = match self.outcome {
            DECODED => Outcome::Decoded,
            WAITING => Outcome::Waiting,
            rejected => {
                Outcome::Rejected(*Reason::ALL.get(usize::from(rejected.wrapping_sub(REJECTED)))?)
            }
        };
        Some(DatagramNote {
            exporter,
            exporter_port,
            received_at: self.received_at,
            outcome,
            waited: self.flags & WAITED != 0,
            records: self.records,
            unparsed: self.unparsed,
            sequence,
        })
    }
}

/// A place in the count.
#[derive(Clone, Copy, Debug, Default, IntoBytes, FromBytes, Immutable)]
#[repr(C)]
pub(super) struct PackedSequence {
    version: u16,
    flags: u16,
    domain: u32,
    number: u32,
    units: u32,
    uptime_ms: u32,
}

/// A flag of [`PackedSequence`]: it holds templates and no data.
const TEMPLATES_ONLY: u16 = 1 << 0;
/// A flag of [`PackedSequence`]: what it adds to the count is known.
const HAS_UNITS: u16 = 1 << 1;
/// A flag of [`PackedSequence`]: it has an uptime.
const HAS_UPTIME: u16 = 1 << 2;

impl PackedSequence {
    /// Packs a place in the count.
    #[inline]
    pub fn new(sequence: &Sequence) -> PackedSequence {
        PackedSequence {
            version: sequence.version,
            flags: flag(TEMPLATES_ONLY, sequence.templates_only)
                | flag(HAS_UNITS, sequence.units.is_some())
                | flag(HAS_UPTIME, sequence.uptime_ms.is_some()),
            domain: sequence.domain,
            number: sequence.number,
            units: sequence.units.unwrap_or(0),
            uptime_ms: sequence.uptime_ms.unwrap_or(0),
        }
    }

    /// The place in the count.
    pub fn unpack(&self) -> Sequence {
        Sequence {
            version: self.version,
            domain: self.domain,
            number: self.number,
            units: (self.flags & HAS_UNITS != 0).then_some(self.units),
            uptime_ms: (self.flags & HAS_UPTIME != 0).then_some(self.uptime_ms),
            templates_only: self.flags & TEMPLATES_ONLY != 0,
        }
    }
}

const fn flag(flag: u16, set: bool) -> u16 {
    if set { flag } else { 0 }
}
