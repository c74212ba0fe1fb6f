//! USG session log, `mtn` content: a sentence (*Meanings of Log Fields*).
//!
//! ```text
//! mtn   = ("Built" | "Teardown") ("a" | "an") proto "session," end "to" end [stats] "."
//! end   = ip ":" port ["[" natip ":" natport "]"] "(" zone ")"
//! stats = "," "duration" n "," "rcv" n "bytes via" n "packets," "send" n "bytes via" n "packets"
//! ```
//! with any white space between the parts. It has no absolute time: the end of the session is the
//! header's time (that of arrival where the header has none), the begin is the end less the
//! duration in seconds.
//!
//! In every example of the document bytes and packets are exchanged ("send 20 bytes via 1720
//! packets" is the session that the Default content reports as 20 packets, 1720 bytes). No IP
//! packet is shorter than 20 bytes, which tells these lines from right ones.

mod regular;

use super::{Message, context, header::Header, scan, split, time::HeaderTime, zone::Zones};
use crate::{
    batch::Batch,
    context::{EventTime, Flags, Format},
    extra::add_text,
    reason::Reason,
    session::{Event, SessionRow},
    settings::MtnCounters,
    text::{Text, TextArena},
};
use std::net::IpAddr;

const IP_PACKET_BYTES_MIN: u64 = 20;

/// Decodes one message's content into one session record.
pub fn decode(
    header: &Header<'_>,
    message: &Message<'_>,
    zones: &Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let sentence = Sentence::read(header.content)?;
    push(&sentence, header.time, header.host, message, zones, batch);
    Ok(())
}

/// Whether the end of a message is that of a sentence, and not of `key=value` pairs.
#[inline]
pub fn may_be_regular(text: &[u8]) -> bool {
    let text = split::trim(text);
    text.ends_with(b" packets.") || text.ends_with(b").")
}

/// Decodes a text that is one regular message into one record; `None`, and nothing done, where it
/// is not one. No other decoder would take it, and it holds nothing that ends a message.
pub fn decode_regular(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Option<()> {
    message.settings.simd.run(
        #[inline(always)]
        |level| {
            let text = split::trim(message.text);
            let (origin, sentence) = regular::read(level, text, message, zones)?;
            let [host, ..] = origin.names;
            push(&sentence, origin.time, host, message, zones, batch);
            Some(())
        },
    )
}

/// Adds the record of a sentence. Compiled for either reading, so that the parts of a regular one
/// are never put together.
#[inline(always)]
fn push(
    sentence: &Sentence<'_>,
    time: Option<HeaderTime>,
    host: &[u8],
    message: &Message<'_>,
    zones: &Zones,
    batch: &mut Batch,
) {
    let Sentence { event, protocol, ref source, ref destination, stats, rest } = *sentence;
    let number = scan::protocol(protocol);
    let mut row =
        SessionRow { event: Some(event as u8), protocol: number, ..SessionRow::default() };
    set_source(&mut row, source, &mut batch.text);
    set_destination(&mut row, destination, &mut batch.text);

    let mut context = context(Format::HuaweiUsgMtn, host, message, batch);
    let mut event_ns = message.datagram.received_at;
    if let Some(time) = time {
        let (unix_nanos, flags) = zones.resolve(time, context.exporter, message.exporter);
        context.event_time = EventTime::Header(unix_nanos);
        context.flags = context.flags.with(flags);
        event_ns = unix_nanos;
    }
    let event_s = u32::try_from(event_ns / 1_000_000_000).ok();
    let unnumbered = if number.is_none() { protocol } else { &[] };
    row.extra = extra(unnumbered, rest, &mut batch.text);
    match stats {
        None if event == Event::Create => row.start_s = event_s,
        None => row.end_s = event_s,
        Some(stats) => {
            row.end_s = event_s;
            row.start_s = event_s.and_then(|end| end.checked_sub(stats.duration_s));
            row.duration_ms = Some(u64::from(stats.duration_s) * 1000);
            context.flags = context.flags.with(Flags::TIME_FROM_DURATION);
            if set_counters(&mut row, stats, message.exporter.mtn_counters) {
                context.flags = context.flags.with(Flags::MTN_COUNTERS_SWAPPED);
            }
        }
    }
    batch.session.push(&context, &row);
}

/// A sentence, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Sentence<'a> {
    event: Event,
    protocol: &'a [u8],
    source: End<'a>,
    destination: End<'a>,
    stats: Option<Stats>,
    /// What follows the end of the sentence.
    rest: &'a [u8],
}

