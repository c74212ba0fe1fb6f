//! What a layout may name: the fields of each family, by the names that records have in outputs.

use crate::{
    batch::Batch,
    context::{Context, EventTime, UnixNanos},
    im::{Im, ImEvent},
    port_block::{PortBlock, PortBlockEvent},
    record::Time,
    session::{Event, SessionRow},
    text::Text,
};
use std::net::IpAddr;

/// How the bytes of a field become a value of a row.
#[derive(Debug)]
pub(super) enum Set<R> {
    /// An unsigned number of so many bytes at the most.
    Number(u32, fn(&mut R, u64)),
    /// An address of 4 or 16 bytes.
    Address(fn(&mut R, IpAddr)),
    /// An IPv6 address.
    Address6(fn(&mut R, [u8; 16])),
    /// A time since 1970 UTC; zero is absent.
    Time(fn(&mut R, Time)),
    /// Milliseconds.
    Duration(fn(&mut R, u64)),
    /// Text, filled up with NULs or spaces.
    Text(fn(&mut R, Text)),
    /// An account: text that the configuration may want hashed.
    Account(fn(&mut R, Text)),
    /// The exporter's code of the event.
    Operator,
    /// 4 or 6: of the addresses in the record.
    IpVersion,
}

/// The rows of a family, as layouts fill them.
pub(super) trait Row: Copy + Default + 'static {
    /// The family's events.
    type Event: Copy + std::fmt::Debug;
    /// The family's name.
    const FAMILY: &'static str;
    /// Whether its records are only kept as the configuration says.
    const PERSONAL: bool = false;
    /// The fields that a layout may name.
    const FIELDS: &'static [(&'static str, Set<Self>)];
    /// The events that a layout may name.
    const EVENTS: &'static [(&'static str, Self::Event)];
    /// Where the family has one: the cell for why the session ended.
    const CLOSE_REASON: Option<fn(&mut Self, Text)> = None;

    /// Sets the event; `None` for a code that the layout does not list.
    fn set_event(&mut self, event: Option<Self::Event>);
    /// Sets what has no column.
    fn set_extra(&mut self, extra: Text);
    /// Where the row's time comes from, if it has one.
    fn event_time(&self) -> Option<EventTime>;
    /// Adds the row to its table; `false` where that is full.
    fn push(&self, context: &Context, batch: &mut Batch) -> bool;
}

/// Seconds and nanoseconds of a time, for columns; the latter only where the exporter has them.
fn columns(time: Time) -> (Option<u32>, Option<u32>) {
    let (seconds, nanos) = (time.unix_nanos / 1_000_000_000, time.unix_nanos % 1_000_000_000);
    (u32::try_from(seconds).ok(), u32::try_from(nanos).ok().filter(|_| time.digits > 0))
}

macro_rules! session_address {
    ($v4:ident, $v6:ident) => {
        Set::Address(|row: &mut SessionRow, address| match address {
            IpAddr::V4(v4) => row.$v4 = Some(v4.into()),
            IpAddr::V6(v6) => row.$v6 = Some(v6.octets()),
        })
    };
}

impl Row for SessionRow {
    type Event = Event;
    const FAMILY: &'static str = "session";
    const FIELDS: &'static [(&'static str, Set<Self>)] = &[
        ("event", Set::Operator),
        ("ip_version", Set::IpVersion),
        ("protocol", Set::Number(1, |row, n| row.protocol = Some(n as u8))),
        ("src_addr", session_address!(src_v4, src_v6)),
        ("src_port", Set::Number(2, |row, n| row.src_port = Some(n as u16))),
        ("dst_addr", session_address!(dst_v4, dst_v6)),
        ("dst_port", Set::Number(2, |row, n| row.dst_port = Some(n as u16))),
        ("nat_src_addr", session_address!(nat_src_v4, nat_src_v6)),
        ("nat_src_port", Set::Number(2, |row, n| row.nat_src_port = Some(n as u16))),
        ("nat_dst_addr", session_address!(nat_dst_v4, nat_dst_v6)),
        ("nat_dst_port", Set::Number(2, |row, n| row.nat_dst_port = Some(n as u16))),
        ("tunnel_addr", Set::Address6(|row, address| row.src_v6 = Some(address))),
        ("src_vrf", Set::Number(4, |row, n| row.src_vrf = Some(n as u32))),
        ("dst_vrf", Set::Number(4, |row, n| row.dst_vrf = Some(n as u32))),
        ("direction", Set::Number(1, |row, n| row.direction = Some(n as u8))),
        ("initiator", Set::Number(1, |row, n| row.initiator = Some(n as u8))),
        ("event_time", Set::Time(|row, time| (row.event_s, row.event_ns) = columns(time))),
        ("start_time", Set::Time(|row, time| (row.start_s, row.start_ns) = columns(time))),
        ("end_time", Set::Time(|row, time| (row.end_s, row.end_ns) = columns(time))),
        ("duration_ms", Set::Duration(|row, ms| row.duration_ms = Some(ms))),
        ("sent_packets", Set::Number(8, |row, n| row.sent_packets = Some(n))),
        ("sent_bytes", Set::Number(8, |row, n| row.sent_bytes = Some(n))),
        ("received_packets", Set::Number(8, |row, n| row.received_packets = Some(n))),
        ("received_bytes", Set::Number(8, |row, n| row.received_bytes = Some(n))),
        ("src_zone", Set::Text(|row, text| row.src_zone = Some(text))),
        ("dst_zone", Set::Text(|row, text| row.dst_zone = Some(text))),
        ("policy", Set::Text(|row, text| row.policy = Some(text))),
        ("user", Set::Text(|row, text| row.user = Some(text))),
        ("application", Set::Text(|row, text| row.application = Some(text))),
        ("url", Set::Text(|row, text| row.url = Some(text))),
    ];
    const EVENTS: &'static [(&'static str, Event)] = &[
        ("create", Event::Create),
        ("end", Event::End),
        ("update", Event::Update),
        ("deny", Event::Deny),
        ("flow", Event::Flow),
    ];
    const CLOSE_REASON: Option<fn(&mut Self, Text)> =
        Some(|row, text| row.close_reason = Some(text));

    fn set_event(&mut self, event: Option<Event>) {
        self.event = event.map(|event| event as u8);
    }

    fn set_extra(&mut self, extra: Text) {
        self.extra = Some(extra);
    }

    fn event_time(&self) -> Option<EventTime> {
        let times = [self.event_s, self.start_s, self.end_s];
        times.iter().flatten().any(|seconds| *seconds != 0).then_some(EventTime::Record)
    }

    fn push(&self, context: &Context, batch: &mut Batch) -> bool {
        batch.session.push(context, self)
    }
}

