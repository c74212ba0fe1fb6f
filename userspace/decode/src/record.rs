//! A record as named fields, in the order and with the names that every output uses: the one place
//! where columns become what a person reads.

mod field;
mod view;

pub use field::{Field, FieldKind};
pub use view::{Record, filters, ims, port_blocks, sessions, unparsed};

use crate::{
    batch::Batch,
    context::{Context, EventTime, UnixNanos},
    session::{Event, SessionRow},
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
    let sessions = batch.session.runs().flat_map(move |run| sessions(batch, run));
    let others = port_blocks(batch).chain(ims(batch)).chain(filters(batch)).chain(unparsed(batch));
    sessions.chain(others).map(|record| record.fields())
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