impl<'a> Sentence<'a> {
    fn read(content: &'a [u8]) -> Result<Self, Reason> {
        let mut words = Words(content);
        let event = if words.any(&[b"Built"]).is_ok() {
            Event::Create
        } else {
            words.any(&[b"Teardown"])?;
            Event::End
        };
        words.any(&[b"an", b"a"])?;
        let protocol = words.word();
        words.any(&[b"session,"])?;
        let source = words.end()?;
        words.any(&[b"to"])?;
        let destination = words.end()?;
        let stats = words.stats()?;
        let rest = words.rest();
        Ok(Self { event, protocol, source, destination, stats, rest })
    }
}

/// What the sentence says without a column for it: a protocol that has no number here, and words
/// behind its end.
fn extra(protocol: &[u8], rest: &[u8], arena: &mut TextArena) -> Option<Text> {
    let mut extra = Text::EMPTY;
    add_text(&mut extra, b"Protocol", protocol, arena);
    add_text(&mut extra, b"rest", rest, arena);
    Some(extra).filter(|extra| !extra.is_empty())
}

/// One end of a session.
#[derive(Debug, PartialEq, Eq)]
struct End<'a> {
    address: IpAddr,
    port: u16,
    nat: Option<(IpAddr, u16)>,
    zone: &'a [u8],
}

/// What only a finished session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stats {
    duration_s: u32,
    received: Volume,
    sent: Volume,
}

/// Bytes and packets of one direction, as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Volume {
    bytes: u64,
    packets: u64,
}

impl Volume {
    fn looks_swapped(self) -> bool {
        self.packets >= self.bytes
            && self.packets > 0
            && self.bytes < self.packets.saturating_mul(IP_PACKET_BYTES_MIN)
    }

    fn swapped(self) -> Volume {
        Volume { bytes: self.packets, packets: self.bytes }
    }
}

/// Sets the counters; `true` when bytes and packets were exchanged. The device exchanges both
/// directions or none.
#[inline(always)]
fn set_counters(row: &mut SessionRow, stats: Stats, counters: MtnCounters) -> bool {
    let Stats { mut received, mut sent, .. } = stats;
    let swapped = match counters {
        MtnCounters::Auto => received.looks_swapped() || sent.looks_swapped(),
        MtnCounters::Swapped => true,
        MtnCounters::AsPrinted => false,
    };
    if swapped {
        (received, sent) = (received.swapped(), sent.swapped());
    }
    row.received_bytes = Some(received.bytes);
    row.received_packets = Some(received.packets);
    row.sent_bytes = Some(sent.bytes);
    row.sent_packets = Some(sent.packets);
    swapped
}

#[inline(always)]
fn set_source(row: &mut SessionRow, end: &End<'_>, arena: &mut TextArena) {
    (row.src_v4, row.src_v6) = scan::by_family(end.address);
    row.src_port = Some(end.port);
    row.src_zone = arena.intern(end.zone);
    if let Some((address, port)) = end.nat {
        (row.nat_src_v4, row.nat_src_v6) = scan::by_family(address);
        row.nat_src_port = Some(port);
    }
}

#[inline(always)]
fn set_destination(row: &mut SessionRow, end: &End<'_>, arena: &mut TextArena) {
    (row.dst_v4, row.dst_v6) = scan::by_family(end.address);
    row.dst_port = Some(end.port);
    row.dst_zone = arena.intern(end.zone);
    if let Some((address, port)) = end.nat {
        (row.nat_dst_v4, row.nat_dst_v6) = scan::by_family(address);
        row.nat_dst_port = Some(port);
    }
}

