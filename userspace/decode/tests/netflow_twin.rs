//! A slow twin of the NetFlow v9 decoder, written from RFC 3954 and Huawei's field tables: per
//! record, per field, without plan, columns or cache. Random streams of datagrams must give the
//! same outcomes and records in both.

#[path = "support/read.rs"]
mod read;
#[path = "support/v9.rs"]
mod v9;

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    reason::Reason,
    settings::Settings,
};
use proptest::{collection::vec, prelude::*};
use read::{Record, records};
use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};
use v9::{V9, template};

const SECOND_NS: i64 = 1_000_000_000;
const LIMITS: Limits =
    Limits { fields_per_template: 30, waiting_age_ns: 6 * SECOND_NS, ..Limits::DEFAULT };

// ---------------------------------------------------------------------------------- the twin

type Fields = Vec<(u16, u16)>;

#[derive(Clone, PartialEq)]
struct TwinTemplate {
    fields: Fields,
    options: bool,
    huawei: bool,
}

/// The header of a datagram, and what is known of its arrival.
#[derive(Clone, Copy)]
struct Head {
    exporter: IpAddr,
    received_at: i64,
    hint: FormatHint,
    uptime_ms: u32,
    unix_seconds: u32,
    sequence: u32,
    source_id: u32,
}

struct TwinWaiter {
    head: Head,
    flowsets: Vec<(u16, Vec<u8>)>,
    rejected: Option<Reason>,
}

#[derive(Default)]
struct Twin {
    templates: BTreeMap<(IpAddr, u32, u16), TwinTemplate>,
    waiting: VecDeque<TwinWaiter>,
}

type Result_ = (Outcome, Vec<Record>);

/// What becomes of the flowsets of a datagram.
#[derive(Default)]
struct Parts {
    sessions: Vec<Record>,
    unparsed: Vec<Record>,
    rejected: Option<Reason>,
    waiting: Vec<(u16, Vec<u8>)>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from(*bytes.get(at)?) << 8 | u16::from(*bytes.get(at + 1)?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16_at(bytes, at)?) << 16 | u32::from(u16_at(bytes, at + 2)?))
}

