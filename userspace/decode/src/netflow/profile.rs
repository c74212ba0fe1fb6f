//! What an information element means: which column it fills and how its bytes are read. Vendors
//! disagree; each disagreement is a profile.

use super::{huawei_usg, template::TemplateRecord};
use crate::{
    context::Format,
    session::{Column, Event},
};

/// How an element's bytes become a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// An unsigned number, address or code: 1 to 8 bytes in network order, or 16 for IPv6.
    Value(Column),
    /// natEvent (element 230), as an [`Event`].
    NatEvent,
    /// Seconds since 1970 UTC into a column of seconds.
    Seconds(Column),
    /// Milliseconds since 1970 UTC into columns of seconds and nanoseconds.
    Milliseconds(Column, Column),
    /// Milliseconds of the exporter's uptime (RFC 3954 §8, types 21 and 22) into columns of
    /// seconds and nanoseconds.
    UptimeMilliseconds(Column, Column),
    /// No column: kept in `extra`.
    Extra,
}

/// A vendor's reading of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As in the IANA registry of information elements.
    Iana,
    /// Huawei USG session logs; see [`huawei_usg`].
    HuaweiUsg,
}

impl Profile {
    /// The profile of a template whose exporter has none configured.
    pub fn recognise(template: &TemplateRecord<'_>, observation_domain: u32) -> Profile {
        if huawei_usg::is_session_log(template, observation_domain) {
            Profile::HuaweiUsg
        } else {
            Profile::Iana
        }
    }

    /// What records of this profile are called.
    pub const fn format(self) -> Format {
        match self {
            Profile::Iana => Format::NetflowV9,
            Profile::HuaweiUsg => Format::HuaweiUsgNetflow,
        }
    }

    /// The meaning of an element.
    pub fn meaning(self, element: u16) -> Meaning {
        match self {
            Profile::Iana => iana(element),
            Profile::HuaweiUsg => huawei_usg::meaning(element).unwrap_or_else(|| iana(element)),
        }
    }

    /// The event of a natEvent code.
    ///
    /// The Huawei USG document knows 1 and 2; RFC 8158 §4.3 has 4 to 11 for sessions and bindings
    /// of NAT44 and NAT64, the drafts before it used 1 and 2 as Huawei does.
    pub const fn nat_event(self, code: u8) -> u8 {
        match (self, code) {
            (_, 1) | (Profile::Iana, 4 | 6 | 8 | 10) => Event::Create as u8,
            (_, 2) | (Profile::Iana, 5 | 7 | 9 | 11) => Event::End as u8,
            _ => 0,
        }
    }
}

/// IANA's IPFIX registry, the elements that a session has. Of the counters, 1 and 2 are those of
/// the flow from its source; 23 and 24, where a record has both, those of the way back.
fn iana(element: u16) -> Meaning {
    use Column::*;
    match element {
        1 => Meaning::Value(SentBytes),
        2 => Meaning::Value(SentPackets),
        4 => Meaning::Value(Protocol),
        7 => Meaning::Value(SrcPort),
        8 => Meaning::Value(SrcV4),
        11 => Meaning::Value(DstPort),
        12 => Meaning::Value(DstV4),
        21 => Meaning::UptimeMilliseconds(EndS, EndNs),
        22 => Meaning::UptimeMilliseconds(StartS, StartNs),
        23 => Meaning::Value(ReceivedBytes),
        24 => Meaning::Value(ReceivedPackets),
        27 => Meaning::Value(SrcV6),
        28 => Meaning::Value(DstV6),
        61 => Meaning::Value(Direction),
        150 => Meaning::Seconds(StartS),
        151 => Meaning::Seconds(EndS),
        152 => Meaning::Milliseconds(StartS, StartNs),
        153 => Meaning::Milliseconds(EndS, EndNs),
        225 => Meaning::Value(NatSrcV4),
        226 => Meaning::Value(NatDstV4),
        227 => Meaning::Value(NatSrcPort),
        228 => Meaning::Value(NatDstPort),
        229 => Meaning::Value(Initiator),
        230 => Meaning::NatEvent,
        234 => Meaning::Value(SrcVrf),
        235 => Meaning::Value(DstVrf),
        281 => Meaning::Value(NatSrcV6),
        282 => Meaning::Value(NatDstV6),
        _ => Meaning::Extra,
    }
}
