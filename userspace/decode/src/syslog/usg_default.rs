//! USG session log, *Default* content: `key=value` pairs (*Meanings of Log Fields*).
//!
//! ```text
//! IPVer=4,Protocol=udp,SourceIP=…,DestinationIP=…,SourcePort=…,DestinationPort=…,
//! [SourceNatIP=…,SourceNatPort=…,][DestinationNatIP=…,DestinationNatPort=…,]
//! BeginTime=…,[EndTime=…,SendPkts=…,SendBytes=…,RcvPkts=…,RcvBytes=…,]
//! SourceVpnID=…,DestinationVpnID=…,[SourceZone=…,…].
//! ```
//! A value ends only at a comma that is followed by a key and `=`, because names and URLs may hold
//! commas; the last value ends at the full stop. Keys are taken in any order. A key that is not
//! known is kept in `extra`.
//!
//! Some values are chosen by those whose sessions are logged: a URL may hold `,SourceIP=…`. So a
//! key that was there before is part of the value in which it stands, and the two parts of a URL,
//! which firewalls send last, end only where the other one begins.

use super::{Message, context, header::Header, scan, zone::Zones};
use crate::{
    batch::Batch,
    context::{EventTime, Format},
    extra::{Encoded, KEY_MAX, Value},
    reason::Reason,
    session::{Event, SessionRow},
    text::{Text, TextArena},
};
use std::net::IpAddr;

/// The longest key that is looked for after a comma.
const KEY_LEN_MAX: usize = 32;

/// Decodes one message's content into one session record.
pub fn decode(
    header: &Header<'_>,
    event: Event,
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let mut row = SessionRow { event: Some(event as u8), ..SessionRow::default() };
    let (mut unknown_keys, mut has_protocol) = (false, false);
    let (mut page, mut host) = (None, None);
    for (key, value) in Pairs::new(header.content) {
        if key.len() > KEY_MAX {
            return Err(Reason::SessionValue);
        }
        has_protocol |= key == b"Protocol";
        match key {
            b"Page" => page = Some(value),
            b"Host" => host = Some(value),
            _ => unknown_keys |= set(&mut row, key, value, &mut batch.text)? == Set::UnknownKey,
        }
    }
    if page.or(host).is_some() {
        row.url = batch.text.push_parts(&[host.unwrap_or_default(), page.unwrap_or_default()]);
    }
    if unknown_keys {
        row.extra = Some(unknown_pairs(header.content, &mut batch.text));
    }
    let has_source = row.src_v4.is_some() || row.src_v6.is_some();
    if !has_source || !has_protocol {
        return Err(Reason::SessionKeyMissing);
    }
    let mut context = context(Format::HuaweiUsgSyslog, header.host, message, batch);
    let exporter = message.datagram.exporter;
    let own_s = [row.end_s, row.start_s].into_iter().flatten().find(|seconds| *seconds != 0);
    context.event_time = match (header.time, own_s) {
        (Some(time), None) => {
            let (unix_nanos, flags) = zones.resolve(time, exporter, message.exporter);
            context.flags = context.flags.with(flags);
            EventTime::Header(unix_nanos)
        }
        (Some(time), Some(own_s)) => {
            zones.learn(time, own_s, exporter);
            EventTime::Record
        }
        (None, _) => EventTime::Record,
    };
    batch.session.push(&context, &row);
    Ok(())
}

/// The keys of session logs, in the order in which firewalls send them.
const KEYS: &[&[u8]] = &[
    b"IPVer",
    b"Protocol",
    b"SourceIP",
    b"DestinationIP",
    b"SourcePort",
    b"DestinationPort",
    b"SourceNatIP",
    b"SourceNatPort",
    b"DestinationNatIP",
    b"DestinationNatPort",
    b"BeginTime",
    b"EndTime",
    b"SendPkts",
    b"SendBytes",
    b"RcvPkts",
    b"RcvBytes",
    b"SourceVpnID",
    b"DestinationVpnID",
    b"SourceZone",
    b"DestinationZone",
    b"PolicyName",
    b"UserName",
    b"CloseReason",
    b"ApplicationName",
    b"Page",
    b"Host",
];
const _: () = assert!(KEYS.len() <= u32::BITS as usize);

/// What became of a pair.
#[derive(PartialEq, Eq)]
enum Set {
    Column,
    UnknownKey,
}

/// Puts one value where its key says.
fn set(
    row: &mut SessionRow,
    key: &[u8],
    value: &[u8],
    arena: &mut TextArena,
) -> Result<Set, Reason> {
    match key {
        // Told by the addresses themselves.
        b"IPVer" => {}
        b"Protocol" => match scan::protocol(value) {
            Some(protocol) => row.protocol = Some(protocol),
            None => return Ok(Set::UnknownKey),
        },
        b"SourceIP" => set_address(value, &mut row.src_v4, &mut row.src_v6)?,
        b"DestinationIP" => set_address(value, &mut row.dst_v4, &mut row.dst_v6)?,
        b"SourceNatIP" => set_address(value, &mut row.nat_src_v4, &mut row.nat_src_v6)?,
        b"DestinationNatIP" => set_address(value, &mut row.nat_dst_v4, &mut row.nat_dst_v6)?,
        b"SourcePort" => row.src_port = Some(number(value)?),
        b"DestinationPort" => row.dst_port = Some(number(value)?),
        b"SourceNatPort" => row.nat_src_port = Some(number(value)?),
        b"DestinationNatPort" => row.nat_dst_port = Some(number(value)?),
        b"BeginTime" => row.start_s = Some(number(value)?),
        b"EndTime" => row.end_s = Some(number(value)?),
        b"SendPkts" => row.sent_packets = Some(number(value)?),
        b"SendBytes" => row.sent_bytes = Some(number(value)?),
        b"RcvPkts" => row.received_packets = Some(number(value)?),
        b"RcvBytes" => row.received_bytes = Some(number(value)?),
        b"SourceVpnID" => row.src_vrf = Some(number(value)?),
        b"DestinationVpnID" => row.dst_vrf = Some(number(value)?),
        b"SourceZone" => row.src_zone = arena.push(value),
        b"DestinationZone" => row.dst_zone = arena.push(value),
        b"PolicyName" => row.policy = arena.push(value),
        b"UserName" => row.user = arena.push(value),
        b"CloseReason" => row.close_reason = arena.push(value),
        b"ApplicationName" => row.application = arena.push(value),
        _ => return Ok(Set::UnknownKey),
    }
    Ok(Set::Column)
}

