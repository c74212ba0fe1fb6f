//! A slow twin of the USG syslog decoder, written from the grammars of Huawei's documents with
//! regular expressions. Random datagrams under every kind of header must give the same records.
//!
//! Of a line with several faults either may name another one, so the two reasons for a session
//! log that cannot be used count as one.

#[path = "support/read.rs"]
mod read;

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    reason::Reason,
    settings::{ImPolicy, Settings},
};
use proptest::{collection::vec, prelude::*, sample::select};
use read::{Record, records};
use regex::bytes::{Captures, Regex};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

const RECEIVED_AT: i64 = 1_700_000_000_123_456_789;

// ---------------------------------------------------------------------------------- the twin

const TIME: &str = r"(?:(?<year>[0-9]{4})-(?<month>[0-9]{1,2})-(?<day>[0-9]{1,2})|(?<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ +(?<mday>[0-9]{1,2})\ (?<myear>[0-9]{4}))(?:T|\ *)(?<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?<fraction>[0-9]{1,9}))?(?:\.[0-9]{1,9})?(?<zone>Z|[+-][0-9]{2}:[0-9]{2})?(?:\ DST)?";
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const KEYS: [(&str, &str); 26] = [
    ("IPVer", ""),
    ("Protocol", "protocol"),
    ("SourceIP", "src_addr"),
    ("DestinationIP", "dst_addr"),
    ("SourceNatIP", "nat_src_addr"),
    ("DestinationNatIP", "nat_dst_addr"),
    ("SourcePort", "src_port"),
    ("DestinationPort", "dst_port"),
    ("SourceNatPort", "nat_src_port"),
    ("DestinationNatPort", "nat_dst_port"),
    ("BeginTime", "start"),
    ("EndTime", "end"),
    ("SendPkts", "sent_packets"),
    ("SendBytes", "sent_bytes"),
    ("RcvPkts", "received_packets"),
    ("RcvBytes", "received_bytes"),
    ("SourceVpnID", "src_vrf"),
    ("DestinationVpnID", "dst_vrf"),
    ("SourceZone", "src_zone"),
    ("DestinationZone", "dst_zone"),
    ("PolicyName", "policy"),
    ("UserName", "user"),
    ("CloseReason", "close_reason"),
    ("ApplicationName", "application"),
    ("Page", "page"),
    ("Host", "host"),
];

struct Twin {
    priority: Regex,
    time: Regex,
    relay: Regex,
    host: Regex,
    tag: Regex,
    mtn: Regex,
    stats: Regex,
    key: Regex,
}

/// Why the twin takes a message for none: these are all of the reasons that it tells apart.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Priority,
    Unknown,
    Session,
}

#[derive(Clone, Copy)]
struct Clock {
    unix_nanos: i64,
    has_zone: bool,
}

struct Message<'a> {
    clock: Option<Clock>,
    host: &'a [u8],
    brief: &'a [u8],
    content: &'a [u8],
}

fn is_space(byte: u8) -> bool {
    b" \t\n\r\x0c".contains(&byte)
}

fn after_spaces(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| is_space(**byte)).count()..]
}

