//! A record as named fields, in the order and with the names that every output uses: the one place
//! where columns become what a person reads.

use crate::{
    batch::Batch,
    context::{Context, EventTime, UnixNanos},
    filter::Filter,
    im::Im,
    port_block::PortBlock,
    session::{Event, SessionRow},
    unparsed::Unparsed,
};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A name of this project's own: an event, a format, …
    Name(&'static str),
    /// Text as the device sent it; see [`crate::text::to_utf8`].
    Text(&'a [u8]),
    /// A number.
    Number(u64),
    /// An address.
    Address(IpAddr),
    /// An Ethernet address.
    Mac([u8; 6]),
    /// A time.
    Time(Time),
    /// Names of flags.
    Flags(Vec<&'static str>),
    /// Encoded pairs; see [`crate::extra`].
    Extra(&'a [u8]),
    /// Bytes that no decoder understood.
    Raw(&'a [u8]),
}

/// A time as precisely as its source knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    /// The time.
    pub unix_nanos: UnixNanos,
    /// Digits after the second that are known.
    pub digits: u8,
}

impl Time {
    /// A time of nanosecond precision.
    pub const fn nanos(unix_nanos: UnixNanos) -> Time {
        Time { unix_nanos, digits: 9 }
    }

    /// With as many digits as it needs: none, milliseconds or all.
    pub const fn shortest(unix_nanos: UnixNanos) -> Time {
        let digits = if unix_nanos % 1_000_000_000 == 0 {
            0
        } else if unix_nanos % 1_000_000 == 0 {
            3
        } else {
            9
        };
        Time { unix_nanos, digits }
    }

    /// From a pair of columns; `None` where the seconds are absent or zero.
    pub fn from_columns(seconds: Option<u32>, nanos: Option<u32>) -> Option<Time> {
        let seconds = seconds.filter(|seconds| *seconds != 0)?;
        let whole = i64::from(seconds) * 1_000_000_000;
        Some(match nanos {
            None => Time { unix_nanos: whole, digits: 0 },
            Some(nanos) => {
                let digits = if nanos % 1_000_000 == 0 { 3 } else { 9 };
                Time { unix_nanos: whole + i64::from(nanos), digits }
            }
        })
    }
}

/// One record's fields that are present, in the order of the contract.
pub type Fields<'a> = Vec<(&'static str, Value<'a>)>;

/// The records of a batch, one [`Fields`] each.
pub fn records(batch: &Batch) -> impl Iterator<Item = Fields<'_>> {
    let sessions =
        batch.session.iter().map(move |(context, row)| session_fields(batch, &context, &row));
    let port_blocks =
        batch.port_block.iter().map(move |(context, row)| port_block_fields(batch, &context, row));
    let ims = batch.im.iter().map(move |(context, row)| im_fields(batch, &context, row));
    let filters =
        batch.filter.iter().map(move |(context, row)| filter_fields(batch, &context, row));
    let unparsed =
        batch.unparsed.iter().map(move |(context, row)| unparsed_fields(batch, &context, row));
    sessions.chain(port_blocks).chain(ims).chain(filters).chain(unparsed)
}

/// When the event of a record happened, for families whose rows have contexts of their own.
pub fn context_time(context: &Context) -> Time {
    match context.event_time {
        EventTime::Header(unix_nanos) | EventTime::Own(unix_nanos) => Time::shortest(unix_nanos),
        EventTime::Received | EventTime::Record => Time::nanos(context.received_at),
    }
}

/// The value of `time_source` for these families: `received` as well where the context promised a
/// time of the record's own, which only sessions have.
pub fn context_time_source(context: &Context) -> EventTime {
    match context.event_time {
        EventTime::Record => EventTime::Received,
        other => other,
    }
}

/// When the event of a session happened.
pub fn event_time(context: &Context, row: &SessionRow) -> Time {
    let start = Time::from_columns(row.start_s, row.start_ns);
    let end = Time::from_columns(row.end_s, row.end_ns);
    let event = Time::from_columns(row.event_s, row.event_ns);
    match context.event_time {
        EventTime::Header(unix_nanos) | EventTime::Own(unix_nanos) => {
            Some(Time::shortest(unix_nanos))
        }
        EventTime::Received => None,
        EventTime::Record if event.is_some() => event,
        EventTime::Record if row.event == Some(Event::Create as u8) => start.or(end),
        EventTime::Record => end.or(start),
    }
    .unwrap_or(Time::nanos(context.received_at))
}

/// The value of `time_source`: `received` as well where the record promised a time of its own but
/// has none.
pub fn time_source(context: &Context, row: &SessionRow) -> EventTime {
    let has_time =
        [row.event_s, row.start_s, row.end_s].into_iter().flatten().any(|seconds| seconds != 0);
    match context.event_time {
        EventTime::Record if !has_time => EventTime::Received,
        other => other,
    }
}

/// How long the session lasted: as stated, or from begin to end.
pub fn duration_ms(row: &SessionRow) -> Option<u64> {
    row.duration_ms.or_else(|| {
        let start = Time::from_columns(row.start_s, row.start_ns)?;
        let end = Time::from_columns(row.end_s, row.end_ns)?;
        u64::try_from((end.unix_nanos - start.unix_nanos) / 1_000_000).ok()
    })
}

fn common_fields<'a>(
    fields: &mut Fields<'a>,
    batch: &'a Batch,
    family: &'static str,
    context: &Context,
) {
    fields.push(("record", Value::Name(family)));
    fields.push(("format", Value::Name(context.format.name())));
    if !context.exporter.is_unspecified() {
        fields.push(("exporter", Value::Address(context.exporter)));
    }
    number(fields, "exporter_port", Some(context.exporter_port).filter(|port| *port != 0));
    number(fields, "observation_domain", context.observation_domain);
    number(fields, "sequence", context.sequence);
    text(fields, "host", batch, Some(context.host));
    fields.push(("received_at", Value::Time(Time::nanos(context.received_at))));
}

fn flags_field(fields: &mut Fields<'_>, context: &Context) {
    let flags: Vec<_> = context.flags.names().collect();
    if !flags.is_empty() {
        fields.push(("flags", Value::Flags(flags)));
    }
}

fn session_fields<'a>(batch: &'a Batch, context: &Context, row: &SessionRow) -> Fields<'a> {
    let mut fields = Vec::with_capacity(40);
    let f = &mut fields;
    common_fields(f, batch, "session", context);
    f.push(("event_time", Value::Time(event_time(context, row))));
    f.push(("time_source", Value::Name(time_source(context, row).name())));
    flags_field(f, context);
    if let Some(event) = row.event.and_then(Event::from_code) {
        f.push(("event", Value::Name(event.name())));
    }
    number(f, "protocol", row.protocol);
    endpoint(f, ["src_addr", "src_port"], (row.src_v6, row.src_v4), row.src_port);
    endpoint(f, ["dst_addr", "dst_port"], (row.dst_v6, row.dst_v4), row.dst_port);
    let nat_src = (row.nat_src_v6, row.nat_src_v4);
    endpoint(f, ["nat_src_addr", "nat_src_port"], nat_src, row.nat_src_port);
    let nat_dst = (row.nat_dst_v6, row.nat_dst_v4);
    endpoint(f, ["nat_dst_addr", "nat_dst_port"], nat_dst, row.nat_dst_port);
    if let Some(tunnel) = tunnel_addr(row) {
        f.push(("tunnel_addr", Value::Address(tunnel)));
    }
    number(f, "src_vrf", row.src_vrf);
    number(f, "dst_vrf", row.dst_vrf);
    text(f, "src_zone", batch, row.src_zone);
    text(f, "dst_zone", batch, row.dst_zone);
    number(f, "direction", row.direction);
    number(f, "initiator", row.initiator);
    time(f, "start_time", Time::from_columns(row.start_s, row.start_ns));
    time(f, "end_time", Time::from_columns(row.end_s, row.end_ns));
    number(f, "duration_ms", duration_ms(row));
    number(f, "sent_packets", row.sent_packets);
    number(f, "sent_bytes", row.sent_bytes);
    number(f, "received_packets", row.received_packets);
    number(f, "received_bytes", row.received_bytes);
    text(f, "policy", batch, row.policy);
    text(f, "user", batch, row.user);
    text(f, "application", batch, row.application);
    text(f, "close_reason", batch, row.close_reason);
    text(f, "url", batch, row.url);
    extra(f, batch, row.extra.unwrap_or_default());
    fields
}

