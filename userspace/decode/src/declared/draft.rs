//! A record while its values are read: columns as they come, times and `extra` when all are there.

use super::{
    field::{Family, Field, What, When},
    time::Parts,
};
use crate::{
    batch::Batch,
    context::{EventTime, Flags, Format, UnixNanos},
    port_block::{PortBlock, PortBlockEvent},
    reason::Reason,
    record,
    session::{Event, SessionRow},
    syslog::{Message, scan, time::HeaderTime, zone::Zones},
    text::Text,
};
use std::net::IpAddr;

/// What a record reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Session(Event),
    PortBlock(PortBlockEvent),
    /// What the exporter's word for it does not tell.
    Unknown,
    /// An end where it has a time of end, a creation where not.
    ByEndTime,
}

/// The values of one record.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    /// The public end of a port block is `nat_src`, the subscriber `src`.
    row: SessionRow,
    port_last: Option<u16>,
    session_id: Option<u64>,
    sequence: Option<u64>,
    scene: &'a [u8],
    host: &'a [u8],
    texts: [&'a [u8]; 7],
    start: Parts,
    end: Parts,
    event: Parts,
    header: Parts,
    pub(super) happened: Option<Happened>,
}

/// Text columns of a session, in the order of [`Draft::texts`].
const TEXTS: [Field; 7] = [
    Field::SrcZone,
    Field::DstZone,
    Field::Policy,
    Field::User,
    Field::Application,
    Field::CloseReason,
    Field::Url,
];

/// What a line says beside its values.
#[derive(Debug)]
pub(super) struct Line<'m, 'a> {
    pub(super) message: &'m Message<'a>,
    pub(super) format: Format,
    pub(super) header_time: Option<HeaderTime>,
    pub(super) host: &'a [u8],
    pub(super) inferred: bool,
    pub(super) extra: Text,
}

impl<'a> Draft<'a> {
    /// Takes a value that is meant for a column.
    pub(super) fn set(&mut self, what: What, value: &'a [u8]) -> Result<(), Reason> {
        match what {
            What::Field(field) => self.set_field(field, value.trim_ascii()),
            What::Time(when, form) => {
                let parts = match when {
                    When::Start => &mut self.start,
                    When::End => &mut self.end,
                    When::Event => &mut self.event,
                    When::Header => &mut self.header,
                };
                parts.add(form, value.trim_ascii())
            }
            What::Drop | What::Extra | What::Pairs => Some(()),
        }
        .ok_or(Reason::DeclaredValue)
    }

    fn set_field(&mut self, field: Field, value: &'a [u8]) -> Option<()> {
        let row = &mut self.row;
        match field {
            Field::Src => set_end(value, &mut row.src_v4, &mut row.src_v6, &mut row.src_port)?,
            Field::Dst => set_end(value, &mut row.dst_v4, &mut row.dst_v6, &mut row.dst_port)?,
            Field::NatSrc => {
                set_end(value, &mut row.nat_src_v4, &mut row.nat_src_v6, &mut row.nat_src_port)?;
            }
            Field::NatDst => {
                set_end(value, &mut row.nat_dst_v4, &mut row.nat_dst_v6, &mut row.nat_dst_port)?;
            }
            Field::SrcAddr | Field::PrivateAddr => {
                set_address(value, &mut row.src_v4, &mut row.src_v6)?;
            }
            Field::DstAddr => set_address(value, &mut row.dst_v4, &mut row.dst_v6)?,
            Field::NatSrcAddr | Field::PublicAddr => {
                set_address(value, &mut row.nat_src_v4, &mut row.nat_src_v6)?;
            }
            Field::NatDstAddr => set_address(value, &mut row.nat_dst_v4, &mut row.nat_dst_v6)?,
            // The B4 of DS-Lite stands where an IPv6 source would (see `record::tunnel_addr`).
            Field::TunnelAddr => set_address(value, &mut None, &mut row.src_v6)?,
            Field::SrcPort => row.src_port = Some(number(value)?),
            Field::DstPort => row.dst_port = Some(number(value)?),
            Field::NatSrcPort | Field::PortFirst => row.nat_src_port = Some(number(value)?),
            Field::NatDstPort => row.nat_dst_port = Some(number(value)?),
            Field::PortLast => self.port_last = Some(number(value)?),
            Field::Ports => {
                let dash = memchr::memchr(b'-', value)?;
                row.nat_src_port = Some(number(value.get(..dash)?)?);
                self.port_last = Some(number(value.get(dash + 1..)?)?);
            }
            Field::Protocol => row.protocol = Some(scan::protocol(value)?),
            Field::SrcVrf => row.src_vrf = Some(number(value)?),
            Field::DstVrf => row.dst_vrf = Some(number(value)?),
            Field::DurationMs => row.duration_ms = Some(number(value)?),
            Field::DurationS => row.duration_ms = number::<u64>(value)?.checked_mul(1000),
            Field::SentPackets => row.sent_packets = Some(number(value)?),
            Field::SentBytes => row.sent_bytes = Some(number(value)?),
            Field::ReceivedPackets => row.received_packets = Some(number(value)?),
            Field::ReceivedBytes => row.received_bytes = Some(number(value)?),
            Field::SessionId => self.session_id = Some(number_or_hex(value)?),
            Field::Sequence => self.sequence = Some(number_or_hex(value)?),
            Field::Scene => self.scene = value,
            Field::Host => self.host = value,
            // The words of events are the declaration's: see `Message::happened`.
            Field::Event => {}
            _ => {
                let at = TEXTS.iter().position(|text| *text == field)?;
                *self.texts.get_mut(at)? = value;
            }
        }
        Some(())
    }