/// The messages of a datagram, without the padding around them.
fn split(payload: &[u8]) -> Vec<&[u8]> {
    let padding = |byte: u8| is_space(byte) || byte == 0;
    let priority = Regex::new("^<[0-9]{1,3}>").unwrap();
    // A tag is one only in a header, which ends where a value begins.
    let wraps = Regex::new(r#"(?s-u)^[^|="]*?%%[ \n\r\t\x0c]*[0:]"#).unwrap();
    let chosen = Regex::new(r#"(?s-u)[|"]|Page=|Host=|UserName=|user-name="#).unwrap();
    let mut messages = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < payload.len() {
        let last = payload[start..at].iter().rfind(|byte| !padding(**byte));
        let stopped = last == Some(&b'.');
        let tagged = || wraps.is_match(&payload[start..at.min(start + 160)]);
        let ends = match payload[at] {
            0 => true,
            b'\n' => stopped || priority.is_match(&payload[at + 1..]) || !tagged(),
            // Not behind what its user may have made look like a message. (Brackets are CGNAT's,
            // of which this test has none.)
            b'<' => {
                stopped
                    && tagged()
                    && priority.is_match(&payload[at..])
                    && !chosen.is_match(&payload[start..at])
            }
            _ => false,
        };
        if ends {
            messages.push(&payload[start..at]);
            start = at;
            while start < payload.len() && padding(payload[start]) {
                start += 1;
            }
            at = start;
        }
        at += 1;
    }
    if start < payload.len() || messages.is_empty() {
        messages.push(&payload[start..]);
    }
    let end = |message: &[u8]| message.iter().rposition(|b| !padding(*b)).map_or(0, |at| at + 1);
    messages.iter().map(|message| &message[..end(message)]).collect()
}

impl Twin {
    fn new() -> Self {
        let regex = |text: &str| Regex::new(&format!("(?s-u){text}")).unwrap();
        let end = |name: &str| {
            format!(
                r"(?<{name}>[^ \n\r\t\[(]*)[ \n\r\t\x0c]*(?:\[[ \n\r\t\x0c]*(?<{name}nat>[^\]]*)\][ \n\r\t\x0c]*)?\([ \n\r\t\x0c]*(?<{name}zone>(?:[^)]|\)+[^), \n\r\t\x0c.])*\)*)\)"
            )
        };
        let volume = r"[ \n\r\t\x0c]*([^ \n\r\t,.]*)[ \n\r\t][ \n\r\t\x0c]*bytes[ \n\r\t\x0c]*via[ \n\r\t\x0c]*([^ \n\r\t,.]*)[ \n\r\t][ \n\r\t\x0c]*packets";
        Self {
            priority: regex("^<([0-9]{1,3})>"),
            time: regex(&format!("^{}", TIME.replace(r"\ ", " "))),
            relay: regex(&format!(
                "^(?<date>(?:{}) +[0-9]{{1,2}}) (?<clock>[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}})(?:\\.(?<fraction>[0-9]{{1,9}}))?[ \\n\\r\\t\\x0c]*(?<name>[^ ]*) [ \\n\\r\\t\\x0c]*",
                MONTHS.join("|")
            )),
            host: regex("^(?:([^% ][^ ]*|%[^% ][^ ]*|%) [ \\n\\r\\t\\x0c]*)?(%%.*)$"),
            tag: regex(r"^%%[ \n\r\t\x0c]*[0-9]{2}[^:/]*/[^:/]*/([^:(]*)\([^:]*:(.*)$"),
            mtn: regex(&format!(
                r"^(Built|Teardown)[ \n\r\t\x0c]+an?[ \n\r\t\x0c]*([^ \n\r\t]*)[ \n\r\t][ \n\r\t\x0c]*session,[ \n\r\t\x0c]*{}[ \n\r\t\x0c]+to[ \n\r\t\x0c]*{}(?<rest>(?:[, \n\r\t\x0c.].*)?)$",
                end("src"),
                end("dst")
            )),
            stats: regex(&format!(
                r"^[ \n\r\t\x0c]*,[ \n\r\t\x0c]*duration[ \n\r\t\x0c]*([^ \n\r\t,.]*)[ \n\r\t\x0c]*,[ \n\r\t\x0c]*rcv{volume}[ \n\r\t\x0c]*,[ \n\r\t\x0c]*send{volume}(.*)$"
            )),
            key: regex("^([A-Za-z0-9]{1,31})="),
        }
    }

    fn decode(&self, payload: &[u8]) -> (Vec<Record>, Vec<(Fault, Vec<u8>)>) {
        let (mut sessions, mut faults) = (Vec::new(), Vec::new());
        for message in split(payload) {
            match self.message(message) {
                Ok(record) => sessions.push(record),
                Err(fault) => faults.push((fault, message.to_vec())),
            }
        }
        (sessions, faults)
    }

    fn message(&self, message: &[u8]) -> Result<Record, Fault> {
        let message = self.header(message)?;
        let verb = ["Built", "Teardown"].iter().find_map(|verb| {
            let rest = message.content.strip_prefix(verb.as_bytes())?;
            is_space(*rest.first()?).then_some(())
        });
        if verb.is_some() {
            return self.mtn(&message).ok_or(Fault::Session);
        }
        let event = match message.brief {
            b"SESSION_BUILT" => "create",
            b"SESSION_TEARDOWN" => "end",
            b"SESSION_PERIODICALLY" => "update",
            b"SESSION_URL" => "flow",
            b"PACKET_DENY" => "deny",
            _ => return Err(Fault::Unknown),
        };
        self.pairs(&message, event).ok_or(Fault::Session)
    }

    fn header<'a>(&self, message: &'a [u8]) -> Result<Message<'a>, Fault> {
        let mut text = message;
        if message.starts_with(b"<") {
            let found = self.priority.captures(message).ok_or(Fault::Priority)?;
            if number(&found[1]).is_none_or(|priority| priority > 191) {
                return Err(Fault::Priority);
            }
            text = &message[found[0].len()..];
        }
        text = after_spaces(text);
        let mut clock = self.clock(&mut text);
        let mut own_name = None;
        if clock.is_none()
            && let Some(relay) = self.relay.captures(text)
            && let Some(short) = short_date(&relay)
        {
            text = &text[relay[0].len()..];
            // With one name only the time is the device's own.
            if text.starts_with(b"%%") {
                own_name = relay.name("name").map(|name| name.as_bytes());
                clock = Some(short);
            } else {
                clock = self.clock(&mut text);
            }
        }
        let found = self.host.captures(text).ok_or(Fault::Unknown)?;
        let host = found.get(1).map_or(&b""[..], |host| host.as_bytes());
        let host = own_name.unwrap_or(host);
        let mut text = found.get(2).unwrap().as_bytes();
        if let Some(rest) = text.strip_prefix(b"%%:") {
            text = after_spaces(rest);
        }
        let (brief, content) = match self.tag.captures(text) {
            Some(found) => (found.get(1).unwrap().as_bytes(), found.get(2).unwrap().as_bytes()),
            None => (&b""[..], text),
        };
        Ok(Message { clock, host, brief, content: after_spaces(content) })
    }

    /// Reads a time and passes over it, by way of a calendar library.
    fn clock(&self, text: &mut &[u8]) -> Option<Clock> {
        let found = self.time.captures(text)?;
        let of = |name| found.name(name).map(|part| std::str::from_utf8(part.as_bytes()).unwrap());
        let month = match of("name") {
            Some(name) => MONTHS.iter().position(|month| *month == name)? + 1,
            None => of("month")?.parse().ok()?,
        };
        let year = of("year").or(of("myear"))?;
        let day: u8 = of("day").or(of("mday"))?.parse().ok()?;
        let rfc3339 = format!("{year}-{month:02}-{day:02}T{}Z", of("clock")?);
        let seconds = rfc3339.parse::<jiff::Timestamp>().ok()?.as_second();
        let fraction = format!("{:0<9}", of("fraction").unwrap_or("")).parse::<i64>().ok()?;
        let zone = of("zone").filter(|zone| *zone != "Z").map_or(0, |zone| {
            let minutes =
                zone[1..3].parse::<i64>().unwrap() * 60 + zone[4..].parse::<i64>().unwrap();
            if zone.starts_with('-') { -minutes * 60 } else { minutes * 60 }
        });
        let unix_nanos = (seconds - zone).checked_mul(1_000_000_000)?.checked_add(fraction)?;
        *text = after_spaces(&text[found[0].len()..]);
        Some(Clock { unix_nanos, has_zone: of("zone").is_some() })
    }

    fn mtn(&self, message: &Message<'_>) -> Option<Record> {
        let found = self.mtn.captures(message.content)?;
        let create = &found[1] == b"Built";
        let mut record = common("huawei-usg-mtn", message);
        record.insert("event", if create { "create" } else { "end" }.into());
        let mut extra = Vec::new();
        match protocol(&found[2]) {
            Some(protocol) => drop(record.insert("protocol", protocol.to_string())),
            None => extra.push(format!("Protocol={}", found[2].escape_ascii())),
        }
        end(&mut record, &found, "src", ["src_addr", "src_port", "src_zone"])?;
        end(&mut record, &found, "dst", ["dst_addr", "dst_port", "dst_zone"])?;
        nat(&mut record, &found, "srcnat", ["nat_src_addr", "nat_src_port"])?;
        nat(&mut record, &found, "dstnat", ["nat_dst_addr", "nat_dst_port"])?;
        let mut rest = found.name("rest").unwrap().as_bytes();
        let event_ns = message.clock.map_or(RECEIVED_AT, |clock| clock.unix_nanos);
        let event_s = u32::try_from(event_ns / 1_000_000_000).ok().filter(|_| event_ns >= 0);
        let event_s = event_s.or(u32::try_from(event_ns / 1_000_000_000).ok());
        let mut flags = Vec::new();
        let (mut start, mut stop) = if create { (event_s, None) } else { (None, event_s) };
        if after_spaces(rest).starts_with(b",") {
            let stats = self.stats.captures(rest)?;
            let value = |group| number(&stats[group]);
            let duration = u32::try_from(value(1)?).ok()?;
            let [rcv_bytes, rcv_packets, sent_bytes, sent_packets] =
                [value(2)?, value(3)?, value(4)?, value(5)?];
            stop = event_s;
            start = event_s.and_then(|end| end.checked_sub(duration));
            record.insert("duration_ms", (u64::from(duration) * 1000).to_string());
            // An IP packet has 20 bytes or more.
            let wrong = |bytes: u64, packets: u64| {
                packets > 0 && packets >= bytes && u128::from(bytes) < u128::from(packets) * 20
            };
            let swap = wrong(rcv_bytes, rcv_packets) || wrong(sent_bytes, sent_packets);
            let [b, p] = if swap { ["packets", "bytes"] } else { ["bytes", "packets"] };
            for (direction, bytes, packets) in
                [("received", rcv_bytes, rcv_packets), ("sent", sent_bytes, sent_packets)]
            {
                record.insert(counter(direction, b), bytes.to_string());
                record.insert(counter(direction, p), packets.to_string());
            }
            if swap {
                flags.push("mtn_counters_swapped");
            }
            rest = stats.get(6).unwrap().as_bytes();
            if message.clock.is_some_and(|clock| !clock.has_zone) {
                flags.push("header_zone_assumed_utc");
            }
            flags.push("time_from_duration");
        } else if message.clock.is_some_and(|clock| !clock.has_zone) {
            flags.push("header_zone_assumed_utc");
        }
        for (name, time) in [("start_time", start), ("end_time", stop)] {
            if let Some(time) = time.filter(|time| *time != 0) {
                record.insert(name, format!("{}.0", i64::from(time) * 1_000_000_000));
            }
        }
        let rest_end = rest.iter().rposition(|byte| !is_space(*byte) && *byte != b'.');
        let rest = after_spaces(&rest[..rest_end.map_or(0, |at| at + 1)]);
        if !rest.is_empty() {
            extra.push(format!("rest={}", rest.escape_ascii()));
        }
        let (time, source) = match message.clock {
            Some(clock) => (shown_time(clock.unix_nanos), "header"),
            None => (format!("{RECEIVED_AT}.9"), "received"),
        };
        finish(&mut record, time, source, &flags, &extra);
        Some(record)
    }

    fn pairs(&self, message: &Message<'_>, event: &str) -> Option<Record> {
        let content = message.content.strip_suffix(b".").unwrap_or(message.content);
        let mut values: BTreeMap<&str, &[u8]> = BTreeMap::new();
        let mut extra = Vec::new();
        let mut rest = content;
        let mut last = 0;
        while let Some(equals) = rest.iter().position(|byte| *byte == b'=') {
            let key = &rest[..equals];
            let known = KEYS.iter().find(|(name, _)| name.as_bytes() == key);
            if let Some((name, _)) = known {
                values.insert(name, b"");
                last = KEYS.iter().position(|(known, _)| known == name).unwrap();
            }
            let text = &rest[equals + 1..];
            let url = [&b"Page"[..], b"Host"].contains(&key);
            let (value, next) = self.value(text, url, last, &values);
            rest = next;
            match known {
                Some((name, _)) if *name != "Protocol" || protocol(value).is_some() => {
                    values.insert(name, value);
                }
                _ if key.len() > 64 => return None,
                _ => extra.push(format!("{}={}", key.escape_ascii(), value.escape_ascii())),
            }
        }
        let mut record = common("huawei-usg-syslog", message);
        record.insert("event", event.into());
        if !values.contains_key("Protocol") || !values.contains_key("SourceIP") {
            return None;
        }
        self.columns(&mut record, &values)?;
        let time = |key| values.get(key).and_then(|time| number(time)).filter(|time| *time != 0);
        let (start, stop) = (time("BeginTime"), time("EndTime"));
        let show = |time: u64| format!("{}.0", time * 1_000_000_000);
        start.map(|time| record.insert("start_time", show(time)));
        stop.map(|time| record.insert("end_time", show(time)));
        if let (Some(start), Some(stop)) = (start, stop)
            && stop >= start
        {
            record.insert("duration_ms", ((stop - start) * 1000).to_string());
        }
        let own = match event {
            "create" => start.or(stop),
            "update" if message.clock.is_some() => stop,
            _ => stop.or(start),
        };
        let (time, source, flag) = match (own, message.clock) {
            (Some(own), _) => (show(own), "record", None),
            (None, Some(clock)) => {
                let flag = (!clock.has_zone).then_some("header_zone_assumed_utc");
                (shown_time(clock.unix_nanos), "header", flag)
            }
            (None, None) => (format!("{RECEIVED_AT}.9"), "received", None),
        };
        finish(&mut record, time, source, flag.as_slice(), &extra);
        Some(record)
    }

    /// A value ends at a comma, white space and a key that was not there before, nor is sent in
    /// front of the last one, once that is a name.
    fn value<'a>(
        &self,
        text: &'a [u8],
        url: bool,
        last: usize,
        seen: &BTreeMap<&str, &[u8]>,
    ) -> (&'a [u8], &'a [u8]) {
        for at in (0..text.len()).filter(|at| text[*at] == b',') {
            let after = after_spaces(&text[at + 1..]);
            let Some(found) = self.key.captures(after) else { continue };
            let key = std::str::from_utf8(&found[1]).unwrap();
            let names = KEYS.iter().position(|(name, _)| *name == "SourceZone").unwrap();
            let ends = if let Some(at) = KEYS.iter().position(|(name, _)| *name == key) {
                let ordered = last < names || at > last;
                !seen.contains_key(key)
                    && (!url && ordered || url && ["Page", "Host"].contains(&key))
            } else {
                !url && key.len() > 1 && key.as_bytes()[0].is_ascii_uppercase()
            };
            if ends {
                return (&text[..at], after);
            }
        }
        (text, &[])
    }

    fn columns(&self, record: &mut Record, values: &BTreeMap<&str, &[u8]>) -> Option<()> {
        for (key, field) in KEYS {
            let Some(value) = values.get(key).copied() else { continue };
            let limit = match key {
                "IPVer" | "Page" | "Host" => continue,
                "Protocol" => {
                    if let Some(protocol) = protocol(value) {
                        record.insert(field, protocol.to_string());
                    }
                    continue;
                }
                _ if key.ends_with("IP") => {
                    insert_address(record, field, value)?;
                    continue;
                }
                _ if key.ends_with("Port") => u64::from(u16::MAX),
                _ if key.ends_with("Time") || key.ends_with("VpnID") => u64::from(u32::MAX),
                _ if key.ends_with("Pkts") || key.ends_with("Bytes") => u64::MAX,
                _ => {
                    if !value.is_empty() {
                        record.insert(field, value.escape_ascii().to_string());
                    }
                    continue;
                }
            };
            let number = number(value).filter(|number| *number <= limit)?;
            if !(key.ends_with("Time") || key.ends_with("Port") && number == 0) {
                record.insert(field, number.to_string());
            }
        }
        let of = |key| values.get(key).copied().unwrap_or_default();
        let url = [of("Host"), of("Page")].concat();
        if !url.is_empty() {
            record.insert("url", url.escape_ascii().to_string());
        }
        Some(())
    }
}

