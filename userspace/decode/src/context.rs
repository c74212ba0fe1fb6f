//! What all records of one datagram or line have in common.

use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// A point in time: nanoseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted.
pub type UnixNanos = i64;

/// The format that a record came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// NetFlow v5.
    NetflowV5,
    /// NetFlow v9 (RFC 3954) without a vendor profile.
    NetflowV9,
    /// IPFIX (RFC 7011) without a vendor profile.
    Ipfix,
    /// NetFlow v9 session log of a Huawei USG.
    HuaweiUsgNetflow,
    /// Huawei USG syslog, Default content.
    HuaweiUsgSyslog,
    /// Huawei USG syslog, `mtn` content.
    HuaweiUsgMtn,
    /// Policy hits of a Huawei USG (`POLICYPERMIT`).
    HuaweiUsgPolicy,
    /// Instant-messenger logs of a Huawei USG.
    HuaweiUsgIm,
    /// CGNAT syslog, China Telecom's bracket form.
    CgnCn,
    /// CGNAT syslog, China Unicom's pipe form.
    CgnUnicom,
    /// CGNAT syslog, France Telecom's form.
    CgnFt,
    /// FireBrick filter log.
    Firebrick,
    /// Binary session log of H3C and HPE (`userlog`).
    H3cUserlog,
    /// Binary session log of Huawei NE routers (eLog V1).
    HuaweiElog,
    /// A binary layout or text format that is declared and not programmed, by its name.
    Declared(&'static str),
    /// Nothing that a decoder knows.
    Unknown,
}

impl Format {
    /// All formats that are programmed. Their places are numbers on disk: append only.
    pub const ALL: &[Format] = &[
        Format::NetflowV5,
        Format::NetflowV9,
        Format::Ipfix,
        Format::HuaweiUsgNetflow,
        Format::HuaweiUsgSyslog,
        Format::HuaweiUsgMtn,
        Format::HuaweiUsgPolicy,
        Format::HuaweiUsgIm,
        Format::CgnCn,
        Format::CgnUnicom,
        Format::CgnFt,
        Format::Firebrick,
        Format::H3cUserlog,
        Format::HuaweiElog,
        Format::Unknown,
    ];

    /// The name in records, files and options.
    pub const fn name(self) -> &'static str {
        match self {
            Format::NetflowV5 => "netflow-v5",
            Format::NetflowV9 => "netflow-v9",
            Format::Ipfix => "ipfix",
            Format::HuaweiUsgNetflow => "huawei-usg-netflow",
            Format::HuaweiUsgSyslog => "huawei-usg-syslog",
            Format::HuaweiUsgMtn => "huawei-usg-mtn",
            Format::HuaweiUsgPolicy => "huawei-usg-policy",
            Format::HuaweiUsgIm => "huawei-usg-im",
            Format::CgnCn => "cgn-cn",
            Format::CgnUnicom => "cgn-unicom",
            Format::CgnFt => "cgn-ft",
            Format::Firebrick => "firebrick",
            Format::H3cUserlog => "h3c-userlog",
            Format::HuaweiElog => "huawei-elog",
            Format::Declared(name) => name,
            Format::Unknown => "unknown",
        }
    }
}

/// Where a record's `event_time` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTime {
    /// From the row of a session: its time of event where it has one, else `start` of a `create`
    /// and `end` of any other event, else the other one of the two.
    Record,
    /// From the record, and the same for all rows of the run.
    Own(UnixNanos),
    /// From the header of the line or datagram.
    Header(UnixNanos),
    /// The device gave no time: the time of arrival.
    Received,
}

impl EventTime {
    /// The value of `time_source`.
    pub const fn name(self) -> &'static str {
        match self {
            EventTime::Record | EventTime::Own(_) => "record",
            EventTime::Header(_) => "header",
            EventTime::Received => "received",
        }
    }
}

/// Things that a reader of a record should know about it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The header's time has no zone; its distance from UTC was learned from other lines of the
    /// exporter that carry the time in UTC as well.
    pub const HEADER_ZONE_LEARNED: Flags = Flags(1 << 4);
    /// A counter may have wrapped at 2³²: its true value is this one plus a multiple of 2³².
    pub const COUNTER_WRAPPED_POSSIBLE: Flags = Flags(1 << 5);
    /// The layout or wording is not documented; the reading is an inference.
    pub const READING_INFERRED: Flags = Flags(1 << 6);

    const NAMES: &[(Flags, &'static str)] = &[
        (Flags::MTN_COUNTERS_SWAPPED, "mtn_counters_swapped"),
        (Flags::HEADER_ZONE_ASSUMED_UTC, "header_zone_assumed_utc"),
        (Flags::EXTRA_TRUNCATED, "extra_truncated"),
        (Flags::TIME_FROM_DURATION, "time_from_duration"),
        (Flags::HEADER_ZONE_LEARNED, "header_zone_learned"),
        (Flags::COUNTER_WRAPPED_POSSIBLE, "counter_wrapped_possible"),
        (Flags::READING_INFERRED, "reading_inferred"),
    ];

    /// The flags as bits.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

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
    /// NetFlow v9 Source ID, IPFIX Observation Domain ID, or chassis, slot and CPU of a binary
    /// log, as sent.
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
