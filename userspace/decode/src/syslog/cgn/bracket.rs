//! China Telecom's CGNAT log (`cn`): values in brackets.
//!
//! ```text
//! values = "[" L4 SP v4 SP v6 SP public SP port SP first SP last [SP dst SP dstport] "]"
//! ```
//! `L4` is a protocol number; `v4` or `v6` the private address, both with DS-Lite; `port` the
//! private port of a session; `first` to `last` the public ports, of which a session has one. A
//! value that is missing is `-` or nothing at all, so that two spaces stand together. Boxes differ:
//!
//! * Huawei NE with a template of its own puts one more value in front of `last`;
//! * Cisco IOS XR puts the event into the bracket, a VRF behind `v4`, and several brackets into a
//!   message;
//! * DPtech writes an address into the place of the other family;
//! * relays squeeze spaces. Then values are told by what they look like: first address private,
//!   second public; a number in front of them is L4. That reading is marked as inferred.

mod regular;

use super::{
    Event, Kind, Line,
    header::{Header, is_nil},
};
use crate::{
    batch::Batch,
    context::Format,
    extra::{self, Value, add_text},
    port_block::PortBlock,
    reason::Reason,
    session::SessionRow,
    simd::Level,
    syslog::{Message, header::split_once, scan, zone::Zones},
    text::{Text, TextArena},
};
use std::net::IpAddr;

/// The most values that a bracket may hold, its event left out.
const VALUES_MAX: usize = 10;

/// Decodes a message with one or several brackets, each into one record. Of several that cannot
/// be read, the first one's reason is the message's; the others are records.
pub fn decode(
    header: &Header<'_>,
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let line = Line::new(header, Format::CgnCn, message, zones, batch);
    let mut result = Ok(());
    let mut rest = header.values;
    while let Some(group) = rest.strip_prefix(b"[") {
        let Some((inside, after)) = split_once(group, b']') else {
            return result.and(Err(Reason::CgnFields));
        };
        rest = skip_separators(after);
        let tail = if rest.starts_with(b"[") { &[] } else { rest };
        let group = read_group(inside, header.event);
        let pushed = group.map(|(event, mapping)| push(&line, &event, &mapping, tail, batch));
        result = result.and(pushed);
    }
    result
}

/// Decodes a message with one regular bracket, whose event is the header's; `None`, and nothing
/// done, for any other one.
#[inline(always)]
pub fn decode_regular(
    level: Level,
    header: &Header<'_>,
    message: &Message<'_>,
    zones: &Zones,
    batch: &mut Batch,
) -> Option<()> {
    let mapping = regular::read(level, header.values)?;
    let event = Event::read(header.event);
    if event.kind == Kind::Block && mapping.is_backwards() {
        return None;
    }
    let line = Line::new(header, Format::CgnCn, message, zones, batch);
    push(&line, &event, &mapping, &[], batch);
    Some(())
}

/// Decodes a line of values without brackets and event, as Huawei's configuration example for NE
/// routers has them (`DSLITE 17 2001:db8::1 192.0.2.1 1052 2000`). What its last two numbers are
/// depends on the template in the router; they are taken for the block.
pub fn decode_bare(
    header: &Header<'_>,
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let event = Event::read(&[]);
    let tokens = Tokens::read(header.values, true).ok_or(Reason::SyslogUnknown)?;
    let mapping = by_kind(tokens.get(), event.kind).map_err(|_| Reason::SyslogUnknown)?;
    let line = Line::new(header, Format::CgnCn, message, zones, batch);
    push(&line, &event, &mapping, &[], batch);
    Ok(())
}

fn skip_separators(text: &[u8]) -> &[u8] {
    let is_separator = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'.' | b',' | b';');
    let len = text.iter().take_while(|byte| is_separator(byte)).count();
    text.get(len..).unwrap_or_default()
}

