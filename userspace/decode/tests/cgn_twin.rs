//! A slow twin of the CGNAT decoders for brackets and pipes: regular expressions and lists of
//! words, over lines made at random. What the twin reads must come out the same; what it does not
//! read must be kept as it came.

#[path = "support/read.rs"]
mod read;

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint},
    limits::Limits,
    netflow::registry::Registry,
    settings::Settings,
};
use proptest::{collection::vec, prelude::*, sample::select};
use read::{Record, records};
use regex::Regex;
use std::{
    cell::{Cell, RefCell},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

const RECEIVED_AT: i64 = 1_700_000_000_123_456_789;
const SECOND_NS: i64 = 1_000_000_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

struct Twin {
    line: Regex,
}

/// What a line says before its values.
struct Head<'a> {
    seconds: i64,
    names: Vec<&'a str>,
    scene: &'a str,
    event: &'a str,
    /// `session`, and what begins or ends.
    is_session: bool,
    begins: Option<bool>,
}

impl Twin {
    fn new() -> Self {
        let time = "(?<y>[0-9]{4})(?: (?<mon>[A-Z][a-z]{2})[a-z]* (?<d>[0-9]{1,2})|-(?<m2>[0-9]{2})-(?<d2>[0-9]{2})) (?<h>[0-9]{2})[: ](?<mi>[0-9]{2})[: ](?<s>[0-9]{2})";
        let text = format!(
            "^<134> ?(?:1 )?(?:(?<first>[^ ]+) )?{time} (?<names>(?:[^ :]+ ){{1,3}})(?<scene>NAT444|NAT44|NAT64|DSLITE|LAFT6): ?(?<event>[A-Za-z]+) ?(?<values>.*)$"
        );
        Self { line: Regex::new(&text).unwrap() }
    }

    fn decode(&self, line: &str) -> Option<Record> {
        let plain = line.replacen("<NAT444>", "NAT444", 1);
        let found = self.line.captures(&plain)?;
        let of = |name: &str| found.name(name).map_or("", |part| part.as_str());
        let month = match found.name("mon") {
            Some(name) => MONTHS.iter().position(|month| *month == name.as_str())? + 1,
            None => of("m2").parse().ok()?,
        };
        let day = format!("{}{}", of("d"), of("d2"));
        let [h, mi, s] = ["h", "mi", "s"].map(of);
        let time = format!("{}-{month:02}-{day:0>2}T{h}:{mi}:{s}Z", of("y"));
        let mut names: Vec<&str> =
            of("names").split_whitespace().map(|word| word.trim_start_matches('-')).collect();
        if found.name("first").is_some() {
            names.insert(0, of("first"));
        }
        if names.len() > 3 {
            return None;
        }
        let event = of("event");
        let lower = event.to_ascii_lowercase();
        let is_session = lower.starts_with("session");
        let stem = ["userbased", "sessionbased", "session", "port"];
        let rest = stem.iter().find_map(|stem| lower.strip_prefix(stem)).unwrap_or("");
        let begins = match rest {
            "a" | "ad" => Some(true),
            "w" | "wd" => Some(false),
            _ => None,
        };
        let seconds = time.parse::<jiff::Timestamp>().ok()?.as_second();
        let head = Head { seconds, names, scene: of("scene"), event, is_session, begins };
        let values = of("values");
        if values.starts_with('[') { bracket(&head, values) } else { pipe(&head, values) }
    }
}

fn common(head: &Head<'_>, format: &str) -> (Record, Vec<String>) {
    let mut record = Record::from([
        ("format", format.to_owned()),
        ("exporter", "192.0.2.1".into()),
        ("exporter_port", "514".into()),
        ("received_at", format!("{RECEIVED_AT}.9")),
        ("event_time", format!("{}.0", head.seconds * SECOND_NS)),
        ("time_source", "header".into()),
    ]);
    let mut extra = Vec::new();
    for (index, name) in head.names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        match index {
            0 => drop(record.insert("host", (*name).into())),
            1 => extra.push(format!("app={name}")),
            _ => extra.push(format!("procid={name}")),
        }
    }
    if head.begins.is_none() {
        extra.push(format!("event={}", head.event));
    }
    (record, extra)
}

