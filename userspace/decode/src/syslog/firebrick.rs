//! FireBrick filter logs (FB105 technical reference, *Logging*).
//!
//! ```text
//! Fragments  filter: Frag MAC proto(num)/id@offset interface/IP-interface/IP action
//! TCP        filter: MAC TCP(6) interface/IP/port-interface/IP/port flags action
//! UDP        filter: MAC UDP(17) interface/IP/port-interface/IP/port action
//! ICMP       filter: MAC ICMP(1) interface/IP/type-name(type:code)-interface/IP/id action
//! Other      filter: MAC proto(num) interface/IP-interface/IP action
//! Sessions   End filter: proto(num) interface/IP/port-interface/IP/port forward/reverse
//! ```
//! Names of filters and interfaces are free text with any of ` :-/`. So a line is read from its
//! anchor, `proto(num)`, outwards: on its left stand the MAC address, `0` where it is not known, and
//! the colon behind the filter's name; the action is the last word; and the `-` between the two
//! ends is the first one behind a whole end. Addresses may be padded with zeros and ports may have
//! a comma (`4,321`).
//!
//! A line about a session's end is a record of the family `session`. It has no absolute time: the
//! end is the header's, or that of arrival. Its counts are modulo 2³².

mod regular;

use super::{Message, context, header, rfc, scan, split, zone::Zones};
use crate::{
    batch::Batch,
    context::{Context, EventTime, Flags, Format},
    decoder::FormatHint,
    extra::{self, Value, add_text},
    filter::{Action, Filter},
    reason::Reason,
    session::{Event, SessionRow},
    simd::Level,
    text::Text,
};
use rfc::RfcHeader;
use std::net::IpAddr;

/// The longest protocol name; a bound for looking back from a parenthesis.
const PROTOCOL_NAME_MAX: usize = 32;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// Decodes a message into one record.
///
/// # Errors
/// [`Reason::SyslogUnknown`] for a message that is not of this shape, [`Reason::FilterValue`] for
/// one that is, with a number that cannot be.
pub fn decode(message: &Message<'_>, zones: &Zones, batch: &mut Batch) -> Result<(), Reason> {
    let header = rfc::read(message.text, message.datagram.received_at)?;
    if let Some((line, values)) = regular::read(Level::PORTABLE, header.text) {
        return push(&header, &line, &values, message, zones, batch);
    }
    let line = Line::read(header.text).ok_or(Reason::SyslogUnknown)?;
    match Values::read(&line) {
        Some(values) => push(&header, &line, &values, message, zones, batch),
        None if is_other(&header, &line, message) => Err(Reason::SyslogUnknown),
        None => Err(Reason::FilterValue),
    }
}

