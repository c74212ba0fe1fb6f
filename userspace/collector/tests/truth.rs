//! The model's datagrams through the decoders, against the truth of what the model sent: every
//! field of every record, and no field that was not sent.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    record::{self, Value},
    text::to_utf8,
};
use logweir_traffic::{
    Charset, DatagramInfo, EventKind, Format, Header, Model, ModelConfig, MtnCounters, Session,
    Truth,
};
use proptest::prelude::*;

/// The formats of a Huawei USG's sessions.
const USG: [Format; 3] = [Format::UsgNetflow, Format::UsgSyslogDefault, Format::UsgMtn];

/// A record's fields, as text.
type Record = BTreeMap<&'static str, String>;

/// Any payload: room for a datagram that waited is room for this.
const ANY_PAYLOAD: usize = 65_535;
/// Between two datagrams: so long that the waiting room is looked into after each.
const STEP_NS: i64 = 20_000_000;

fn show(value: &Value<'_>) -> String {
    match value {
        Value::Name(name) => (*name).to_owned(),
        Value::Text(text) => to_utf8(text).into_owned(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Mac(mac) => mac.map(|byte| format!("{byte:02x}")).join(":"),
        Value::Time(time) => whole_time(time.unix_nanos, time.digits),
        Value::Flags(flags) => flags.join(" "),
        Value::Extra(bytes) | Value::Raw(bytes) => format!("{bytes:?}"),
    }
}

fn whole_time(unix_nanos: i64, digits: u8) -> String {
    format!("{unix_nanos} ns, {digits} digits")
}

fn seconds(seconds: i64) -> String {
    whole_time(seconds * 1_000_000_000, 0)
}

/// What an `mtn` line leaves out and the decoder works out: the time of the event, from the header
/// or the arrival, and from it begin and end.
fn expect_mtn_times(expected: &mut Expected, session: &Session, received_at: i64) {
    let header = header_as_printed(session);
    let event_s = header.unwrap_or(received_at / 1_000_000_000);
    let event_time = header.map_or(whole_time(received_at, 9), seconds);
    expected.put("event_time", Some(event_time));
    expected.put("time_source", Some(if header.is_some() { "header" } else { "received" }));
    let mut flags = Vec::new();
    if session.event == EventKind::End {
        let duration = i64::from(session.duration_seconds.expect("of an end"));
        expected.put("start_time", Some(seconds(event_s - duration)));
        expected.put("end_time", Some(seconds(event_s)));
        expected.put("duration_ms", Some(duration * 1000));
        flags.push("time_from_duration");
    } else {
        expected.put("start_time", Some(seconds(event_s)));
    }
    expected.mtn_flags = flags;
}

/// The header's time as a reader without the device's zone takes it: as UTC.
fn header_as_printed(session: &Session) -> Option<i64> {
    let offset = session.header_utc_offset_seconds?;
    Some(i64::from(session.header_time?) + i64::from(offset))
}

fn expect_own_times(expected: &mut Expected, session: &Session) {
    let (start, end) = (session.start.map(i64::from), session.end.map(i64::from));
    let event = if session.event == EventKind::Create { start } else { end };
    expected.put("event_time", event.map(seconds));
    expected.put("time_source", Some("record"));
    expected.put("start_time", start.map(seconds));
    expected.put("end_time", end.map(seconds));
    expected.put("duration_ms", end.zip(start).map(|(end, start)| (end - start) * 1000));
}

#[derive(Default)]
struct Expected {
    fields: Record,
    mtn_flags: Vec<&'static str>,
}

impl Expected {
    fn put(&mut self, name: &'static str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.fields.insert(name, value.to_string());
        }
    }
}