/// One bracket's values.
#[derive(Debug)]
struct Mapping<'a> {
    protocol: Option<u8>,
    private: IpAddr,
    /// DS-Lite: the address of the B4 that `private` is behind.
    tunnel: Option<IpAddr>,
    public: IpAddr,
    private_port: Option<u16>,
    first: Option<u16>,
    last: Option<u16>,
    destination: Option<IpAddr>,
    destination_port: Option<u16>,
    vrf: &'a [u8],
    /// A value of which only the place is known.
    inserted: &'a [u8],
    inferred: bool,
}

impl Mapping<'_> {
    fn is_backwards(&self) -> bool {
        self.first.zip(self.last).is_some_and(|(first, last)| first > last)
    }
}

/// The event of a bracket, its own or the header's, and its values.
fn read_group<'a>(inside: &'a [u8], event: &'a [u8]) -> Result<(Event<'a>, Mapping<'a>), Reason> {
    let (event, values, own_event) = match split_once(inside.trim_ascii_start(), b' ') {
        Some((word, values)) if event.is_empty() || Event::read(word).begins.is_some() => {
            (word, values, true)
        }
        _ => (event, inside, false),
    };
    let event = Event::read(event);
    let mapping = read_mapping(values, own_event, event.kind)?;
    if event.kind == Kind::Block && mapping.is_backwards() {
        return Err(Reason::CgnValue);
    }
    Ok((event, mapping))
}

fn read_mapping(values: &[u8], own_event: bool, kind: Kind) -> Result<Mapping<'_>, Reason> {
    let spaced = Tokens::read(unpadded(values), false);
    if let Some(Ok(mapping)) = spaced.map(|tokens| by_place(tokens.get(), own_event)) {
        return Ok(mapping);
    }
    let squeezed = Tokens::read(values, true).ok_or(Reason::CgnFields)?;
    match by_place(squeezed.get(), own_event) {
        Err(Reason::CgnFields | Reason::CgnValue) => by_kind(squeezed.get(), kind),
        other => other,
    }
}

/// Without the one space that pads a bracket at both ends.
fn unpadded(values: &[u8]) -> &[u8] {
    let inner = values.strip_prefix(b" ").and_then(|values| values.strip_suffix(b" "));
    inner.unwrap_or(values)
}

/// The words of a bracket.
struct Tokens<'a> {
    list: [&'a [u8]; VALUES_MAX],
    len: usize,
}

impl<'a> Tokens<'a> {
    /// Splits at each space, or (squeezed) at runs of spaces; `None` for too many words.
    fn read(values: &'a [u8], squeezed: bool) -> Option<Self> {
        let mut tokens = Self { list: [&[]; VALUES_MAX], len: 0 };
        for word in values.split(|byte| *byte == b' ') {
            if squeezed && word.is_empty() {
                continue;
            }
            *tokens.list.get_mut(tokens.len)? = word;
            tokens.len += 1;
        }
        Some(tokens)
    }

    fn get(&self) -> &[&'a [u8]] {
        self.list.get(..self.len).unwrap_or_default()
    }
}

/// Reads values by their places.
fn by_place<'a>(tokens: &[&'a [u8]], own_event: bool) -> Result<Mapping<'a>, Reason> {
    let nil: &[u8] = &[];
    let ([l4, v4, v6, public, port, first, last], [vrf, inserted], [dst, dst_port]) = match *tokens
    {
        [a, b, c, d, e, f, g] => ([a, b, c, d, e, f, g], [nil, nil], [nil, nil]),
        [a, b, vrf, c, d, e, f, g] if own_event => ([a, b, c, d, e, f, g], [vrf, nil], [nil, nil]),
        [a, b, c, d, e, f, x, g] => ([a, b, c, d, e, f, g], [nil, x], [nil, nil]),
        [a, b, c, d, e, f, g, h, i] => ([a, b, c, d, e, f, g], [nil, nil], [h, i]),
        [a, b, vrf, c, d, e, f, g, h, i] if own_event => {
            ([a, b, c, d, e, f, g], [vrf, nil], [h, i])
        }
        _ => return Err(Reason::CgnFields),
    };
    let (v4, v6) = (address(v4)?, address(v6)?);
    Ok(Mapping {
        protocol: optional(l4, |l4| u8::try_from(scan::number(l4)?).ok())?,
        private: v4.or(v6).ok_or(Reason::CgnFields)?,
        tunnel: v4.and(v6),
        public: address(public)?.ok_or(Reason::CgnFields)?,
        private_port: self::port(port)?,
        first: self::port(first)?,
        last: self::port(last)?,
        destination: address(dst)?,
        destination_port: self::port(dst_port)?,
        vrf: if is_nil(vrf) { &[] } else { vrf },
        inserted: if is_nil(inserted) { &[] } else { inserted },
        inferred: !is_nil(inserted),
    })
}