/// Decodes a text that is one regular line of a FireBrick; `None`, and nothing done, where it is
/// not. It holds nothing that ends a message.
pub fn decode_regular(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Option<()> {
    message.settings.simd.run(
        #[inline(always)]
        |level| {
            let text = split::trim(message.text);
            let behind = text.strip_prefix(b"<").unwrap_or(text);
            memchr::memchr3(b'\n', b'\0', b'<', behind).is_none().then_some(())?;
            let header = rfc::read_known(text, message.datagram, &mut zones.heads).ok()?;
            let (line, values) = regular::read(level, header.text)?;
            push(&header, &line, &values, message, zones, batch).ok()
        },
    )
}

/// Whether a line is a program's message, of a listener that takes any format.
fn is_other(header: &RfcHeader<'_>, line: &Line<'_>, message: &Message<'_>) -> bool {
    let is_pinned = message.datagram.format == FormatHint::Firebrick;
    !is_pinned && header.time.is_some() && begins_with_process(line.filter)
}

/// Adds the record of a line. Compiled for either reading, so that the parts of a regular one are
/// never put together.
#[inline(always)]
fn push(
    header: &RfcHeader<'_>,
    line: &Line<'_>,
    values: &Values<'_>,
    message: &Message<'_>,
    zones: &Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    if is_other(header, line, message) {
        return Err(Reason::SyslogUnknown);
    }
    let mut context = context(Format::Firebrick, header.host, message, batch);
    if let Some(time) = header.time {
        let (unix_nanos, flags) = zones.resolve(time, context.exporter, message.exporter);
        context.event_time = EventTime::Header(unix_nanos);
        context.flags = flags;
    }
    match line.outcome {
        Outcome::Action(action) => push_filter(&context, header, line, values, action, batch),
        Outcome::Session { .. } => push_session(&context, header, line, values, batch),
    }
    Ok(())
}

/// Whether a filter's name begins as a program's message does, `sshd[1]: `: what follows may have been
/// chosen to look like a filter log.
fn begins_with_process(name: &[u8]) -> bool {
    let word = name.split(|byte| *byte == b' ').next().unwrap_or_default();
    let id = word.strip_suffix(b"]:").and_then(|word| header::split_once(word, b'['));
    id.is_some_and(|(program, id)| !program.is_empty() && scan::number(id).is_some())
}

/// A line, taken apart; numbers are still text.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    filter: &'a [u8],
    mac: Option<[u8; 6]>,
    is_fragment: bool,
    protocol_name: &'a [u8],
    protocol: &'a [u8],
    /// `id@offset`; empty where there is none.
    fragment: &'a [u8],
    source: End<'a>,
    target: End<'a>,
    tcp_flags: &'a [u8],
    outcome: Outcome<'a>,
}

/// What the line reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome<'a> {
    /// A filter matched.
    Action(Action),
    /// A session ended.
    Session { forward: &'a [u8], reverse: &'a [u8] },
}

/// One end: `interface/IP`, and what follows behind another `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End<'a> {
    interface: &'a [u8],
    address: IpAddr,
    suffix: &'a [u8],
}

impl<'a> Line<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let text = text.strip_suffix(b".").unwrap_or(text).trim_ascii();
        let (body, last) = split_last_word(text)?;
        let outcome = read_outcome(last)?;
        let anchor = memchr::memchr_iter(b'(', body).find_map(|at| Anchor::read(body, at))?;
        if anchor.is_end != matches!(outcome, Outcome::Session { .. }) {
            return None;
        }
        let Anchor { filter, mac, is_fragment, protocol_name, protocol, rest, .. } = anchor;
        let (fragment, ends) = match rest.strip_prefix(b"/") {
            Some(rest) => header::split_once(rest, b' ')?,
            None => (b"".as_slice(), rest),
        };
        let (ends, tcp_flags) = split_flags(ends.trim_ascii());
        let (source, target) = read_ends(ends)?;
        Some(Self {
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
        })
    }
}

fn split_last_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memrchr(b' ', text)?;
    let (before, last) = text.split_at_checked(at)?;
    Some((before.trim_ascii_end(), last.get(1..)?))
}

fn read_outcome(word: &[u8]) -> Option<Outcome<'_>> {
    const ACTIONS: [(&[u8], Action); 4] = [
        (b"Drop", Action::Drop),
        (b"Allow", Action::Allow),
        (b"Reject", Action::Reject),
        (b"Bounce", Action::Bounce),
    ];
    if let Some((_, action)) = ACTIONS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
        return Some(Outcome::Action(*action));
    }
    let (forward, reverse) = header::split_once(word, b'/')?;
    let is_count = |count: &[u8]| {
        !count.is_empty() && count.iter().all(|byte| byte.is_ascii_digit() || *byte == b',')
    };
    (is_count(forward) && is_count(reverse)).then_some(Outcome::Session { forward, reverse })
}