fn event(record: &mut Record, head: &Head<'_>, session: bool) {
    let name = match (session, head.begins) {
        (true, Some(true)) => "create",
        (true, Some(false)) => "end",
        (true, None) => return,
        (false, Some(true)) => "allocate",
        (false, Some(false)) => "release",
        (false, None) if head.event.to_ascii_lowercase().contains("alive") => "keepalive",
        (false, None) => "unknown",
    };
    record.insert("event", name.into());
}

fn is_nil(word: &str) -> bool {
    ["", "-", "–"].contains(&word)
}

fn address(word: &str) -> Option<IpAddr> {
    if word.contains(':') {
        return word.parse::<Ipv6Addr>().ok().map(Into::into);
    }
    word.parse::<Ipv4Addr>().ok().map(Into::into)
}

/// `None` for what is neither missing nor a number up to the limit.
fn number(word: &str, max: u64) -> Option<Option<u64>> {
    if is_nil(word) {
        return Some(None);
    }
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|number| digits && *number <= max).map(Some)
}

/// The values of a bracket by name.
#[derive(Default)]
struct Values {
    l4: Option<u64>,
    private: Vec<IpAddr>,
    public: Option<IpAddr>,
    ports: [Option<u64>; 3],
    destination: Option<IpAddr>,
    destination_port: Option<u64>,
    inserted: String,
    inferred: bool,
}

fn by_place(words: &[&str]) -> Option<Values> {
    let mut words = words.to_vec();
    let mut values = Values::default();
    match words.len() {
        7 => {}
        8 => {
            let word = words.remove(6);
            values.inferred = !is_nil(word);
            values.inserted = if is_nil(word) { String::new() } else { word.to_owned() };
        }
        9 => {
            values.destination_port = number(words.pop()?, 65_535)?;
            let word = words.pop()?;
            if !is_nil(word) {
                values.destination = Some(address(word)?);
            }
        }
        _ => return None,
    }
    values.l4 = number(words[0], 255)?;
    for word in words[1..3].iter().filter(|word| !is_nil(word)) {
        values.private.push(address(word)?);
    }
    values.public = Some(address(words[3])?);
    for (port, word) in values.ports.iter_mut().zip(&words[4..]) {
        *port = number(word, 65_535)?;
    }
    (!values.private.is_empty()).then_some(values)
}

fn by_kind(words: &[&str], is_session: bool) -> Option<Values> {
    let words: Vec<_> = words.iter().copied().filter(|word| !is_nil(word)).collect();
    let mut values = Values { inferred: true, ..Values::default() };
    let first = words.iter().position(|word| address(word).is_some())?;
    if first > 1 {
        return None;
    }
    if first == 1 {
        values.l4 = number(words[0], 255)?;
    }
    let addresses: Vec<_> = words[first..].iter().filter_map(|word| address(word)).collect();
    let others: Vec<_> = words[first..].iter().filter(|word| address(word).is_none()).collect();
    let mut ports: Vec<u64> =
        others.iter().map(|word| number(word, 65_535).flatten()).collect::<Option<_>>()?;
    let (&[private, public], destination) = addresses.split_first_chunk::<2>()?;
    values.destination = destination.first().copied();
    if destination.len() > 1 {
        return None;
    }
    if values.destination.is_some() {
        values.destination_port = Some(ports.pop()?);
    }
    (values.private, values.public) = (vec![private], Some(public));
    values.ports = match *ports {
        [a, b] if is_session && a != b => [Some(a), Some(b), None],
        [a, b] => [None, Some(a), Some(b)],
        [a, b, c] => [Some(a), Some(b), Some(c)],
        _ => return None,
    };
    Some(values)
}

