//! The truth of the text formats beside Huawei USG's sessions against their lines, taken apart by
//! splitting them: slow, and nothing of the encoders' own.

use std::collections::HashMap;

use logweir_traffic::{
    BlockEvent, EventKind, Filter, Format, HeaderTime, Im, Model, ModelConfig, PortBlock, Session,
    Truth, timestamp,
};

/// Calls `each` with every line of a run and its truth.
fn each_line(format: Format, mut each: impl FnMut(&str, &Truth)) {
    let config = ModelConfig {
        format,
        exporters: 3,
        sessions_live_max: 2_000,
        nat64_share: if format.has_nat64() { 0.2 } else { 0.0 },
        dslite_share: if format.has_dslite() { 0.2 } else { 0.0 },
        vrfs: 3,
        inbound_share: 0.1,
        untranslated_share: 0.1,
        lines_per_datagram: 2,
        datagram_bytes_max: 3_000,
        ..ModelConfig::default()
    };
    let mut model = Model::new(config).expect("the configuration is within the limits");
    let (mut buffer, mut truth) = (vec![0; 3_000], Vec::new());
    for _ in 0..3_000 {
        truth.clear();
        let info = model.next_datagram(&mut buffer, Some(&mut truth));
        let text = std::str::from_utf8(&buffer[..info.len]).expect("UTF-8");
        assert_eq!((text.lines().count(), info.records), (truth.len(), truth.len()));
        for (line, truth) in text.lines().zip(&truth) {
            assert!(line.len() < format.datagram_bytes_min() - 64, "{line}");
            each(line, truth);
        }
    }
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// `YYYY-MM-DD hh:mm:ss`.
fn iso(seconds: u64) -> String {
    String::from_utf8(timestamp(seconds as i64).to_vec()).expect("ASCII")
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What stands in front of `host` in a header without zone, in any of its forms.
fn time_forms(header: Option<HeaderTime>) -> Vec<String> {
    let header = header.expect("a header's time");
    assert!(!header.has_zone);
    let iso = iso(header.unix_ms / 1_000);
    let (date, clock) = iso.split_once(' ').expect("date and clock");
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else { panic!("{date}") };
    let month = MONTHS[month.parse::<usize>().expect("a month") - 1];
    let short = &month[..3];
    let plain_day = day.trim_start_matches('0');
    vec![
        format!("{year} {short} {day} {clock}"),
        format!("{year} {month} {day} {clock}"),
        format!("<{year}> <{short}> <{day}> <{clock}>"),
        format!("{short} {plain_day} {clock}"),
        format!("{short} {plain_day:>2} {clock}"),
        format!("{short} {day} {year} {clock}"),
        iso,
    ]
}

/// Checks the header of a carrier's line; what follows it.
fn after_cgn_header<'a>(line: &'a str, host: &str, header: Option<HeaderTime>) -> &'a str {
    let (front, rest) = line.split_once(" cgn - ").expect("the program's name");
    let front = front.strip_prefix("<134>").or(front.strip_prefix("<142>")).expect("a priority");
    let front = front.trim_start().strip_prefix("1 ").expect("a version");
    let mut forms = time_forms(header).into_iter();
    assert!(
        forms.any(|time| front == format!("{time} {host}") || front == format!("{host} {time}")),
        "{line}"
    );
    rest
}

fn host_of(truth: &Truth) -> (String, Option<HeaderTime>) {
    match truth {
        Truth::Session(session) => (text(session.host.as_ref()), session.header),
        Truth::PortBlock(PortBlock { source, .. })
        | Truth::Filter(Filter { source, .. })
        | Truth::Im(Im { source, .. }) => (text(source.host.as_ref()), source.header),
    }
}

/// Values of a bracket; what is missing is empty.
fn bracket_values(rest: &str) -> Vec<String> {
    let (_, inside) = rest.split_once('[').expect("a bracket");
    let (inside, after) = inside.split_once(']').expect("its end");
    assert!(after.is_empty() || after == ".");
    let padded = inside.strip_prefix(' ').and_then(|inside| inside.strip_suffix(' '));
    let values = padded.unwrap_or(inside).split(' ');
    values.map(|value| value.replace(['–'], "-").replace('-', "")).collect()
}