/// `proto(num)`, what stands on its left taken apart, and what stands on its right.
struct Anchor<'a> {
    is_end: bool,
    filter: &'a [u8],
    mac: Option<[u8; 6]>,
    is_fragment: bool,
    protocol_name: &'a [u8],
    protocol: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Anchor<'a> {
    /// Reads it around an opening parenthesis.
    #[inline]
    fn read(text: &'a [u8], at: usize) -> Option<Self> {
        let (left, right) = text.split_at_checked(at)?;
        let name_len =
            left.iter().rev().take(PROTOCOL_NAME_MAX + 1).position(|byte| *byte == b' ')?;
        let (left, protocol_name) = left.split_at_checked(left.len().checked_sub(name_len)?)?;
        let right = right.get(1..)?.trim_ascii_start();
        let digits = right.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        let (protocol, right) = right.split_at_checked(digits)?;
        let rest = right.trim_ascii_start().strip_prefix(b")")?;
        if protocol_name.is_empty() || protocol.is_empty() || !matches!(rest, [b' ' | b'/', ..]) {
            return None;
        }
        let left = left.trim_ascii_end();
        let named = Self {
            is_end: true,
            filter: &[],
            mac: None,
            is_fragment: false,
            protocol_name,
            protocol,
            rest,
        };
        if let Some(filter) = left.strip_prefix(b"End ").and_then(|left| left.strip_suffix(b":")) {
            return Some(Self { filter: filter.trim_ascii(), ..named });
        }
        let (left, mac) = split_last_word(left)?;
        let mac = read_mac(mac)?;
        let fragment = left.strip_suffix(b" Frag").map(<[u8]>::trim_ascii_end);
        let fragment = fragment.and_then(|left| left.strip_suffix(b":"));
        let is_fragment = fragment.is_some();
        let filter = fragment.or_else(|| left.strip_suffix(b":"))?.trim_ascii();
        Some(Self { is_end: false, filter, mac, is_fragment, ..named })
    }
}

/// A MAC address of twelve digits, alone or with `:` or `-` between pairs; `Some(None)` for `0`.
#[inline]
fn read_mac(word: &[u8]) -> Option<Option<[u8; 6]>> {
    if word == b"0" {
        return Some(None);
    }
    let (first, rest) = word.split_first_chunk()?;
    let mut mac = [hex_pair(*first)?, 0, 0, 0, 0, 0];
    let [_, bytes @ ..] = &mut mac;
    match (rest.len(), rest.as_chunks(), rest.as_chunks()) {
        (10, (pairs, _), _) => {
            for (byte, pair) in bytes.iter_mut().zip(pairs) {
                *byte = hex_pair(*pair)?;
            }
        }
        (15, _, (parts, _)) => {
            for (byte, [separator, high, low]) in bytes.iter_mut().zip(parts) {
                let is_separator = matches!(separator, b':' | b'-');
                *byte = hex_pair([*high, *low]).filter(|_| is_separator)?;
            }
        }
        _ => return None,
    }
    Some(Some(mac))
}

fn hex_pair([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| DIGITS.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT);
    let (high, low) = (digit(high), digit(low));
    ((high | low) < 16).then_some(high << 4 | low)
}

/// Not below sixteen, whatever it is joined with.
const NO_DIGIT: u8 = 16;

/// The values of characters as hexadecimal digits.
const DIGITS: [u8; 256] = {
    let (mut digits, mut byte) = ([NO_DIGIT; 256], 0u8);
    let mut rest = digits.as_mut_slice();
    while let Some((digit, behind)) = rest.split_first_mut() {
        *digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => NO_DIGIT,
        };
        (rest, byte) = (behind, byte.wrapping_add(1));
    }
    digits
};

/// Takes TCP's flags off: letters of `SARF` behind the ends, which never end so.
fn split_flags(ends: &[u8]) -> (&[u8], &[u8]) {
    match split_last_word(ends) {
        Some((before, word)) if !word.is_empty() && word.iter().all(is_flag) => (before, word),
        _ => (ends, &[]),
    }
}