fn bracket(head: &Head<'_>, text: &str) -> Option<Record> {
    let inside = text.strip_prefix('[')?.trim_end_matches(['.', ' ']).strip_suffix(']')?;
    let padded = inside.len() > 1 && inside.starts_with(' ') && inside.ends_with(' ');
    let spaced: Vec<_> =
        if padded { &inside[1..inside.len() - 1] } else { inside }.split(' ').collect();
    let squeezed: Vec<_> = inside.split(' ').filter(|word| !word.is_empty()).collect();
    // No port above the limit is rescued by another reading.
    let values = by_place(&spaced)
        .or_else(|| by_place(&squeezed))
        .or_else(|| by_kind(&squeezed, head.is_session))?;
    let (mut record, mut extra) = common(head, "cgn-cn");
    event(&mut record, head, head.is_session);
    let [own, first, last] = values.ports;
    let mut inferred = values.inferred || head.begins.is_none();
    let mut put = |name, value: Option<String>| value.map(|value| record.insert(name, value));
    put("protocol", values.l4.map(|l4| l4.to_string()));
    let some = |port: Option<u64>| port.filter(|port| *port != 0).map(|port| port.to_string());
    let tunnel = values.private.get(1);
    if head.is_session {
        put("record", Some("session".into()));
        put("src_addr", Some(values.private[0].to_string()));
        put("nat_src_addr", values.public.map(|public| public.to_string()));
        put("src_port", some(own));
        put("nat_src_port", some(first.or(last)));
        put("dst_addr", values.destination.map(|address| address.to_string()));
        put("dst_port", some(values.destination_port));
        match tunnel {
            Some(IpAddr::V6(_)) if values.private[0].is_ipv4() => {
                put("tunnel_addr", tunnel.map(IpAddr::to_string));
            }
            Some(tunnel) => extra.push(format!("tunnel_addr={tunnel}")),
            None => {}
        }
        if let Some(last) = last.filter(|last| Some(*last) != first.or(Some(*last))) {
            inferred = true;
            if last != 0 {
                extra.push(format!("nat_src_port_last=n{last}"));
            }
        }
        extra.push(format!("scene={}", head.scene));
    } else {
        if first.zip(last).is_some_and(|(first, last)| first > last) {
            return None;
        }
        put("record", Some("port_block".into()));
        put("private_addr", Some(values.private[0].to_string()));
        put("public_addr", values.public.map(|public| public.to_string()));
        put("port_first", first.map(|port| port.to_string()));
        put("port_last", last.map(|port| port.to_string()));
        put("scene", Some(head.scene.into()));
        extra.extend(tunnel.map(|tunnel| format!("tunnel_addr={tunnel}")));
        extra.extend(some(own).map(|port| format!("src_port=n{port}")));
        extra.extend(values.destination.map(|address| format!("dst_addr={address}")));
        extra.extend(some(values.destination_port).map(|port| format!("dst_port=n{port}")));
    }
    if !values.inserted.is_empty() {
        extra.push(format!("value7={}", values.inserted));
    }
    let reading = if inferred { " reading_inferred" } else { "" };
    record.insert("flags", format!("header_zone_assumed_utc{reading}"));
    if !extra.is_empty() {
        record.insert("extra", extra.join(" "));
    }
    Some(record)
}