fn port_block_fields<'a>(batch: &'a Batch, context: &Context, row: &PortBlock) -> Fields<'a> {
    let mut fields = Vec::with_capacity(24);
    let f = &mut fields;
    // The record's own number goes before that of its datagram.
    let sequence = context.sequence.filter(|_| row.sequence.is_none());
    common_fields(f, batch, "port_block", &Context { sequence, ..*context });
    own_time_fields(f, context);
    f.push(("event", Value::Name(row.event.name())));
    address_field(f, "private_addr", row.private_addr);
    address_field(f, "public_addr", row.public_addr);
    number(f, "port_first", row.port_first);
    number(f, "port_last", row.port_last);
    number(f, "protocol", row.protocol);
    number(f, "src_vrf", row.src_vrf);
    number(f, "session_id", row.session_id);
    number(f, "sequence", row.sequence);
    text(f, "scene", batch, Some(row.scene));
    extra(f, batch, row.extra);
    fields
}

fn im_fields<'a>(batch: &'a Batch, context: &Context, row: &Im) -> Fields<'a> {
    let mut fields = Vec::with_capacity(32);
    let f = &mut fields;
    common_fields(f, batch, "im", context);
    own_time_fields(f, context);
    f.push(("event", Value::Name(row.event.name())));
    text(f, "application", batch, Some(row.application));
    text(f, "account", batch, Some(row.account));
    number(f, "protocol", row.protocol);
    address_field(f, "src_addr", row.src_addr);
    number(f, "src_port", row.src_port);
    address_field(f, "dst_addr", row.dst_addr);
    number(f, "dst_port", row.dst_port);
    address_field(f, "nat_src_addr", row.nat_src_addr);
    number(f, "nat_src_port", row.nat_src_port);
    address_field(f, "nat_dst_addr", row.nat_dst_addr);
    number(f, "nat_dst_port", row.nat_dst_port);
    time(f, "start_time", row.start);
    time(f, "end_time", row.end);
    extra(f, batch, row.extra);
    fields
}