/// Reads values by what they look like.
fn by_kind<'a>(tokens: &[&'a [u8]], kind: Kind) -> Result<Mapping<'a>, Reason> {
    let mut protocol = None;
    let mut addresses: [Option<IpAddr>; 3] = [None; 3];
    let mut ports: [Option<u16>; 4] = [None; 4];
    let (mut address_count, mut port_count) = (0, 0);
    for token in tokens.iter().filter(|token| !is_nil(token)) {
        if let Some(address) = scan::address(token) {
            *addresses.get_mut(address_count).ok_or(Reason::CgnFields)? = Some(address);
            address_count += 1;
        } else if address_count == 0 {
            let number = scan::number(token).and_then(|number| u8::try_from(number).ok());
            let number = number.filter(|_| protocol.is_none());
            protocol = Some(number.ok_or(Reason::CgnValue)?);
        } else {
            *ports.get_mut(port_count).ok_or(Reason::CgnFields)? = port(token)?;
            port_count += 1;
        }
    }
    let [Some(private), Some(public), destination] = addresses else {
        return Err(Reason::CgnFields);
    };
    let (destination_port, port_count) = match destination.and(port_count.checked_sub(1)) {
        Some(before) => (ports.get(before).copied().flatten(), before),
        None => (None, port_count),
    };
    let (private_port, first, last) = match (ports, port_count) {
        ([Some(a), Some(b), ..], 2) if kind == Kind::Session && a != b => (Some(a), Some(b), None),
        ([Some(a), Some(b), ..], 2) => (None, Some(a), Some(b)),
        ([Some(a), Some(b), Some(c), _], 3) => (Some(a), Some(b), Some(c)),
        _ => return Err(Reason::CgnFields),
    };
    Ok(Mapping {
        protocol,
        private,
        tunnel: None,
        public,
        private_port,
        first,
        last,
        destination,
        destination_port,
        vrf: &[],
        inserted: &[],
        inferred: true,
    })
}