    /// Whether it says whose record it is.
    pub(super) fn has_address(&self) -> bool {
        let row = &self.row;
        row.src_v4.is_some()
            || row.src_v6.is_some()
            || row.nat_src_v4.is_some()
            || row.nat_src_v6.is_some()
    }

    /// Whether a time was given that cannot be.
    pub(super) fn has_impossible_time(&self, received_at: UnixNanos) -> bool {
        [&self.start, &self.end, &self.event, &self.header]
            .into_iter()
            .any(|parts| parts.is_given() && parts.time(received_at).is_none())
    }

    /// Adds the record to the batch.
    pub(super) fn push(
        mut self,
        family: Family,
        line: &Line<'_, 'a>,
        zones: &mut Zones,
        batch: &mut Batch,
    ) {
        let datagram = line.message.datagram;
        let host = if self.host.is_empty() { line.host } else { self.host };
        let mut context = datagram.context(line.format);
        context.host = batch.text.push(host).unwrap_or_default();
        if line.inferred {
            context.flags = context.flags.with(Flags::READING_INFERRED);
        }
        let header_time = self.header.time(datagram.received_at).or(line.header_time);
        let mut clock = Clock { line, zones, flags: Flags::NONE };
        let own = [&self.start, &self.end, &self.event]
            .map(|parts| clock.utc(parts.time(datagram.received_at)));
        let is_own = own.iter().any(Option::is_some);
        let header = clock.utc(header_time.filter(|_| !is_own));
        clock.learn(header_time, &self);
        context.flags = context.flags.with(clock.flags);
        match family {
            Family::Session => {
                context.event_time = match header {
                    Some(unix_nanos) => EventTime::Header(unix_nanos),
                    None if is_own => EventTime::Record,
                    None => EventTime::Received,
                };
                context.flags = context.flags.with(self.set_times(own, header));
                self.set_texts(batch);
                self.row.extra = Some(line.extra).filter(|extra| !extra.is_empty());
                batch.session.push(&context, &self.row);
            }
            Family::PortBlock => {
                let [_, _, event] = own;
                context.event_time = match (event, header) {
                    (Some(unix_nanos), _) => EventTime::Own(unix_nanos),
                    (None, Some(unix_nanos)) => EventTime::Header(unix_nanos),
                    (None, None) => EventTime::Received,
                };
                let row = self.port_block(line.extra, batch);
                batch.port_block.push(&context, row);
            }
        }
    }

    /// Sets event, begin and end. A duration gives the one of begin and end that was not told.
    fn set_times(&mut self, own: [Option<UnixNanos>; 3], header: Option<UnixNanos>) -> Flags {
        let [mut start, mut end, event] = own;
        let happened = match self.happened {
            Some(Happened::Session(event)) => Some(event),
            Some(Happened::ByEndTime) if end.is_some() => Some(Event::End),
            Some(Happened::ByEndTime) => Some(Event::Create),
            Some(Happened::PortBlock(_) | Happened::Unknown) | None => None,
        };
        self.row.event = happened.map(|event| event as u8);
        let mut flags = Flags::NONE;
        let duration_ns = self.row.duration_ms.and_then(|ms| i64::try_from(ms).ok());
        if let Some(duration_ns) = duration_ns.and_then(|ms| ms.checked_mul(1_000_000))
            && happened == Some(Event::End)
            && (start.is_none() || end.is_none())
        {
            flags = Flags::TIME_FROM_DURATION;
            match start {
                Some(start) => end = start.checked_add(duration_ns),
                None => {
                    end = end.or(event).or(header);
                    start = end.and_then(|end| end.checked_sub(duration_ns));
                }
            }
            if start.is_none() || end.is_none() {
                flags = Flags::NONE;
            }
        }
        (self.row.start_s, self.row.start_ns) = columns(start);
        (self.row.end_s, self.row.end_ns) = columns(end);
        (self.row.event_s, self.row.event_ns) = columns(event);
        flags
    }

