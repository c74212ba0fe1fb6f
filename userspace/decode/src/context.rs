//! What all records of one datagram or line have in common.

use crate::text::Text;
use std::{fmt, net::IpAddr};

/// A point in time: nanoseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted.
pub type UnixNanos = i64;

/// The format that a record came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// NetFlow v9 (RFC 3954) without a vendor profile.
    NetflowV9,
    /// NetFlow v9 session log of a Huawei USG.
    HuaweiUsgNetflow,
    /// Huawei USG syslog, Default content.
    HuaweiUsgSyslog,
    /// Huawei USG syslog, `mtn` content.
    HuaweiUsgMtn,
    /// Nothing that a decoder knows.
    Unknown,
}

impl Format {
    /// All formats.
    pub const ALL: &[Format] = &[
        Format::NetflowV9,
        Format::HuaweiUsgNetflow,
        Format::HuaweiUsgSyslog,
        Format::HuaweiUsgMtn,
        Format::Unknown,
    ];

    /// The name in records, files and options.
    pub const fn name(self) -> &'static str {
        match self {
            Format::NetflowV9 => "netflow-v9",
            Format::HuaweiUsgNetflow => "huawei-usg-netflow",
            Format::HuaweiUsgSyslog => "huawei-usg-syslog",
            Format::HuaweiUsgMtn => "huawei-usg-mtn",
            Format::Unknown => "unknown",
        }
    }
}

/// Where a record's `event_time` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTime {
    /// From the row: `start` of a `create`, `end` of any other event; the other one where it has
    /// none.
    Record,
    /// From the header of the line or datagram.
    Header(UnixNanos),
    /// The device gave no time: the time of arrival.
    Received,
}

impl EventTime {
    /// The value of `time_source`.
    pub const fn name(self) -> &'static str {
        match self {
            EventTime::Record => "record",
            EventTime::Header(_) => "header",
            EventTime::Received => "received",
        }
    }
}

/// Things that a reader of a record should know about it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// Bytes and packets of an `mtn` line were exchanged in both directions, because as printed
    /// no packet would have been large enough for an IP header.
    pub const MTN_COUNTERS_SWAPPED: Flags = Flags(1 << 0);
    /// The header's time has no zone and was read as UTC.
    pub const HEADER_ZONE_ASSUMED_UTC: Flags = Flags(1 << 1);
    /// Some `extra` values did not fit into the batch.
    pub const EXTRA_TRUNCATED: Flags = Flags(1 << 2);
    /// The begin or end of the session was computed from the other end and a duration.
    pub const TIME_FROM_DURATION: Flags = Flags(1 << 3);

    const NAMES: &[(Flags, &'static str)] = &[
        (Flags::MTN_COUNTERS_SWAPPED, "mtn_counters_swapped"),
        (Flags::HEADER_ZONE_ASSUMED_UTC, "header_zone_assumed_utc"),
        (Flags::EXTRA_TRUNCATED, "extra_truncated"),
        (Flags::TIME_FROM_DURATION, "time_from_duration"),
    ];

    /// Both sets of flags.
    #[must_use]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether all of `other` are set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// What all rows of a run share.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The exporter's address.
    pub exporter: IpAddr,
    /// The exporter's UDP source port; 0 where it is not known.
    pub exporter_port: u16,
    /// The format that the rows came in.
    pub format: Format,
    /// NetFlow v9 Source ID or IPFIX Observation Domain ID, as sent.
    pub observation_domain: Option<u32>,
    /// The datagram's sequence number, as sent.
    pub sequence: Option<u32>,
    /// Host name in the header; empty where there is none.
    pub host: Text,
    /// When the datagram arrived.
    pub received_at: UnixNanos,
    /// Where `event_time` comes from.
    pub event_time: EventTime,
    /// What to know about the rows.
    pub flags: Flags,
}
