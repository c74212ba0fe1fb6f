//! A slow twin of the decoder of NetFlow v9 and IPFIX, written from RFC 3954, RFC 7011 and vendors'
//! field tables: per record, per field, without plan, columns or cache. Random streams of datagrams
//! must give the same outcomes and records in both.

#[path = "support/read.rs"]
mod read;
#[path = "support/v9.rs"]
mod v9;

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::{
        elements::{self, Kind as Known},
        registry::Registry,
    },
    reason::Reason,
    settings::Settings,
    simd::Level,
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

/// Enterprise, element, length.
type Field = (u32, u16, u16);
type Fields = Vec<Field>;
const VARIABLE: u16 = 65_535;

#[derive(Clone, Copy, PartialEq)]
enum Vendor {
    None,
    Usg,
    Ne,
    Nokia,
    Asa,
}

#[derive(Clone, PartialEq)]
struct TwinTemplate {
    id: u16,
    fields: Fields,
    /// Number of scope fields, of options templates.
    scopes: Option<usize>,
    vendor: Vendor,
}

impl TwinTemplate {
    fn has(&self, element: u16) -> bool {
        self.fields.iter().any(|field| (field.0, field.1) == (0, element))
    }

    /// The values of the record that `bytes` begin with, and its length; `None` where it has no end.
    fn split(&self, bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
        let mut at = 0;
        let mut values = Vec::new();
        for &(_, _, len) in &self.fields {
            let mut len = usize::from(len);
            if len == usize::from(VARIABLE) {
                len = usize::from(*bytes.get(at)?);
                at += 1;
                if len == 255 {
                    len = usize::from(u16_at(bytes, at)?);
                    at += 2;
                }
            }
            values.push(bytes.get(at..at + len)?.to_vec());
            at += len;
        }
        Some((values, at))
    }
}

/// The header of a datagram, and what is known of its arrival.
#[derive(Clone, Copy)]
struct Head {
    version: u16,
    exporter: IpAddr,
    received_at: i64,
    hint: FormatHint,
    uptime_ms: Option<u32>,
    unix_seconds: u32,
    sequence: u32,
    source_id: u32,
}

impl Head {
    fn format(&self) -> &'static str {
        if self.version == 9 { "netflow-v9" } else { "ipfix" }
    }
}

struct TwinWaiter {
    head: Head,
    flowsets: Vec<(u16, Vec<u8>)>,
    rejected: Option<Reason>,
}

