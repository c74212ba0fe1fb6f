//! China Unicom's CGNAT log (`unicom`, Huawei's `type2`): values with `|` between them.
//!
//! ```text
//! block      start|private|public|first|last                                     5 values
//! session v1 start|private|public|public port|dst|dst port|protocol[|URL]        7 or 8
//! session v2 start|end|private|public|public port|dst|dst port|protocol          8
//! session v3 time|private|private port|public|public port|dst|dst port           7
//! ```
//! The forms are told apart by where addresses stand. Times are seconds since 1970 UTC or
//! `YYYYMMDDhhmmss` of the box's own clock. v1 is Huawei's text, v2 and v3 are lines of DPtech
//! boxes; v1 without a URL is an inference.

use super::{
    Event, Line, bracket,
    header::{Header, is_nil},
};
use crate::{
    batch::Batch,
    context::{EventTime, Flags, Format},
    extra::add_text,
    port_block::PortBlock,
    reason::Reason,
    session::SessionRow,
    syslog::{
        Message, scan,
        time::{self, HeaderTime},
        zone::Zones,
    },
};
use std::net::IpAddr;

/// The most values; what follows the last `|` is one value, whatever it holds.
const VALUES_MAX: usize = 8;

/// Decodes a message into one record.
pub fn decode(
    header: &Header<'_>,
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let event = Event::read(header.event);
    let values = header.values.strip_suffix(b".").unwrap_or(header.values);
    let mut list: [&[u8]; VALUES_MAX] = [&[]; VALUES_MAX];
    let mut len = 0;
    for (cell, value) in list.iter_mut().zip(values.splitn(VALUES_MAX, |byte| *byte == b'|')) {
        *cell = value.trim_ascii();
        len += 1;
    }
    let values = Values::read(list.get(..len).unwrap_or_default())?;
    // Here the header's time is told by the value, so a zone can be learned; the start of a
    // mapping that ends is no such value.
    let epoch = if event.begins == Some(true) { values.start } else { values.end };
    if let (Some(time), Some(Stamp::Epoch(epoch))) = (header.time, epoch) {
        zones.learn(time, epoch, message.datagram.exporter);
    }
    let line = Line::new(header, Format::CgnUnicom, message, zones, batch);
    let seconds = |stamp: Option<Stamp>| match stamp? {
        Stamp::Epoch(seconds) => Some((seconds, Flags::NONE)),
        Stamp::Civil(time) => {
            let (ns, flags) = zones.resolve(time, message.datagram.exporter, message.exporter);
            u32::try_from(ns / 1_000_000_000).ok().map(|seconds| (seconds, flags))
        }
    };
    let times = [seconds(values.start), seconds(values.end)];
    if values.is_block {
        push_block(&line, &event, &values, times, batch);
    } else {
        push_session(&line, &event, &values, times, batch);
    }
    Ok(())
}

/// Seconds since 1970 UTC, and how sure they are.
type Seconds = Option<(u32, Flags)>;

/// A point in time as a value gives it.
#[derive(Clone, Copy, Debug)]
enum Stamp {
    /// Seconds since 1970 UTC.
    Epoch(u32),
    /// The box's clock.
    Civil(HeaderTime),
}

/// The values, whatever their form.
#[derive(Debug)]
struct Values<'a> {
    is_block: bool,
    start: Option<Stamp>,
    end: Option<Stamp>,
    /// The first value is the time of the event, not always of the begin.
    start_is_event: bool,
    private: IpAddr,
    private_port: Option<u16>,
    public: IpAddr,
    /// A session's public port, or the first one of a block.
    first: Option<u16>,
    last: Option<u16>,
    destination: Option<IpAddr>,
    destination_port: Option<u16>,
    protocol: &'a [u8],
    url: &'a [u8],
    inferred: bool,
}