/// The pairs that have no column, for `extra`. They are gathered in a pass of their own, so that
/// they stand together in the arena.
fn unknown_pairs(content: &[u8], arena: &mut TextArena) -> Text {
    let mut extra = Text::EMPTY;
    for (key, value) in Pairs::new(content) {
        let has_column = KEYS.contains(&key) && !is_unknown_protocol(key, value);
        if !has_column {
            let encoded = Encoded::new(key, Value::Text(value));
            extra = arena.append(extra, &encoded.parts()).unwrap_or(extra);
        }
    }
    extra
}

/// A protocol name that has no number here is kept as it was sent.
fn is_unknown_protocol(key: &[u8], value: &[u8]) -> bool {
    key == b"Protocol" && scan::protocol(value).is_none()
}

fn set_address(
    value: &[u8],
    v4: &mut Option<u32>,
    v6: &mut Option<[u8; 16]>,
) -> Result<(), Reason> {
    match scan::address(value).ok_or(Reason::SessionValue)? {
        IpAddr::V4(address) => *v4 = Some(address.into()),
        IpAddr::V6(address) => *v6 = Some(address.octets()),
    }
    Ok(())
}

fn number<T: TryFrom<u64>>(value: &[u8]) -> Result<T, Reason> {
    let number = scan::number(value).ok_or(Reason::SessionValue)?;
    T::try_from(number).map_err(|_| Reason::SessionValue)
}

/// The pairs of a content.
struct Pairs<'a> {
    rest: &'a [u8],
    /// The position of the last key in [`KEYS`]: the next one is most likely behind it.
    position: usize,
    /// The keys that were there, by their bits.
    seen: u32,
}

impl<'a> Pairs<'a> {
    fn new(content: &'a [u8]) -> Self {
        Self { rest: strip_stop(content), position: 0, seen: 0 }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let equals = memchr::memchr(b'=', self.rest)?;
        let (key, value) = self.rest.split_at_checked(equals)?;
        let value = value.get(1..)?;
        if let Some(position) = key_position(key, self.position) {
            self.position = position;
            self.seen |= 1 << position;
        }
        let in_url = is_url(key);
        for comma in memchr::memchr_iter(b',', value) {
            let (before, after) = value.split_at_checked(comma)?;
            let after = skip_white_space(after.get(1..)?);
            if starts_with_key(after, self.position, self.seen, in_url) {
                self.rest = after;
                return Some((key, before));
            }
        }
        self.rest = &[];
        Some((key, value))
    }
}

fn is_url(key: &[u8]) -> bool {
    matches!(key, b"Page" | b"Host")
}

/// Whether a key that was not there before and `=` stand here: a known key, or (outside of URLs)
/// any word that looks like one.
fn starts_with_key(text: &[u8], position: usize, seen: u32, in_url: bool) -> bool {
    let head = text.get(..text.len().min(KEY_LEN_MAX)).unwrap_or_default();
    let Some(equals) = memchr::memchr(b'=', head) else { return false };
    let Some(key) = head.get(..equals) else { return false };
    if let Some(position) = key_position(key, position) {
        return seen & 1 << position == 0 && (is_url(key) || !in_url);
    }
    let looks_like_key = key.len() > 1
        && key.first().is_some_and(u8::is_ascii_uppercase)
        && key.iter().all(u8::is_ascii_alphanumeric);
    looks_like_key && !in_url
}

/// Where a key stands in [`KEYS`], beginning the search behind `position`.
fn key_position(key: &[u8], position: usize) -> Option<usize> {
    let (before, from) = KEYS.split_at_checked(position)?;
    let found = from.iter().position(|known| *known == key).map(|at| at + position);
    found.or_else(|| before.iter().position(|known| *known == key))
}

fn skip_white_space(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    text.get(spaces..).unwrap_or_default()
}

/// Takes off the full stop that ends a log.
fn strip_stop(content: &[u8]) -> &[u8] {
    content.strip_suffix(b".").unwrap_or(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(content: &[u8]) -> Vec<(&[u8], &[u8])> {
        Pairs::new(content).collect()
    }

    #[test]
    fn a_value_ends_where_a_key_begins() {
        assert_eq!(
            pairs(b"PolicyName=Internet Access, branch,SourceZone=a=b,\n CloseReason=aged-out."),
            [
                (b"PolicyName".as_slice(), b"Internet Access, branch".as_slice()),
                (b"SourceZone", b"a=b"),
                (b"CloseReason", b"aged-out"),
            ]
        );
    }

    #[test]
    fn an_unknown_key_ends_a_value_but_not_a_url() {
        assert_eq!(
            pairs(b"UserName=x,NewKey=1,Page=/a?b=1,Other=2,c=3,Host=h.example."),
            [
                (b"UserName".as_slice(), b"x".as_slice()),
                (b"NewKey", b"1"),
                (b"Page", b"/a?b=1,Other=2,c=3"),
                (b"Host", b"h.example"),
            ]
        );
    }
}