/// A row of a family that has its time in its context.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timed<R> {
    row: R,
    time: Option<UnixNanos>,
}

type BlockRow = Timed<PortBlock>;

impl Row for BlockRow {
    type Event = PortBlockEvent;
    const FAMILY: &'static str = "port_block";
    const FIELDS: &'static [(&'static str, Set<Self>)] = &[
        ("event", Set::Operator),
        ("ip_version", Set::IpVersion),
        ("event_time", Set::Time(|row, time| row.time = Some(time.unix_nanos))),
        ("private_addr", Set::Address(|row, address| row.row.private_addr = Some(address))),
        ("public_addr", Set::Address(|row, address| row.row.public_addr = Some(address))),
        ("port_first", Set::Number(2, |row, n| row.row.port_first = Some(n as u16))),
        ("port_last", Set::Number(2, |row, n| row.row.port_last = Some(n as u16))),
        ("protocol", Set::Number(1, |row, n| row.row.protocol = Some(n as u8))),
        ("src_vrf", Set::Number(4, |row, n| row.row.src_vrf = Some(n as u32))),
        ("session_id", Set::Number(8, |row, n| row.row.session_id = Some(n))),
        ("sequence", Set::Number(8, |row, n| row.row.sequence = Some(n))),
        ("scene", Set::Text(|row, text| row.row.scene = text)),
    ];
    const EVENTS: &'static [(&'static str, PortBlockEvent)] = &[
        ("allocate", PortBlockEvent::Allocate),
        ("release", PortBlockEvent::Release),
        ("keepalive", PortBlockEvent::Keepalive),
    ];

    fn set_event(&mut self, event: Option<PortBlockEvent>) {
        self.row.event = event.unwrap_or_default();
    }

    fn set_extra(&mut self, extra: Text) {
        self.row.extra = extra;
    }

    fn event_time(&self) -> Option<EventTime> {
        self.time.map(EventTime::Own)
    }

    fn push(&self, context: &Context, batch: &mut Batch) -> bool {
        batch.port_block.push(context, self.row)
    }
}

type ImRow = Timed<Im>;

impl Row for ImRow {
    type Event = ImEvent;
    const FAMILY: &'static str = "im";
    const PERSONAL: bool = true;
    const FIELDS: &'static [(&'static str, Set<Self>)] = &[
        ("event", Set::Operator),
        ("ip_version", Set::IpVersion),
        ("event_time", Set::Time(|row, time| row.time = Some(time.unix_nanos))),
        ("application", Set::Text(|row, text| row.row.application = text)),
        ("account", Set::Account(|row, text| row.row.account = text)),
        ("protocol", Set::Number(1, |row, n| row.row.protocol = Some(n as u8))),
        ("src_addr", Set::Address(|row, address| row.row.src_addr = Some(address))),
        ("src_port", Set::Number(2, |row, n| row.row.src_port = Some(n as u16))),
        ("dst_addr", Set::Address(|row, address| row.row.dst_addr = Some(address))),
        ("dst_port", Set::Number(2, |row, n| row.row.dst_port = Some(n as u16))),
        ("nat_src_addr", Set::Address(|row, address| row.row.nat_src_addr = Some(address))),
        ("nat_src_port", Set::Number(2, |row, n| row.row.nat_src_port = Some(n as u16))),
        ("nat_dst_addr", Set::Address(|row, address| row.row.nat_dst_addr = Some(address))),
        ("nat_dst_port", Set::Number(2, |row, n| row.row.nat_dst_port = Some(n as u16))),
        ("start_time", Set::Time(|row, time| row.row.start = Some(time))),
        ("end_time", Set::Time(|row, time| row.row.end = Some(time))),
    ];
    const EVENTS: &'static [(&'static str, ImEvent)] =
        &[("online", ImEvent::Online), ("offline", ImEvent::Offline)];

    fn set_event(&mut self, event: Option<ImEvent>) {
        self.row.event = event.unwrap_or_default();
    }

    fn set_extra(&mut self, extra: Text) {
        self.row.extra = extra;
    }

    fn event_time(&self) -> Option<EventTime> {
        let start = self.row.start.map(|time| time.unix_nanos);
        let end = self.row.end.map(|time| time.unix_nanos);
        let (first, second) =
            if self.row.event == ImEvent::Offline { (end, start) } else { (start, end) };
        self.time.or(first).or(second).map(EventTime::Own)
    }

    fn push(&self, context: &Context, batch: &mut Batch) -> bool {
        batch.im.push(context, self.row)
    }
}