/// What options data told about a domain, by what it is about.
type Facts = BTreeMap<(&'static str, u64), Vec<(u16, Vec<u8>)>>;

#[derive(Default)]
struct Twin {
    templates: BTreeMap<(IpAddr, u16, u32, u16), TwinTemplate>,
    facts: BTreeMap<(IpAddr, u16, u32), Facts>,
    waiting: VecDeque<TwinWaiter>,
}

type Result_ = (Outcome, Vec<Record>);

/// What becomes of the flowsets of a datagram.
#[derive(Default)]
struct Parts {
    sessions: Vec<Record>,
    blocks: Vec<Record>,
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
fn split_flowsets(version: u16, body: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, Reason> {
    let mut flowsets = Vec::new();
    let mut at = 0;
    while at < body.len() && !zeros(&body[at..]) {
        let (Some(id), Some(len)) = (u16_at(body, at), u16_at(body, at + 2)) else {
            return Err(Reason::FlowsetLength);
        };
        if id < 256 && !(if version == 9 { [0, 1] } else { [2, 3] }).contains(&id) {
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
        let version = u16::from(payload[1]);
        let format = if version == 9 { "netflow-v9" } else { "ipfix" };
        let reject = |reason| {
            let mut record =
                unparsed_common(datagram.exporter, datagram.received_at, reason, payload);
            record.insert("format", format.into());
            (Outcome::Rejected(reason), vec![record])
        };
        let header_len = if version == 9 { 20 } else { 16 };
        if payload.len() < header_len {
            return reject(Reason::HeaderTruncated);
        }
        let mut len = match version {
            9 => payload.len(),
            _ => usize::from(u16_at(payload, 2).unwrap()),
        };
        if len < header_len || len > payload.len() {
            return reject(Reason::MessageLength);
        }
        let mut flowsets = split_flowsets(version, &payload[header_len..len]);
        let of_all = split_flowsets(version, &payload[header_len..]);
        if flowsets.is_err() && of_all.is_ok() {
            (flowsets, len) = (of_all, payload.len());
        }
        let flowsets = match flowsets {
            Ok(flowsets) => flowsets,
            Err(reason) => return reject(reason),
        };
        let word = |at| u32_at(payload, at).unwrap();
        let (uptime_ms, [seconds, sequence, domain]) = match version {
            9 => (Some(word(4)), [8, 12, 16]),
            _ => (None, [4, 8, 12]),
        };
        let head = Head {
            version,
            exporter: datagram.exporter,
            received_at: datagram.received_at,
            hint: datagram.format,
            uptime_ms,
            unix_seconds: word(seconds),
            sequence: word(sequence),
            source_id: word(domain),
        };
        let mut parts = Parts::default();
        for (id, body) in flowsets {
            let result = match id {
                0 | 2 => self.learn(&head, false, &body),
                1 | 3 => self.learn(&head, true, &body),
                _ => self.data(&head, id, &body, &mut parts),
            };
            if let Err(reason) = result {
                parts.reject(&head, reason, &with_header(id, &body));
            }
        }
        if !zeros(&payload[len..]) {
            parts.reject(&head, Reason::MessageLength, &payload[len..]);
        }
        if parts.waiting.is_empty() {
            return parts.settle();
        }
        let Parts { sessions, blocks, unparsed, rejected, waiting: flowsets } = parts;
        self.waiting.push_back(TwinWaiter { head, flowsets, rejected });
        (Outcome::Waiting, [sessions, blocks, unparsed].concat())
    }

    /// All that can be settled at a time, each with its outcome and records.
    fn release(&mut self, now: i64) -> Vec<(Option<Outcome>, Vec<Record>)> {
        let mut settled = Vec::new();
        for mut waiter in std::mem::take(&mut self.waiting) {
            let mut parts = Parts { rejected: waiter.rejected, ..Parts::default() };
            let before = waiter.flowsets.len();
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
                if waiter.flowsets.len() < before {
                    let records = [parts.sessions, parts.blocks, parts.unparsed].concat();
                    settled.push((Some(Outcome::Waiting), records));
                }
                self.waiting.push_back(waiter);
            }
        }
        while let Some(oldest) = self.waiting.front()
            && now - oldest.head.received_at > LIMITS.waiting_age_ns
        {
            let waiter = self.waiting.pop_front().unwrap();
            let (outcome, records) = give_up(&waiter);
            settled.push((Some(outcome), records));
        }
        settled.push((None, Vec::new()));
        settled
    }

    /// RFC 3954 §5.2 and §6.1, RFC 7011 §3.4: the templates of a flowset replace those of the same
    /// ID.
    fn learn(&mut self, head: &Head, options: bool, body: &[u8]) -> Result<(), Reason> {
        let mut first_error = Ok(());
        let mut rest = body;
        while rest.len() >= 4 && !zeros(rest) {
            let (template, len) = match read_template(head.version, options, rest) {
                Ok(read) => read,
                Err(reason) => return first_error.and(Err(reason)),
            };
            rest = &rest[len..];
            if template.fields.is_empty() {
                self.templates.retain(|(exporter, version, domain, id), known| {
                    let here = (*exporter, *version, *domain)
                        == (head.exporter, head.version, head.source_id);
                    let meant = match template.id {
                        2 => known.scopes.is_none(),
                        3 => known.scopes.is_some(),
                        other => other == *id,
                    };
                    !(here && meant)
                });
                continue;
            }
            first_error = first_error.and(self.define(head, template));
        }
        first_error
    }

    fn define(&mut self, head: &Head, mut template: TwinTemplate) -> Result<(), Reason> {
        template.vendor = vendor(head, &template);
        let usg = template.vendor == Vendor::Usg;
        let domain = if usg { without_log_count(head) } else { head.source_id };
        let key = |domain| (head.exporter, head.version, domain, template.id);
        self.templates.remove(&key(domain));
        if usg {
            self.templates.remove(&key(head.source_id));
        }
        let fields = &template.fields;
        let shortest = |len: u16| if len == VARIABLE { 1 } else { usize::from(len) };
        let len: usize = fields.iter().map(|field| shortest(field.2)).sum();
        if fields.len() > LIMITS.fields_per_template {
            return Err(Reason::TemplateFieldCount);
        }
        if len > 65_535 {
            return Err(Reason::TemplateFieldLength);
        }
        // Up to three bytes could be padding.
        if len == 0 || len < 4 && template.scopes.is_none() {
            return Err(Reason::TemplateRecordLength);
        }
        self.templates.insert(key(domain), template);
        Ok(())
    }

    fn data(&mut self, head: &Head, id: u16, body: &[u8], parts: &mut Parts) -> Result<(), Reason> {
        let of = |domain| {
            let template = self.templates.get(&(head.exporter, head.version, domain, id));
            template.cloned().map(|template| (domain, template))
        };
        let of_usg =
            || of(without_log_count(head)).filter(|(_, template)| template.vendor == Vendor::Usg);
        let Some((domain, template)) = of(head.source_id).or_else(of_usg) else {
            parts.waiting.push((id, body.to_vec()));
            return Ok(());
        };
        let facts = self.facts.entry((head.exporter, head.version, domain)).or_default();
        let mut rest = body;
        let before = parts.sessions.len();
        while let Some((values, len)) = template.split(rest)
            && len > 0
        {
            rest = &rest[len..];
            let fields: Vec<_> = template.fields.iter().copied().zip(values).collect();
            if template.scopes.is_some() {
                learn_options(&template, &fields, facts);
            } else if fields.iter().any(|((pen, element, len), _)| {
                (*pen, *element) == (0, 361) && (1..=2).contains(len)
            }) {
                parts.blocks.push(port_block(head, &template, &fields, len, facts));
            } else {
                parts.sessions.push(session(head, &template, &fields, len, facts));
            }
        }
        if template.fields.iter().all(|field| field.2 != VARIABLE) {
            share_truncation(&mut parts.sessions[before..]);
        }
        match (zeros(rest), rest.len() == body.len()) {
            (true, _) => Ok(()),
            (false, true) => Err(Reason::DataTruncated),
            (false, false) => {
                if rest.len() >= 4 {
                    parts.reject(head, Reason::DataTruncated, rest);
                }
                Ok(())
            }
        }
    }
}

/// Flags are those of a run: of all records of a set, where they are of fixed length.
fn share_truncation(set: &mut [Record]) {
    const TRUNCATED: &str = "extra_truncated";
    let flags = |record: &Record| record.get("flags").cloned().unwrap_or_default();
    if set.iter().any(|record| flags(record).contains(TRUNCATED)) {
        for record in set.iter_mut().filter(|record| !flags(record).contains(TRUNCATED)) {
            let all = format!("{TRUNCATED} {}", flags(record));
            record.insert("flags", all.trim_end().into());
        }
    }
}

/// A template and its length; one without fields is a withdrawal.
fn read_template(
    version: u16,
    options: bool,
    bytes: &[u8],
) -> Result<(TwinTemplate, usize), Reason> {
    let truncated = Reason::TemplateTruncated;
    let number = |at| u16_at(bytes, at).ok_or(truncated);
    let (id, count) = (number(0)?, usize::from(number(2)?));
    let of = |fields: Fields, scopes| TwinTemplate { id, fields, scopes, vendor: Vendor::None };
    if version == 10 && count == 0 {
        let known = id >= 256 || id == 2 || id == 3;
        return if known { Ok((of(Vec::new(), None), 4)) } else { Err(Reason::TemplateId) };
    }
    let mut at = if options { 6 } else { 4 };
    let mut scopes = options.then_some(0);
    let mut fields = Vec::new();
    if version == 9 {
        let mut len = count * 4;
        if options {
            len = count + usize::from(number(4)?);
            scopes = Some(count / 4);
        }
        if at + len > bytes.len() {
            return Err(truncated);
        }
        if id < 256 {
            return Err(Reason::TemplateId);
        }
        if len == 0 || !len.is_multiple_of(4) {
            return Err(Reason::TemplateFieldCount);
        }
        for field in (at..at + len).step_by(4) {
            fields.push((0, number(field)?, number(field + 2)?));
        }
        return Ok((of(fields, scopes), at + len));
    }
    if options {
        let scope_count = usize::from(number(4)?);
        if scope_count > count {
            return Err(Reason::TemplateFieldCount);
        }
        scopes = Some(scope_count);
    }
    for _ in 0..count {
        let (element, len) = (number(at)?, number(at + 2)?);
        at += 4;
        if element < 32_768 {
            fields.push((0, element, len));
        } else {
            fields.push((u32_at(bytes, at).ok_or(truncated)?, element - 32_768, len));
            at += 4;
        }
    }
    if id < 256 { Err(Reason::TemplateId) } else { Ok((of(fields, scopes), at)) }
}

fn vendor(head: &Head, template: &TwinTemplate) -> Vendor {
    let v9 = head.version == 9;
    if v9 && head.hint == FormatHint::HuaweiUsgNetflow {
        return Vendor::Usg;
    }
    if template.scopes.is_some() {
        return Vendor::None;
    }
    let all = |elements: &[u16]| elements.iter().all(|element| template.has(*element));
    let any = |elements: &[u16]| elements.iter().any(|element| template.has(*element));
    if v9 && subdivided(head.source_id) && all(&[225, 227, 229, 230, 234, 235]) {
        Vendor::Usg
    } else if v9
        && [259, 260].contains(&template.id)
        && template.fields.len() == 13
        && all(&[8, 225, 7, 227])
        && !any(&[1, 2, 230, 233])
    {
        Vendor::Ne
    } else if template.fields.iter().any(|field| (field.0, field.1) == (637, 93)) {
        Vendor::Nokia
    } else if v9 && any(&[33_002, 40_005]) {
        Vendor::Asa
    } else {
        Vendor::None
    }
}

impl Parts {
    fn reject(&mut self, head: &Head, reason: Reason, raw: &[u8]) {
        self.rejected = self.rejected.or(Some(reason));
        self.unparsed.push(unparsed(head, reason, raw));
    }

    fn settle(self) -> Result_ {
        let outcome = self.rejected.map_or(Outcome::Decoded, Outcome::Rejected);
        (outcome, [self.sessions, self.blocks, self.unparsed].concat())
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
    let usg = head.hint == FormatHint::HuaweiUsgNetflow || subdivided(head.source_id);
    if head.version == 9 && usg { head.source_id & !0x00ff_0000 } else { head.source_id }
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
    record.insert("format", head.format().into());
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
    Text(&'static str),
    NatEvent,
    FirewallEvent,
    Seconds(&'static str),
    /// A time of 8 bytes, or of 4 before the export: nanoseconds since 1970 of a number.
    Time(&'static str, usize, fn(&Head, u64) -> Option<i128>),
    Uptime(&'static str),
    Microseconds,
    Subscriber,
    Padding,
    Unknown,
}

fn vendor_kind(vendor: Vendor, pen: u32, element: u16) -> Option<Kind> {
    use Kind::*;
    Some(match (vendor, pen, element) {
        (Vendor::Usg, _, 23) => Number("sent_bytes", 8),
        (Vendor::Usg, _, 24) => Number("sent_packets", 8),
        (Vendor::Usg, _, 1) => Number("received_bytes", 8),
        (Vendor::Usg, _, 2) => Number("received_packets", 8),
        (Vendor::Usg, _, 235) => Number("src_vrf", 4),
        (Vendor::Usg, _, 234) => Number("dst_vrf", 4),
        (Vendor::Ne, _, 58) => Number("src_vrf", 4),
        (Vendor::Nokia, 0, 8) => Number("nat_src_v4", 4),
        (Vendor::Nokia, 0, 27) => V6("nat_src_v6"),
        (Vendor::Nokia, 637, 91) => Number("src_vrf", 4),
        (Vendor::Nokia, 637, 92) => Number("dst_vrf", 4),
        (Vendor::Nokia, 637, 93) => Subscriber,
        (Vendor::Asa, _, 85 | 86) => Unknown,
        (Vendor::Asa, _, 40_000) => Text("user"),
        (Vendor::Asa, _, 40_001) => Number("nat_src_v4", 4),
        (Vendor::Asa, _, 40_002) => Number("nat_dst_v4", 4),
        (Vendor::Asa, _, 40_003) => Number("nat_src_port", 2),
        (Vendor::Asa, _, 40_004) => Number("nat_dst_port", 2),
        (Vendor::Asa, _, 40_005) => FirewallEvent,
        _ => return None,
    })
}

fn kind(vendor: Vendor, pen: u32, element: u16) -> Kind {
    use Kind::*;
    if let Some(kind) = vendor_kind(vendor, pen, element) {
        return kind;
    }
    match (pen, element) {
        (29_305, 1 | 85) => return Number("received_bytes", 8),
        (29_305, 2 | 86) => return Number("received_packets", 8),
        (0, _) => {}
        _ => return Unknown,
    }
    match element {
        1 | 85 | 231 => Number("sent_bytes", 8),
        2 | 86 | 298 => Number("sent_packets", 8),
        23 | 232 => Number("received_bytes", 8),
        24 | 299 => Number("received_packets", 8),
        234 => Number("src_vrf", 4),
        235 => Number("dst_vrf", 4),
        4 => Number("protocol", 1),
        7 => Number("src_port", 2),
        11 => Number("dst_port", 2),
        227 => Number("nat_src_port", 2),
        228 => Number("nat_dst_port", 2),
        8 => Number("src_v4", 4),
        12 => Number("dst_v4", 4),
        225 => Number("nat_src_v4", 4),
        226 => Number("nat_dst_v4", 4),
        61 => Number("direction", 1),
        229 => Number("initiator", 1),
        27 => V6("src_v6"),
        28 => V6("dst_v6"),
        281 => V6("nat_src_v6"),
        282 => V6("nat_dst_v6"),
        96 => Text("application"),
        371 => Text("user"),
        161 => Number("duration_ms", 8),
        162 => Microseconds,
        210 => Padding,
        230 => NatEvent,
        233 => FirewallEvent,
        150 => Seconds("start"),
        151 => Seconds("end"),
        322 => Seconds("event"),
        152 => Time("start", 8, unix_ms),
        153 => Time("end", 8, unix_ms),
        323 => Time("event", 8, unix_ms),
        154 => Time("start", 8, ntp_us),
        155 => Time("end", 8, ntp_us),
        324 => Time("event", 8, ntp_us),
        156 => Time("start", 8, ntp_ns),
        157 => Time("end", 8, ntp_ns),
        325 => Time("event", 8, ntp_ns),
        158 => Time("start", 4, before_export),
        159 => Time("end", 4, before_export),
        22 => Uptime("start"),
        21 => Uptime("end"),
        _ => Unknown,
    }
}

fn unix_ms(_: &Head, ms: u64) -> Option<i128> {
    Some(i128::from(ms) * 1_000_000)
}

/// RFC 7011 §6.1.10: seconds since 1900 and a fraction; the next era begins in 2036.
fn ntp_ns(_: &Head, ntp: u64) -> Option<i128> {
    let since_1900 = i128::from(ntp >> 32);
    let nanos = i128::from(ntp % (1 << 32)) * 1_000_000_000 / (1 << 32);
    let seconds = since_1900 - 2_208_988_800;
    let seconds = if seconds < 0 { seconds + (1 << 32) } else { seconds };
    (ntp != 0).then_some(seconds * 1_000_000_000 + nanos)
}

/// §6.1.9: the lowest 11 bits are to be ignored.
fn ntp_us(head: &Head, ntp: u64) -> Option<i128> {
    let whole = ntp / 2048 * 2048;
    let second = ntp_ns(head, whole)?.div_euclid(1_000_000_000);
    let micros = (i128::from(whole % (1 << 32)) * 1_000_000 + (1 << 31)) / (1 << 32);
    Some(second * 1_000_000_000 + micros * 1000)
}

fn before_export(head: &Head, us: u64) -> Option<i128> {
    Some(i128::from(head.unix_seconds) * 1_000_000_000 - i128::from(us) * 1000)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    &bytes[..bytes.len() - zeros]
}

/// A pair of `extra` as it is printed, and the bytes that it takes.
fn element_pair(pen: u32, element: u16, bytes: &[u8]) -> Option<String> {
    let known = elements::find(pen, element);
    let name = match known {
        Some(known) => known.name.to_string(),
        None if pen == 0 => format!("ie{element}"),
        None => format!("ie{pen}.{element}"),
    };
    let as_number = match bytes.len() {
        0 => return None,
        1..=8 => format!("n{}", number(bytes)),
        _ => format!("x{}", bytes.escape_ascii()),
    };
    let value = match (known.map(|known| known.kind), bytes.len()) {
        (Some(Known::Text), _) if trimmed(bytes).is_empty() => return None,
        (Some(Known::Text), _) => trimmed(bytes).escape_ascii().to_string(),
        (Some(Known::Bytes), _) => format!("x{}", bytes.escape_ascii()),
        (Some(Known::Address), 4) => Ipv4Addr::from(number(bytes) as u32).to_string(),
        (Some(Known::Address), 16) => {
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).unwrap()).to_string()
        }
        (Some(Known::Mac), 6) => {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
        }
        (Some(Known::Signed), 1..=8) => {
            let shift = 64 - 8 * bytes.len() as u32;
            (((number(bytes) << shift) as i64) >> shift).to_string()
        }
        (Some(Known::Float), 4) => f64::from(f32::from_bits(number(bytes) as u32)).to_string(),
        (Some(Known::Float), 8) => f64::from_bits(number(bytes)).to_string(),
        _ => as_number,
    };
    Some(format!("{name}={value}"))
}

type Times = BTreeMap<&'static str, Option<(i64, u8)>>;

/// What a record's fields came to.
#[derive(Default)]
struct Row {
    numbers: BTreeMap<&'static str, u128>,
    texts: BTreeMap<&'static str, Vec<u8>>,
    times: Times,
    event: Option<&'static str>,
    has_code: bool,
    extra: Vec<String>,
    truncated: bool,
}

/// Uptimes come after seconds, and seconds after all that is finer.
fn coarseness(pen: u32, element: u16) -> u8 {
    match (pen, element) {
        (0, 21 | 22) => 2,
        (0, 150 | 151) => 1,
        _ => 0,
    }
}

/// One record, a field at a time: the first field that fits fills its place, all else is extra.
fn read_fields(
    head: &Head,
    template: &TwinTemplate,
    values: &[(Field, Vec<u8>)],
    len: usize,
    facts: &Facts,
    block: bool,
) -> Row {
    let mut row = Row::default();
    let port = |element| {
        let fits =
            |(pen, other, len): Field| (pen, other) == (0, element) && (1..=2).contains(&len);
        values.iter().position(|(field, _)| fits(*field)).filter(|_| block)
    };
    let mut order: Vec<_> = values.iter().enumerate().collect();
    order.sort_by_key(|(_, ((pen, element, _), _))| coarseness(*pen, *element));
    for (at, ((pen, element, field_len), bytes)) in order {
        // First and last port have their places.
        let placed = [port(361), port(362)].contains(&Some(at));
        if *field_len != 0 && !placed {
            let fixed = *field_len != VARIABLE;
            let keep = read_field(
                head,
                template,
                values,
                (*pen, *element, fixed),
                bytes,
                facts,
                block,
                &mut row,
            );
            row.extra.extend(element_pair(*pen, *element, bytes).filter(|_| keep));
        }
    }
    apply_options(template, values, len, facts, &mut row);
    row
}

#[expect(clippy::too_many_arguments, reason = "a test")]
fn read_field(
    head: &Head,
    template: &TwinTemplate,
    values: &[(Field, Vec<u8>)],
    (pen, element, fixed): (u32, u16, bool),
    bytes: &[u8],
    facts: &Facts,
    block: bool,
    row: &mut Row,
) -> bool {
    let Row { numbers, texts, times, event, has_code, .. } = row;
    let wide = || bytes.iter().fold(0u128, |number, byte| number * 256 + u128::from(*byte));
    let in_block = |name: &str| {
        let address = ["src_v4", "src_v6", "nat_src_v4", "nat_src_v6"].contains(&name);
        !block || address || ["protocol", "src_vrf", "event", "start", "end"].contains(&name)
    };
    match kind(template.vendor, pen, element) {
        Kind::Padding => false,
        Kind::Number(name, max)
            if fixed && bytes.len() <= max && in_block(name) && !numbers.contains_key(name) =>
        {
            numbers.insert(name, wide());
            false
        }
        Kind::V6(name)
            if fixed && bytes.len() == 16 && in_block(name) && !numbers.contains_key(name) =>
        {
            numbers.insert(name, wide());
            block && name == "src_v6" && template.has(8)
        }
        Kind::Text(name) if in_block(name) && !texts.contains_key(name) => {
            texts.insert(name, trimmed(bytes).to_vec());
            false
        }
        which @ (Kind::NatEvent | Kind::FirewallEvent) => {
            *has_code = true;
            let addressed = [8, 12, 27, 28, 225, 226, 281, 282, 40_001, 40_002];
            let addressed = addressed.iter().any(|element| template.has(*element));
            if block && fixed && bytes.len() == 1 && element == 230 {
                return ![1, 2, 14, 15, 16, 17].contains(&bytes[0]);
            }
            if !fixed || bytes.len() != 1 || block || !addressed || event.is_some() {
                return true;
            }
            let v6 = [27, 28, 281, 282].iter().any(|element| template.has(*element));
            let firewall = matches!(which, Kind::FirewallEvent);
            let usg = template.vendor == Vendor::Usg;
            let name = event_name(bytes[0], firewall, usg, v6);
            *event = Some(name);
            name.is_empty() || !firewall && !usg && (4..=15).contains(&bytes[0])
        }
        Kind::Seconds(name)
            if fixed && bytes.len() <= 4 && in_block(name) && !times.contains_key(name) =>
        {
            times.insert(name, time(i128::from(number(bytes)) * 1_000_000_000, 0));
            block && name != "event"
        }
        Kind::Time(name, len, read)
            if fixed && bytes.len() == len && in_block(name) && !times.contains_key(name) =>
        {
            let nanos = read(head, number(bytes));
            times.insert(name, nanos.and_then(|nanos| time(nanos, digits(nanos))));
            block && name != "event"
        }
        Kind::Uptime(name)
            if fixed && bytes.len() == 4 && in_block(name) && !times.contains_key(name) =>
        {
            let started = values.iter().find(|((pen, element, len), _)| {
                (*pen, *element) == (0, 160) && (1..=8).contains(len)
            });
            let started = started.filter(|((_, _, len), _)| *len == 8);
            let own = started.map(|(_, bytes)| number(bytes));
            let told = facts.get(&("started", 0)).map(|fact| number(&fact[0].1));
            let now_ms = i64::from(head.unix_seconds) * 1000;
            let since = |started: u64| (now_ms as u64).wrapping_sub(started) as u32;
            let uptime = own.map(since).or(head.uptime_ms).or(told.map(since));
            let at = uptime.map(|uptime| now_ms - uptime_age_ms(uptime, number(bytes) as u32));
            times.insert(name, at.and_then(|at| time(i128::from(at) * 1_000_000, 3)));
            block || head.version == 10 && own.is_none()
        }
        Kind::Microseconds => {
            if fixed
                && bytes.len() <= 8
                && in_block("duration_ms")
                && !numbers.contains_key("duration_ms")
            {
                numbers.insert("duration_ms", u128::from(number(bytes) / 1000));
            }
            true
        }
        Kind::Subscriber
            if !block
                && !texts.contains_key("user")
                && !numbers.contains_key("src_v4")
                && !numbers.contains_key("src_v6") =>
        {
            subscriber(trimmed(bytes), numbers, texts);
            false
        }
        _ => true,
    }
}

/// Nokia's `name@address`.
fn subscriber(
    text: &[u8],
    numbers: &mut BTreeMap<&'static str, u128>,
    texts: &mut BTreeMap<&'static str, Vec<u8>>,
) {
    let at = text.iter().rposition(|byte| *byte == b'@');
    let address = at.and_then(|at| std::str::from_utf8(&text[at + 1..]).ok()?.parse().ok());
    let (v4, v6) = match address {
        Some(IpAddr::V4(v4)) => (u128::from(v4.to_bits()), 0),
        Some(IpAddr::V6(v6)) => (0, v6.to_bits()),
        None => (0, 0),
    };
    numbers.extend([("src_v4", v4), ("src_v6", v6)]);
    let end = at.filter(|_| address.is_some()).unwrap_or(text.len());
    texts.insert("user", text[..end].to_vec());
}

fn learn_options(template: &TwinTemplate, values: &[(Field, Vec<u8>)], facts: &mut Facts) {
    const SAMPLING: [u16; 11] = [34, 35, 49, 50, 84, 304, 305, 306, 309, 310, 310];
    let scopes = template.scopes.unwrap_or(0);
    let iana =
        || values.iter().enumerate().filter(|(_, ((pen, _, len), _))| *pen == 0 && *len != 0);
    let first = |is: &dyn Fn(usize, u16, u16) -> bool| {
        let found = iana().find(|(at, ((_, element, len), _))| is(*at, *element, *len));
        found.map(|(_, (_, bytes))| bytes.as_slice())
    };
    let interface = first(&|at, element, len| {
        len <= 8 && ([10, 14].contains(&element) || element == 2 && at < scopes)
    })
    .map(number);
    let of_scope_2 = |at: usize, element: u16| element == 2 && at < scopes;
    let sampler = first(&|at, element, len| {
        len <= 8 && [48, 302].contains(&element) && !of_scope_2(at, element)
    })
    .map(number);
    let vrf = first(&|_, element, len| len <= 8 && [234, 235].contains(&element)).map(number);
    let named = |element: u16| {
        let name = trimmed(first(&|_, other, _| other == element)?);
        Some(name[..name.len().min(128)].to_vec()).filter(|name| !name.is_empty())
    };
    if let (Some(interface), Some(name)) = (interface, named(82).or(named(83))) {
        facts.insert(("interface", interface), vec![(0, name)]);
    }
    if let (Some(vrf), Some(name)) = (vrf, named(236)) {
        facts.insert(("vrf", vrf), vec![(0, name)]);
    }
    if let Some(started) = first(&|_, element, len| element == 160 && len == 8) {
        facts.insert(("started", 0), vec![(0, started.to_vec())]);
    }
    let sampling: Vec<_> = iana()
        .filter(|(_, ((_, element, len), _))| SAMPLING.contains(element) && *len != VARIABLE)
        .map(|(_, ((_, element, _), bytes))| (*element, bytes.clone()))
        .take(10)
        .collect();
    if !sampling.is_empty() {
        let about = match (sampler, interface) {
            (Some(sampler), _) => ("sampler", sampler),
            (None, Some(interface)) => ("sampling at", interface),
            (None, None) => ("sampling", 0),
        };
        facts.insert(about, sampling);
    }
}

/// What options data told, within four bytes for each byte of the record.
fn apply_options(
    template: &TwinTemplate,
    values: &[(Field, Vec<u8>)],
    len: usize,
    facts: &Facts,
    row: &mut Row,
) {
    let mut budget = 4 * len;
    let mut add = |shown: Vec<String>, bytes: usize| {
        if bytes <= budget {
            budget -= bytes;
            row.extra.extend(shown);
        } else {
            row.truncated = true;
        }
    };
    let mut sampling = facts.get(&("sampling", 0));
    for ((pen, element, field_len), bytes) in values {
        if *pen != 0 || *field_len > 8 || *field_len == 0 {
            continue;
        }
        let value = number(bytes);
        let (subject, key) = match element {
            48 | 302 => {
                sampling = facts.get(&("sampler", value)).or(sampling);
                continue;
            }
            10 => {
                sampling = facts.get(&("sampling at", value)).or(sampling);
                ("interface", "ingressInterfaceName")
            }
            14 => ("interface", "egressInterfaceName"),
            234 => ("vrf", "ingressVRFName"),
            235 => ("vrf", "egressVRFName"),
            _ => continue,
        };
        if let Some(fact) = facts.get(&(subject, value)) {
            let name = &fact[0].1;
            add(vec![format!("{key}={}", name.escape_ascii())], 4 + key.len() + name.len());
        }
    }
    let _ = template;
    let shown = |(element, bytes): &(u16, Vec<u8>)| match bytes.len() {
        1..=8 => format!("{}=n{}", elements::find(0, *element).unwrap().name, number(bytes)),
        _ => format!(
            "{}={}",
            elements::find(0, *element).unwrap().name,
            trimmed(bytes).escape_ascii()
        ),
    };
    let size = |(_, bytes): &(u16, Vec<u8>)| match bytes.len() {
        1..=8 => 10 + (8 - number(bytes).leading_zeros() as usize / 8),
        _ => 10 + trimmed(bytes).len(),
    };
    if let Some(fact) = sampling {
        add(fact.iter().map(shown).collect(), fact.iter().map(size).sum());
    }
}

fn session(
    head: &Head,
    template: &TwinTemplate,
    values: &[(Field, Vec<u8>)],
    len: usize,
    facts: &Facts,
) -> Record {
    let row = read_fields(head, template, values, len, facts, false);
    let constant = || match template.vendor {
        Vendor::Ne if template.id == 259 => "create",
        Vendor::Ne => "end",
        Vendor::Nokia => match (template.has(152), template.has(153)) {
            (true, false) => "create",
            (false, true) => "end",
            _ => "flow",
        },
        _ => "flow",
    };
    let event = row.event.unwrap_or_else(|| if row.has_code { "" } else { constant() });
    let mut record = head_fields(head, template, &row, "session");
    add_times(&mut record, head, event, &row.times);
    if !event.is_empty() {
        record.insert("event", event.into());
    }
    for (name, text) in &row.texts {
        if !text.is_empty() {
            record.insert(name, text.escape_ascii().to_string());
        }
    }
    add_numbers(&mut record, &row.numbers);
    record
}

/// RFC 8158 §5.6: a block of ports.
fn port_block(
    head: &Head,
    template: &TwinTemplate,
    values: &[(Field, Vec<u8>)],
    len: usize,
    facts: &Facts,
) -> Record {
    let row = read_fields(head, template, values, len, facts, true);
    let field = |element: u16, max: u16| {
        let found = values.iter().find(|((pen, other, len), _)| {
            (*pen, *other) == (0, element) && (1..=max).contains(len)
        });
        found.map(|(_, bytes)| number(bytes))
    };
    let mut record = head_fields(head, template, &row, "port_block");
    let [event, start, end] =
        ["event", "start", "end"].map(|name| row.times.get(name).copied().flatten());
    let allocated = matches!(field(230, 1), Some(1 | 14 | 16));
    let bound = if allocated { start.or(end) } else { end.or(start) };
    let (nanos, digits, source) = match event.or(bound) {
        Some((nanos, _)) if nanos % 1_000_000_000 == 0 => (nanos, 0, "record"),
        Some((nanos, _)) if nanos % 1_000_000 == 0 => (nanos, 3, "record"),
        Some((nanos, _)) => (nanos, 9, "record"),
        None => (head.received_at, 9, "received"),
    };
    record.insert("event_time", format!("{nanos}.{digits}"));
    record.insert("time_source", source.into());
    record.insert(
        "event",
        match field(230, 1) {
            Some(1 | 14 | 16) => "allocate",
            Some(2 | 15 | 17) => "release",
            _ => "unknown",
        }
        .into(),
    );
    let nonzero = |name: &str| row.numbers.get(name).copied().filter(|number| *number != 0);
    for (name, v4, v6) in
        [("private_addr", "src_v4", "src_v6"), ("public_addr", "nat_src_v4", "nat_src_v6")]
    {
        let v4 = nonzero(v4).map(|number| Ipv4Addr::from(number as u32).to_string());
        let v6 = || nonzero(v6).map(|number| Ipv6Addr::from(number).to_string());
        v4.or_else(v6).map(|address| record.insert(name, address));
    }
    nonzero("protocol").map(|number| record.insert("protocol", number.to_string()));
    row.numbers.get("src_vrf").map(|number| record.insert("src_vrf", number.to_string()));
    let first = field(361, 2).unwrap();
    record.insert("port_first", first.to_string());
    let counted = || match field(364, 2)? {
        0 => None,
        count => Some(first + field(363, 2).unwrap_or(1).max(1) * (count - 1)),
    };
    let last =
        field(362, 2).filter(|last| *last >= first).or_else(counted).filter(|last| *last < 65_536);
    last.map(|last| record.insert("port_last", last.to_string()));
    record
}

fn head_fields(head: &Head, template: &TwinTemplate, row: &Row, family: &str) -> Record {
    let usg = template.vendor == Vendor::Usg;
    let mut record = Record::from([
        ("record", family.into()),
        ("format", if usg { "huawei-usg-netflow" } else { head.format() }.into()),
        ("exporter", head.exporter.to_string()),
        ("observation_domain", head.source_id.to_string()),
        ("sequence", head.sequence.to_string()),
        ("received_at", format!("{}.9", head.received_at)),
    ]);
    let flags =
        [("extra_truncated", row.truncated), ("reading_inferred", template.vendor == Vendor::Ne)];
    let flags: Vec<_> = flags.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    if !flags.is_empty() {
        record.insert("flags", flags.join(" "));
    }
    if !row.extra.is_empty() {
        record.insert("extra", row.extra.join(" "));
    }
    record
}

/// The tables of formats that this follows: IANA's for firewallEvent; for natEvent RFC 8158 §4.3
/// and the drafts before it, of which the Huawei USG knows the first two codes.
fn event_name(code: u8, firewall: bool, usg: bool, v6: bool) -> &'static str {
    match code {
        1 => "create",
        2 => "end",
        3 if firewall => "deny",
        5 if firewall => "update",
        _ if firewall || usg => "",
        4 | 6 | 8 | 14 => "create",
        5 | 7 | 9 | 15 => "end",
        10 if v6 => "create",
        11 if v6 => "end",
        _ => "",
    }
}

/// Milliseconds between an uptime and that of the header, modulo 2³²; at most an hour ahead.
fn uptime_age_ms(header: u32, record: u32) -> i64 {
    let age = (i64::from(header) - i64::from(record)).rem_euclid(1 << 32);
    if age >= (1 << 32) - 3_600_000 { age - (1 << 32) } else { age }
}

/// Digits that are told: milliseconds where there are no others.
fn digits(nanos: i128) -> u8 {
    if nanos % 1_000_000 == 0 { 3 } else { 9 }
}

/// A time in the years that 32 bits of seconds hold; one within the first second is absent.
fn time(nanos: i128, digits: u8) -> Option<(i64, u8)> {
    let known = (1_000_000_000..(1 << 32) * 1_000_000_000).contains(&nanos);
    known.then_some((nanos as i64, digits))
}

fn add_times(record: &mut Record, head: &Head, event: &str, times: &Times) {
    let of = |name| times.get(name).copied().flatten();
    let show = |(ns, digits)| format!("{ns}.{digits}");
    let (start, end) = (of("start"), of("end"));
    let other_time = if event == "create" { start.or(end) } else { end.or(start) };
    let event_time = of("event").or(other_time);
    let source = if event_time.is_some() { "record" } else { "received" };
    record.insert("time_source", source.into());
    record.insert("event_time", show(event_time.unwrap_or((head.received_at, 9))));
    start.map(|time| record.insert("start_time", show(time)));
    end.map(|time| record.insert("end_time", show(time)));
    if let (Some((start, _)), Some((end, _))) = (start, end)
        && let duration_ms = (end - start) / 1_000_000
        && duration_ms >= 0
    {
        record.insert("duration_ms", duration_ms.to_string());
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
        "duration_ms",
    ] {
        numbers.get(name).map(|number| record.insert(name, number.to_string()));
    }
}

// ---------------------------------------------------------------------------- random streams

/// The first copy of the document's table is not here: it is no template.
const USG: [Field; 20] = [
    (0, 8, 4),
    (0, 225, 4),
    (0, 7, 2),
    (0, 227, 2),
    (0, 12, 4),
    (0, 226, 4),
    (0, 11, 2),
    (0, 228, 2),
    (0, 4, 1),
    (0, 61, 1),
    (0, 230, 1),
    (0, 229, 1),
    (0, 235, 4),
    (0, 234, 4),
    (0, 150, 4),
    (0, 151, 4),
    (0, 24, 4),
    (0, 23, 4),
    (0, 2, 4),
    (0, 1, 4),
];
/// Elements that are read somehow, with their usual lengths; 0 for the length of vendors' means
/// variable.
const KNOWN: [Field; 80] = [
    (0, 1, 8),
    (0, 2, 4),
    (0, 4, 1),
    (0, 7, 2),
    (0, 8, 4),
    (0, 11, 2),
    (0, 12, 4),
    (0, 21, 4),
    (0, 22, 4),
    (0, 23, 8),
    (0, 24, 8),
    (0, 27, 16),
    (0, 28, 16),
    (0, 61, 1),
    (0, 150, 4),
    (0, 151, 4),
    (0, 152, 8),
    (0, 153, 8),
    (0, 154, 8),
    (0, 155, 8),
    (0, 156, 8),
    (0, 157, 8),
    (0, 158, 4),
    (0, 159, 4),
    (0, 160, 8),
    (0, 161, 4),
    (0, 162, 4),
    (0, 210, 1),
    (0, 225, 4),
    (0, 226, 4),
    (0, 227, 2),
    (0, 228, 2),
    (0, 229, 1),
    (0, 230, 1),
    (0, 230, 1),
    (0, 233, 1),
    (0, 234, 4),
    (0, 235, 4),
    (0, 281, 16),
    (0, 282, 16),
    (0, 231, 4),
    (0, 232, 4),
    (0, 298, 8),
    (0, 299, 8),
    (0, 322, 4),
    (0, 323, 8),
    (0, 324, 8),
    (0, 325, 8),
    (0, 361, 2),
    (0, 362, 2),
    (0, 363, 2),
    (0, 364, 2),
    (0, 10, 4),
    (0, 14, 2),
    (0, 48, 1),
    (0, 302, 8),
    (0, 56, 6),
    (0, 96, 12),
    (0, 371, VARIABLE),
    (0, 236, VARIABLE),
    (0, 95, 4),
    (0, 136, 1),
    (0, 58, 2),
    (0, 85, 8),
    (0, 86, 8),
    (0, 434, 4),
    (0, 320, 8),
    (0, 57_590, 20),
    (0, 33_002, 2),
    (0, 40_000, 20),
    (0, 40_001, 4),
    (0, 40_003, 2),
    (0, 40_005, 1),
    (637, 91, 2),
    (637, 92, 2),
    (637, 93, VARIABLE),
    (29_305, 1, 8),
    (29_305, 2, 4),
    (12_356, 1, VARIABLE),
    (4_000_000_000, 7, 3),
];
/// Elements that options data has.
const OPTIONS: [Field; 20] = [
    (0, 1, 4),
    (0, 2, 4),
    (0, 10, 4),
    (0, 14, 2),
    (0, 34, 4),
    (0, 35, 1),
    (0, 48, 1),
    (0, 49, 1),
    (0, 50, 4),
    (0, 82, 12),
    (0, 83, VARIABLE),
    (0, 84, 10),
    (0, 160, 8),
    (0, 234, 4),
    (0, 235, 4),
    (0, 236, 8),
    (0, 302, 8),
    (0, 305, 4),
    (0, 306, 4),
    (0, 304, 2),
];
/// What the vendors that are known by their templates send.
const NE: [Field; 13] = [
    (0, 323, 8),
    (0, 58, 2),
    (0, 8, 4),
    (0, 225, 4),
    (0, 4, 1),
    (0, 7, 2),
    (0, 227, 2),
    (0, 12, 4),
    (0, 226, 4),
    (0, 11, 2),
    (0, 228, 2),
    (0, 61, 1),
    (0, 5, 1),
];
const NOKIA: [Field; 8] = [
    (0, 148, 8),
    (0, 8, 4),
    (0, 12, 4),
    (0, 7, 2),
    (0, 152, 8),
    (637, 91, 2),
    (0, 210, 1),
    (637, 93, VARIABLE),
];
const BLOCK: [Field; 10] = [
    (0, 8, 4),
    (0, 225, 4),
    (0, 234, 4),
    (0, 4, 1),
    (0, 230, 1),
    (0, 323, 8),
    (0, 361, 2),
    (0, 363, 2),
    (0, 364, 2),
    (0, 12, 4),
];

#[derive(Clone, Debug)]
enum Part {
    Templates(Vec<(u16, Fields)>, usize),
    Withdrawal(u16),
    OptionsTemplate { id: u16, scope: Fields, options: Fields, padding: usize },
    Data { id: u16, records: usize, seed: u64, tail: usize, tail_is_zero: bool },
}

#[derive(Clone, Debug)]
struct Step {
    version: u16,
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

fn field() -> impl Strategy<Value = Field> {
    let known = || proptest::sample::select(&KNOWN[..]);
    let shortened = |((pen, element, len), r): (Field, u16)| (pen, element, r % len.max(2));
    prop_oneof![
        24 => known(),
        4 => (known(), any::<u16>()).prop_map(shortened).prop_map(|(p, e, len)| (p, e, len % 80)),
        4 => (known(), 1..9u16).prop_map(|((pen, element, len), more)| (pen, element, len % 99 + more)),
        4 => (any::<u16>(), 0..12u16).prop_map(|(element, len)| (0, element, len)),
        1 => (0..3u32, 0..9u16, 0..12u16),
        1 => known().prop_map(|(pen, element, _)| (pen, element, VARIABLE)),
    ]
}

fn fields() -> impl Strategy<Value = Fields> {
    let v6 = [(0, 27, 16), (0, 281, 16), (0, 28, 16), (0, 282, 16)];
    prop_oneof![
        4 => Just(USG.to_vec()),
        2 => Just([&USG[..14], &v6, &USG[14..]].concat()),
        2 => Just(USG.to_vec()).prop_shuffle(),
        1 => Just(NE.to_vec()),
        2 => Just(NOKIA.to_vec()),
        2 => Just(BLOCK.to_vec()).prop_shuffle(),
        12 => vec(field(), 1..7),
        2 => vec(field(), 0..34),
        4 => vec(proptest::sample::select(&KNOWN[..]), 1..12),
    ]
}

fn options_fields(max: usize) -> impl Strategy<Value = Fields> {
    let known = proptest::sample::select(&OPTIONS[..]);
    vec(prop_oneof![9 => known, 1 => field()], 0..max)
}

fn id() -> impl Strategy<Value = u16> {
    prop_oneof![20 => 256..261u16, 1 => 0..256u16]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => (vec((id(), fields()), 1..3), 0..4usize).prop_map(|(all, pad)| Part::Templates(all, pad)),
        2 => (id(), options_fields(3), options_fields(4), 0..4usize)
            .prop_map(|(id, scope, options, padding)| Part::OptionsTemplate { id, scope, options, padding }),
        1 => prop_oneof![5 => id(), 1 => 2..4u16].prop_map(Part::Withdrawal),
        8 => (256..261u16, 0..4usize, any::<u64>(), prop_oneof![4 => 0..4usize, 1 => 0..20usize], any::<bool>())
            .prop_map(|(id, records, seed, tail, tail_is_zero)| Part::Data { id, records, seed, tail, tail_is_zero }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let any_id = proptest::sample::select(&[0u32, 7, 0x0100_000b, 0x0105_000b, 0x0200_000b][..]);
    let source_id = prop_oneof![any_id, Just(7)];
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
        (
            9..11u16,
            prop_oneof![3 => Just(0u8), 1 => Just(1)],
            source_id,
            hint,
            any::<(u32, u32)>(),
            passed,
        ),
        (
            vec(part(), 0..5),
            rarely(9),
            rarely(40),
            proptest::option::weighted(0.05, any::<(u16, u8)>()),
        ),
    )
        .prop_map(
            |(
                (version, exporter, source_id, hint, clocks, passed_ns),
                (parts, filling, truncated_by, changed),
            )| Step {
                version,
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

/// A template record; `scopes` is the number of scope fields of an options template. NetFlow v9
/// knows no enterprises: their elements become others there.
fn template_record(version: u16, id: u16, fields: &Fields, scopes: Option<usize>) -> Vec<u8> {
    if version == 9 && scopes.is_none() {
        let fields: Vec<_> = fields.iter().map(|(_, element, len)| (*element, *len)).collect();
        return template(id, &fields);
    }
    let mut words = vec![id];
    match (version, scopes) {
        (9, Some(scopes)) => {
            words.extend([scopes as u16 * 4, (fields.len() - scopes) as u16 * 4]);
        }
        (_, None) => words.push(fields.len() as u16),
        (_, Some(scopes)) => words.extend([fields.len() as u16, scopes as u16]),
    }
    for (pen, element, len) in fields {
        if *pen == 0 || version == 9 {
            let element = if version == 9 { *element } else { *element % 32_768 };
            words.extend([element, *len]);
        } else {
            words.extend([*element | 32_768, *len, (*pen >> 16) as u16, *pen as u16]);
        }
    }
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A value of a field: noise, of kinds that are worth something.
fn value((pen, element, len): Field, noise: &mut Noise, body: &mut Vec<u8>) {
    let mut len = len;
    if len == VARIABLE {
        len = u16::from(noise.byte()) % 24;
        if noise.byte().is_multiple_of(4) {
            body.push(255);
            body.extend(len.to_be_bytes());
        } else {
            body.push(len as u8);
        }
    }
    let start = body.len();
    body.extend((0..len.min(400)).map(|_| noise.byte()));
    let bytes = &mut body[start..];
    match (pen, element, len) {
        (0, 152 | 153 | 323 | 160, 8) if !noise.byte().is_multiple_of(4) => {
            bytes[..3].copy_from_slice(&[0, 0, 1]);
        }
        (0, 10 | 14 | 48 | 302 | 234 | 235, 1..=8) if noise.byte().is_multiple_of(2) => {
            bytes.fill(0);
            *bytes.last_mut().unwrap() = noise.byte() % 3;
        }
        (0, 230 | 233, 1) => bytes[0] = noise.byte() % 20,
        (637, 93, _) if len > 12 => {
            let text = format!("u{}@10.0.0.{}", noise.byte() % 10, noise.byte() % 10);
            bytes.fill(0);
            bytes[..text.len().min(12)].copy_from_slice(&text.as_bytes()[..text.len().min(12)]);
        }
        _ => {}
    }
}

/// A step's payload. `known` are the fields that data should have, as far as templates of this
/// stream told them; data that comes before any template has the length of Huawei's.
fn payload(step: &Step, sequence: u32, known: &mut BTreeMap<(u16, u16), Fields>) -> Vec<u8> {
    let version = step.version;
    let mut datagram = V9::new(step.source_id, sequence, step.clocks.0, step.clocks.1);
    let [templates, options_templates] = if version == 9 { [0, 1] } else { [2, 3] };
    for part in &step.parts {
        datagram = match part {
            Part::Templates(all, padding) => {
                let mut body = Vec::new();
                for (id, fields) in all {
                    body.extend(template_record(version, *id, fields, None));
                    known.insert((version, *id), fields.clone());
                }
                body.extend(std::iter::repeat_n(0, *padding));
                datagram.flowset(templates, &body)
            }
            Part::Withdrawal(id) => {
                datagram.flowset(templates, &template_record(version, *id, &Vec::new(), None))
            }
            Part::OptionsTemplate { id, scope, options, padding } => {
                let fields = [scope.as_slice(), options].concat();
                let mut body = template_record(version, *id, &fields, Some(scope.len()));
                known.insert((version, *id), fields);
                body.extend(std::iter::repeat_n(0, *padding));
                datagram.flowset(options_templates, &body)
            }
            Part::Data { id, records, seed, tail, tail_is_zero } => {
                let mut noise = Noise(*seed);
                let usg = USG.to_vec();
                let fields = known.get(&(version, *id)).unwrap_or(&usg);
                let mut body = Vec::new();
                for field in (0..*records).flat_map(|_| fields) {
                    value(*field, &mut noise, &mut body);
                }
                body.extend((0..*tail).map(|_| if *tail_is_zero { 0 } else { noise.byte() }));
                datagram.flowset(*id, &body)
            }
        };
    }
    let mut payload = datagram.bytes();
    if version == 10 {
        // The same words but the uptime, and the length in the place of the count.
        payload.drain(4..8);
        let len = payload.len() as u16;
        payload[2..4].copy_from_slice(&len.to_be_bytes());
    }
    payload.extend(std::iter::repeat_n(0, step.filling));
    payload.truncate(payload.len() - step.truncated_by.min(payload.len() - 2));
    if let Some((at, byte)) = step.changed {
        let len = payload.len();
        payload[(2 + usize::from(at) % len).min(len - 1)] = byte;
    }
    payload[..2].copy_from_slice(&version.to_be_bytes());
    payload
}

/// What streams came to: the comparison is worth something only where both decode.
#[derive(Debug, Default)]
struct Counts {
    sessions: usize,
    of_ipfix: usize,
    blocks: usize,
    users: usize,
    /// Records to which options data added.
    told: usize,
    released: usize,
}

impl Counts {
    fn count(&mut self, records: &[Record]) {
        for record in records {
            let block = record["record"] == "port_block";
            self.sessions += usize::from(record["record"] == "session");
            self.blocks += usize::from(block);
            self.of_ipfix += usize::from(record["format"] == "ipfix");
            self.users += usize::from(record.contains_key("user"));
            let told = |extra: &String| {
                ["InterfaceName=", "VRFName=", "sampling"].iter().any(|key| extra.contains(key))
            };
            self.told += usize::from(record.get("extra").is_some_and(told));
        }
    }
}

fn compare(
    steps: &[Step],
    level: Level,
    batch: &mut Batch,
    counts: &mut Counts,
) -> Result<(), TestCaseError> {
    let settings = Settings { simd: level, ..Settings::with_limits(LIMITS) };
    let mut decoder = Decoder::new(Arc::new(Registry::new(LIMITS)), Arc::new(settings));
    let mut twin = Twin::default();
    let mut known = BTreeMap::new();
    let mut now = 1_700_000_000 * SECOND_NS;
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
        counts.count(&expected_records);
        prop_assert_eq!(records(batch), expected_records, "datagram {}", sequence);
        prop_assert_eq!(outcome, expected, "datagram {}", sequence);
        for (expected, expected_records) in twin.release(now) {
            batch.clear();
            let outcome = decoder.release(now, batch);
            prop_assert_eq!(records(batch), expected_records, "released after {}", sequence);
            prop_assert_eq!(outcome, expected, "released after {}", sequence);
            counts.released += usize::from(outcome == Some(Outcome::Decoded));
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
    Ok(())
}

#[test]
fn decodes_as_its_twin_does() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(
        ProptestConfig::default().cases.max(10_000),
    ));
    let capacity = Capacity { session_rows: 70_000, unparsed_rows: 40_000, text_bytes: 1 << 20 };
    let batch = std::cell::RefCell::new(Batch::new(capacity));
    let counts = std::cell::RefCell::new(Counts::default());
    let levels: Vec<_> = Level::available().collect();
    let streams = (vec(step(), 1..16), prop::sample::select(levels));
    let result = runner.run(&streams, |(steps, level)| {
        compare(&steps, level, &mut batch.borrow_mut(), &mut counts.borrow_mut())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let Counts { sessions, of_ipfix, blocks, users, told, released } = counts.into_inner();
    for (name, counted, least) in [
        ("sessions", sessions, 5_000),
        ("of IPFIX", of_ipfix, 5_000),
        ("blocks of ports", blocks, 500),
        ("users", users, 200),
        ("told by options", told, 20),
        ("released", released, 50),
    ] {
        assert!(counted > least, "{name}: {counted}");
    }
}