fn filter_fields<'a>(batch: &'a Batch, context: &Context, row: &Filter) -> Fields<'a> {
    let mut fields = Vec::with_capacity(32);
    let f = &mut fields;
    common_fields(f, batch, "filter", context);
    own_time_fields(f, context);
    text(f, "filter", batch, Some(row.filter));
    if let Some(action) = row.action {
        f.push(("action", Value::Name(action.name())));
    }
    number(f, "protocol", row.protocol);
    text(f, "protocol_name", batch, Some(row.protocol_name));
    if let Some(mac) = row.mac {
        f.push(("mac", Value::Mac(mac)));
    }
    text(f, "src_interface", batch, Some(row.src_interface));
    address_field(f, "src_addr", row.src_addr);
    number(f, "src_port", row.src_port);
    text(f, "dst_interface", batch, Some(row.dst_interface));
    address_field(f, "dst_addr", row.dst_addr);
    number(f, "dst_port", row.dst_port);
    text(f, "tcp_flags", batch, Some(row.tcp_flags));
    number(f, "icmp_type", row.icmp_type);
    number(f, "icmp_code", row.icmp_code);
    text(f, "icmp_type_name", batch, Some(row.icmp_type_name));
    number(f, "icmp_id", row.icmp_id);
    number(f, "fragment_id", row.fragment_id);
    number(f, "fragment_offset", row.fragment_offset);
    extra(f, batch, row.extra);
    fields
}

