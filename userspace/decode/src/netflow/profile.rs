//! What an information element means: which column it fills and how its bytes are read. Vendors
//! disagree; each disagreement is a profile, in a file of its own.

use super::{Version, cisco_nsel, huawei_ne, huawei_usg, nokia, template::TemplateRecord};
use crate::{
    context::{Flags, Format},
    session::{Column, Event},
};
use serde::{Deserialize, Serialize};

/// How an element's bytes become a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// An unsigned number, address or code: 1 to 8 bytes in network order, or 16 for IPv6.
    Value(Column),
    /// Text; zero bytes at its end are filling.
    Text(Column),
    /// natEvent (element 230), as an [`Event`].
    NatEvent,
    /// firewallEvent (element 233), as an [`Event`].
    FirewallEvent,
    /// Seconds since 1970 UTC into a column of seconds.
    Seconds(Column),
    /// A time into columns of seconds and nanoseconds.
    Time(Unit, Column, Column),
    /// Milliseconds of the exporter's uptime (RFC 3954 §8, types 21 and 22) into columns of
    /// seconds and nanoseconds.
    UptimeMilliseconds(Column, Column),
    /// A duration in microseconds into a column of milliseconds.
    Microseconds(Column),
    /// A subscriber as Nokia writes it; see [`nokia`].
    Subscriber,
    /// Filling between fields: nothing that could be kept.
    Padding,
    /// No column: kept in `extra`.
    Extra,
}

impl Meaning {
    /// Whether it is the begin or the end of a session.
    pub const fn is_bound(self) -> bool {
        match self {
            Meaning::Seconds(column)
            | Meaning::Time(_, column, _)
            | Meaning::UptimeMilliseconds(column, _) => {
                matches!(column, Column::StartS | Column::EndS)
            }
            _ => false,
        }
    }
}

/// In what a time is given; each takes 8 bytes but the last, which takes 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds since 1970 UTC.
    Milliseconds,
    /// NTP: seconds since 1900 and their 2³²th parts, the lowest 11 bits of which say nothing
    /// (RFC 7011 §6.1.9).
    NtpMicroseconds,
    /// NTP: seconds since 1900 and their 2³²th parts (RFC 7011 §6.1.10).
    NtpNanoseconds,
    /// Microseconds before the export time of the header.
    MicrosecondsBeforeExport,
}

impl Unit {
    /// Bytes that a time takes.
    pub const fn bytes(self) -> u16 {
        match self {
            Unit::Milliseconds | Unit::NtpMicroseconds | Unit::NtpNanoseconds => 8,
            Unit::MicrosecondsBeforeExport => 4,
        }
    }
}

/// A vendor's reading of the elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// As in the IANA registry of information elements.
    #[default]
    Iana,
    /// Huawei USG session logs; see [`huawei_usg`].
    HuaweiUsg,
    /// Huawei NE flow NetStream logs; see [`huawei_ne`].
    HuaweiNe,
    /// Nokia SR OS NAT flow logs; see [`nokia`].
    Nokia,
    /// Cisco ASA event logs; see [`cisco_nsel`].
    CiscoNsel,
}

impl Profile {
    /// The profile of a template whose exporter has none configured.
    pub fn recognise(template: &TemplateRecord<'_>, observation_domain: u32) -> Profile {
        if template.options {
            Profile::Iana
        } else if huawei_usg::is_session_log(template, observation_domain) {
            Profile::HuaweiUsg
        } else if huawei_ne::is_flow_log(template) {
            Profile::HuaweiNe
        } else if nokia::is_flow_log(template) {
            Profile::Nokia
        } else if cisco_nsel::is_event_log(template) {
            Profile::CiscoNsel
        } else {
            Profile::Iana
        }
    }

    /// What records of this profile are called.
    pub const fn format(self, version: Version) -> Format {
        match self {
            Profile::HuaweiUsg => Format::HuaweiUsgNetflow,
            _ => version.format(),
        }
    }

    /// What to know about its records.
    pub const fn flags(self) -> Flags {
        match self {
            Profile::HuaweiNe => Flags::READING_INFERRED,
            _ => Flags::NONE,
        }
    }

    /// The event of all records of a template that has no element for it.
    pub fn constant_event(self, template: &TemplateRecord<'_>) -> Event {
        match self {
            Profile::HuaweiNe => huawei_ne::event(template),
            Profile::Nokia => nokia::event(template),
            _ => Event::Flow,
        }
    }