/// The record that the decoder should make of a session.
fn expected(
    config: &ModelConfig,
    sequence: Option<u32>,
    session: &Session,
    received_at: i64,
) -> Record {
    let mut e = Expected::default();
    e.put("record", Some("session"));
    e.put("format", Some(session.format));
    e.put("exporter", Some(session.exporter));
    e.put("exporter_port", Some(session.exporter_port));
    e.put("observation_domain", session.observation_domain);
    e.put("sequence", sequence);
    e.put("host", session.host.as_ref());
    e.put("received_at", Some(whole_time(received_at, 9)));
    if session.format == Format::UsgMtn {
        expect_mtn_times(&mut e, session, received_at);
        expect_mtn_flags(&mut e, config, session);
    } else {
        expect_own_times(&mut e, session);
    }
    e.put("event", Some(if session.event == EventKind::Create { "create" } else { "end" }));
    e.put("protocol", session.protocol);
    e.put("src_addr", session.src_addr);
    e.put("src_port", session.src_port);
    e.put("dst_addr", session.dst_addr);
    e.put("dst_port", session.dst_port);
    e.put("nat_src_addr", session.nat_src_addr);
    e.put("nat_src_port", session.nat_src_port);
    e.put("nat_dst_addr", session.nat_dst_addr);
    e.put("nat_dst_port", session.nat_dst_port);
    e.put("tunnel_addr", session.tunnel_addr);
    e.put("src_vrf", session.src_vrf);
    e.put("dst_vrf", session.dst_vrf);
    e.put("src_zone", session.src_zone.as_ref());
    e.put("dst_zone", session.dst_zone.as_ref());
    e.put("direction", session.direction);
    e.put("initiator", session.initiator);
    e.put("sent_packets", session.sent_packets);
    e.put("sent_bytes", session.sent_bytes);
    e.put("received_packets", session.received_packets);
    e.put("received_bytes", session.received_bytes);
    e.put("policy", session.policy.as_ref());
    e.put("user", session.user.as_ref());
    e.put("application", session.application.as_ref());
    e.put("close_reason", session.close_reason.as_ref());
    e.fields
}

/// The counters come out right whichever way round they were printed; that they were exchanged is
/// said wherever there is anything to exchange.
fn expect_mtn_flags(expected: &mut Expected, config: &ModelConfig, session: &Session) {
    let printed_swapped = config.mtn_counters == MtnCounters::Swapped;
    let counted = [session.sent_packets, session.received_packets].into_iter().flatten();
    let mut flags = Vec::new();
    if printed_swapped && counted.sum::<u64>() > 0 {
        flags.push("mtn_counters_swapped");
    }
    if header_as_printed(session).is_some() {
        flags.push("header_zone_assumed_utc");
    }
    flags.append(&mut expected.mtn_flags);
    if !flags.is_empty() {
        expected.put("flags", Some(flags.join(" ")));
    }
}

/// Which datagram a record is of; text datagrams are told apart by their time of arrival.
type Origin = (IpAddr, Option<u32>, Option<u32>, i64);

/// Decodes as two workers do, and compares what comes out with what was sent.
struct Comparison {
    config: ModelConfig,
    decoders: [Decoder; 2],
    batch: Box<Batch>,
    sent: HashMap<Origin, VecDeque<Record>>,
    compared: usize,
    waited: usize,
    settled: usize,
}

impl Comparison {
    fn new(config: ModelConfig) -> Self {
        let registry = Arc::new(Registry::new(Limits::DEFAULT));
        let decoder = || Decoder::new(registry.clone(), Arc::default());
        Self {
            config,
            decoders: [decoder(), decoder()],
            batch: Box::new(Batch::new(Capacity::DEFAULT)),
            sent: HashMap::new(),
            compared: 0,
            waited: 0,
            settled: 0,
        }
    }

    fn take(&mut self, worker: usize, sent: &Sent) {
        let Sent { info, payload, truth, received_at } = sent;
        let origin = (info.exporter, info.observation_domain, info.sequence, *received_at);
        let records = truth
            .iter()
            .map(|session| expected(&self.config, info.sequence, session, *received_at))
            .collect();
        assert!(self.sent.insert(origin, records).is_none(), "a datagram twice");
        let datagram = Datagram {
            payload,
            exporter: info.exporter,
            exporter_port: info.exporter_port,
            received_at: *received_at,
            format: FormatHint::Auto,
        };
        match self.decoders[worker].decode(&datagram, &mut self.batch) {
            Outcome::Decoded => {}
            Outcome::Waiting => self.waited += 1,
            Outcome::Rejected(reason) => panic!("{}: {datagram:?}", reason.name()),
        }
        self.compare();
    }