/// A time without a year: the latest that is not more than two days behind the time of arrival.
fn short_date(found: &Captures<'_>) -> Option<Clock> {
    let of = |name: &str| {
        found.name(name).map_or("", |part| std::str::from_utf8(part.as_bytes()).unwrap())
    };
    let (month, day) = of("date").split_once(' ')?;
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let day: u8 = day.trim().parse().ok()?;
    let fraction: i64 = format!("{:0<9}", of("fraction")).parse().ok()?;
    let in_year = |year| {
        let text = format!("{year}-{month:02}-{day:02}T{}Z", of("clock"));
        let second = text.parse::<jiff::Timestamp>().ok()?.as_second();
        Some(second * 1_000_000_000 + fraction)
    };
    let times = (2014..=2024).filter_map(in_year);
    let two_days = 2 * 86_400 * 1_000_000_000;
    let unix_nanos = times.filter(|time| *time <= RECEIVED_AT + two_days).max()?;
    Some(Clock { unix_nanos, has_zone: false })
}

fn common(format: &str, message: &Message<'_>) -> Record {
    let mut record = Record::from([
        ("record", "session".to_owned()),
        ("format", format.into()),
        ("exporter", "192.0.2.1".into()),
        ("exporter_port", "514".into()),
        ("received_at", format!("{RECEIVED_AT}.9")),
    ]);
    if !message.host.is_empty() {
        record.insert("host", message.host.escape_ascii().to_string());
    }
    record
}

