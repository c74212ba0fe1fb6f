//! A bracket as most boxes print it: IPv4, one space between two values, nothing behind it but a
//! full stop.

use super::Mapping;
use crate::{simd::Level, syslog::cursor::Cursor};
use std::net::IpAddr;

/// Reads the values of the one regular bracket of a message; `None` where it is not, or may not
/// be, one.
#[inline(always)]
pub(super) fn read(level: Level, values: &[u8]) -> Option<Mapping<'_>> {
    let mut at = Cursor(values, level);
    at.literal(b"[")?;
    let padded = at.option(b" ");
    let protocol = if nil(&mut at) { None } else { Some(at.number_as()?) };
    at.literal(b" ")?;
    let private = at.v4()?;
    at.literal(b" ")?;
    if !nil(&mut at) {
        return None;
    }
    at.literal(b" ")?;
    let public = at.v4()?;
    let private_port = port(&mut at)?;
    let first = port(&mut at)?;
    let last = port(&mut at)?;
    let is_last = matches!(at.0, [b']', ..] | [b' ', b']', ..]);
    let (destination, destination_port) = if is_last {
        (None, None)
    } else {
        at.literal(b" ")?;
        (Some(at.v4()?), port(&mut at)?)
    };
    if padded {
        at.literal(b" ")?;
    }
    at.literal(b"]")?;
    matches!(at.0, b"" | b".").then(|| Mapping {
        protocol,
        private: IpAddr::V4(private.into()),
        tunnel: None,
        public: IpAddr::V4(public.into()),
        private_port,
        first,
        last,
        destination: destination.map(|v4| IpAddr::V4(v4.into())),
        destination_port,
        vrf: &[],
        inserted: &[],
        inferred: false,
    })
}

/// Passes over a missing value; whether it is one.
#[inline(always)]
fn nil(at: &mut Cursor<'_>) -> bool {
    at.option(b"-")
        || at.option(b"\xe2\x80\x93")
        || at.option(b"\xe2\x80\x94")
        || matches!(at.0, [b' ' | b']', ..])
}

/// A port behind a space, or its absence.
#[inline(always)]
#[expect(clippy::option_option, reason = "what is missing is not what cannot be")]
fn port(at: &mut Cursor<'_>) -> Option<Option<u16>> {
    at.literal(b" ")?;
    if nil(at) { Some(None) } else { at.number_as().map(Some) }
}