fn is_flag(byte: &u8) -> bool {
    matches!(byte, b'S' | b'A' | b'R' | b'F' | b'P' | b'U')
}

/// Both ends: the target from its right, then the source up to the first `-` behind a whole end.
fn read_ends(ends: &[u8]) -> Option<(End<'_>, End<'_>)> {
    let target = End::read(ends)?;
    let before = target.interface;
    memchr::memchr_iter(b'-', before).find_map(|at| {
        let (source, interface) = before.split_at_checked(at)?;
        // Its end first: to trim what follows each `-` would cost the square of the length.
        let source = End::read(source)?;
        let interface = interface.get(1..)?.trim_ascii();
        if interface.is_empty() {
            return None;
        }
        let source = End { interface: source.interface.trim_ascii(), ..source };
        Some((source, End { interface, ..target }))
    })
}

impl<'a> End<'a> {
    /// The last end in a text. What is in front of its address is taken for the interface.
    fn read(text: &'a [u8]) -> Option<Self> {
        let (before, last) = split_last_part(text)?;
        if let Some(address) = scan::address(last) {
            return Some(Self { interface: before, address, suffix: &[] });
        }
        let is_suffix =
            last.ends_with(b")") || last.iter().all(|b| b.is_ascii_digit() || *b == b',');
        let (interface, address) = split_last_part(before).filter(|_| is_suffix)?;
        Some(Self { interface, address: scan::address(address)?, suffix: last })
            .filter(|end| !end.interface.is_empty() && !last.is_empty())
    }
}

/// Splits at the last `/`, which is not far from the end.
fn split_last_part(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const PART_MAX: usize = 48;
    let from_end = text.iter().rev().take(PART_MAX).position(|byte| *byte == b'/')?;
    let (before, last) = text.split_at_checked(text.len().checked_sub(from_end)?)?;
    Some((before.strip_suffix(b"/")?, last.trim_ascii()))
}

/// The numbers of a line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Values<'a> {
    protocol: u8,
    src_port: Option<u16>,
    dst_port: Option<u16>,
    icmp: Option<(u8, u8)>,
    icmp_type_name: &'a [u8],
    icmp_id: Option<u16>,
    fragment_id: Option<u16>,
    fragment_offset: Option<u32>,
    forward: Option<u64>,
    reverse: Option<u64>,
}

impl<'a> Values<'a> {
    fn read(line: &Line<'a>) -> Option<Self> {
        let mut values = Self { protocol: number(line.protocol)?, ..Self::default() };
        if !line.fragment.is_empty() {
            let (id, offset) = header::split_once(line.fragment, b'@')?;
            values.fragment_id = Some(number(id)?);
            values.fragment_offset = Some(number(offset)?);
        }
        let (source, target) = (line.source.suffix, line.target.suffix);
        if matches!(values.protocol, ICMP | ICMPV6) {
            if !source.is_empty() {
                let (name, numbers) = header::split_once(source, b'(')?;
                let (kind, code) = header::split_once(numbers.strip_suffix(b")")?, b':')?;
                values.icmp_type_name = name;
                values.icmp = Some((number(kind)?, number(code)?));
            }
            values.icmp_id = optional(target)?;
        } else {
            values.src_port = optional(source)?;
            values.dst_port = optional(target)?;
        }
        if let Outcome::Session { forward, reverse } = line.outcome {
            values.forward = Some(number(forward)?);
            values.reverse = Some(number(reverse)?);
        }
        Some(values)
    }
}

/// `None` where a text is no number; `Some(None)` where there is no text.
#[expect(clippy::option_option, reason = "what is missing is not what cannot be")]
fn optional<T: TryFrom<u64>>(text: &[u8]) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { number(text).map(Some) }
}