    /// Settles what waited, as far as its template has come.
    fn release(&mut self, now: i64) {
        for worker in 0..self.decoders.len() {
            while let Some(outcome) = self.decoders[worker].release(now, &mut self.batch) {
                assert_eq!(outcome, Outcome::Decoded);
                self.settled += 1;
                self.compare();
            }
        }
    }

    /// Compares the records of the batch, and empties it for the next ones when it has grown.
    fn compare(&mut self) {
        if self.batch.has_room_for(ANY_PAYLOAD) {
            return;
        }
        self.drain();
    }

    fn drain(&mut self) {
        assert_eq!(self.batch.unparsed.rows(), 0);
        let origins = self.batch.session.iter().map(|(context, _)| {
            let context = *context;
            (context.exporter, context.observation_domain, context.sequence, context.received_at)
        });
        for (origin, fields) in origins.zip(record::records(&self.batch)) {
            let record: Record =
                fields.into_iter().map(|(name, value)| (name, show(&value))).collect();
            let expected = self.sent.get_mut(&origin).and_then(VecDeque::pop_front);
            assert_eq!(Some(record), expected, "{origin:?}");
            self.compared += 1;
        }
        self.batch.clear();
    }

    fn finish(mut self) -> Self {
        self.drain();
        assert_eq!(self.decoders.iter().map(Decoder::waiting).sum::<usize>(), 0);
        assert_eq!(self.waited, self.settled);
        let missing: usize = self.sent.values().map(VecDeque::len).sum();
        assert_eq!(missing, 0, "records that were sent and did not come out");
        self
    }
}

/// A datagram on its way, and the truth of it.
struct Sent {
    info: DatagramInfo,
    payload: Vec<u8>,
    truth: Vec<Session>,
    received_at: i64,
}

/// Sends so many datagrams. The first of each exporter and Source ID, which carries the template,
/// is overtaken by `overtaken_by` others.
fn run(config: &ModelConfig, datagrams: usize, overtaken_by: usize) -> Comparison {
    let mut model = Model::new(config.clone()).expect("the configuration is within the limits");
    let mut comparison = Comparison::new(config.clone());
    let mut late: VecDeque<(usize, Sent)> = VecDeque::new();
    let mut buffer = vec![0; config.datagram_bytes_max];
    let mut now = i64::from(config.start_time) * 1_000_000_000;
    for index in 0..datagrams {
        let mut truth = Vec::new();
        let info = model.next_datagram(&mut buffer, Some(&mut truth));
        let truth = truth.into_iter().filter_map(Truth::into_session).collect();
        now += STEP_NS;
        let sent =
            Sent { info, payload: buffer[..info.len].to_vec(), truth, received_at: now + 123 };
        if info.sequence == Some(0) && overtaken_by > 0 {
            late.push_back((index + overtaken_by, sent));
        } else {
            comparison.take(index % 2, &sent);
        }
        while late.front().is_some_and(|(due, _)| *due <= index) {
            let (_, sent) = late.pop_front().expect("it was there");
            // At the other worker: templates are shared.
            comparison.take((index + 1) % 2, &sent);
        }
        comparison.release(now);
    }
    for (_, sent) in late {
        comparison.take(0, &sent);
    }
    comparison.release(now + STEP_NS);
    comparison.finish()
}

fn netflow(seed: u64) -> ModelConfig {
    ModelConfig {
        seed,
        exporters: 5,
        slots: 2,
        sessions_live_max: 3_000,
        nat64_share: 0.2,
        dslite_share: 0.15,
        vrfs: 3,
        inbound_share: 0.1,
        untranslated_share: 0.1,
        ..ModelConfig::default()
    }
}

fn text(format: Format, seed: u64) -> ModelConfig {
    ModelConfig {
        seed,
        format,
        exporters: 5,
        sessions_live_max: 3_000,
        nat64_share: 0.2,
        vrfs: 3,
        headers: Header::ALL.to_vec(),
        quirk_share: 0.2,
        ..ModelConfig::default()
    }
}

