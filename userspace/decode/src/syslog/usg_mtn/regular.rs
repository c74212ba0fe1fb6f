//! A message as firewalls print it.
//!
//! ```text
//! "<" PRI ">" *SP [YYYY-MM-DD SP hh:mm:ss SP] [host SP] ("%%: " | tag [SP]) sentence
//! ```
//! with one space between the parts of the sentence, IPv4, and one full stop at the end.

use super::{End, Sentence, Stats, Volume};
use crate::{
    session::Event,
    simd::Level,
    syslog::{Message, cursor::Cursor, header, heads::Origin, zone::Zones},
};

/// Reads a regular message; `None` where it is not, or may not be, one.
#[inline(always)]
pub(super) fn read<'a>(
    level: Level,
    text: &'a [u8],
    message: &Message<'_>,
    zones: &mut Zones,
) -> Option<(Origin<'a>, Sentence<'a>)> {
    let (origin, tag) = text.split_at_checked(memchr::memchr(b'%', text)?)?;
    let origin = header::read_regular(origin, message.datagram, &mut zones.heads)?;
    let mut at = Cursor(tag, level);
    skip_tag(&mut at)?;
    Some((origin, sentence(&mut at)?))
}

#[inline(always)]
fn skip_tag(at: &mut Cursor<'_>) -> Option<()> {
    if !at.option(b"%%: ") {
        at.literal(b"%%01SECLOG/6/SESSION_")?;
        if !at.option(b"TEARDOWN(l):") {
            at.literal(b"BUILT(l):")?;
        }
        at.option(b" ");
    }
    Some(())
}

#[inline(always)]
fn sentence<'a>(at: &mut Cursor<'a>) -> Option<Sentence<'a>> {
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
    let source = end(at)?;
    at.literal(b" to ")?;
    let destination = end(at)?;
    let stats = if at.option(b", duration ") { Some(stats(at)?) } else { None };
    let is_all = at.0 == b".";
    is_all.then_some(Sentence { event, protocol, source, destination, stats, rest: &[] })
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