#[test]
fn cn_lines_are_the_truth() {
    let mut scenes: HashMap<String, usize> = HashMap::new();
    each_line(Format::CgnCn, |line, truth| {
        let (host, header) = host_of(truth);
        let rest = after_cgn_header(line, &host, header);
        let (scene, event) = rest.split_once(':').expect("scene and event");
        *scenes.entry(scene.to_owned()).or_default() += 1;
        let values = bracket_values(rest);
        let event = event.split(['[', ' ']).next().expect("an event");
        let (protocol, private, places) = match truth {
            Truth::Session(session) => {
                assert_eq!(session.extra[1], ("scene", scene.to_owned()));
                let letter = if session.event == EventKind::Create { 'A' } else { 'W' };
                assert!(
                    [format!("Session{letter}"), format!("Sessionbased{letter}")]
                        .contains(&event.to_owned())
                );
                let places =
                    [text(session.src_port), text(session.nat_src_port), String::new()].to_vec();
                let destination = [text(session.dst_addr), text(session.dst_port)].to_vec();
                let known = session.dst_addr.is_some();
                let places = if known { [places, destination].concat() } else { places };
                assert_eq!(values[3], text(session.nat_src_addr));
                (text(session.protocol), session.src_addr.expect("a source"), places)
            }
            Truth::PortBlock(block) => {
                assert_eq!(block.scene.as_deref(), Some(scene));
                let letter = if block.event == BlockEvent::Release { 'W' } else { 'A' };
                assert_eq!(event.to_ascii_lowercase(), format!("userbased{letter}").to_lowercase());
                assert_eq!(values[3], block.public_addr.to_string());
                let ports = [block.port_first.to_string(), block.port_last.to_string()];
                (String::new(), block.private_addr, [&[String::new()][..], &ports].concat())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(values[0], protocol);
        let (own, other) = if private.is_ipv6() { (2, 1) } else { (1, 2) };
        assert_eq!((&values[own], values[other].as_str()), (&private.to_string(), ""), "{line}");
        assert_eq!(values[4..], places, "{line}");
        assert_eq!(private.is_ipv6(), scene != "NAT444");
    });
    assert!(["NAT444", "NAT64", "DSLITE"].iter().all(|scene| scenes[*scene] > 100), "{scenes:?}");
}

#[test]
fn unicom_lines_are_the_truth() {
    let mut lengths: HashMap<usize, usize> = HashMap::new();
    each_line(Format::CgnUnicom, |line, truth| {
        let (host, header) = host_of(truth);
        let rest = after_cgn_header(line, &host, header).replace(['<', '>'], "");
        let (event, values) = rest.split_once(' ').expect("event and values");
        let event = event.strip_prefix("NAT444:").expect("a scene");
        let values: Vec<String> = values.split('|').map(|v| v.replace('-', "")).collect();
        *lengths.entry(values.len()).or_default() += 1;
        let now = header.expect("a header").unix_ms / 1_000;
        let expected = match truth {
            Truth::PortBlock(block) => {
                assert_eq!(event == "PortA", block.event == BlockEvent::Allocate);
                let ports = [block.port_first.to_string(), block.port_last.to_string()];
                let addresses = [block.private_addr.to_string(), block.public_addr.to_string()];
                [&[now.to_string()][..], &addresses, &ports].concat()
            }
            Truth::Session(session) => {
                assert_eq!(event == "SessionA", session.event == EventKind::Create);
                unicom_values(session, &values, now)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(values, expected, "{line}");
    });
    assert!([5, 7, 8].iter().all(|length| lengths[length] > 100), "{lengths:?}");
}

fn unicom_values(session: &Session, values: &[String], now: u64) -> Vec<String> {
    let public = [text(session.nat_src_addr), text(session.nat_src_port)];
    let remote = [text(session.dst_addr), text(session.dst_port)];
    let ends = [public, remote].concat();
    let source = text(session.src_addr);
    if values.len() == 7 {
        assert_eq!((session.protocol, session.start), (None, None));
        let front = [now.to_string(), source, text(session.src_port)];
        return [&front[..], &ends].concat();
    }
    assert_eq!(session.src_port, None);
    let protocol = text(session.protocol);
    if values[1] == source {
        let front = [text(session.start), source];
        return [&front[..], &ends, &[protocol, String::new()]].concat();
    }
    let front = [text(session.start), text(session.end), source];
    [&front[..], &ends, &[protocol]].concat()
}

/// `key<quote>value<quote>` pairs, behind each key `=`.
fn quoted(pairs: &str, quote: char) -> HashMap<&str, &str> {
    let mut found = HashMap::new();
    let mut rest = pairs;
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.strip_prefix(quote).expect("a quote");
        let (value, after) = after.split_once(quote).expect("its end");
        assert_eq!(found.insert(key.trim_start(), value), None);
        rest = after;
    }
    assert_eq!(rest, "");
    found
}

#[test]
fn ft_lines_are_the_truth() {
    let mut seen = [0; 3];
    each_line(Format::CgnFt, |line, truth| {
        let Truth::PortBlock(block) = truth else { panic!("{truth:?}") };
        let header = block.source.header.expect("a time");
        let rest = line.strip_prefix("<134> 1 ").expect("priority and version");
        let (time, rest) = rest.split_once("Z ").expect("a time in UTC");
        let (seconds, hundredths) = time.split_once('.').unwrap_or((time, "00"));
        assert_eq!(seconds.replace('T', " "), iso(header.unix_ms / 1_000));
        assert_eq!(hundredths, format!("{:02}", header.unix_ms % 1_000 / 10));
        let (front, rest) = rest.split_once(" - - NAT444userbased - %%01SEC/6/").expect("a tag");
        assert_eq!(
            (Some(front), Some("NAT444")),
            (block.source.host.as_deref(), block.scene.as_deref())
        );
        let (sentence, pairs) = rest.split_once("scene. ").expect("a sentence");
        let (action, verb) = match block.event {
            BlockEvent::Allocate => ("BIND(", "assigned"),
            BlockEvent::Release => ("UNBIND(", "released"),
            BlockEvent::Keepalive => ("KEEPALIVE(", "alive"),
        };
        seen[block.event as usize] += 1;
        assert!(sentence.starts_with(action) && sentence.contains(verb), "{line}");
        let mut found = quoted(pairs, '\'');
        let hex = |value: u64| format!("{value:x}");
        let unpadded =
            |value: &str| value.strip_prefix("0x").map(|v| v.trim_start_matches('0').to_owned());
        assert_eq!(found.remove("sequence").and_then(unpadded), block.sequence.map(hex));
        assert_eq!(found.remove("sessionid").and_then(unpadded), block.session_id.map(hex));
        assert_eq!(found.remove("srcvrfid").unwrap_or(""), text(block.src_vrf));
        assert_eq!(found.remove("privateip"), Some(block.private_addr.to_string().as_str()));
        assert_eq!(found.remove("publicip"), Some(block.public_addr.to_string().as_str()));
        let range = format!("{}~{}", block.port_first, block.port_last);
        assert_eq!(found.remove("publicportrange"), Some(range.as_str()));
        let time = iso(block.event_ms.expect("a time") / 1_000);
        assert_eq!(found.remove("time"), Some(time.as_str()));
        assert!(found.is_empty(), "{found:?}");
    });
    assert!(seen.iter().all(|count| *count > 500), "{seen:?}");
}

/// Checks priority and RFC 3164 header, where there is one; what follows.
fn after_rfc3164<'a>(line: &'a str, priority: &str, truth: &Truth) -> &'a str {
    let line = line.strip_prefix(priority).unwrap_or(line);
    let (host, header) = host_of(truth);
    if header.is_none() {
        return line;
    }
    let mut forms = time_forms(header).into_iter();
    let rest = forms.find_map(|time| line.strip_prefix(&format!("{time} {host} ")));
    rest.expect("a header")
}

/// Interface, address without padding, and what stands behind it.
fn firebrick_end(end: &str) -> (String, String, String) {
    let mut parts = end.splitn(3, '/');
    let interface = parts.next().expect("an interface").to_owned();
    let address = parts.next().expect("an address").split('.');
    let address: Vec<String> =
        address.map(|octet| octet.parse::<u8>().expect("an octet").to_string()).collect();
    (interface, address.join("."), parts.next().unwrap_or("").replace(',', ""))
}

/// The two ends: they meet where an interface follows a dash.
fn firebrick_ends(text: &str, names: [&str; 2]) -> [(String, String, String); 2] {
    let at = text.rfind(&format!("-{}/", names[1])).expect("a second end");
    assert!(text.starts_with(names[0]));
    [firebrick_end(&text[..at]), firebrick_end(&text[at + 1..])]
}

#[test]
fn firebrick_lines_are_the_truth() {
    let mut forms: HashMap<&str, usize> = HashMap::new();
    each_line(Format::Firebrick, |line, truth| {
        let rest = after_rfc3164(line, "<134>", truth);
        let form = match truth {
            Truth::Session(session) => check_big_session(rest, session),
            Truth::Filter(filter) => check_filter(rest, filter),
            other => panic!("{other:?}"),
        };
        *forms.entry(form).or_default() += 1;
    });
    assert_eq!(forms.len(), 6, "{forms:?}");
}

fn check_big_session(rest: &str, session: &Session) -> &'static str {
    let front = format!("End {}: ", text(session.policy.as_ref()));
    let rest = rest.strip_prefix(&front).expect("the filter's name");
    let (protocol, rest) = rest.split_once(") ").expect("a protocol");
    assert_eq!(protocol.split_once('(').expect("a number").1, text(session.protocol));
    let (ends, bytes) = rest.rsplit_once(' ').expect("counters");
    let expected = format!("{}/{}", text(session.sent_bytes), text(session.received_bytes));
    assert_eq!(bytes, expected);
    let names = [session.extra[0].1.as_str(), session.extra[1].1.as_str()];
    let [source, target] = firebrick_ends(ends, names);
    assert_eq!([source.0.as_str(), target.0.as_str()], names);
    assert_eq!(source.1, text(session.src_addr));
    assert_eq!(source.2, session.src_port.unwrap_or(0).to_string());
    assert_eq!(target.1, text(session.dst_addr));
    assert_eq!(target.2, session.dst_port.unwrap_or(0).to_string());
    "big session"
}