fn zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// RFC 3954 §5.2: flowsets follow each other by their lengths and fill the datagram.
fn split_flowsets(body: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, Reason> {
    let mut flowsets = Vec::new();
    let mut at = 0;
    while at < body.len() && !zeros(&body[at..]) {
        let (Some(id), Some(len)) = (u16_at(body, at), u16_at(body, at + 2)) else {
            return Err(Reason::FlowsetLength);
        };
        if (2..256).contains(&id) {
            return Err(Reason::FlowsetReserved);
        }
        let end = at + usize::from(len);
        if len < 4 || end > body.len() {
            return Err(Reason::FlowsetLength);
        }
        flowsets.push((id, body[at + 4..end].to_vec()));
        at = end;
    }
    Ok(flowsets)
}

impl Twin {
    fn decode(&mut self, datagram: &Datagram<'_>) -> Result_ {
        let payload = datagram.payload;
        let reject = |reason| {
            let mut record =
                unparsed_common(datagram.exporter, datagram.received_at, reason, payload);
            record.insert("format", "netflow-v9".into());
            (Outcome::Rejected(reason), vec![record])
        };
        if payload.len() < 20 {
            return reject(Reason::HeaderTruncated);
        }
        let flowsets = match split_flowsets(&payload[20..]) {
            Ok(flowsets) => flowsets,
            Err(reason) => return reject(reason),
        };
        let word = |at| u32_at(payload, at).unwrap();
        let head = Head {
            exporter: datagram.exporter,
            received_at: datagram.received_at,
            hint: datagram.format,
            uptime_ms: word(4),
            unix_seconds: word(8),
            sequence: word(12),
            source_id: word(16),
        };
        let mut parts = Parts::default();
        for (id, body) in flowsets {
            let result = match id {
                0 | 1 => self.learn(&head, id == 1, &body),
                _ => self.data(&head, id, &body, &mut parts),
            };
            if let Err(reason) = result {
                parts.reject(&head, reason, &with_header(id, &body));
            }
        }
        if parts.waiting.is_empty() {
            return parts.settle();
        }
        let Parts { sessions, unparsed, rejected, waiting: flowsets } = parts;
        self.waiting.push_back(TwinWaiter { head, flowsets, rejected });
        (Outcome::Waiting, [sessions, unparsed].concat())
    }

    /// All that can be settled at a time, each with its outcome and records.
    fn release(&mut self, now: i64) -> Vec<(Option<Outcome>, Vec<Record>)> {
        let mut settled = Vec::new();
        // Records of a datagram that goes on waiting come out with whatever is settled next.
        let mut carried = Parts::default();
        for mut waiter in std::mem::take(&mut self.waiting) {
            let mut parts = Parts { rejected: waiter.rejected, ..carried };
            carried = Parts::default();
            for (id, body) in std::mem::take(&mut waiter.flowsets) {
                if let Err(reason) = self.data(&waiter.head, id, &body, &mut parts) {
                    parts.reject(&waiter.head, reason, &with_header(id, &body));
                }
            }
            if parts.waiting.is_empty() {
                let (outcome, records) = parts.settle();
                settled.push((Some(outcome), records));
            } else {
                waiter.flowsets = std::mem::take(&mut parts.waiting);
                waiter.rejected = parts.rejected;
                carried = parts;
                self.waiting.push_back(waiter);
            }
        }
        while let Some(oldest) = self.waiting.front()
            && now - oldest.head.received_at > LIMITS.waiting_age_ns
        {
            let mut parts = std::mem::take(&mut carried);
            let waiter = self.waiting.pop_front().unwrap();
            let (outcome, records) = give_up(&waiter);
            parts.unparsed.extend(records);
            settled.push((Some(outcome), [parts.sessions, parts.unparsed].concat()));
        }
        settled.push((None, [carried.sessions, carried.unparsed].concat()));
        settled
    }

    /// RFC 3954 §5.2 and §6.1: the templates of a flowset replace those of the same ID.
    fn learn(&mut self, head: &Head, options: bool, body: &[u8]) -> Result<(), Reason> {
        let mut first_error = Ok(());
        let mut rest = body;
        while rest.len() >= 4 && !zeros(rest) {
            let id = u16_at(rest, 0).unwrap();
            let fields_at = if options { 6 } else { 4 };
            let fields_len = if options {
                let lengths = u16_at(rest, 2).zip(u16_at(rest, 4));
                lengths.map(|(scope, option)| usize::from(scope) + usize::from(option))
            } else {
                u16_at(rest, 2).map(|count| usize::from(count) * 4)
            };
            let end = fields_len.map(|len| fields_at + len).filter(|end| *end <= rest.len());
            let Some(end) = end else {
                return first_error.and(Err(Reason::TemplateTruncated));
            };
            if id < 256 {
                return first_error.and(Err(Reason::TemplateId));
            }
            if end == fields_at || !(end - fields_at).is_multiple_of(4) {
                return first_error.and(Err(Reason::TemplateFieldCount));
            }
            let fields = (fields_at..end)
                .step_by(4)
                .map(|at| (u16_at(rest, at).unwrap(), u16_at(rest, at + 2).unwrap()))
                .collect();
            first_error = first_error.and(self.define(head, id, fields, options));
            rest = &rest[end..];
        }
        first_error
    }

    fn define(
        &mut self,
        head: &Head,
        id: u16,
        fields: Fields,
        options: bool,
    ) -> Result<(), Reason> {
        let nat = [225, 227, 229, 230, 234, 235];
        let huawei = head.hint == FormatHint::HuaweiUsgNetflow
            || subdivided(head.source_id)
                && nat.iter().all(|element| fields.iter().any(|field| field.0 == *element));
        let domain = if huawei { without_log_count(head) } else { head.source_id };
        self.templates.remove(&(head.exporter, domain, id));
        if huawei {
            self.templates.remove(&(head.exporter, head.source_id, id));
        }
        let len: usize = fields.iter().map(|field| usize::from(field.1)).sum();
        if fields.len() > LIMITS.fields_per_template {
            return Err(Reason::TemplateFieldCount);
        }
        if fields.iter().any(|field| field.1 == 65_535) || len > 65_535 {
            return Err(Reason::TemplateFieldLength);
        }
        // Up to three bytes could be padding.
        if len == 0 || len < 4 && !options {
            return Err(Reason::TemplateRecordLength);
        }
        let template = TwinTemplate { fields, options, huawei };
        self.templates.insert((head.exporter, domain, id), template);
        Ok(())
    }

    fn data(&self, head: &Head, id: u16, body: &[u8], parts: &mut Parts) -> Result<(), Reason> {
        let of = |domain| self.templates.get(&(head.exporter, domain, id));
        let Some(template) = of(head.source_id).or_else(|| of(without_log_count(head))) else {
            parts.waiting.push((id, body.to_vec()));
            return Ok(());
        };
        let len = template.fields.iter().map(|field| usize::from(field.1)).sum();
        if body.len() < len {
            return if zeros(body) { Ok(()) } else { Err(Reason::DataTruncated) };
        }
        if template.options {
            return Ok(());
        }
        let mut rest = body;
        while rest.len() >= len {
            parts.sessions.push(session(head, template, &rest[..len]));
            rest = &rest[len..];
        }
        if rest.len() >= 4 && !zeros(rest) {
            parts.reject(head, Reason::DataTruncated, rest);
        }
        Ok(())
    }
}

impl Parts {
    fn reject(&mut self, head: &Head, reason: Reason, raw: &[u8]) {
        self.rejected = self.rejected.or(Some(reason));
        self.unparsed.push(unparsed(head, reason, raw));
    }

    fn settle(self) -> Result_ {
        let outcome = self.rejected.map_or(Outcome::Decoded, Outcome::Rejected);
        (outcome, [self.sessions, self.unparsed].concat())
    }
}

fn give_up(waiter: &TwinWaiter) -> Result_ {
    let raw: Vec<u8> =
        waiter.flowsets.iter().flat_map(|(id, body)| with_header(*id, body)).collect();
    let record = unparsed(&waiter.head, Reason::TemplateMissing, &raw);
    (Outcome::Rejected(waiter.rejected.unwrap_or(Reason::TemplateMissing)), vec![record])
}

fn with_header(id: u16, body: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes()[..], &(body.len() as u16 + 4).to_be_bytes(), body].concat()
}

