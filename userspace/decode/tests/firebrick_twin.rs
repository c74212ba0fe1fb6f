//! A slow twin of the FireBrick decoder: the document's grammar as regular expressions, and lines
//! made at random from its parts. What the twin knows must come out the same; what it does not know
//! must not be a record.

#[path = "support/read.rs"]
mod read;

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint},
    limits::Limits,
    netflow::registry::Registry,
};
use proptest::{prelude::*, sample::select};
use read::{Record, records};
use regex::{Captures, Regex};
use std::{
    cell::{Cell, RefCell},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

const RECEIVED_AT: i64 = 1_700_000_000_123_456_789;

/// The forms of a line. Names are as short as possible, so that the first whole end counts.
struct Twin {
    filter: Regex,
    session: Regex,
}

impl Twin {
    fn new() -> Self {
        let end = |side: &str, suffix: &str| {
            format!(r"(?<{side}if>\S.*?) */ *(?<{side}ip>[0-9.]+)(?:/(?<{side}sfx>{suffix}))?")
        };
        let source = end("s", r"[0-9,]+|[A-Z-]*\([0-9]+:[0-9]+\)");
        let target = end("d", "[0-9,]+");
        let proto = r"(?<name>[A-Za-z0-9-]+)\((?<num>[0-9]{1,4})\)";
        let mac = "(?<mac>0|[0-9A-Fa-f]{12}|[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5})";
        let regex = |text: String| Regex::new(&text).unwrap();
        Self {
            filter: regex(format!(
                "^(?<filter>.*?):(?<frag> Frag)? {mac} {proto}(?:/(?<id>[0-9,]+)@(?<off>[0-9,]+))? {source}-{target}(?: (?<flags>[SARF]+))? (?<act>Drop|Allow|Reject|Bounce)$"
            )),
            session: regex(format!(
                "^End (?<filter>.*?): {proto} {source}-{target} (?<fwd>[0-9,]+)/(?<rev>[0-9,]+)$"
            )),
        }
    }

    /// The record of a line; `None` where it is none.
    fn decode(&self, line: &str) -> Option<Record> {
        let found = self.session.captures(line).or_else(|| self.filter.captures(line))?;
        let of = |name: &str| found.name(name).map_or("", |part| part.as_str());
        let is_session = found.name("fwd").is_some();
        let time = format!("{RECEIVED_AT}.9");
        let mut record = Record::from([
            ("format", "firebrick".to_owned()),
            ("exporter", "192.0.2.1".into()),
            ("exporter_port", "514".into()),
            ("received_at", time.clone()),
            ("event_time", time),
            ("time_source", "received".into()),
            ("record", if is_session { "session" } else { "filter" }.into()),
        ]);
        let protocol = number(of("num"), 255)?;
        record.insert("protocol", protocol.to_string());
        put(&mut record, if is_session { "policy" } else { "filter" }, of("filter").trim());
        ends(&mut record, &found, protocol)?;
        if is_session {
            session(&mut record, &found)?;
        } else {
            filter(&mut record, &found)?;
        }
        Some(record)
    }
}

fn put(record: &mut Record, name: &'static str, value: &str) {
    if !value.is_empty() {
        record.insert(name, value.to_owned());
    }
}

fn ends(record: &mut Record, found: &Captures<'_>, protocol: u64) -> Option<()> {
    let of = |name: &str| found.name(name).map_or("", |part| part.as_str());
    let is_icmp = protocol == 1 || protocol == 58;
    let session = found.name("fwd").is_some();
    for (address, name) in [("sip", "src_addr"), ("dip", "dst_addr")] {
        let octets: Vec<u8> =
            of(address).split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let address = Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?);
        if !address.is_unspecified() {
            record.insert(name, address.to_string());
        }
    }
    let (source, target) = (of("ssfx"), of("dsfx"));
    if is_icmp {
        if !source.is_empty() {
            let (name, rest) = source.split_once('(')?;
            let (kind, code) = rest.strip_suffix(')')?.split_once(':')?;
            let (kind, code) = (number(kind, 255)?, number(code, 255)?);
            if !session {
                put(record, "icmp_type_name", name);
                record.insert("icmp_type", kind.to_string());
                record.insert("icmp_code", code.to_string());
            }
        }
        if !target.is_empty() {
            let id = number(target, 65_535)?;
            if !session {
                record.insert("icmp_id", id.to_string());
            }
        }
        return Some(());
    }
    for (suffix, name) in [(source, "src_port"), (target, "dst_port")] {
        if !suffix.is_empty() {
            let port = number(suffix, 65_535)?;
            // A session's port of zero stands for none.
            if port != 0 || !session {
                record.insert(name, port.to_string());
            }
        }
    }
    Some(())
}