#[test]
fn netflow_records_are_the_truth() {
    for (seed, records_per_flowset) in [(1, 1), (2, 7), (3, 1_000)] {
        let config = ModelConfig { records_per_flowset, ..netflow(seed) };
        let done = run(&config, 600, 0);
        assert!(done.compared > 5_000, "{}", done.compared);
        assert_eq!(done.waited, 0);
    }
}

#[test]
fn netflow_data_that_overtake_their_template_are_the_truth() {
    for seed in 11..14 {
        let config = ModelConfig { template_every: 40, records_per_flowset: 3, ..netflow(seed) };
        let done = run(&config, 600, 100);
        assert!(done.waited > 50, "{}", done.waited);
        assert!(done.compared > 5_000, "{}", done.compared);
    }
}

#[test]
fn netflow_over_ipv6_is_the_truth() {
    let config = ModelConfig { exporters_over_ipv6: true, ..netflow(21) };
    assert!(run(&config, 300, 10).compared > 2_000);
}

#[test]
fn syslog_records_are_the_truth() {
    for (seed, charset) in [(1, Charset::Ascii), (2, Charset::Gbk), (3, Charset::Utf8)] {
        for details in [false, true] {
            let config = ModelConfig { charset, details, ..text(Format::UsgSyslogDefault, seed) };
            assert_eq!(run(&config, 2_000, 0).compared, 2_000);
        }
    }
}

#[test]
fn mtn_records_are_the_truth() {
    for (seed, mtn_counters) in [(1, MtnCounters::Swapped), (2, MtnCounters::Correct)] {
        for lines_per_datagram in [1, 3] {
            let config = ModelConfig {
                mtn_counters,
                lines_per_datagram,
                datagram_bytes_max: 3 * 1024,
                ..text(Format::UsgMtn, seed)
            };
            assert_eq!(run(&config, 1_500, 0).compared, 1_500 * lines_per_datagram);
        }
    }
}

fn any_config() -> impl Strategy<Value = ModelConfig> {
    let sources = (any::<u64>(), 1..20_u32, any::<bool>(), 1..4_u8, 0..4_u32);
    let shares = (0.0..0.5_f64, 0.0..0.5_f64, 0.0..0.5_f64, 0.0..0.5_f64);
    let packing = (1..30_u32, 1..40_usize, 2..30_usize, 252..3_000_usize, 1..5_usize);
    let texts = (
        0..USG.len(),
        proptest::sample::subsequence(Header::ALL.to_vec(), 1..=Header::ALL.len()),
        0.0..1.0_f64,
        any::<bool>(),
        proptest::sample::select(vec![Charset::Ascii, Charset::Gbk, Charset::Utf8]),
        any::<bool>(),
    );
    (sources, shares, packing, texts).prop_map(|(sources, shares, packing, texts)| {
        let (seed, exporters, exporters_over_ipv6, slots, vrfs) = sources;
        let (nat64_share, dslite_share, inbound_share, untranslated_share) = shares;
        let (template_every, records_per_flowset, flowsets_max, bytes, lines_per_datagram) =
            packing;
        let (format, headers, quirk_share, details, charset, swapped) = texts;
        let format = USG[format];
        ModelConfig {
            seed,
            format,
            exporters,
            exporters_over_ipv6,
            slots,
            sessions_live_max: 2_000,
            nat64_share,
            dslite_share: if format.is_text() { 0.0 } else { dslite_share },
            inbound_share,
            untranslated_share,
            vrfs,
            template_every,
            records_per_flowset,
            flowsets_max,
            datagram_bytes_max: if format.is_text() { bytes.max(640) } else { bytes },
            lines_per_datagram,
            headers,
            quirk_share,
            details,
            charset,
            mtn_counters: if swapped { MtnCounters::Swapped } else { MtnCounters::Correct },
            ..ModelConfig::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_exporters_are_like(config in any_config(), overtaken_by in 0..40_usize) {
        prop_assert!(run(&config, 250, overtaken_by).compared >= 250);
    }
}
