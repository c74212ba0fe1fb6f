//! What was really sent: one [`Truth`] for every record of a datagram.
//!
//! A field is `Some` where the datagram carries it and `None` where it does not, so that a test
//! can compare a decoded record field by field. Addresses and ports of 0 are "none" on the wire
//! and `None` here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Format;
use crate::mtn::duration_seconds;
use crate::names::decoded;
use crate::record::{Block, BlockEvent, EventKind, Record};
use crate::syslog::Envelope;

/// The truth of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are sessions; a box each costs more")]
pub enum Truth {
    /// A session began, ended or was seen.
    Session(Session),
    /// A block of ports was given, taken or kept.
    PortBlock(PortBlock),
    /// A filter matched.
    Filter(Filter),
    /// A user of an instant messenger came or went.
    Im(Im),
}

impl Truth {
    /// The session, where it is one.
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::Session(session) => Some(session),
            _ => None,
        }
    }

    /// The session, where it is one.
    pub fn into_session(self) -> Option<Session> {
        match self {
            Self::Session(session) => Some(session),
            _ => None,
        }
    }

    /// The session, where it is one.
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Self::Session(session) => Some(session),
            _ => None,
        }
    }

    /// Who sent it.
    pub fn exporter(&self) -> IpAddr {
        match self {
            Self::Session(session) => session.exporter,
            Self::PortBlock(PortBlock { source, .. })
            | Self::Filter(Filter { source, .. })
            | Self::Im(Im { source, .. }) => source.exporter,
        }
    }
}

/// Who sent a record that is no session, in what and when: a [`Session`] has these itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The format that it was sent in.
    pub format: Format,
    /// Model time of the event, nanoseconds since the Unix epoch; not sent.
    pub at_ns: u64,
    /// Who sent it.
    pub exporter: IpAddr,
    /// UDP source port of the exporter.
    pub exporter_port: u16,
    /// NetFlow and IPFIX.
    pub observation_domain: Option<u32>,
    /// Host name in the header.
    pub host: Option<String>,
    /// The header's time.
    pub header: Option<HeaderTime>,
}

/// A time in a text header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderTime {
    /// UTC epoch milliseconds, whole seconds where the header has no more.
    pub unix_ms: u64,
    /// Whether the header says that it is UTC.
    pub has_zone: bool,
}

/// The truth of one event of a block of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortBlock {
    /// Who sent it.
    pub source: Source,
    /// What happened.
    pub event: BlockEvent,
    /// UTC epoch milliseconds, where the record itself says when it happened.
    pub event_ms: Option<u64>,
    /// The subscriber: IPv6 in DS-Lite.
    pub private_addr: IpAddr,
    /// The address that the ports are of.
    pub public_addr: IpAddr,
    /// First port.
    pub port_first: u16,
    /// Last port, included.
    pub port_last: u16,
    /// Where the record is of one protocol.
    pub protocol: Option<u8>,
    /// VRF of the subscriber.
    pub src_vrf: Option<u32>,
    /// The device's number of the binding.
    pub session_id: Option<u64>,
    /// The device's number of the record.
    pub sequence: Option<u64>,
    /// The kind of translation, as printed.
    pub scene: Option<String>,
    /// What else it carries: the format's own name of it, and the value as text.
    pub extra: Vec<(&'static str, String)>,
}

/// What a filter did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Dropped without a word.
    Drop,
    /// Let pass.
    Allow,
    /// Refused.
    Reject,
    /// Sent back.
    Bounce,
}