impl<'a> Values<'a> {
    fn read(list: &[&'a [u8]]) -> Result<Self, Reason> {
        let none: &[u8] = &[];
        let second_is_address = list.get(1).is_some_and(|value| scan::address(value).is_some());
        let third_is_address = list.get(2).is_some_and(|value| scan::address(value).is_some());
        // Each form: start, end, private, its port, public, its port, last port, destination, its
        // port, protocol, URL.
        let columns = match *list {
            [t, a, b, c, d] => [t, none, a, none, b, c, d, none, none, none, none],
            [t, a, b, c, d, e, f] if third_is_address => {
                [t, none, a, none, b, c, none, d, e, f, none]
            }
            [t, a, b, c, d, e, f] => [t, none, a, b, c, d, none, e, f, none, none],
            [t, a, b, c, d, e, f, url] if second_is_address => {
                [t, none, a, none, b, c, none, d, e, f, url]
            }
            [t, u, a, b, c, d, e, f] => [t, u, a, none, b, c, none, d, e, f, none],
            _ => return Err(Reason::CgnFields),
        };
        let [start, end, private, private_port, public, first, last, dst, dst_port, protocol, url] =
            columns;
        let (first, last) = (bracket::port(first)?, bracket::port(last)?);
        if first.zip(last).is_some_and(|(first, last)| first > last) {
            return Err(Reason::CgnValue);
        }
        Ok(Self {
            is_block: list.len() == 5,
            start: stamp(start)?,
            end: stamp(end)?,
            start_is_event: list.len() == 5 || (list.len() == 7 && !third_is_address),
            private: scan::address(private).ok_or(Reason::CgnValue)?,
            private_port: bracket::port(private_port)?,
            public: scan::address(public).ok_or(Reason::CgnValue)?,
            first,
            last,
            destination: bracket::address(dst)?,
            destination_port: bracket::port(dst_port)?,
            protocol: if is_nil(protocol) { &[] } else { protocol },
            url: if is_nil(url) { &[] } else { url },
            inferred: list.len() == 7 && third_is_address,
        })
    }
}

fn stamp(value: &[u8]) -> Result<Option<Stamp>, Reason> {
    if is_nil(value) {
        return Ok(None);
    }
    if let Some(time) = time::read_compact(value) {
        return Ok(Some(Stamp::Civil(time)));
    }
    let seconds = scan::number(value).and_then(|seconds| u32::try_from(seconds).ok());
    let seconds = seconds.ok_or(Reason::CgnValue)?;
    Ok(Some(Stamp::Epoch(seconds)).filter(|_| seconds != 0))
}

fn push_block(
    line: &Line<'_>,
    event: &Event<'_>,
    values: &Values<'_>,
    [start, _]: [Seconds; 2],
    batch: &mut Batch,
) {
    let own = |(seconds, flags)| (EventTime::Own(i64::from(seconds) * 1_000_000_000), flags);
    let context = line.context_at(start.map_or(line.time, own), event.begins.is_none());
    let block = PortBlock {
        event: event.of_block(),
        private_addr: Some(values.private),
        public_addr: Some(values.public),
        port_first: values.first,
        port_last: values.last,
        scene: line.scene(&mut batch.text),
        extra: line.extra(event, &mut batch.text),
        ..PortBlock::default()
    };
    batch.port_block.push(&context, block);
}

fn push_session(
    line: &Line<'_>,
    event: &Event<'_>,
    values: &Values<'_>,
    [mut start, mut end]: [Seconds; 2],
    batch: &mut Batch,
) {
    if values.start_is_event && event.begins == Some(false) {
        (start, end) = (None, start);
    }
    let time = match (end.or(start), event.begins) {
        (None, _) => line.time,
        // The event is the end, and only the header says when that was.
        (Some(_), Some(false)) if end.is_none() => line.time,
        (Some((_, flags)), _) => (EventTime::Record, flags),
    };
    let context = line.context_at(time, values.inferred || event.begins.is_none());
    let arena = &mut batch.text;
    let url = if values.url.is_empty() { None } else { arena.push(values.url) };
    let protocol = scan::protocol(values.protocol);
    let mut extra = line.extra(event, arena);
    add_text(&mut extra, b"scene", line.header.scene, arena);
    if protocol.is_none() {
        add_text(&mut extra, b"protocol", values.protocol, arena);
    }
    let mut row = SessionRow {
        event: event.of_session(),
        protocol,
        src_port: values.private_port,
        nat_src_port: values.first,
        dst_port: values.destination_port,
        start_s: start.map(|(seconds, _)| seconds),
        end_s: end.map(|(seconds, _)| seconds),
        url,
        extra: Some(extra).filter(|extra| !extra.is_empty()),
        ..SessionRow::default()
    };
    (row.src_v4, row.src_v6) = scan::by_family(values.private);
    (row.nat_src_v4, row.nat_src_v6) = scan::by_family(values.public);
    if let Some(destination) = values.destination {
        (row.dst_v4, row.dst_v6) = scan::by_family(destination);
    }
    batch.session.push(&context, &row);
}