/// The words of the sentence.
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// The text up to one of the stop bytes, which stays.
    fn until(&mut self, stops: &[u8]) -> &'a [u8] {
        self.skip_spaces();
        let end = self.0.iter().position(|byte| stops.contains(byte)).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at_checked(end).unwrap_or((self.0, &[]));
        self.0 = rest;
        text
    }

    fn word(&mut self) -> &'a [u8] {
        self.until(b" \n\r\t")
    }

    fn skip_spaces(&mut self) {
        let spaces = self.0.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.0 = self.0.get(spaces..).unwrap_or_default();
    }

    /// Passes over one of the texts, which must stand here.
    fn any(&mut self, texts: &[&[u8]]) -> Result<(), Reason> {
        self.skip_spaces();
        let rest = texts.iter().find_map(|text| self.0.strip_prefix(*text));
        self.0 = rest.ok_or(Reason::SessionKeyMissing)?;
        Ok(())
    }

    fn number(&mut self) -> Result<u64, Reason> {
        scan::number(self.until(b" \n\r\t,.")).ok_or(Reason::SessionValue)
    }

    fn end(&mut self) -> Result<End<'a>, Reason> {
        let (address, port) = endpoint(self.until(b" \n\r\t[("))?;
        self.skip_spaces();
        let nat = match self.any(&[b"["]) {
            Ok(()) => {
                let nat = endpoint(self.until(b"]"))?;
                self.any(&[b"]"])?;
                Some(nat)
            }
            Err(_) => None,
        };
        self.any(&[b"("])?;
        let zone = self.zone()?;
        Ok(End { address, port, nat, zone })
    }

    /// A zone, whose name may hold parentheses: it ends at one that ends a word.
    fn zone(&mut self) -> Result<&'a [u8], Reason> {
        self.skip_spaces();
        let text = self.0;
        let ends = |at: &usize| {
            let next = text.get(at + 1);
            next.is_none_or(|next| next.is_ascii_whitespace() || matches!(next, b',' | b'.'))
        };
        let end = memchr::memchr_iter(b')', text).find(ends).ok_or(Reason::SessionKeyMissing)?;
        let (zone, rest) = text.split_at_checked(end).ok_or(Reason::SessionKeyMissing)?;
        self.0 = rest.get(1..).unwrap_or_default();
        Ok(zone.trim_ascii_end())
    }

    fn stats(&mut self) -> Result<Option<Stats>, Reason> {
        if self.any(&[b","]).is_err() {
            return Ok(None);
        }
        self.any(&[b"duration"])?;
        let duration_s = u32::try_from(self.number()?).map_err(|_| Reason::SessionValue)?;
        self.any(&[b","])?;
        self.any(&[b"rcv"])?;
        let received = self.volume()?;
        self.any(&[b","])?;
        self.any(&[b"send"])?;
        let sent = self.volume()?;
        Ok(Some(Stats { duration_s, received, sent }))
    }

    /// What follows, without the full stops that end the sentence.
    fn rest(&self) -> &'a [u8] {
        let is_end = |byte: &u8| *byte == b'.' || byte.is_ascii_whitespace();
        let len = self.0.iter().rposition(|byte| !is_end(byte)).map_or(0, |last| last + 1);
        self.0.get(..len).unwrap_or_default().trim_ascii_start()
    }

    fn volume(&mut self) -> Result<Volume, Reason> {
        let bytes = self.number()?;
        self.any(&[b"bytes"])?;
        self.any(&[b"via"])?;
        let packets = self.number()?;
        self.any(&[b"packets"])?;
        Ok(Volume { bytes, packets })
    }
}

/// `address:port`; the last colon separates, so that an IPv6 address may stand in front of it.
fn endpoint(text: &[u8]) -> Result<(IpAddr, u16), Reason> {
    let colon = memchr::memrchr(b':', text).ok_or(Reason::SessionValue)?;
    let (address, port) = text.split_at_checked(colon).ok_or(Reason::SessionValue)?;
    let port = port.get(1..).and_then(scan::number).and_then(|port| u16::try_from(port).ok());
    Ok((scan::address(address).ok_or(Reason::SessionValue)?, port.ok_or(Reason::SessionValue)?))
}