/// A number, which may have commas between groups of three digits.
fn number<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    let mut number = 0u64;
    for (index, group) in text.split(|byte| *byte == b',').enumerate() {
        if index > 0 {
            number = number.checked_mul(1000).filter(|_| group.len() == 3)?;
        }
        number = number.checked_add(scan::number(group)?)?;
    }
    T::try_from(number).ok()
}

#[inline(always)]
fn push_filter(
    context: &Context,
    header: &RfcHeader<'_>,
    line: &Line<'_>,
    values: &Values<'_>,
    action: Action,
    batch: &mut Batch,
) {
    let arena = &mut batch.text;
    let mut push = |text: &[u8]| arena.intern(text).unwrap_or_default();
    let mut row = Filter {
        filter: push(line.filter),
        action: Some(action),
        protocol: Some(values.protocol),
        protocol_name: push(line.protocol_name),
        mac: line.mac,
        src_interface: push(line.source.interface),
        src_addr: Some(line.source.address),
        src_port: values.src_port,
        dst_interface: push(line.target.interface),
        dst_addr: Some(line.target.address),
        dst_port: values.dst_port,
        tcp_flags: push(line.tcp_flags),
        icmp_type: values.icmp.map(|(kind, _)| kind),
        icmp_code: values.icmp.map(|(_, code)| code),
        icmp_type_name: push(values.icmp_type_name),
        icmp_id: values.icmp_id,
        fragment_id: values.fragment_id,
        fragment_offset: values.fragment_offset,
        extra: Text::EMPTY,
    };
    add_text(&mut row.extra, b"app", header.app, arena);
    batch.filter.push(context, row);
}

fn push_session(
    context: &Context,
    header: &RfcHeader<'_>,
    line: &Line<'_>,
    values: &Values<'_>,
    batch: &mut Batch,
) {
    let end_ns = match context.event_time {
        EventTime::Header(unix_nanos) => unix_nanos,
        _ => context.received_at,
    };
    let arena = &mut batch.text;
    let mut row = SessionRow {
        event: Some(Event::End as u8),
        protocol: Some(values.protocol),
        src_port: values.src_port,
        dst_port: values.dst_port,
        end_s: u32::try_from(end_ns / 1_000_000_000).ok(),
        sent_bytes: values.forward,
        received_bytes: values.reverse,
        policy: arena.intern(line.filter),
        ..SessionRow::default()
    };
    (row.src_v4, row.src_v6) = scan::by_family(line.source.address);
    (row.dst_v4, row.dst_v6) = scan::by_family(line.target.address);
    let mut extra = Text::EMPTY;
    add_text(&mut extra, b"app", header.app, arena);
    add_text(&mut extra, b"src_interface", line.source.interface, arena);
    add_text(&mut extra, b"dst_interface", line.target.interface, arena);
    if scan::protocol(line.protocol_name) != Some(values.protocol) {
        add_text(&mut extra, b"protocol_name", line.protocol_name, arena);
    }
    add_text(&mut extra, b"flags", line.tcp_flags, arena);
    add_text(&mut extra, b"fragment", line.fragment, arena);
    add_text(
        &mut extra,
        b"icmp",
        if values.icmp.is_some() { line.source.suffix } else { b"" },
        arena,
    );
    if let Some(id) = values.icmp_id {
        extra::add(&mut extra, b"icmp_id", Value::Number(id.into()), arena);
    }
    row.extra = Some(extra);
    let flags = context.flags.with(Flags::COUNTER_WRAPPED_POSSIBLE);
    batch.session.push(&Context { flags, ..*context }, &row);
}

/// What is read as a regular line reads the same as any other.
#[cfg(test)]
pub(super) fn assert_regular_agrees(text: &[u8]) {
    let Ok(header) = rfc::read(split::trim(text), 0) else { return };
    if let Some((line, values)) = regular::read(Level::best(), header.text) {
        let any = Line::read(header.text).unwrap();
        assert_eq!(Some(values), Values::read(&any));
        assert_eq!(line, any);
    }
}