fn filter(record: &mut Record, found: &Captures<'_>) -> Option<()> {
    let of = |name: &str| found.name(name).map_or("", |part| part.as_str());
    record.insert("action", of("act").to_lowercase());
    put(record, "protocol_name", of("name"));
    put(record, "src_interface", of("sif").trim());
    put(record, "dst_interface", of("dif").trim());
    put(record, "tcp_flags", of("flags"));
    if of("mac") != "0" {
        let digits: String = of("mac").chars().filter(char::is_ascii_hexdigit).collect();
        let pairs: Vec<_> = (0..6).map(|at| digits[2 * at..][..2].to_lowercase()).collect();
        record.insert("mac", pairs.join(":"));
    }
    if found.name("id").is_some() {
        record.insert("fragment_id", number(of("id"), 65_535)?.to_string());
        record.insert("fragment_offset", number(of("off"), u32::MAX.into())?.to_string());
    }
    Some(())
}

fn session(record: &mut Record, found: &Captures<'_>) -> Option<()> {
    let of = |name: &str| found.name(name).map_or("", |part| part.as_str());
    record.insert("event", "end".into());
    record.insert("flags", "counter_wrapped_possible".into());
    record.insert("sent_bytes", number(of("fwd"), u64::MAX)?.to_string());
    record.insert("received_bytes", number(of("rev"), u64::MAX)?.to_string());
    record.insert("end_time", format!("{}.0", RECEIVED_AT / 1_000_000_000 * 1_000_000_000));
    let mut extra = vec![
        format!("src_interface={}", of("sif").trim()),
        format!("dst_interface={}", of("dif").trim()),
    ];
    let number_of = |name: &str| match name.to_ascii_lowercase().as_str() {
        "tcp" => Some(6),
        "udp" => Some(17),
        "icmp" => Some(1),
        "gre" => Some(47),
        "esp" => Some(50),
        name => name.parse::<u8>().ok(),
    };
    let protocol: u64 = of("num").parse().ok()?;
    if number_of(of("name")).map(u64::from) != Some(protocol) {
        extra.push(format!("protocol_name={}", of("name")));
    }
    if [1, 58].contains(&protocol) {
        if !of("ssfx").is_empty() {
            extra.push(format!("icmp={}", of("ssfx")));
        }
        if !of("dsfx").is_empty() {
            extra.push(format!("icmp_id=n{}", number(of("dsfx"), 65_535)?));
        }
    }
    record.insert("extra", extra.join(" "));
    Some(())
}

/// A number of at most 20 digits with commas between groups of three.
fn number(text: &str, max: u64) -> Option<u64> {
    let groups: Vec<_> = text.split(',').collect();
    let grouped = groups[1..].iter().all(|group| group.len() == 3) && !groups[0].is_empty();
    groups.concat().parse().ok().filter(|number| grouped && *number <= max)
}

// ------------------------------------------------------------------------------ random lines

fn one_of(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(choices).prop_map(str::to_owned)
}

fn figure(max: u64) -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..=max).prop_map(|number| number.to_string()),
        1 => one_of(&["0", "007", "1,234", "65,535", "65536", "1,23", "18446744073709551616"]),
    ]
}

fn address() -> impl Strategy<Value = String> {
    any::<([u8; 4], bool)>().prop_map(|([a, b, c, d], padded)| {
        if padded { format!("{a:03}.{b:03}.{c:03}.{d:03}") } else { format!("{a}.{b}.{c}.{d}") }
    })
}