/// Huawei subdivides the Source ID: type, number of logs, device type, slot.
fn subdivided(source_id: u32) -> bool {
    [1, 2].contains(&(source_id >> 24))
}

fn without_log_count(head: &Head) -> u32 {
    if head.hint == FormatHint::HuaweiUsgNetflow || subdivided(head.source_id) {
        head.source_id & !0x00ff_0000
    } else {
        head.source_id
    }
}

fn unparsed_common(exporter: IpAddr, received_at: i64, reason: Reason, raw: &[u8]) -> Record {
    Record::from([
        ("record", "unparsed".into()),
        ("exporter", exporter.to_string()),
        ("received_at", format!("{received_at}.9")),
        ("event_time", format!("{received_at}.9")),
        ("time_source", "received".into()),
        ("reason", reason.name().into()),
        ("raw", raw.escape_ascii().to_string()),
    ])
}

fn unparsed(head: &Head, reason: Reason, raw: &[u8]) -> Record {
    let mut record = unparsed_common(head.exporter, head.received_at, reason, raw);
    record.insert("format", "netflow-v9".into());
    record.insert("observation_domain", head.source_id.to_string());
    record.insert("sequence", head.sequence.to_string());
    record
}

/// How an element is read: the field of the record that it fills.
enum Kind {
    /// A number or address of at most so many bytes.
    Number(&'static str, usize),
    /// Exactly 16 bytes.
    V6(&'static str),
    Event,
    Seconds(&'static str),
    Milliseconds(&'static str),
    Uptime(&'static str),
    Unknown,
}

fn kind(element: u16, huawei: bool) -> Kind {
    use Kind::*;
    match (element, huawei) {
        (1, false) | (23, true) => Number("sent_bytes", 8),
        (2, false) | (24, true) => Number("sent_packets", 8),
        (23, false) | (1, true) => Number("received_bytes", 8),
        (24, false) | (2, true) => Number("received_packets", 8),
        (234, false) | (235, true) => Number("src_vrf", 4),
        (235, false) | (234, true) => Number("dst_vrf", 4),
        (4, _) => Number("protocol", 1),
        (7, _) => Number("src_port", 2),
        (11, _) => Number("dst_port", 2),
        (227, _) => Number("nat_src_port", 2),
        (228, _) => Number("nat_dst_port", 2),
        (8, _) => Number("src_v4", 4),
        (12, _) => Number("dst_v4", 4),
        (225, _) => Number("nat_src_v4", 4),
        (226, _) => Number("nat_dst_v4", 4),
        (61, _) => Number("direction", 1),
        (229, _) => Number("initiator", 1),
        (27, _) => V6("src_v6"),
        (28, _) => V6("dst_v6"),
        (281, _) => V6("nat_src_v6"),
        (282, _) => V6("nat_dst_v6"),
        (230, _) => Event,
        (150, _) => Seconds("start"),
        (151, _) => Seconds("end"),
        (152, _) => Milliseconds("start"),
        (153, _) => Milliseconds("end"),
        (22, _) => Uptime("start"),
        (21, _) => Uptime("end"),
        _ => Unknown,
    }
}

/// One record, a field at a time: the first field that fits fills its place, all else is extra.
fn session(head: &Head, template: &TwinTemplate, record: &[u8]) -> Record {
    let mut numbers: BTreeMap<&'static str, u128> = BTreeMap::new();
    let mut times: BTreeMap<&'static str, Option<(i64, u8)>> = BTreeMap::new();
    let mut event = None;
    let mut extra: Vec<String> = Vec::new();
    let mut at = 0;
    for &(element, len) in &template.fields {
        let bytes = &record[at..at + usize::from(len)];
        at += bytes.len();
        if bytes.is_empty() {
            continue;
        }
        let number = || bytes.iter().fold(0u128, |number, byte| number * 256 + u128::from(*byte));
        let mut keep = false;
        match kind(element, template.huawei) {
            Kind::Number(name, max) if bytes.len() <= max && !numbers.contains_key(name) => {
                numbers.insert(name, number());
            }
            Kind::V6(name) if bytes.len() == 16 && !numbers.contains_key(name) => {
                numbers.insert(name, number());
            }
            Kind::Event if bytes.len() == 1 && event.is_none() => {
                event = Some(event_name(bytes[0], template.huawei));
                keep = !template.huawei;
            }
            Kind::Seconds(name) if bytes.len() <= 4 && !times.contains_key(name) => {
                times.insert(name, time(i64::try_from(number()).unwrap() * 1000, 0));
            }
            Kind::Milliseconds(name) if bytes.len() == 8 && !times.contains_key(name) => {
                times.insert(name, i64::try_from(number()).ok().and_then(|ms| time(ms, 3)));
            }
            Kind::Uptime(name) if bytes.len() == 4 && !times.contains_key(name) => {
                let age = uptime_age_ms(head.uptime_ms, number() as u32);
                times.insert(name, time(i64::from(head.unix_seconds) * 1000 - age, 3));
            }
            _ => keep = true,
        }
        if keep {
            extra.push(match bytes.len() {
                1..=8 => format!("ie{element}=n{}", number()),
                _ => format!("ie{element}=x{}", bytes.escape_ascii()),
            });
        }
    }
    let event = event.unwrap_or("flow");
    let mut record = head_fields(head, template.huawei);
    add_times(&mut record, head, event, &times);
    if !event.is_empty() {
        record.insert("event", event.into());
    }
    add_numbers(&mut record, &numbers);
    if !extra.is_empty() {
        record.insert("extra", extra.join(" "));
    }
    record
}

fn head_fields(head: &Head, huawei: bool) -> Record {
    Record::from([
        ("record", "session".into()),
        ("format", if huawei { "huawei-usg-netflow" } else { "netflow-v9" }.into()),
        ("exporter", head.exporter.to_string()),
        ("observation_domain", head.source_id.to_string()),
        ("sequence", head.sequence.to_string()),
        ("received_at", format!("{}.9", head.received_at)),
    ])
}

fn event_name(code: u8, huawei: bool) -> &'static str {
    match (code, huawei) {
        (1, _) | (4 | 6 | 8 | 10, false) => "create",
        (2, _) | (5 | 7 | 9 | 11, false) => "end",
        _ => "",
    }
}

/// Milliseconds between an uptime and that of the header, modulo 2³²; at most an hour ahead.
fn uptime_age_ms(header: u32, record: u32) -> i64 {
    let age = (i64::from(header) - i64::from(record)).rem_euclid(1 << 32);
    if age >= (1 << 32) - 3_600_000 { age - (1 << 32) } else { age }
}

/// A time in the years that 32 bits of seconds hold; one within the first second is absent.
fn time(unix_ms: i64, digits: u8) -> Option<(i64, u8)> {
    (1000..(1 << 32) * 1000).contains(&unix_ms).then(|| (unix_ms * 1_000_000, digits))
}

fn add_times(
    record: &mut Record,
    head: &Head,
    event: &str,
    times: &BTreeMap<&'static str, Option<(i64, u8)>>,
) {
    let of = |name| times.get(name).copied().flatten();
    let show = |(ns, digits)| format!("{ns}.{digits}");
    let (start, end) = (of("start"), of("end"));
    let event_time = if event == "create" { start.or(end) } else { end.or(start) };
    let source = if event_time.is_some() { "record" } else { "received" };
    record.insert("time_source", source.into());
    record.insert("event_time", show(event_time.unwrap_or((head.received_at, 9))));
    start.map(|time| record.insert("start_time", show(time)));
    end.map(|time| record.insert("end_time", show(time)));
    if let (Some((start, _)), Some((end, _))) = (start, end)
        && end >= start
    {
        record.insert("duration_ms", ((end - start) / 1_000_000).to_string());
    }
}

fn add_numbers(record: &mut Record, numbers: &BTreeMap<&'static str, u128>) {
    let nonzero = |name: &str| numbers.get(name).copied().filter(|number| *number != 0);
    let v4 = |name| nonzero(name).map(|number| Ipv4Addr::from(number as u32).to_string());
    let v6 = |name| nonzero(name).map(|number| Ipv6Addr::from(number).to_string());
    // DS-Lite: an inner IPv4 source in the tunnel of an IPv6 one.
    match (v4("src_v4"), v6("src_v6")) {
        (Some(inner), tunnel) => {
            record.insert("src_addr", inner);
            tunnel.map(|tunnel| record.insert("tunnel_addr", tunnel));
        }
        (None, Some(own)) => {
            record.insert("src_addr", own);
        }
        (None, None) => {}
    }
    for (name, own) in [
        ("dst_addr", v6("dst_v6").or(v4("dst_v4"))),
        ("nat_src_addr", v6("nat_src_v6").or(v4("nat_src_v4"))),
        ("nat_dst_addr", v6("nat_dst_v6").or(v4("nat_dst_v4"))),
    ] {
        own.map(|own| record.insert(name, own));
    }
    for name in ["src_port", "dst_port", "nat_src_port", "nat_dst_port"] {
        nonzero(name).map(|port| record.insert(name, port.to_string()));
    }
    for name in [
        "protocol",
        "src_vrf",
        "dst_vrf",
        "direction",
        "initiator",
        "sent_packets",
        "sent_bytes",
        "received_packets",
        "received_bytes",
    ] {
        numbers.get(name).map(|number| record.insert(name, number.to_string()));
    }
}

// ---------------------------------------------------------------------------- random streams

/// The first copy of the document's table is not here: it is no template.
const USG: [(u16, u16); 20] = [
    (8, 4),
    (225, 4),
    (7, 2),
    (227, 2),
    (12, 4),
    (226, 4),
    (11, 2),
    (228, 2),
    (4, 1),
    (61, 1),
    (230, 1),
    (229, 1),
    (235, 4),
    (234, 4),
    (150, 4),
    (151, 4),
    (24, 4),
    (23, 4),
    (2, 4),
    (1, 4),
];
const KNOWN: [(u16, u16); 32] = [
    (1, 8),
    (2, 4),
    (4, 1),
    (7, 2),
    (8, 4),
    (11, 2),
    (12, 4),
    (21, 4),
    (22, 4),
    (23, 8),
    (24, 8),
    (27, 16),
    (28, 16),
    (61, 1),
    (150, 4),
    (151, 4),
    (152, 8),
    (153, 8),
    (225, 4),
    (226, 4),
    (227, 2),
    (228, 2),
    (229, 1),
    (230, 1),
    (234, 4),
    (235, 4),
    (281, 16),
    (282, 16),
    (10, 2),
    (323, 8),
    (361, 2),
    (57_590, 20),
];

#[derive(Clone, Debug)]
enum Part {
    Templates(Vec<(u16, Fields)>, usize),
    OptionsTemplate { id: u16, scope: Fields, options: Fields, padding: usize },
    Data { id: u16, records: usize, seed: u64, tail: usize, tail_is_zero: bool },
}

#[derive(Clone, Debug)]
struct Step {
    exporter: u8,
    source_id: u32,
    hint: FormatHint,
    clocks: (u32, u32),
    passed_ns: i64,
    parts: Vec<Part>,
    filling: usize,
    truncated_by: usize,
    changed: Option<(u16, u8)>,
}

fn field() -> impl Strategy<Value = (u16, u16)> {
    let known = || proptest::sample::select(&KNOWN[..]);
    prop_oneof![
        12 => known(),
        3 => (known(), any::<u16>()).prop_map(|((element, len), r)| (element, r % (len + 1))),
        2 => (known(), 1..9u16).prop_map(|((element, len), more)| (element, len + more)),
        2 => (any::<u16>(), 0..12u16),
        1 => Just((8, u16::MAX)).prop_filter("seldom", |_| true),
    ]
}

fn fields() -> impl Strategy<Value = Fields> {
    prop_oneof![
        2 => Just(USG.to_vec()),
        1 => Just([&USG[..14], &[(27, 16), (281, 16), (28, 16), (282, 16)], &USG[14..]].concat()),
        1 => Just(USG.to_vec()).prop_shuffle(),
        6 => vec(field(), 1..7),
        1 => vec(field(), 0..34),
        1 => vec(proptest::sample::select(&KNOWN[..]), 1..12),
    ]
}

fn id() -> impl Strategy<Value = u16> {
    prop_oneof![20 => 256..260u16, 1 => 0..256u16]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => (vec((id(), fields()), 1..3), 0..4usize).prop_map(|(all, pad)| Part::Templates(all, pad)),
        1 => (id(), vec(field(), 0..2), vec(field(), 0..3), 0..4usize)
            .prop_map(|(id, scope, options, padding)| Part::OptionsTemplate { id, scope, options, padding }),
        8 => (256..260u16, 0..4usize, any::<u64>(), prop_oneof![4 => 0..4usize, 1 => 0..20usize], any::<bool>())
            .prop_map(|(id, records, seed, tail, tail_is_zero)| Part::Data { id, records, seed, tail, tail_is_zero }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let source_id = proptest::sample::select(&[0u32, 7, 0x0100_000b, 0x0105_000b, 0x0200_000b][..]);
    let hint = prop_oneof![
        8 => Just(FormatHint::Auto),
        1 => Just(FormatHint::Netflow),
        1 => Just(FormatHint::HuaweiUsgNetflow),
    ];
    // A round of releases begins after 10 ms at the earliest; whole seconds meet the age exactly.
    let passed = prop_oneof![
        2 => (1..4i64).prop_map(|seconds| seconds * SECOND_NS),
        1 => 10_000_000..4 * SECOND_NS,
    ];
    let rarely = |max: usize| prop_oneof![15 => Just(0), 1 => 0..max];
    (
        (0..2u8, source_id, hint, any::<(u32, u32)>(), passed),
        (
            vec(part(), 0..5),
            rarely(9),
            rarely(40),
            proptest::option::weighted(0.05, any::<(u16, u8)>()),
        ),
    )
        .prop_map(
            |(
                (exporter, source_id, hint, clocks, passed_ns),
                (parts, filling, truncated_by, changed),
            )| Step {
                exporter,
                source_id,
                hint,
                clocks,
                passed_ns,
                parts,
                filling,
                truncated_by,
                changed,
            },
        )
}

/// Repeatable bytes, a third of them zero.
struct Noise(u64);

impl Noise {
    fn byte(&mut self) -> u8 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let byte = (self.0 >> 56) as u8;
        if (self.0 >> 40).is_multiple_of(3) {
            0
        } else {
            byte % 16 * (1 + (self.0 >> 33) as u8 % 16)
        }
    }
}

/// A step's payload. `known` are the fields that data should have, as far as templates of this
/// stream told them; data that comes before any template has the length of Huawei's.
fn payload(step: &Step, sequence: u32, known: &mut BTreeMap<u16, Fields>) -> Vec<u8> {
    let mut datagram = V9::new(step.source_id, sequence, step.clocks.0, step.clocks.1);
    for part in &step.parts {
        datagram = match part {
            Part::Templates(all, padding) => {
                let mut body = Vec::new();
                for (id, fields) in all {
                    body.extend(template(*id, fields));
                    known.insert(*id, fields.clone());
                }
                body.extend(std::iter::repeat_n(0, *padding));
                datagram.flowset(0, &body)
            }
            Part::OptionsTemplate { id, scope, options, padding } => {
                let mut body = id.to_be_bytes().to_vec();
                body.extend((scope.len() as u16 * 4).to_be_bytes());
                // The head of a template holds the count where this has the length of the options.
                body.extend((options.len() as u16 * 4).to_be_bytes());
                body.extend(&template(0, &[scope.as_slice(), options].concat())[4..]);
                body.extend(std::iter::repeat_n(0, *padding));
                datagram.flowset(1, &body)
            }
            Part::Data { id, records, seed, tail, tail_is_zero } => {
                let mut noise = Noise(*seed);
                let usg = USG.to_vec();
                let fields = known.get(id).unwrap_or(&usg);
                let mut body = Vec::new();
                for (element, len) in (0..*records).flat_map(|_| fields) {
                    let start = body.len();
                    body.extend((0..(*len).min(400)).map(|_| noise.byte()));
                    if [152, 153].contains(element) && *len == 8 && !noise.byte().is_multiple_of(4)
                    {
                        body[start..start + 3].copy_from_slice(&[0, 0, 1]);
                    }
                }
                body.extend((0..*tail).map(|_| if *tail_is_zero { 0 } else { noise.byte() }));
                datagram.flowset(*id, &body)
            }
        };
    }
    let mut payload = datagram.bytes();
    payload.extend(std::iter::repeat_n(0, step.filling));
    payload.truncate(payload.len() - step.truncated_by.min(payload.len() - 2));
    if let Some((at, byte)) = step.changed {
        let len = payload.len();
        payload[(2 + usize::from(at) % len).min(len - 1)] = byte;
    }
    payload[..2].copy_from_slice(&[0, 9]);
    payload
}

fn compare(steps: &[Step], batch: &mut Batch) -> Result<(usize, usize), TestCaseError> {
    let mut decoder =
        Decoder::new(Arc::new(Registry::new(LIMITS)), Arc::new(Settings::with_limits(LIMITS)));
    let mut twin = Twin::default();
    let mut known = BTreeMap::new();
    let mut now = 1_700_000_000 * SECOND_NS;
    let (mut sessions, mut released) = (0, 0);
    for (sequence, step) in steps.iter().enumerate() {
        now += step.passed_ns;
        let payload = payload(step, sequence as u32, &mut known);
        let datagram = Datagram {
            payload: &payload,
            exporter: IpAddr::from([192, 0, 2, step.exporter]),
            exporter_port: 0,
            received_at: now,
            format: step.hint,
        };
        batch.clear();
        prop_assert!(batch.has_room_for(payload.len()));
        let outcome = decoder.decode(&datagram, batch);
        let (expected, expected_records) = twin.decode(&datagram);
        prop_assert_eq!(records(batch), expected_records, "datagram {}", sequence);
        prop_assert_eq!(outcome, expected, "datagram {}", sequence);
        sessions += batch.session.rows();
        for (expected, expected_records) in twin.release(now) {
            batch.clear();
            let outcome = decoder.release(now, batch);
            prop_assert_eq!(records(batch), expected_records, "released after {}", sequence);
            prop_assert_eq!(outcome, expected, "released after {}", sequence);
            released += usize::from(outcome == Some(Outcome::Decoded));
        }
        prop_assert_eq!(decoder.waiting(), twin.waiting.len());
    }
    for waiter in &twin.waiting {
        batch.clear();
        let outcome = decoder.abandon(batch);
        let (expected, expected_records) = give_up(waiter);
        prop_assert_eq!(records(batch), expected_records);
        prop_assert_eq!(outcome, Some(expected));
    }
    prop_assert_eq!(decoder.abandon(batch), None);
    Ok((sessions, released))
}

/// The comparison is worth something only where both decode: counted over all streams.
#[test]
fn decodes_as_its_twin_does() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(
        ProptestConfig::default().cases.max(10_000),
    ));
    let capacity = Capacity { session_rows: 70_000, unparsed_rows: 40_000, text_bytes: 1 << 20 };
    let batch = std::cell::RefCell::new(Batch::new(capacity));
    let (sessions, released) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let result = runner.run(&vec(step(), 1..12), |steps| {
        let (rows, settled) = compare(&steps, &mut batch.borrow_mut())?;
        sessions.set(sessions.get() + rows);
        released.set(released.get() + settled);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(sessions.get() > 15_000, "{} sessions", sessions.get());
    assert!(released.get() > 100, "{} released", released.get());
}