fn finish(record: &mut Record, time: String, source: &str, flags: &[&str], extra: &[String]) {
    record.insert("event_time", time);
    record.insert("time_source", source.into());
    if !flags.is_empty() {
        record.insert("flags", flags.join(" "));
    }
    if !extra.is_empty() {
        record.insert("extra", extra.join(" "));
    }
}

fn counter(direction: &str, unit: &str) -> &'static str {
    match (direction, unit) {
        ("sent", "bytes") => "sent_bytes",
        ("sent", _) => "sent_packets",
        (_, "bytes") => "received_bytes",
        _ => "received_packets",
    }
}

fn end(
    record: &mut Record,
    found: &Captures<'_>,
    name: &str,
    names: [&'static str; 3],
) -> Option<()> {
    let [address, port, zone_name] = names;
    insert_endpoint(record, [address, port], found.name(name)?.as_bytes())?;
    let zone = found.name(&format!("{name}zone"))?.as_bytes();
    let len = zone.iter().rposition(|byte| !is_space(*byte)).map_or(0, |at| at + 1);
    if len > 0 {
        record.insert(zone_name, zone[..len].escape_ascii().to_string());
    }
    Some(())
}

fn nat(
    record: &mut Record,
    found: &Captures<'_>,
    name: &str,
    names: [&'static str; 2],
) -> Option<()> {
    match found.name(name) {
        Some(nat) => insert_endpoint(record, names, nat.as_bytes()),
        None => Some(()),
    }
}

fn insert_endpoint(record: &mut Record, names: [&'static str; 2], text: &[u8]) -> Option<()> {
    let [address, port_name] = names;
    let colon = text.iter().rposition(|byte| *byte == b':')?;
    insert_address(record, address, &text[..colon])?;
    let port = number(&text[colon + 1..]).filter(|port| *port <= 65_535)?;
    if port != 0 {
        record.insert(port_name, port.to_string());
    }
    Some(())
}

fn insert_address(record: &mut Record, name: &'static str, text: &[u8]) -> Option<()> {
    let text = std::str::from_utf8(text).ok()?;
    let address: IpAddr = if text.contains(':') {
        text.parse::<Ipv6Addr>().ok()?.into()
    } else {
        let octets: Vec<u8> = text
            .split('.')
            .map(|octet| number(octet.as_bytes()).filter(|_| octet.len() <= 3))
            .map(|octet| octet.and_then(|octet| u8::try_from(octet).ok()))
            .collect::<Option<_>>()?;
        Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into()
    };
    if !address.is_unspecified() {
        record.insert(name, address.to_string());
    }
    Some(())
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 20 && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

fn protocol(text: &[u8]) -> Option<u8> {
    let name = String::from_utf8_lossy(text).to_ascii_lowercase();
    Some(match name.as_str() {
        "icmp" => 1,
        "igmp" => 2,
        "tcp" => 6,
        "udp" => 17,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "icmpv6" | "icmp6" => 58,
        "ospf" => 89,
        "pim" => 103,
        "vrrp" => 112,
        "l2tp" => 115,
        "sctp" => 132,
        "udp-lite" => 136,
        "ipip" => 4,
        _ => u8::try_from(number(text)?).ok()?,
    })
}

// -------------------------------------------------------------------------- random datagrams

fn text(choices: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> + Clone {
    select(choices).prop_map(|text| text.as_bytes().to_vec())
}

fn address() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => any::<[u8; 4]>().prop_map(|octets| Ipv4Addr::from(octets).to_string().into_bytes()),
        2 => any::<[u16; 8]>().prop_map(|words| Ipv6Addr::from(words).to_string().into_bytes()),
        1 => text(&["0.0.0.0", "::", "2001:db8::7", "001.002.003.010", "::ffff:192.0.2.1"]),
        1 => text(&["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "g::1", "1..2.3", "-"]),
    ]
}

fn figure(max: u64) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0..=max).prop_map(|number| number.to_string().into_bytes()),
        4 => (0..2000u64).prop_map(|number| number.to_string().into_bytes()),
        1 => text(&["0", "007", "", "-1", "1x", "18446744073709551616", "4294967296", "65536"]),
    ]
}

fn protocol_name() -> impl Strategy<Value = Vec<u8>> {
    text(&["tcp", "udp", "TCP", "icmp", "icmpv6", "gre", "sctp", "17", "255", "256", "xyz", "esp"])
}

/// Names as people give them: with spaces, commas, keys, and the bytes of GBK.
fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => text(&["trust", "untrust", "Internet Access", "aged-out", "", "a.b", "x=y", "a<1>b"]),
        3 => text(&["a, b", "a,b=c", "x,SourceIP=192.0.2.66", "x,NewKey=2", "a,B=", "q.<9>r", "a)b"]),
        2 => Just(b"\xd6\xd0\xce\xc4 \xb2\xdf\xc2\xd4".to_vec()),
        1 => vec(any::<u8>(), 0..8),
    ]
}