fn check_filter(rest: &str, filter: &Filter) -> &'static str {
    let rest = rest.strip_prefix(&format!("{}: ", filter.filter)).expect("the filter's name");
    let (rest, action) = rest.rsplit_once(' ').expect("an action");
    assert_eq!(action, format!("{:?}", filter.action));
    let without_frag = rest.strip_prefix("Frag ");
    assert_eq!(without_frag.is_some(), filter.fragment.is_some());
    let (mac, rest) = without_frag.unwrap_or(rest).split_once(' ').expect("a MAC");
    let digits = filter.mac.map(|mac| mac.map(|byte| format!("{byte:02x}")).concat());
    assert_eq!(mac.replace([':', '-'], ""), digits.unwrap_or("0".to_owned()));
    let anchor = format!("{}({})", filter.protocol_name, filter.protocol);
    let rest = rest.strip_prefix(&anchor).expect("the protocol");
    let fragment = filter.fragment.map(|(id, offset)| format!("/{id}@{offset}"));
    let rest = rest.strip_prefix(&fragment.clone().unwrap_or_default()).expect("the fragment");
    let mut ends = rest.strip_prefix(' ').expect("the ends");
    if let Some(flags) = &filter.tcp_flags {
        ends = ends.strip_suffix(&format!(" {flags}")).expect("the flags");
    }
    let names = [filter.src_interface.as_str(), filter.dst_interface.as_str()];
    let [source, target] = firebrick_ends(ends, names);
    assert_eq!((source.0, target.0), (names[0].to_owned(), names[1].to_owned()));
    assert_eq!(source.1, filter.src_addr.to_string());
    assert_eq!(target.1, filter.dst_addr.to_string());
    let icmp = filter.icmp.as_ref().map(|(kind, code, name)| format!("{name}({kind}:{code})"));
    let has_ports = icmp.is_none() && fragment.is_none() && [6, 17].contains(&filter.protocol);
    let (kind, behind) = match (icmp, has_ports) {
        (Some(icmp), _) => ("ICMP", (icmp, text(filter.icmp_id))),
        (None, true) => {
            let port = |port: Option<u16>| port.unwrap_or(0).to_string();
            let kind = if filter.protocol == 6 { "TCP" } else { "UDP" };
            (kind, (port(filter.src_port), port(filter.dst_port)))
        }
        (None, false) => {
            assert_eq!((filter.src_port, filter.dst_port), (None, None));
            let kind = if fragment.is_some() { "fragment" } else { "other" };
            (kind, (String::new(), String::new()))
        }
    };
    assert_eq!((source.2, target.2), behind);
    kind
}

