//! USG session log, *Default* content: `key=value` pairs (*Meanings of Log Fields*).
//!
//! ```text
//! IPVer=4,Protocol=udp,SourceIP=…,DestinationIP=…,SourcePort=…,DestinationPort=…,
//! [SourceNatIP=…,SourceNatPort=…,][DestinationNatIP=…,DestinationNatPort=…,]
//! BeginTime=…,[EndTime=…,SendPkts=…,SendBytes=…,RcvPkts=…,RcvBytes=…,]
//! SourceVpnID=…,DestinationVpnID=…,[SourceZone=…,…].
//! ```
//! Values end as [`pairs`](super::pairs) says. A key that is not known is kept in `extra`.
//!
//! What DS-Lite and NAT64 logs look like is not public. Addresses of either family are taken in any
//! place, and a key that by its name is the address of a tunnel (`TUNNEL_KEYS`, guesses) is one;
//! such a record is marked as inferred.

mod expected;

pub use expected::decode as decode_expected;

use super::{
    Message, context,
    header::Header,
    im,
    pairs::{Keys, Pairs},
    scan,
    time::HeaderTime,
    zone::Zones,
};
use crate::{
    batch::Batch,
    context::{EventTime, Flags, Format},
    extra::{Encoded, KEY_MAX, Value},
    reason::Reason,
    session::{Event, SessionRow},
    settings::ImPolicy,
    text::{Text, TextArena},
};
use std::net::IpAddr;

/// Decodes one message's content into one session record.
pub fn decode(
    header: &Header<'_>,
    event: Event,
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let mut row = SessionRow { event: Some(event as u8), ..SessionRow::default() };
    let (mut unknown_keys, mut has_protocol) = (false, false);
    let (mut page, mut host, mut tunnel) = (None, None, None);
    for (key, value) in Pairs::new(header.content, &KEYS) {
        if key.len() > KEY_MAX {
            return Err(Reason::SessionValue);
        }
        has_protocol |= key == b"Protocol";
        match key {
            b"Page" => page = Some(value),
            b"Host" => host = Some(value),
            // Not behind names, which may be chosen to look like a key.
            _ if tunnel.is_none() && row.policy.or(row.user).is_none() && is_tunnel(key, value) => {
                tunnel = Some((key, value));
                unknown_keys = true;
            }
            _ => unknown_keys |= set(&mut row, key, value, &mut batch.text)? == Set::UnknownKey,
        }
    }
    if page.or(host).is_some() {
        row.url = batch.text.push_parts(&[host.unwrap_or_default(), page.unwrap_or_default()]);
    }
    let tunnel = tunnel.filter(|_| row.src_v4.is_some() && row.src_v6.is_none());
    if let Some((_, value)) = tunnel {
        set_address(value, &mut None, &mut row.src_v6)?;
    }
    if unknown_keys {
        let im = &message.settings.im;
        row.extra = Some(unknown_pairs(header.content, tunnel, im, &mut batch.text));
    }
    let has_source = row.src_v4.is_some() || row.src_v6.is_some();
    if !has_source || !has_protocol {
        return Err(Reason::SessionKeyMissing);
    }
    let mut context = context(Format::HuaweiUsgSyslog, header.host, message, batch);
    if tunnel.is_some() {
        context.flags = Flags::READING_INFERRED;
    }
    let times = [row.start_s, row.end_s];
    let (event_time, flags) = event_time(header.time, event, times, message, zones);
    context.event_time = event_time;
    context.flags = context.flags.with(flags);
    batch.session.push(&context, &row);
    Ok(())
}

/// When an event was, from the header's time and the session's begin and end; the zone of the
/// header's time is learned on the way.
#[inline(always)]
fn event_time(
    header_time: Option<HeaderTime>,
    event: Event,
    begin_and_end_s: [Option<u32>; 2],
    message: &Message<'_>,
    zones: &mut Zones,
) -> (EventTime, Flags) {
    let exporter = message.datagram.exporter;
    let [start_s, end_s] = begin_and_end_s;
    let (start_s, end_s) = (start_s.filter(|time| *time != 0), end_s.filter(|time| *time != 0));
    // Only a session that ended or was just built tells when its log was made.
    let made_s = if event == Event::Create { end_s.or(start_s) } else { end_s };
    match (header_time, made_s) {
        (Some(time), None) if start_s.is_none() || event == Event::Update => {
            let (unix_nanos, flags) = zones.resolve(time, exporter, message.exporter);
            (EventTime::Header(unix_nanos), flags)
        }
        (Some(time), Some(made_s)) => {
            zones.learn(time, made_s, exporter);
            (EventTime::Record, Flags::NONE)
        }
        _ => (EventTime::Record, Flags::NONE),
    }
}

/// The keys of session logs.
pub(super) static KEYS: Keys = Keys { known: KNOWN, before_names: 18, is_other };

/// What the address of a DS-Lite tunnel may be called.
const TUNNEL_KEYS: &[&[u8]] = &[
    b"TunnelIP",
    b"SourceTunnelIP",
    b"TunnelSourceIP",
    b"DSLiteIP",
    b"DsliteIP",
    b"B4IP",
    b"SourceIPv6",
];