fn url() -> impl Strategy<Value = Vec<u8>> {
    text(&["/", "/a?b=1,2,3&c=,D=4", "/x,SourceNatIP=192.0.2.66", "h.example", "/a,Host=b", ""])
}

fn pair(key: &'static str) -> BoxedStrategy<(Vec<u8>, Vec<u8>)> {
    let value = match key {
        "IPVer" => text(&["4", "6"]).boxed(),
        "Protocol" => protocol_name().boxed(),
        "Page" | "Host" => url().boxed(),
        _ if key.ends_with("IP") => address().boxed(),
        _ if key.ends_with("Port") => figure(65_535).boxed(),
        _ if key.ends_with("Time") || key.ends_with("VpnID") => figure(u32::MAX.into()).boxed(),
        _ if key.ends_with("Pkts") || key.ends_with("Bytes") => figure(u64::MAX).boxed(),
        _ => name().boxed(),
    };
    value.prop_map(move |value| (key.as_bytes().to_vec(), value)).boxed()
}

fn pairs() -> impl Strategy<Value = Vec<u8>> {
    let key = (0..KEYS.len()).prop_flat_map(|index| pair(KEYS[index].0));
    let unknown = (text(&["NewKey", "Vsys", "K9", "x", "lower", "Ünknown"]), name());
    let needed = (pair("Protocol"), pair("SourceIP"));
    let separator = text(&[",", ",", ",", ", ", ",\n", ", \r\n "]);
    let stop = text(&[".", ".", ".", "", ".."]);
    let others = vec(prop_oneof![9 => key, 1 => unknown], 0..14);
    (needed, others, vec(separator, 16), stop, any::<prop::sample::Index>(), 0..20u8).prop_map(
        |((protocol, source), mut pairs, separators, stop, at, odd)| {
            // Seldom one that is needed is missing, or stands anywhere.
            if odd != 0 {
                pairs.insert(at.index(pairs.len() + 1), protocol);
            }
            if odd != 1 {
                pairs.insert(if odd < 10 { 0 } else { at.index(pairs.len() + 1) }, source);
            }
            // Mostly as devices send them: behind a name a key may be none.
            if odd % 10 != 9 {
                pairs.sort_by_key(|(key, _)| {
                    KEYS.iter().position(|(name, _)| name.as_bytes() == key.as_slice())
                });
            }
            let mut content = Vec::new();
            for ((key, value), separator) in pairs.iter().zip(separators) {
                if !content.is_empty() {
                    content.extend(separator);
                }
                content.extend([key, &b"="[..], value].concat());
            }
            [content, stop].concat()
        },
    )
}