/// The truth of one filter log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Who sent it.
    pub source: Source,
    /// The filter's name.
    pub filter: String,
    /// What it did.
    pub action: Action,
    /// IANA protocol number.
    pub protocol: u8,
    /// Its name, as printed.
    pub protocol_name: String,
    /// Source MAC address, where it is known.
    pub mac: Option<[u8; 6]>,
    /// Interface of the source.
    pub src_interface: String,
    /// Source address.
    pub src_addr: IpAddr,
    /// TCP and UDP.
    pub src_port: Option<u16>,
    /// Interface of the target.
    pub dst_interface: String,
    /// Target address.
    pub dst_addr: IpAddr,
    /// TCP and UDP.
    pub dst_port: Option<u16>,
    /// TCP, where any is set.
    pub tcp_flags: Option<String>,
    /// ICMP type, code and the type's name.
    pub icmp: Option<(u8, u8, String)>,
    /// ICMP identifier.
    pub icmp_id: Option<u16>,
    /// Fragments: the IP packet's identification, and the offset as printed.
    pub fragment: Option<(u16, u32)>,
}

/// The truth of one log of an instant messenger's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Im {
    /// Who sent it.
    pub source: Source,
    /// Whether the user came (else went).
    pub online: bool,
    /// The messenger.
    pub application: String,
    /// The account as printed.
    pub account: String,
    /// IANA protocol number.
    pub protocol: u8,
    /// The user's address.
    pub src_addr: Option<IpAddr>,
    /// The user's port.
    pub src_port: Option<u16>,
    /// The server's address.
    pub dst_addr: Option<IpAddr>,
    /// The server's port.
    pub dst_port: Option<u16>,
    /// The user's public address.
    pub nat_src_addr: Option<IpAddr>,
    /// The user's public port.
    pub nat_src_port: Option<u16>,
    /// UTC epoch seconds.
    pub start: u32,
    /// UTC epoch seconds, of a user who went.
    pub end: Option<u32>,
    /// What else it carries: the format's own name of it, and the value as text.
    pub extra: Vec<(&'static str, String)>,
}

/// The truth of one session event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The format that it was sent in.
    pub format: Format,
    /// The session's number in the model; not sent. The create and the end event share it.
    pub number: u64,
    /// Model time of the event, nanoseconds since the Unix epoch; not sent.
    pub at_ns: u64,
    /// Who sent it.
    pub exporter: IpAddr,
    /// UDP source port of the exporter.
    pub exporter_port: u16,
    /// NetFlow: the whole Source ID.
    pub observation_domain: Option<u32>,
    /// Creation or end.
    pub event: EventKind,
    /// IANA protocol number. Most text formats carry the name; unicom's 7 fields have none.
    pub protocol: Option<u8>,
    /// The initiator's side, before translation. IPv6 in NAT64.
    pub src_addr: Option<IpAddr>,
    /// For ICMP the query identifier.
    pub src_port: Option<u16>,
    /// Before translation. IPv6 in NAT64.
    pub dst_addr: Option<IpAddr>,
    /// For ICMP type × 256 + code.
    pub dst_port: Option<u16>,
    /// After translation.
    pub nat_src_addr: Option<IpAddr>,
    /// After translation.
    pub nat_src_port: Option<u16>,
    /// After translation.
    pub nat_dst_addr: Option<IpAddr>,
    /// After translation.
    pub nat_dst_port: Option<u16>,
    /// DS-Lite: the B4's address.
    pub tunnel_addr: Option<IpAddr>,
    /// Carried by NetFlow and *Default* syslog, 0 included.
    pub src_vrf: Option<u32>,
    /// Carried by NetFlow and *Default* syslog, 0 included.
    pub dst_vrf: Option<u32>,
    /// NetFlow: 0 Internet to private, 1 private to Internet.
    pub direction: Option<u8>,
    /// NetFlow: 1 private network, 2 Internet.
    pub initiator: Option<u8>,
    /// UTC epoch seconds. Not in `mtn`.
    pub start: Option<u32>,
    /// UTC epoch seconds, in end events. Not in `mtn`.
    pub end: Option<u32>,
    /// UTC epoch milliseconds, where the format has them; `start` is `None` then.
    pub start_ms: Option<u64>,
    /// As `start_ms`.
    pub end_ms: Option<u64>,
    /// When the event happened, UTC epoch milliseconds, where the record itself says so apart
    /// from begin and end.
    pub event_ms: Option<u64>,
    /// `mtn` end events.
    pub duration_seconds: Option<u32>,
    /// How long it lasted, where the format says so in milliseconds.
    pub duration_ms: Option<u64>,
    /// In NetFlow always, 0 on creation, modulo 2³²; in text in end events.
    pub sent_packets: Option<u64>,
    /// As `sent_packets`.
    pub sent_bytes: Option<u64>,
    /// As `sent_packets`.
    pub received_packets: Option<u64>,
    /// As `sent_packets`.
    pub received_bytes: Option<u64>,
    /// Text formats.
    pub src_zone: Option<String>,
    /// Text formats.
    pub dst_zone: Option<String>,
    /// *Default* syslog.
    pub policy: Option<String>,
    /// *Default* syslog.
    pub user: Option<String>,
    /// *Default* syslog.
    pub application: Option<String>,
    /// *Default* syslog, end events.
    pub close_reason: Option<String>,
    /// Host name in the syslog header.
    pub host: Option<String>,
    /// The header's time, UTC epoch seconds.
    pub header_time: Option<u32>,
    /// What a text header's time was printed in, seconds east of UTC. The line does not say it.
    pub header_utc_offset_seconds: Option<i32>,
    /// The header's time in formats other than Huawei USG's, which have the two fields above.
    pub header: Option<HeaderTime>,
    /// What else it carries: the format's own name of it, and the value as text.
    pub extra: Vec<(&'static str, String)>,
}

