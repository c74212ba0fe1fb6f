//! The sentence as firewalls print it: one space between its parts, IPv4, one full stop.

use super::{End, Sentence, Stats, Volume};
use crate::{session::Event, syslog::cursor::Cursor};

/// Reads a regular sentence; `None` where it is not, or may not be, one.
#[inline(always)]
pub(super) fn read(content: &[u8]) -> Option<Sentence<'_>> {
    let mut at = Cursor(content);
    let event = if at.option(b"Teardown a") {
        Event::End
    } else {
        at.literal(b"Built a")?;
        Event::Create
    };
    at.option(b"n");
    at.literal(b" ")?;
    let protocol = at.letters()?;
    at.literal(b" session,")?;
    at.option(b" ");
    let source = end(&mut at)?;
    at.literal(b" to ")?;
    let destination = end(&mut at)?;
    let stats = if at.option(b", duration ") { Some(stats(&mut at)?) } else { None };
    (at.0 == b".").then_some(Sentence { event, protocol, source, destination, stats, rest: &[] })
}

#[inline(always)]
fn end<'a>(at: &mut Cursor<'a>) -> Option<End<'a>> {
    let (address, port) = endpoint(at)?;
    let nat = if at.option(b"[") {
        let nat = endpoint(at)?;
        at.literal(b"]")?;
        Some(nat)
    } else {
        None
    };
    at.option(b" ");
    at.literal(b"(")?;
    let zone = at.until(b')')?;
    let is_trimmed = zone.trim_ascii().len() == zone.len();
    // A parenthesis in a name is followed by more of it.
    let ends = matches!(at.0, [b' ' | b',' | b'.', ..]);
    (is_trimmed && ends).then_some(End { address, port, nat, zone })
}

#[inline(always)]
fn endpoint(at: &mut Cursor<'_>) -> Option<(std::net::IpAddr, u16)> {
    let address = std::net::IpAddr::V4(at.v4()?.into());
    at.literal(b":")?;
    Some((address, at.number_as()?))
}

#[inline(always)]
fn stats(at: &mut Cursor<'_>) -> Option<Stats> {
    let duration_s = at.number_as()?;
    at.literal(b", rcv ")?;
    let received = volume(at)?;
    at.literal(b", send ")?;
    let sent = volume(at)?;
    Some(Stats { duration_s, received, sent })
}

#[inline(always)]
fn volume(at: &mut Cursor<'_>) -> Option<Volume> {
    let bytes = at.number()?;
    at.literal(b" bytes via ")?;
    let packets = at.number()?;
    at.literal(b" packets")?;
    Some(Volume { bytes, packets })
}