    /// The meaning of an element.
    pub fn meaning(self, enterprise: u32, element: u16) -> Meaning {
        let own = match self {
            Profile::Iana => None,
            Profile::HuaweiUsg => huawei_usg::meaning(element),
            Profile::HuaweiNe => huawei_ne::meaning(element),
            Profile::Nokia => nokia::meaning(enterprise, element),
            Profile::CiscoNsel => cisco_nsel::meaning(element),
        };
        own.unwrap_or_else(|| match enterprise {
            0 => iana(element),
            REVERSE => reverse(element),
            _ => Meaning::Extra,
        })
    }
}

/// The enterprise number that marks an element as one of the way back (RFC 5103 §6.1).
const REVERSE: u32 = 29_305;

/// IANA's elements, of the way back.
fn reverse(element: u16) -> Meaning {
    match element {
        1 | 85 => Meaning::Value(Column::ReceivedBytes),
        2 | 86 => Meaning::Value(Column::ReceivedPackets),
        _ => Meaning::Extra,
    }
}

/// IANA's IPFIX registry, the elements that a session has. Of the counters, 1 and 2 are those of
/// the flow from its source. The registry has 23 and 24 count the same packets behind the box;
/// exporters of sessions put the way back there (Fortinet, F5), and so they are read.
fn iana(element: u16) -> Meaning {
    use Column::*;
    match element {
        1 | 85 | 231 => Meaning::Value(SentBytes),
        2 | 86 | 298 => Meaning::Value(SentPackets),
        4 => Meaning::Value(Protocol),
        7 => Meaning::Value(SrcPort),
        8 => Meaning::Value(SrcV4),
        11 => Meaning::Value(DstPort),
        12 => Meaning::Value(DstV4),
        23 | 232 => Meaning::Value(ReceivedBytes),
        24 | 299 => Meaning::Value(ReceivedPackets),
        27 => Meaning::Value(SrcV6),
        28 => Meaning::Value(DstV6),
        61 => Meaning::Value(Direction),
        96 => Meaning::Text(Application),
        161 => Meaning::Value(DurationMs),
        162 => Meaning::Microseconds(DurationMs),
        210 => Meaning::Padding,
        225 => Meaning::Value(NatSrcV4),
        226 => Meaning::Value(NatDstV4),
        227 => Meaning::Value(NatSrcPort),
        228 => Meaning::Value(NatDstPort),
        229 => Meaning::Value(Initiator),
        230 => Meaning::NatEvent,
        233 => Meaning::FirewallEvent,
        234 => Meaning::Value(SrcVrf),
        235 => Meaning::Value(DstVrf),
        281 => Meaning::Value(NatSrcV6),
        282 => Meaning::Value(NatDstV6),
        371 => Meaning::Text(User),
        _ => iana_time(element),
    }
}

fn iana_time(element: u16) -> Meaning {
    use Column::*;
    match element {
        21 => Meaning::UptimeMilliseconds(EndS, EndNs),
        22 => Meaning::UptimeMilliseconds(StartS, StartNs),
        150 => Meaning::Seconds(StartS),
        151 => Meaning::Seconds(EndS),
        152 => Meaning::Time(Unit::Milliseconds, StartS, StartNs),
        153 => Meaning::Time(Unit::Milliseconds, EndS, EndNs),
        154 => Meaning::Time(Unit::NtpMicroseconds, StartS, StartNs),
        155 => Meaning::Time(Unit::NtpMicroseconds, EndS, EndNs),
        156 => Meaning::Time(Unit::NtpNanoseconds, StartS, StartNs),
        157 => Meaning::Time(Unit::NtpNanoseconds, EndS, EndNs),
        158 => Meaning::Time(Unit::MicrosecondsBeforeExport, StartS, StartNs),
        159 => Meaning::Time(Unit::MicrosecondsBeforeExport, EndS, EndNs),
        322 => Meaning::Seconds(EventS),
        323 => Meaning::Time(Unit::Milliseconds, EventS, EventNs),
        324 => Meaning::Time(Unit::NtpMicroseconds, EventS, EventNs),
        325 => Meaning::Time(Unit::NtpNanoseconds, EventS, EventNs),
        _ => Meaning::Extra,
    }
}