/// What all records of a datagram share.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub(crate) exporter: IpAddr,
    pub(crate) exporter_port: u16,
    pub(crate) observation_domain: Option<u32>,
}

impl Origin {
    /// The source of a record that is no session.
    pub(crate) fn source(
        &self,
        format: Format,
        moment: Moment,
        host: Option<&[u8]>,
        header: Option<HeaderTime>,
    ) -> Source {
        Source {
            format,
            at_ns: moment.at_ns,
            exporter: self.exporter,
            exporter_port: self.exporter_port,
            observation_domain: self.observation_domain,
            host: host.map(decoded),
            header,
        }
    }
}

impl PortBlock {
    /// What every format carries of `block`.
    pub(crate) fn bare(source: Source, block: &Block) -> Self {
        let private = v6(block.private_v6).or(v4(block.private_v4));
        Self {
            source,
            event: block.event,
            event_ms: None,
            private_addr: private.expect("a block has a subscriber"),
            public_addr: Ipv4Addr::from(block.public_v4).into(),
            port_first: block.port_first,
            port_last: block.port_last,
            protocol: None,
            src_vrf: None,
            session_id: None,
            sequence: None,
            scene: None,
            extra: Vec::new(),
        }
    }
}

/// When and as which session the model made a record.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub(crate) number: u64,
    pub(crate) at_ns: u64,
}

impl Session {
    /// What NetFlow carries of `record`. The header's time is known when the packet is finished.
    pub(crate) fn from_netflow(origin: Origin, moment: Moment, record: &Record<'_>) -> Self {
        let wrapped = |counter: u64| Some(counter & u64::from(u32::MAX));
        Self {
            src_vrf: Some(record.src_vrf),
            dst_vrf: Some(record.dst_vrf),
            direction: Some(record.direction),
            initiator: Some(record.initiator),
            start: Some(record.start),
            end: (record.end != 0).then_some(record.end),
            sent_packets: wrapped(record.sent_packets),
            sent_bytes: wrapped(record.sent_bytes),
            received_packets: wrapped(record.received_packets),
            received_bytes: wrapped(record.received_bytes),
            ..Self::bare(Format::UsgNetflow, origin, moment, record)
        }
    }

    /// What a line with *Default* content carries of `record`.
    pub(crate) fn from_default(
        origin: Origin,
        moment: Moment,
        envelope: &Envelope<'_>,
        header_time: u32,
        record: &Record<'_>,
    ) -> Self {
        let details = &record.details;
        Self {
            src_vrf: Some(record.src_vrf),
            dst_vrf: Some(record.dst_vrf),
            start: Some(record.start),
            end: (record.event == EventKind::End).then_some(record.end),
            policy: details.policy.map(decoded),
            user: details.user.map(decoded),
            application: details.application.map(decoded),
            close_reason: details.close_reason.map(decoded),
            ..Self::text(Format::UsgSyslogDefault, origin, moment, envelope, header_time, record)
        }
    }