fn space(choices: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    text(choices)
}

const SPACE: &[&str] = &[" ", " ", " ", "  ", "\n", "\r\n ", "\t"];
const MAYBE: &[&str] = &["", " ", " ", "\n", "\r\n"];

fn mtn_end() -> impl Strategy<Value = Vec<u8>> {
    let endpoint =
        || (address(), figure(65_535)).prop_map(|(address, port)| [address, port].join(&b':'));
    let zone = prop_oneof![3 => text(&["trust", "untrust", "dmz", "my zone", "(a)b(c)", "a))"]), 1 => name()];
    (
        endpoint(),
        proptest::option::of((space(MAYBE), endpoint())),
        space(MAYBE),
        (space(MAYBE), zone, space(MAYBE)),
    )
        .prop_map(|(own, nat, before, (open, zone, close))| {
            let mut end = own;
            if let Some((space, nat)) = nat {
                end.extend([space, b"[".to_vec(), nat, b"]".to_vec()].concat());
            }
            end.extend([before, b"(".to_vec(), open, zone, close, b")".to_vec()].concat());
            end
        })
}

fn mtn() -> impl Strategy<Value = Vec<u8>> {
    let verb = text(&["Built", "Teardown"]);
    let opening =
        (verb, space(SPACE), text(&["a", "an"]), space(SPACE), protocol_name(), space(SPACE));
    let ends = (space(MAYBE), mtn_end(), space(SPACE), space(SPACE), mtn_end());
    let figures = (
        figure(u32::MAX.into()),
        vec(prop_oneof![3 => figure(1 << 40), 1 => figure(2)], 4),
        vec(space(SPACE), 12),
        vec(space(MAYBE), 4),
    );
    let closing = text(&[".", ".", "......", "", " and more.", " . "]);
    (opening, ends, proptest::option::of(figures), closing).prop_map(|(o, e, figures, closing)| {
        let (verb, s1, article, s2, protocol, s3) = o;
        let (s4, src, s5, s6, dst) = e;
        let mut line = [verb, s1, article, s2, protocol, s3, b"session,".to_vec()].concat();
        line.extend([s4, src, s5, b"to".to_vec(), s6, dst].concat());
        if let Some((duration, volumes, spaces, maybe)) = figures {
            let words: [&[u8]; 14] = [
                b"duration",
                &duration,
                b"rcv",
                &volumes[0],
                b"bytes",
                b"via",
                &volumes[1],
                b"packets",
                b"send",
                &volumes[2],
                b"bytes",
                b"via",
                &volumes[3],
                b"packets",
            ];
            line.push(b',');
            let mut spaces = spaces.iter().chain(&maybe).cycle();
            for (index, word) in words.iter().enumerate() {
                if [2, 8].contains(&index) {
                    line.push(b',');
                }
                let space = spaces.next().unwrap();
                line.extend(if index > 0 && space.is_empty() { b" " } else { space.as_slice() });
                line.extend(*word);
            }
        }
        [line, closing].concat()
    })
}

