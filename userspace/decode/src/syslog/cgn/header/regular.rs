//! The header as boxes print it most often: a version, one of three times, the host in front of it
//! or behind it, two more names and a mark in capitals.

use super::{Form, Header, is_nil, read_mark};
use crate::{
    context::UnixNanos,
    decoder::Datagram,
    simd::Level,
    syslog::{
        clock,
        cursor::Cursor,
        header::skip_priority,
        heads::{Heads, Origin, Reader},
        time::{self, HeaderTime},
    },
};

/// Reads a regular header; `None` where it is not, or may not be, one.
#[inline(always)]
pub fn read<'a>(
    level: Level,
    message: &'a [u8],
    datagram: &Datagram<'_>,
    heads: &mut Heads,
) -> Option<Header<'a>> {
    let Datagram { exporter, received_at, .. } = *datagram;
    let known = heads.recall(Reader::Cgn, (exporter, received_at), message);
    let (origin, mark) = match known {
        Some(known) => known,
        None => {
            let (origin, mark) = read_origin(message, received_at)?;
            // What begins like a mark is told from one by what follows.
            if !origin.names.iter().any(|name| super::may_begin_scene(name)) {
                heads.keep(Reader::Cgn, exporter, (message, mark), &origin);
            }
            (origin, mark)
        }
    };
    let mut at = Cursor(mark, level);
    let scene = scene(&mut at)?;
    let event = at.letters()?;
    let (form, values) = match at.0 {
        [b'[', ..] => (Form::Brackets, at.0),
        [b' ', values @ ..] => match values {
            [b'[', ..] => (Form::Brackets, values),
            [b'0'..=b'9', ..] if memchr::memchr(b'|', values).is_some() => (Form::Pipes, values),
            _ => return None,
        },
        _ => return None,
    };
    let Origin { time, names: [host, app, proc_id] } = origin;
    Some(Header { time, host, app, proc_id, scene, event, form, values })
}

/// Reads what stands in front of the mark, which comes back.
#[inline(never)]
fn read_origin(message: &[u8], received_at: UnixNanos) -> Option<(Origin<'_>, &[u8])> {
    let mut at = Cursor(skip_priority(message).ok()?, Level::PORTABLE);
    at.option(b" ");
    at.literal(b"1 ")?;
    let (time, host) = match read_time(&mut at, received_at) {
        Some(time) => {
            at.literal(b" ")?;
            (time, name(&mut at)?)
        }
        None => {
            let host = name(&mut at)?;
            let time = read_time(&mut at, received_at)?;
            at.literal(b" ")?;
            (time, host)
        }
    };
    let names = [host, name(&mut at)?, name(&mut at)?];
    Some((Origin { time: Some(time), names }, at.0))
}

#[inline(always)]
fn read_time(at: &mut Cursor<'_>, received_at: UnixNanos) -> Option<HeaderTime> {
    let found = match at.0 {
        [b'0'..=b'9', _, _, _, b'-', ..] => iso(at.0),
        [b'0'..=b'9', ..] => clock::read_year_first(at.0),
        [b'A'..=b'Z', ..] => clock::read_rfc3164(at.0, received_at),
        _ => None,
    };
    let (time, rest) = found?;
    at.0 = rest;
    Some(time)
}

#[inline(always)]
fn iso(text: &[u8]) -> Option<(HeaderTime, &[u8])> {
    let (time, rest) = time::read_plain(text)?;
    let space = text.get(text.len() - rest.len() - 1..)?;
    (!rest.starts_with(b"DST")).then_some((time, space))
}

/// A name, which may be neither a time nor a mark, and the one space behind it.
#[inline(always)]
fn name<'a>(at: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let may_be_other = match at.0 {
        [b'-', b' ', ..] => false,
        [a @ (b'A'..=b'Z' | b'a'..=b'z'), b, c, ..] => {
            let begins_mark = matches!(a, b'D' | b'L' | b'N' | b'd' | b'l' | b'n');
            time::month(&[*a, *b, *c]).is_some() || begins_mark && read_mark(at.0).is_some()
        }
        // A year has four digits.
        [b'0'..=b'9', b, c, d, e, ..] => {
            [b, c, d].iter().all(|byte| byte.is_ascii_digit()) && !e.is_ascii_digit()
        }
        _ => true,
    };
    if may_be_other {
        return None;
    }
    let name = at.until(b' ').filter(|name| name.len() <= super::NAME_LEN_MAX)?;
    let is_followed = at.0.first().is_some_and(|next| !next.is_ascii_whitespace());
    is_followed.then_some(if is_nil(name) { &[] } else { name })
}

#[inline(always)]
fn scene<'a>(at: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let scene: &[u8] = match at.0 {
        [b'N', b'A', b'T', b'4', b'4', b'4', b':', ..] => b"NAT444",
        [b'N', b'A', b'T', b'6', b'4', b':', ..] => b"NAT64",
        [b'N', b'A', b'T', b'4', b'4', b':', ..] => b"NAT44",
        [b'D', b'S', b'L', b'I', b'T', b'E', b':', ..] => b"DSLITE",
        _ => return None,
    };
    at.0 = at.0.get(scene.len() + 1..)?;
    Some(scene)
}