/// A word in camel case.
fn is_other(word: &[u8]) -> bool {
    word.len() > 1
        && word.first().is_some_and(u8::is_ascii_uppercase)
        && word.iter().all(u8::is_ascii_alphanumeric)
}

const KNOWN: &[&[u8]] = &[
    b"IPVer",
    b"Protocol",
    b"SourceIP",
    b"DestinationIP",
    b"SourcePort",
    b"DestinationPort",
    b"SourceNatIP",
    b"SourceNatPort",
    b"DestinationNatIP",
    b"DestinationNatPort",
    b"BeginTime",
    b"EndTime",
    b"SendPkts",
    b"SendBytes",
    b"RcvPkts",
    b"RcvBytes",
    b"SourceVpnID",
    b"DestinationVpnID",
    b"SourceZone",
    b"DestinationZone",
    b"PolicyName",
    b"UserName",
    b"CloseReason",
    b"ApplicationName",
    b"Page",
    b"Host",
];
const _: () = assert!(KNOWN.len() <= u32::BITS as usize);

/// What became of a pair.
#[derive(PartialEq, Eq)]
enum Set {
    Column,
    UnknownKey,
}

/// Puts one value where its key says.
fn set(
    row: &mut SessionRow,
    key: &[u8],
    value: &[u8],
    arena: &mut TextArena,
) -> Result<Set, Reason> {
    match key {
        // Told by the addresses themselves.
        b"IPVer" => {}
        b"Protocol" => match scan::protocol(value) {
            Some(protocol) => row.protocol = Some(protocol),
            None => return Ok(Set::UnknownKey),
        },
        b"SourceIP" => set_address(value, &mut row.src_v4, &mut row.src_v6)?,
        b"DestinationIP" => set_address(value, &mut row.dst_v4, &mut row.dst_v6)?,
        b"SourceNatIP" => set_address(value, &mut row.nat_src_v4, &mut row.nat_src_v6)?,
        b"DestinationNatIP" => set_address(value, &mut row.nat_dst_v4, &mut row.nat_dst_v6)?,
        b"SourcePort" => row.src_port = Some(number(value)?),
        b"DestinationPort" => row.dst_port = Some(number(value)?),
        b"SourceNatPort" => row.nat_src_port = Some(number(value)?),
        b"DestinationNatPort" => row.nat_dst_port = Some(number(value)?),
        b"BeginTime" => row.start_s = Some(number(value)?),
        b"EndTime" => row.end_s = Some(number(value)?),
        b"SendPkts" => row.sent_packets = Some(number(value)?),
        b"SendBytes" => row.sent_bytes = Some(number(value)?),
        b"RcvPkts" => row.received_packets = Some(number(value)?),
        b"RcvBytes" => row.received_bytes = Some(number(value)?),
        b"SourceVpnID" => row.src_vrf = Some(number(value)?),
        b"DestinationVpnID" => row.dst_vrf = Some(number(value)?),
        b"SourceZone" => row.src_zone = arena.push(value),
        b"DestinationZone" => row.dst_zone = arena.push(value),
        b"PolicyName" => row.policy = arena.push(value),
        b"UserName" => row.user = arena.push(value),
        b"CloseReason" => row.close_reason = arena.push(value),
        b"ApplicationName" => row.application = arena.push(value),
        _ => return Ok(Set::UnknownKey),
    }
    Ok(Set::Column)
}

/// The pairs that have no column, for `extra`. They are gathered in a pass of their own, so that
/// they stand together in the arena. Accounts are kept as the configuration says.
fn unknown_pairs(
    content: &[u8],
    tunnel: Option<(&[u8], &[u8])>,
    im: &ImPolicy,
    arena: &mut TextArena,
) -> Text {
    let mut extra = Text::EMPTY;
    for (key, value) in Pairs::new(content, &KEYS) {
        let has_column = KEYS.known.contains(&key) && !is_unknown_protocol(key, value)
            || tunnel == Some((key, value));
        if !has_column && let Some(value) = im::kept(im, key, value, &mut [0; 32]) {
            let encoded = Encoded::new(key, Value::Text(value));
            extra = arena.append(extra, &encoded.parts()).unwrap_or(extra);
        }
    }
    extra
}

fn is_tunnel(key: &[u8], value: &[u8]) -> bool {
    TUNNEL_KEYS.contains(&key) && matches!(scan::address(value), Some(IpAddr::V6(_)))
}

/// A protocol name that has no number here is kept as it was sent.
fn is_unknown_protocol(key: &[u8], value: &[u8]) -> bool {
    key == b"Protocol" && scan::protocol(value).is_none()
}

pub(super) fn set_address(
    value: &[u8],
    v4: &mut Option<u32>,
    v6: &mut Option<[u8; 16]>,
) -> Result<(), Reason> {
    match scan::address(value).ok_or(Reason::SessionValue)? {
        IpAddr::V4(address) => *v4 = Some(address.into()),
        IpAddr::V6(address) => *v6 = Some(address.octets()),
    }
    Ok(())
}

pub(super) fn number<T: TryFrom<u64>>(value: &[u8]) -> Result<T, Reason> {
    let number = scan::number(value).ok_or(Reason::SessionValue)?;
    T::try_from(number).map_err(|_| Reason::SessionValue)
}