fn line() -> impl Strategy<Value = String> {
    let name =
        || one_of(&["Default", "Web out", "a-b", "x: y", "r/1 (2)", "Frag", "", "End", "q (3) z"]);
    let interface = || one_of(&["LAN", "WAN", "My-Brick", "eth0/1", "a b", "x-y/z", "S"]);
    let mac = one_of(&["0", "000397123456", "00:03:97:aB:34:56", "00-03-97-12-34-56", "1", "0003"]);
    let protocol = one_of(&[
        "TCP(6)", "UDP(17)", "ICMP(1)", "GRE(47)", "FOO(200)", "X(256)", "TCP(17)", "50(50)",
    ]);
    let suffix = |icmp: &'static [&'static str]| {
        prop_oneof![
            4 => figure(65_535).prop_map(|port| format!("/{port}")),
            2 => one_of(icmp),
            1 => Just(String::new()),
        ]
    };
    let source =
        (interface(), address(), suffix(&["/ECHO(8:0)", "/DEST-UNREACH(3:13)", "/(8:256)"]));
    let target = (interface(), address(), suffix(&["/512"]));
    let fragment = prop_oneof![
        5 => Just(String::new()),
        1 => (figure(65_535), figure(u64::from(u32::MAX))).prop_map(|(id, at)| format!("/{id}@{at}")),
    ];
    let flags = one_of(&["", "", " S", " SA", " RF", " x"]);
    let action = one_of(&["Drop", "Allow", "Reject", "Bounce", "Dropped"]);
    let counts = (figure(1 << 40), figure(1 << 32)).prop_map(|(f, r)| format!("{f}/{r}"));
    (
        name(),
        (mac, any::<bool>(), protocol, fragment),
        (source, target),
        (flags, action, counts),
        0..4u8,
    )
        .prop_map(
            |(
                name,
                (mac, frag, protocol, fragment),
                (source, target),
                (flags, action, counts),
                kind,
            )| {
                let end = |(interface, address, suffix): (String, String, String)| {
                    format!("{interface}/{address}{suffix}")
                };
                let (source, target) = (end(source), end(target));
                if kind == 0 {
                    return format!("End {name}: {protocol} {source}-{target} {counts}");
                }
                let frag = if frag { " Frag" } else { "" };
                format!(
                    "{name}:{frag} {mac} {protocol}{fragment} {source}-{target}{flags} {action}"
                )
            },
        )
}

#[test]
fn decodes_as_its_twin_does() {
    let twin = Twin::new();
    let capacity = Capacity { session_rows: 256, unparsed_rows: 512, text_bytes: 1 << 14 };
    let batch = RefCell::new(Batch::new(capacity));
    let registry = Arc::new(Registry::new(Limits::DEFAULT));
    let decoder = RefCell::new(Decoder::new(registry, Arc::default()));
    let (known, unknown) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig::with_cases(ProptestConfig::default().cases.max(20_000));
    proptest!(config, |(line in line())| {
        let mut batch = batch.borrow_mut();
        batch.clear();
        let payload = format!("<134>{line}");
        decoder.borrow_mut().decode(&Datagram {
            payload: payload.as_bytes(),
            exporter: IpAddr::from([192, 0, 2, 1]),
            exporter_port: 514,
            received_at: RECEIVED_AT,
            format: FormatHint::Firebrick,
        }, &mut batch);
        let decoded = records(&batch);
        prop_assert_eq!(decoded.len(), 1);
        match twin.decode(&line) {
            Some(expected) => {
                known.set(known.get() + 1);
                prop_assert_eq!(&decoded[0], &expected, "{}", line);
            }
            None => {
                unknown.set(unknown.get() + 1);
                prop_assert_eq!(&decoded[0]["record"], "unparsed", "{}", line);
            }
        }
    });
    assert!(known.get() > 3_000 && unknown.get() > 1_000, "{} {}", known.get(), unknown.get());
}