/// Blocks and sessions of v2, whose times are seconds.
fn pipe(head: &Head<'_>, text: &str) -> Option<Record> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let values: Vec<_> = text.split('|').collect();
    let (mut record, mut extra) = common(head, "cgn-unicom");
    let session = values.len() == 8;
    event(&mut record, head, session);
    let epoch = |word: &str| number(word, u32::MAX.into()).map(|epoch| epoch.filter(|at| *at != 0));
    let show = |at: u64| format!("{}.0", at as i64 * SECOND_NS);
    let start = epoch(values[0])?;
    let shift = usize::from(session);
    let private = address(values.get(1 + shift)?)?;
    let public = address(values.get(2 + shift)?)?;
    let own;
    if session {
        record.insert("record", "session".into());
        let end = epoch(values[1])?;
        start.map(|at| record.insert("start_time", show(at)));
        end.map(|at| record.insert("end_time", show(at)));
        if let Some((start, end)) = start.zip(end).filter(|(start, end)| start <= end) {
            record.insert("duration_ms", ((end - start) * 1000).to_string());
        }
        own = match head.begins {
            Some(true) => start.or(end),
            Some(false) => end,
            None => end.or(start),
        };
        record.insert("src_addr", private.to_string());
        record.insert("nat_src_addr", public.to_string());
        if !is_nil(values[5]) {
            record.insert("dst_addr", address(values[5])?.to_string());
        }
        for (name, at) in [("nat_src_port", 4), ("dst_port", 6)] {
            if let Some(port) = number(values[at], 65_535)?.filter(|port| *port != 0) {
                record.insert(name, port.to_string());
            }
        }
        extra.push(format!("scene={}", head.scene));
        match values[7] {
            "tcp" => drop(record.insert("protocol", "6".into())),
            word if is_nil(word) => {}
            word => match number(word, 255).flatten() {
                Some(protocol) => drop(record.insert("protocol", protocol.to_string())),
                None => extra.push(format!("protocol={word}")),
            },
        }
    } else if values.len() == 5 {
        record.insert("record", "port_block".into());
        own = start;
        record.insert("private_addr", private.to_string());
        record.insert("public_addr", public.to_string());
        record.insert("scene", head.scene.into());
        let [first, last] = [number(values[3], 65_535)?, number(values[4], 65_535)?];
        first.map(|port| record.insert("port_first", port.to_string()));
        last.map(|port| record.insert("port_last", port.to_string()));
        if first.zip(last).is_some_and(|(first, last)| first > last) {
            return None;
        }
    } else {
        return None;
    }
    let mut flags = Vec::new();
    match own {
        Some(own) => {
            record.insert("event_time", show(own));
            record.insert("time_source", "record".into());
        }
        None => flags.push("header_zone_assumed_utc"),
    }
    if head.begins.is_none() {
        flags.push("reading_inferred");
    }
    if !flags.is_empty() {
        record.insert("flags", flags.join(" "));
    }
    if !extra.is_empty() {
        record.insert("extra", extra.join(" "));
    }
    Some(record)
}

// ------------------------------------------------------------------------------ random lines

fn one_of(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(choices).prop_map(str::to_owned)
}

fn ip() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => any::<[u8; 3]>().prop_map(|[a, b, c]| format!("10.{a}.{b}.{c}")),
        2 => any::<u16>().prop_map(|last| format!("2001:db8::{last:x}:1")),
    ]
}

fn port() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => (0..=65_535u32).prop_map(|port| port.to_string()),
        2 => one_of(&["-", "", "–", "0"]),
        1 => one_of(&["65536", "x"]),
    ]
}