#[test]
fn im_lines_are_the_truth() {
    each_line(Format::UsgIm, |line, truth| {
        let Truth::Im(im) = truth else { panic!("{truth:?}") };
        let rest = after_rfc3164(line, "<190>", truth);
        let (tag, pairs) = rest.split_once("(l):").expect("a tag");
        let name = if im.online { "IM_LOGIN" } else { "IM_LOGOUT" };
        assert_eq!(tag, format!("%%01SECLOG/6/{name}"));
        let pairs = pairs.strip_suffix('.').expect("a stop").split(',');
        let found: HashMap<&str, &str> =
            pairs.map(|pair| pair.split_once('=').expect("=")).collect();
        let protocol = match im.protocol {
            6 => "tcp",
            17 => "udp",
            _ => "icmp",
        };
        let mut expected = vec![
            ("Protocol", protocol.to_owned()),
            ("SourceIP", text(im.src_addr)),
            ("DestinationIP", text(im.dst_addr)),
            ("SourcePort", im.src_port.unwrap_or(0).to_string()),
            ("DestinationPort", im.dst_port.unwrap_or(0).to_string()),
            ("BeginTime", im.start.to_string()),
            ("ApplicationName", im.application.clone()),
            ("Account", im.account.clone()),
        ];
        if im.nat_src_addr.is_some() {
            expected.push(("SourceNatIP", text(im.nat_src_addr)));
            expected.push(("SourceNatPort", text(im.nat_src_port)));
        }
        expected.extend(im.end.map(|end| ("EndTime", end.to_string())));
        expected.extend(im.extra.clone());
        assert_eq!(found.len(), expected.len(), "{line}");
        for (key, value) in expected {
            assert_eq!(found[key], value, "{key} in {line}");
        }
    });
}