fn optional<T>(token: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Result<Option<T>, Reason> {
    if is_nil(token) { Ok(None) } else { read(token).map(Some).ok_or(Reason::CgnValue) }
}

pub fn address(token: &[u8]) -> Result<Option<IpAddr>, Reason> {
    optional(token, scan::address)
}

/// A port; one above 65535 is refused, because there is no telling what was meant.
pub fn port(token: &[u8]) -> Result<Option<u16>, Reason> {
    let number = optional(token, scan::number)?;
    number.map(|number| u16::try_from(number).map_err(|_| Reason::CgnPort)).transpose()
}

/// Compiled for either reading, so that the parts of a regular one are never put together.
#[inline(always)]
fn push(line: &Line<'_>, event: &Event<'_>, mapping: &Mapping<'_>, tail: &[u8], batch: &mut Batch) {
    let extra = line.extra(event, &mut batch.text);
    match event.kind {
        Kind::Block => push_block(line, event, mapping, (extra, tail), batch),
        Kind::Session => push_session(line, event, mapping, (extra, tail), batch),
    }
}

#[inline(always)]
fn push_block(
    line: &Line<'_>,
    event: &Event<'_>,
    mapping: &Mapping<'_>,
    (mut extra, tail): (Text, &[u8]),
    batch: &mut Batch,
) {
    let arena = &mut batch.text;
    add_address(&mut extra, b"tunnel_addr", mapping.tunnel, arena);
    add_number(&mut extra, b"src_port", mapping.private_port, arena);
    add_address(&mut extra, b"dst_addr", mapping.destination, arena);
    add_number(&mut extra, b"dst_port", mapping.destination_port, arena);
    let src_vrf = add_others(&mut extra, mapping, tail, arena);
    let inferred = mapping.inferred || event.begins.is_none();
    let block = PortBlock {
        event: event.of_block(),
        private_addr: Some(mapping.private),
        public_addr: Some(mapping.public),
        port_first: mapping.first,
        port_last: mapping.last,
        protocol: mapping.protocol,
        src_vrf,
        scene: line.scene(arena),
        extra,
        ..PortBlock::default()
    };
    batch.port_block.push(&line.context(inferred), block);
}

#[inline(always)]
fn push_session(
    line: &Line<'_>,
    event: &Event<'_>,
    mapping: &Mapping<'_>,
    (mut extra, tail): (Text, &[u8]),
    batch: &mut Batch,
) {
    let arena = &mut batch.text;
    let mut row = SessionRow {
        event: event.of_session(),
        protocol: mapping.protocol,
        src_port: mapping.private_port,
        nat_src_port: mapping.first.or(mapping.last),
        dst_port: mapping.destination_port,
        ..SessionRow::default()
    };
    (row.src_v4, row.src_v6) = scan::by_family(mapping.private);
    (row.nat_src_v4, row.nat_src_v6) = scan::by_family(mapping.public);
    if let Some(destination) = mapping.destination {
        (row.dst_v4, row.dst_v6) = scan::by_family(destination);
    }
    match mapping.tunnel {
        Some(IpAddr::V6(tunnel)) if row.src_v4.is_some() => row.src_v6 = Some(tunnel.octets()),
        other => add_address(&mut extra, b"tunnel_addr", other, arena),
    }
    // A session has one public port: a second one is kept, and what it means is not known.
    let second = mapping.last.filter(|last| Some(*last) != row.nat_src_port);
    add_number(&mut extra, b"nat_src_port_last", second, arena);
    add_text(&mut extra, b"scene", line.header.scene, arena);
    row.src_vrf = add_others(&mut extra, mapping, tail, arena);
    row.extra = Some(extra).filter(|extra| !extra.is_empty());
    let inferred = mapping.inferred || event.begins.is_none() || second.is_some();
    batch.session.push(&line.context(inferred), &row);
}

/// Adds what both families have no column for; a VRF that is a number comes back.
#[inline(always)]
fn add_others(
    extra: &mut Text,
    mapping: &Mapping<'_>,
    tail: &[u8],
    arena: &mut TextArena,
) -> Option<u32> {
    let vrf = scan::number(mapping.vrf).and_then(|vrf| u32::try_from(vrf).ok());
    if vrf.is_none() {
        add_text(extra, b"src_vrf", mapping.vrf, arena);
    }
    add_text(extra, b"value7", mapping.inserted, arena);
    add_text(extra, b"rest", tail, arena);
    vrf
}

fn add_address(extra: &mut Text, key: &[u8], address: Option<IpAddr>, arena: &mut TextArena) {
    match address {
        Some(IpAddr::V4(address)) => {
            extra::add(extra, key, Value::Address(&address.octets()), arena);
        }
        Some(IpAddr::V6(address)) => {
            extra::add(extra, key, Value::Address(&address.octets()), arena);
        }
        None => {}
    }
}

fn add_number(extra: &mut Text, key: &[u8], number: Option<u16>, arena: &mut TextArena) {
    if let Some(number) = number.filter(|number| *number != 0) {
        extra::add(extra, key, Value::Number(number.into()), arena);
    }
}