fn brackets() -> impl Strategy<Value = String> {
    let l4 = one_of(&["-", "-", "6", "17", "58", "", "256"]);
    let nil = || one_of(&["-", "-", "-", "", "–"]);
    let origin = prop_oneof![
        3 => (ip(), nil()).prop_map(|(v4, nil)| [v4, nil]),
        1 => (nil(), ip()).prop_map(|(nil, v6)| [nil, v6]),
        1 => (ip(), ip()).prop_map(|(v4, v6)| [v4, v6]),
    ];
    let tail = prop_oneof![
        6 => Just(Vec::new()),
        1 => (ip(), port()).prop_map(|(ip, port)| vec![ip, port]),
        1 => one_of(&["22", "-"]).prop_map(|word| vec![word]),
    ];
    let space = one_of(&["", "", " ", "."]);
    (l4, origin, ip(), vec(port(), 3), tail, any::<bool>(), 0..8u8, space).prop_map(
        |(l4, origin, public, mut ports, tail, pad, squeeze, end)| {
            // Blocks go upwards, mostly.
            if let (Ok(first), Ok(last)) = (ports[1].parse::<u32>(), ports[2].parse::<u32>())
                && first > last
            {
                ports.swap(1, 2);
            }
            let words = [vec![l4], origin.to_vec(), vec![public], ports, tail].concat();
            let mut inside = words.join(" ");
            if pad {
                inside = format!(" {inside} ");
            }
            if squeeze == 0 {
                inside = inside.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            format!("[{inside}]{end}")
        },
    )
}

fn pipes() -> impl Strategy<Value = String> {
    let epoch = || {
        prop_oneof![
            8 => (0..2_000_000_000u32).prop_map(|at| at.to_string()),
            1 => one_of(&["0", "4294967296", "1x"]),
        ]
    };
    let end = prop_oneof![3 => epoch(), 1 => one_of(&["-", ""])];
    let protocol = one_of(&["6", "17", "tcp", "xyz", "-", "255"]);
    let session = (epoch(), end, ip(), ip(), port(), ip(), port(), protocol)
        .prop_map(|(s, e, a, b, c, d, f, p)| [s, e, a, b, c, d, f, p].join("|"));
    let block =
        (epoch(), ip(), ip(), port(), port()).prop_map(|(s, a, b, c, d)| [s, a, b, c, d].join("|"));
    (prop_oneof![session, block], one_of(&["", "", "."])).prop_map(|(values, stop)| values + &stop)
}

fn line() -> impl Strategy<Value = String> {
    let time = (0..2_000_000_000i64, 0..4usize).prop_map(|(at, form)| {
        let formats =
            ["%Y %b %-d %H:%M:%S", "%Y %B %d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y %b %d %H %M %S"];
        jiff::Timestamp::from_second(at).unwrap().strftime(formats[form]).to_string()
    });
    let priority = one_of(&["<134>", "<134> ", "<134>1 ", "<134> 1 "]);
    let names =
        one_of(&["192.0.2.9 fw - ", "fw - - ", "fw 123 ", "192.0.2.9 fw 7 ", "fw - ", "a b c d "]);
    let scene = one_of(&["NAT444:", "NAT64:", "DSLITE: ", "NAT44:", "LAFT6:", "<NAT444>:"]);
    let event = one_of(&[
        "UserbasedA",
        "userbasedW",
        "SessionbasedA",
        "SessionW",
        "SessionAD",
        "PortA",
        "PortW",
        "SESSIONBASEDWD",
        "Userbasedkeepalive",
        "Portblockrunout",
        "SessionX",
    ]);
    let values = prop_oneof![2 => brackets(), 1 => pipes()];
    (priority, time, names, scene, event, one_of(&["", " "]), values, 0..6u8).prop_map(
        |(priority, time, names, scene, event, space, values, form)| {
            let space = if values.starts_with('[') { space } else { " ".into() };
            let front = if form == 0 { "192.0.2.77 " } else { "" };
            format!("{priority}{front}{time} {names}{scene}{event}{space}{values}")
        },
    )
}

#[test]
fn decodes_as_its_twin_does() {
    let twin = Twin::new();
    let capacity = Capacity { session_rows: 256, unparsed_rows: 512, text_bytes: 1 << 14 };
    let batch = RefCell::new(Batch::new(capacity));
    let registry = Arc::new(Registry::new(Limits::DEFAULT));
    // Zones are not learned: the twin knows one line at a time.
    let settings = Settings::with_limits(Limits { exporters: 0, ..Limits::DEFAULT });
    let decoder = RefCell::new(Decoder::new(registry, Arc::new(settings)));
    let (known, unknown) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig::with_cases(ProptestConfig::default().cases.max(20_000));
    proptest!(config, |(line in line())| {
        let mut batch = batch.borrow_mut();
        batch.clear();
        decoder.borrow_mut().decode(&Datagram {
            payload: line.as_bytes(),
            exporter: IpAddr::from([192, 0, 2, 1]),
            exporter_port: 514,
            received_at: RECEIVED_AT,
            format: FormatHint::Auto,
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
    assert!(known.get() > 6_000 && unknown.get() > 1_000, "{} {}", known.get(), unknown.get());
}