    fn set_texts(&mut self, batch: &mut Batch) {
        let row = &mut self.row;
        let columns = [
            &mut row.src_zone,
            &mut row.dst_zone,
            &mut row.policy,
            &mut row.user,
            &mut row.application,
            &mut row.close_reason,
            &mut row.url,
        ];
        for (column, text) in columns.into_iter().zip(self.texts) {
            if !text.is_empty() {
                *column = batch.text.push(text);
            }
        }
    }

    fn port_block(&self, extra: Text, batch: &mut Batch) -> PortBlock {
        let row = &self.row;
        PortBlock {
            event: match self.happened {
                Some(Happened::PortBlock(event)) => event,
                _ => PortBlockEvent::Unknown,
            },
            private_addr: record::address(row.src_v6, row.src_v4),
            public_addr: record::address(row.nat_src_v6, row.nat_src_v4),
            port_first: row.nat_src_port,
            port_last: self.port_last,
            protocol: row.protocol,
            src_vrf: row.src_vrf,
            session_id: self.session_id,
            sequence: self.sequence,
            scene: batch.text.push(self.scene).unwrap_or_default(),
            extra,
        }
    }
}

/// Times in UTC, and what must be said about them.
struct Clock<'c, 'm, 'a> {
    line: &'c Line<'m, 'a>,
    zones: &'c mut Zones,
    flags: Flags,
}

impl Clock<'_, '_, '_> {
    fn utc(&mut self, time: Option<HeaderTime>) -> Option<UnixNanos> {
        let message = self.line.message;
        let (unix_nanos, flags) =
            self.zones.resolve(time?, message.datagram.exporter, message.exporter);
        self.flags = self.flags.with(flags);
        Some(unix_nanos)
    }

    /// Learns the header's zone from the time of what the line reports, where that is in UTC.
    fn learn(&mut self, header_time: Option<HeaderTime>, draft: &Draft<'_>) {
        let own = match draft.happened {
            Some(Happened::Session(Event::Create)) => draft.start,
            Some(Happened::Session(Event::End)) => draft.end,
            _ => draft.event,
        };
        let own = own.time(self.line.message.datagram.received_at).filter(|time| time.has_zone);
        if let (Some(header), Some(own)) = (header_time, own)
            && let Ok(own_s) = u32::try_from(own.unix_nanos / 1_000_000_000)
        {
            self.zones.learn(header, own_s, self.line.message.datagram.exporter);
        }
    }
}

/// The columns of a time: seconds, and nanoseconds where there are any.
fn columns(time: Option<UnixNanos>) -> (Option<u32>, Option<u32>) {
    let Some(time) = time else { return (None, None) };
    let seconds = u32::try_from(time.div_euclid(1_000_000_000)).ok();
    let nanos = u32::try_from(time.rem_euclid(1_000_000_000)).ok();
    (seconds, nanos.filter(|nanos| *nanos != 0 && seconds.is_some()))
}

fn set_address(value: &[u8], v4: &mut Option<u32>, v6: &mut Option<[u8; 16]>) -> Option<()> {
    let inner = value.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]"));
    match scan::address(inner.unwrap_or(value))? {
        IpAddr::V4(address) => *v4 = Some(address.into()),
        IpAddr::V6(address) => *v6 = Some(address.octets()),
    }
    Some(())
}

/// An address and a port, with the last `:` or `/` between them.
fn set_end(
    value: &[u8],
    v4: &mut Option<u32>,
    v6: &mut Option<[u8; 16]>,
    port: &mut Option<u16>,
) -> Option<()> {
    let at = memchr::memrchr2(b':', b'/', value)?;
    let (address, rest) = value.split_at_checked(at)?;
    *port = Some(number(rest.get(1..)?.trim_ascii())?);
    set_address(address.trim_ascii(), v4, v6)
}

pub(super) fn number<T: TryFrom<u64>>(value: &[u8]) -> Option<T> {
    T::try_from(scan::number(value)?).ok()
}

fn number_or_hex(value: &[u8]) -> Option<u64> {
    let Some(digits) = value.strip_prefix(b"0x") else { return number(value) };
    let text = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u64::from_str_radix(text, 16).ok()
}