fn header_time() -> impl Strategy<Value = Vec<u8>> {
    let stamp = (-1_000_000_000..9_000_000_000i64, any::<bool>(), any::<bool>()).prop_map(
        |(second, iso, pad)| {
            let format = match (iso, pad) {
                (true, _) => "%Y-%m-%d %H:%M:%S",
                (false, true) => "%b %e %Y %H:%M:%S",
                (false, false) => "%b %d %Y %H:%M:%S",
            };
            jiff::Timestamp::from_second(second).unwrap().strftime(format).to_string().into_bytes()
        },
    );
    let odd = text(&[
        "2016-02-30 00:00:00",
        "2016-01-01 24:00:00",
        "2015-1-2 03:04:05",
        "Foo 01 2016 00:00:00",
    ]);
    let more = text(&[
        "",
        "",
        "",
        "",
        ".5",
        ".123456789",
        "+08:00",
        "-03:30 DST",
        " DST",
        ".460.1+02:00 DST",
    ]);
    (prop_oneof![12 => stamp, 1 => odd], more).prop_map(|(time, more)| [time, more].concat())
}

/// A header of every variant, for a content that has a tag of its own or none.
fn header(tag: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let priority =
        text(&["<190>", "<190> ", "<0>", "<14>", "", "<191>\t", "<192>", "<1900>", "<>", "<007>"]);
    let priority = prop_oneof![6 => Just(b"<190>".to_vec()), 1 => priority];
    let host = prop_oneof![4 => text(&["FW-1 ", "USG6000E ", "10.0.0.1  "]), 1 => Just(b"\xd6\xd0 ".to_vec())];
    let relay =
        text(&["Sep 9 11:56:41 relay ", "Sep  9 11:56:41 192.0.2.9  ", "Dec 31 23:59:59 r "]);
    let relay = prop_oneof![6 => Just(Vec::new()), 1 => relay];
    (priority, relay, header_time(), host, space(MAYBE), 0..8u8).prop_map(
        move |(priority, relay, time, host, space, variant)| {
            let dash = b"%%: ".to_vec();
            let time = [time, b" ".to_vec()].concat();
            let rest = match variant {
                0..=2 => [relay, time, host, tag.clone()].concat(),
                3 => [relay, host, tag.clone()].concat(),
                4 => [relay, host, dash, tag.clone()].concat(),
                5 => [dash, tag.clone()].concat(),
                6 => [relay, tag.clone()].concat(),
                _ => [time, host, dash, tag.clone()].concat(),
            };
            [priority, rest, space].concat()
        },
    )
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let tag = || {
        text(&[
            "%%01SECLOG/6/SESSION_BUILT(l):",
            "%%01SECLOG/6/SESSION_TEARDOWN(l):",
            "%%01SECLOG/6/SESSION_URL(l):",
            "%%01SECLOG/4/PACKET_DENY(l)[12]:",
            "%% 01SECLOG/6/SESSION_PERIODICALLY(s):",
            "%%01SHELL/4/LOGIN(l):",
            "%%0SECLOG/6/X(l):",
        ])
    };
    let default = (tag().prop_flat_map(header), pairs());
    let mtn_tag = prop_oneof![1 => tag(), 2 => Just(b"%%: ".to_vec())];
    let sentence = (mtn_tag.prop_flat_map(header), mtn());
    let other = text(&["", "kernel: hello", "<", "<190>", "%%", "FW %%: x", ".", "a b c."]);
    prop_oneof![
        10 => default.prop_map(|(header, content)| [header, content].concat()),
        6 => sentence.prop_map(|(header, content)| [header, content].concat()),
        1 => other,
    ]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let separator = text(&["\n", "\n", "\0", "", "\r\n", " ", "\n\n", ".\n"]);
    let change = proptest::option::weighted(0.1, (any::<prop::sample::Index>(), any::<u8>()));
    (vec((message(), separator), 1..5), change).prop_map(|(messages, change)| {
        let mut payload: Vec<u8> = messages
            .into_iter()
            .flat_map(|(message, separator)| [message, separator].concat())
            .collect();
        if let Some((at, byte)) = change
            && !payload.is_empty()
        {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        payload
    })
}

/// A time with the digits that it needs.
fn shown_time(unix_nanos: i64) -> String {
    let digits = [(1_000_000_000, 0), (1_000_000, 3), (1, 9)];
    let digits = digits.iter().find(|(unit, _)| unix_nanos % unit == 0).map(|(_, digits)| digits);
    format!("{unix_nanos}.{}", digits.unwrap())
}

fn fault_of(reason: Reason) -> Fault {
    match reason {
        Reason::SyslogPriority => Fault::Priority,
        Reason::SyslogUnknown => Fault::Unknown,
        Reason::SessionKeyMissing | Reason::SessionValue => Fault::Session,
        other => panic!("{other:?}"),
    }
}

#[test]
fn decodes_as_its_twin_does() {
    let twin = Twin::new();
    let capacity = Capacity { session_rows: 8192, unparsed_rows: 8192, text_bytes: 1 << 20 };
    let batch = RefCell::new(Batch::new(capacity));
    let registry = Arc::new(Registry::new(Limits::DEFAULT));
    // Zones are not learned: the twin knows one line at a time.
    // And messengers' users are recorded: of what may name one, as a random word may, nothing would be
    // kept, which the twin does not know either.
    let limits = Limits { exporters: 0, ..Limits::DEFAULT };
    let settings = Settings { im: ImPolicy::Plain, ..Settings::with_limits(limits) };
    let decoder = RefCell::new(Decoder::new(registry, Arc::new(settings)));
    let (sessions, rejected) = (Cell::new(0), Cell::new(0));
    proptest!(ProptestConfig::with_cases(ProptestConfig::default().cases.max(24_000)), |(payload in payload())| {
        prop_assume!(!payload.is_empty());
        let mut batch = batch.borrow_mut();
        batch.clear();
        let datagram = Datagram {
            payload: &payload,
            exporter: IpAddr::from([192, 0, 2, 1]),
            exporter_port: 514,
            received_at: RECEIVED_AT,
            format: FormatHint::HuaweiUsgSyslog,
        };
        let outcome = decoder.borrow_mut().decode(&datagram, &mut batch);
        // A changed letter may make the key of a messenger's log ("uin"), which the twin does not know.
        prop_assume!(batch.im.rows() == 0);
        let (expected, faults) = twin.decode(&payload);
        let shown = payload.escape_ascii().to_string();
        let decoded: Vec<_> =
            records(&batch).into_iter().filter(|record| record["record"] == "session").collect();
        sessions.set(sessions.get() + decoded.len());
        rejected.set(rejected.get() + faults.len());
        prop_assert_eq!(decoded, expected, "{}", shown);
        let unparsed: Vec<_> = batch
            .unparsed
            .iter()
            .map(|(_, record)| (fault_of(record.reason), batch.text(record.raw).to_vec()))
            .collect();
        let first = match outcome {
            Outcome::Decoded => None,
            Outcome::Rejected(reason) => Some(fault_of(reason)),
            Outcome::Waiting => panic!("nothing to wait for"),
        };
        prop_assert_eq!(first, faults.first().map(|(fault, _)| *fault), "{}", shown);
        prop_assert_eq!(unparsed, faults, "{}", shown);
    });
    // The comparison is worth something only where both decode.
    assert!(sessions.get() > 10_000, "{} sessions", sessions.get());
    assert!(rejected.get() > 5_000, "{} rejected", rejected.get());
}