#[test]
fn policy_lines_are_the_truth() {
    each_line(Format::UsgPolicy, |line, truth| {
        let Truth::Session(session) = truth else { panic!("{truth:?}") };
        let rest = after_rfc3164(line, "<190>", truth);
        let pairs = rest.strip_prefix("%%01POLICY/6/POLICYPERMIT(l):").expect("a tag");
        let pairs = pairs.strip_suffix('.').expect("a stop").split(", ");
        let mut found: HashMap<&str, &str> =
            pairs.map(|pair| pair.split_once('=').expect("=")).collect();
        let time = found.remove("time").expect("a time");
        let mut forms = time_forms(session.header);
        let (date, clock) = forms.last().expect("forms").split_once(' ').expect("date and clock");
        let date: Vec<&str> = date.split('-').map(|part| part.trim_start_matches('0')).collect();
        forms.push(format!("{} {clock}", date.join("/")));
        assert!(forms.iter().any(|form| form == time), "{time}");
        let printed = session.extra.iter().find(|(key, _)| *key == "time").map(|(_, text)| text);
        assert_eq!(printed.map(String::as_str), Some(time));
        assert_eq!(session.event_ms, None, "the header has it");
        let expected = [
            ("vsys", "public".to_owned()),
            ("protocol", text(session.protocol)),
            ("source-ip", text(session.src_addr)),
            ("source-port", session.src_port.unwrap_or(0).to_string()),
            ("destination-ip", text(session.dst_addr)),
            ("destination-port", session.dst_port.unwrap_or(0).to_string()),
            ("source-zone", text(session.src_zone.as_ref())),
            ("destination-zone", text(session.dst_zone.as_ref())),
            ("rule-name", text(session.policy.as_ref())),
            ("application-name", text(session.application.as_ref())),
        ];
        for (key, value) in expected {
            assert_eq!(found.remove(key).unwrap_or(""), value, "{key} in {line}");
        }
        assert!(found.is_empty(), "{found:?}");
    });
}

#[test]
fn juniper_lines_are_the_truth() {
    each_line(Format::JuniperSrx, |line, truth| {
        let (host, header) = host_of(truth);
        let header = header.expect("a time");
        let seconds = iso(header.unix_ms / 1_000).replace(' ', "T");
        let front = format!("<14>1 {seconds}.{:03}Z {host} ", header.unix_ms % 1_000);
        let rest = line.strip_prefix(&front).expect("a header");
        let (name, pairs) = rest.split_once(" [junos@2636.1.1.1.2.26 ").expect("data");
        let mut found = quoted(pairs.strip_suffix(']').expect("its end"), '"');
        let expected = match truth {
            Truth::Session(session) => juniper_session(name, session),
            Truth::PortBlock(block) => juniper_block(name, block),
            other => panic!("{other:?}"),
        };
        for (key, value) in expected {
            assert_eq!(found.remove(key).unwrap_or(""), value, "{key} in {line}");
        }
        assert!(found.is_empty(), "{found:?}");
    });
}