    /// What a line with `mtn` content carries of `record`.
    pub(crate) fn from_mtn(
        origin: Origin,
        moment: Moment,
        envelope: &Envelope<'_>,
        header_time: u32,
        record: &Record<'_>,
    ) -> Self {
        let ended = record.event == EventKind::End;
        Self {
            duration_seconds: ended.then(|| duration_seconds(record)),
            ..Self::text(Format::UsgMtn, origin, moment, envelope, header_time, record)
        }
    }

    /// What both contents of the Huawei USG carry.
    fn text(
        format: Format,
        origin: Origin,
        moment: Moment,
        envelope: &Envelope<'_>,
        header_time: u32,
        record: &Record<'_>,
    ) -> Self {
        let ended = record.event == EventKind::End;
        let header = envelope.header;
        Self {
            sent_packets: ended.then_some(record.sent_packets),
            sent_bytes: ended.then_some(record.sent_bytes),
            received_packets: ended.then_some(record.received_packets),
            received_bytes: ended.then_some(record.received_bytes),
            src_zone: record.details.src_zone.map(decoded),
            dst_zone: record.details.dst_zone.map(decoded),
            host: header.has_host().then(|| decoded(envelope.host)),
            header_time: header.utc_offset_seconds().map(|_| header_time),
            header_utc_offset_seconds: header.utc_offset_seconds(),
            ..Self::bare(format, origin, moment, record)
        }
    }

    /// What every format carries.
    pub(crate) fn bare(
        format: Format,
        origin: Origin,
        moment: Moment,
        record: &Record<'_>,
    ) -> Self {
        // DS-Lite has an IPv4 source inside an IPv6 tunnel; NAT64 has an IPv6 source alone.
        let tunnelled = record.src_v4 != 0 && record.src_v6 != 0;
        let (src_addr, tunnel_addr) = if tunnelled {
            (v4(record.src_v4), v6(record.src_v6))
        } else {
            (v6(record.src_v6).or(v4(record.src_v4)), None)
        };
        Self {
            format,
            number: moment.number,
            at_ns: moment.at_ns,
            exporter: origin.exporter,
            exporter_port: origin.exporter_port,
            observation_domain: origin.observation_domain,
            event: record.event,
            protocol: Some(record.protocol),
            src_addr,
            src_port: port(record.src_port),
            dst_addr: v6(record.dst_v6).or(v4(record.dst_v4)),
            dst_port: port(record.dst_port),
            nat_src_addr: v4(record.nat_src_v4),
            nat_src_port: port(record.nat_src_port),
            nat_dst_addr: v4(record.nat_dst_v4),
            nat_dst_port: port(record.nat_dst_port),
            tunnel_addr,
            src_vrf: None,
            dst_vrf: None,
            direction: None,
            initiator: None,
            start: None,
            end: None,
            start_ms: None,
            end_ms: None,
            event_ms: None,
            duration_seconds: None,
            duration_ms: None,
            sent_packets: None,
            sent_bytes: None,
            received_packets: None,
            received_bytes: None,
            src_zone: None,
            dst_zone: None,
            policy: None,
            user: None,
            application: None,
            close_reason: None,
            host: None,
            header_time: None,
            header_utc_offset_seconds: None,
            header: None,
            extra: Vec::new(),
        }
    }
}

pub(crate) fn v4(address: u32) -> Option<IpAddr> {
    (address != 0).then(|| Ipv4Addr::from(address).into())
}

pub(crate) fn v6(address: u128) -> Option<IpAddr> {
    (address != 0).then(|| Ipv6Addr::from(address).into())
}

pub(crate) fn port(port: u16) -> Option<u16> {
    (port != 0).then_some(port)
}