fn own_time_fields(fields: &mut Fields<'_>, context: &Context) {
    fields.push(("event_time", Value::Time(context_time(context))));
    fields.push(("time_source", Value::Name(context_time_source(context).name())));
    flags_field(fields, context);
}

fn address_field(fields: &mut Fields<'_>, name: &'static str, address: Option<IpAddr>) {
    if let Some(address) = address.filter(|address| !address.is_unspecified()) {
        fields.push((name, Value::Address(address)));
    }
}

fn extra<'a>(fields: &mut Fields<'a>, batch: &'a Batch, extra: crate::text::Text) {
    if !extra.is_empty() {
        fields.push(("extra", Value::Extra(batch.text(extra))));
    }
}

fn unparsed_fields<'a>(batch: &'a Batch, context: &Context, row: &Unparsed) -> Fields<'a> {
    let mut fields = Vec::with_capacity(12);
    common_fields(&mut fields, batch, "unparsed", context);
    own_time_fields(&mut fields, &Context { event_time: EventTime::Received, ..*context });
    fields.push(("reason", Value::Name(row.reason.name())));
    fields.push(("raw", Value::Raw(batch.text(row.raw))));
    fields
}

/// The address of an end: the IPv6 one where the exporter gave one (NAT64: the inside host has an
/// IPv6 address, whatever stands in the IPv4 field).
pub(crate) fn address(v6: Option<[u8; 16]>, v4: Option<u32>) -> Option<IpAddr> {
    let v6 = v6.map(Ipv6Addr::from).filter(|v6| !v6.is_unspecified()).map(IpAddr::V6);
    let v4 = v4.map(Ipv4Addr::from).filter(|v4| !v4.is_unspecified()).map(IpAddr::V4);
    v6.or(v4)
}

/// The address of an end: the IPv4 one where the exporter gave both, as of the inside of DS-Lite.
pub(crate) fn inner_address(v4: Option<u32>, v6: Option<[u8; 16]>) -> Option<IpAddr> {
    address(None, v4).or(address(v6, None))
}

/// DS-Lite: both an IPv6 and an inner IPv4 source. The IPv6 one is then the B4's, and `src_addr`
/// the inner one.
fn tunnel_addr(row: &SessionRow) -> Option<IpAddr> {
    let inner = address(None, row.src_v4);
    inner.and(address(row.src_v6, None))
}

fn endpoint<'a>(
    fields: &mut Fields<'a>,
    [address_name, port_name]: [&'static str; 2],
    (v6, v4): (Option<[u8; 16]>, Option<u32>),
    port: Option<u16>,
) {
    // Where both families are given for a source, it is DS-Lite (see `tunnel_addr`): the inner
    // address is the end's own. Elsewhere a box that gives both means the translated pair.
    let own = if address_name == "src_addr" { inner_address(v4, v6) } else { address(v6, v4) };
    if let Some(own) = own {
        fields.push((address_name, Value::Address(own)));
    }
    number(fields, port_name, port.filter(|port| *port != 0));
}

fn number<'a>(fields: &mut Fields<'a>, name: &'static str, value: Option<impl Into<u64>>) {
    if let Some(value) = value {
        fields.push((name, Value::Number(value.into())));
    }
}

fn time<'a>(fields: &mut Fields<'a>, name: &'static str, value: Option<Time>) {
    if let Some(value) = value {
        fields.push((name, Value::Time(value)));
    }
}

fn text<'a>(
    fields: &mut Fields<'a>,
    name: &'static str,
    batch: &'a Batch,
    value: Option<crate::text::Text>,
) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        fields.push((name, Value::Text(batch.text(value))));
    }
}