fn juniper_block(name: &str, block: &PortBlock) -> Vec<(&'static str, String)> {
    let event = if block.event == BlockEvent::Release { "RELEASE" } else { "ALLOC" };
    assert_eq!(name, format!("RT_NAT - RT_SRC_NAT_PBA_{event}"));
    let fields = vec![
        ("internal-ip", block.private_addr.to_string()),
        ("reflexive-ip", block.public_addr.to_string()),
        ("block-port-low", block.port_first.to_string()),
        ("block-port-high", block.port_last.to_string()),
        ("epoch-time-64", format!("{:x}", block.event_ms.expect("a time") / 1_000)),
    ];
    [fields, block.extra.clone()].concat()
}

fn juniper_session(name: &str, session: &Session) -> Vec<(&'static str, String)> {
    let ended = session.event == EventKind::End;
    let event = if ended { "CLOSE" } else { "CREATE" };
    assert_eq!(name, format!("RT_FLOW - RT_FLOW_SESSION_{event}"));
    let port = |port: Option<u16>| port.unwrap_or(0).to_string();
    let fields = vec![
        ("reason", text(session.close_reason.as_ref())),
        ("source-address", text(session.src_addr)),
        ("source-port", port(session.src_port)),
        ("destination-address", text(session.dst_addr)),
        ("destination-port", port(session.dst_port)),
        ("nat-source-address", text(session.nat_src_addr)),
        ("nat-source-port", port(session.nat_src_port)),
        ("nat-destination-address", text(session.nat_dst_addr)),
        ("nat-destination-port", port(session.nat_dst_port)),
        ("protocol-id", text(session.protocol)),
        ("policy-name", text(session.policy.as_ref())),
        ("source-zone-name", text(session.src_zone.as_ref())),
        ("destination-zone-name", text(session.dst_zone.as_ref())),
        ("packets-from-client", text(session.sent_packets)),
        ("bytes-from-client", text(session.sent_bytes)),
        ("packets-from-server", text(session.received_packets)),
        ("bytes-from-server", text(session.received_bytes)),
        ("elapsed-time", text(session.duration_ms.map(|ms| ms / 1_000))),
        ("application", session.application.clone().unwrap_or("UNKNOWN".to_owned())),
        ("username", session.user.clone().unwrap_or("N/A".to_owned())),
    ];
    [fields, session.extra.clone()].concat()
}

#[test]
fn fortinet_lines_are_the_truth() {
    each_line(Format::Fortinet, |line, truth| {
        let Truth::Session(session) = truth else { panic!("{truth:?}") };
        let rest = after_rfc3164(line, "<190>", truth);
        let mut found: HashMap<&str, &str> =
            rest.split(' ').map(|pair| pair.split_once('=').expect("=")).collect();
        let when = iso(session.event_ms.expect("a time") / 1_000);
        let (date, time) = when.split_once(' ').expect("date and time");
        let act = if session.event == EventKind::Create { "start" } else { "end" };
        let port = |port: Option<u16>| port.unwrap_or(0).to_string();
        let fields = vec![
            ("date", date.to_owned()),
            ("time", time.to_owned()),
            ("act", act.to_owned()),
            ("proto", text(session.protocol)),
            ("sip", text(session.src_addr)),
            ("dip", text(session.dst_addr)),
            ("sport", port(session.src_port)),
            ("dport", port(session.dst_port)),
            ("nsip", text(session.nat_src_addr)),
            ("ndip", text(session.nat_dst_addr)),
            ("nsport", port(session.nat_src_port)),
            ("ndport", port(session.nat_dst_port)),
            ("dur", text(session.duration_ms)),
            ("sentp", text(session.sent_packets)),
            ("sentb", text(session.sent_bytes)),
            ("rcvdp", text(session.received_packets)),
            ("rcvdb", text(session.received_bytes)),
        ];
        for (key, value) in [fields, session.extra.clone()].concat() {
            assert_eq!(found.remove(key).unwrap_or(""), value, "{key} in {line}");
        }
        assert!(found.is_empty(), "{found:?}");
    });
}
