//! Binary session logs.

use crate::{
    batch::Batch,
    context::Format,
    decoder::{Datagram, Outcome},
    reason::Reason,
    settings::Settings,
};

/// Whether a datagram may be one: a version and a type of the family.
pub fn is_marked(_payload: &[u8]) -> bool {
    false
}

/// Decodes a datagram.
pub fn decode(datagram: &Datagram<'_>, _settings: &Settings, batch: &mut Batch) -> Outcome {
    datagram.reject(Reason::UnknownFormat, Format::Unknown, batch)
}
