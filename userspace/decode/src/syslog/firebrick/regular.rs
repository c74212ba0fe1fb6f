//! Lines as the document prints them: IPv4, one space between two parts, no `/` in the name of an
//! interface, the action at the very end.

use super::{Action, Anchor, End, ICMP, ICMPV6, Line, Outcome, Values};
use crate::{
    simd::Level,
    syslog::{cursor::Cursor, scan},
};
use std::net::IpAddr;

/// Reads a regular line and its numbers; `None` where it is not, or may not be, one.
#[inline(always)]
pub(super) fn read(level: Level, text: &[u8]) -> Option<(Line<'_>, Values<'_>)> {
    let anchor = Anchor::read(text, memchr::memchr(b'(', text)?)?;
    let protocol = scan::number(anchor.protocol)?.try_into().ok()?;
    let mut at = Cursor(anchor.rest, level);
    let mut values = Values { protocol, ..Values::default() };
    let is_icmp = matches!(values.protocol, ICMP | ICMPV6);
    let fragment = if at.option(b"/") { fragment(&mut at, &mut values)? } else { &[] };
    at.literal(b" ")?;
    let mut source = end(&mut at)?;
    if at.option(b"/") {
        source.suffix = if is_icmp {
            icmp(&mut at, &mut values)?
        } else {
            port(&mut at, &mut values.src_port)?
        };
    }
    at.literal(b"-")?;
    let mut target = end(&mut at)?;
    if at.option(b"/") {
        let number = if is_icmp { &mut values.icmp_id } else { &mut values.dst_port };
        target.suffix = port(&mut at, number)?;
    }
    at.literal(b" ")?;
    let (tcp_flags, outcome) =
        if anchor.is_end { (&[][..], counts(&mut at, &mut values)?) } else { action(at)? };
    let Anchor { filter, mac, is_fragment, protocol_name, protocol, .. } = anchor;
    let line = Line {
        filter,
        mac,
        is_fragment,
        protocol_name,
        protocol,
        fragment,
        source,
        target,
        tcp_flags,
        outcome,
    };
    Some((line, values))
}

/// The bytes that a step has passed over.
#[inline(always)]
fn passed<'a>(before: Cursor<'a>, after: Cursor<'_>) -> Option<&'a [u8]> {
    before.0.get(..before.0.len().checked_sub(after.0.len())?)
}

#[inline(always)]
fn fragment<'a>(at: &mut Cursor<'a>, values: &mut Values<'_>) -> Option<&'a [u8]> {
    let before = *at;
    values.fragment_id = Some(at.number_as()?);
    at.literal(b"@")?;
    values.fragment_offset = Some(at.number_as()?);
    passed(before, *at)
}

/// `interface/IP`.
#[inline(always)]
fn end<'a>(at: &mut Cursor<'a>) -> Option<End<'a>> {
    let interface = at.until(b'/')?;
    let (first, last) = (interface.first()?, interface.last()?);
    let is_trimmed = !first.is_ascii_whitespace() && !last.is_ascii_whitespace();
    let address = IpAddr::V4(at.v4()?.into());
    is_trimmed.then_some(End { interface, address, suffix: &[] })
}

/// A port, which may have a comma.
#[inline(always)]
fn port<'a>(at: &mut Cursor<'a>, port: &mut Option<u16>) -> Option<&'a [u8]> {
    let before = *at;
    let mut number = at.number()?;
    if at.option(b",") {
        let thousands = at.0;
        number = number.checked_mul(1000)?.checked_add(at.number()?)?;
        if thousands.len() - at.0.len() != 3 {
            return None;
        }
    }
    *port = Some(u16::try_from(number).ok()?);
    passed(before, *at)
}

/// `name(type:code)`.
#[inline(always)]
fn icmp<'a>(at: &mut Cursor<'a>, values: &mut Values<'a>) -> Option<&'a [u8]> {
    let before = *at;
    values.icmp_type_name = at.letters()?;
    at.literal(b"(")?;
    let kind = at.number_as()?;
    at.literal(b":")?;
    values.icmp = Some((kind, at.number_as()?));
    at.literal(b")")?;
    passed(before, *at)
}

/// The action, and TCP's flags in front of it.
#[inline(always)]
fn action(mut at: Cursor<'_>) -> Option<(&[u8], Outcome<'_>)> {
    if let Some(action) = read_action(at.0) {
        return Some((&[], Outcome::Action(action)));
    }
    let flags = at.until(b' ').filter(|flags| !flags.is_empty())?;
    let action = read_action(at.0).filter(|_| flags.iter().all(super::is_flag))?;
    Some((flags, Outcome::Action(action)))
}

#[inline(always)]
fn read_action(text: &[u8]) -> Option<Action> {
    Some(match text {
        b"Drop" => Action::Drop,
        b"Allow" => Action::Allow,
        b"Reject" => Action::Reject,
        b"Bounce" => Action::Bounce,
        _ => return None,
    })
}

/// `forward/reverse` at the end of the line.
#[inline(always)]
fn counts<'a>(at: &mut Cursor<'a>, values: &mut Values<'_>) -> Option<Outcome<'a>> {
    let before = *at;
    values.forward = Some(at.number()?);
    let forward = passed(before, *at)?;
    at.literal(b"/")?;
    let reverse = at.0;
    values.reverse = Some(at.number()?);
    at.0.is_empty().then_some(Outcome::Session { forward, reverse })
}
