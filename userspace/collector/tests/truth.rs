//! The model's datagrams through the decoders, against the truth of what the model sent: every
//! field of every record, and no field that was not sent.
//!
//! `LOGWEIR_TRUTH_RECORDS` says how many records of each format; `cargo xtask truth` sets it.

mod common {
    pub mod decoded;
    pub mod expected;
    pub mod formats;
}

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use common::{
    decoded::decoded,
    expected::{Record, expected},
    formats::{DECODED, of},
};
use logweir_decode::{
    batch::{Batch, Capacity},
    context::Context,
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    record,
    settings::{ImPolicy, Settings},
};
use logweir_traffic::{
    Charset, DatagramInfo, Format, Header, Model, ModelConfig, MtnCounters, Truth,
    hostile::Corruption,
};
use proptest::prelude::*;

/// The formats of a Huawei USG's sessions.
const USG: [Format; 3] = [Format::UsgNetflow, Format::UsgSyslogDefault, Format::UsgMtn];

/// Records of each format, where the environment does not say how many.
const RECORDS: usize = 50_000;

/// Any payload: room for a datagram that waited is room for this.
const ANY_PAYLOAD: usize = 65_535;
/// Between two datagrams: so long that the waiting room is looked into after each.
const STEP_NS: i64 = 20_000_000;

/// Which datagram a record is of: they are told apart by their time of arrival.
type Origin = (IpAddr, i64);

fn origin(context: &Context) -> Origin {
    (context.exporter, context.received_at)
}

fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        im: ImPolicy::Plain,
        declared: logweir_decode::declared::Formats::builtin(),
        ..Settings::default()
    })
}

/// Decodes as two workers do, and compares what comes out with what was sent.
struct Comparison {
    config: ModelConfig,
    decoders: [Decoder; 2],
    batch: Box<Batch>,
    /// What each datagram carries, family by family.
    sent: HashMap<(Origin, String), VecDeque<Record>>,
    compared: usize,
    waited: usize,
    settled: usize,
}

impl Comparison {
    fn new(config: ModelConfig) -> Self {
        let registry = Arc::new(Registry::new(Limits::DEFAULT));
        let decoder = || Decoder::new(registry.clone(), settings());
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
        for truth in truth {
            let record = expected(&self.config, info.sequence, truth, *received_at);
            let key = ((info.exporter, *received_at), record["record"].clone());
            self.sent.entry(key).or_default().push_back(record);
        }
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
            Outcome::Rejected(reason) => panic!("{}: {}", reason.name(), shown(payload)),
        }
        self.compare();
    }

    /// Settles what waited, as far as its template has come.
    fn release(&mut self, now: i64) {
        for worker in 0..self.decoders.len() {
            while let Some(outcome) = self.decoders[worker].release(now, &mut self.batch) {
                assert!(matches!(outcome, Outcome::Decoded | Outcome::Waiting), "{outcome:?}");
                self.settled += usize::from(outcome == Outcome::Decoded);
                self.compare();
            }
        }
    }

    /// Decodes what no honest exporter sends.
    fn endure(&mut self, info: &DatagramInfo, payload: &[u8], index: i64) {
        let received_at = i64::from(self.config.start_time) * 1_000_000_000 + index * STEP_NS;
        let datagram = Datagram {
            payload,
            exporter: info.exporter,
            exporter_port: info.exporter_port,
            received_at,
            format: FormatHint::Auto,
        };
        let decoder = &mut self.decoders[0];
        decoder.decode(&datagram, &mut self.batch);
        while decoder.release(received_at, &mut self.batch).is_some() {
            if !self.batch.has_room_for(ANY_PAYLOAD) {
                self.batch.clear();
            }
        }
        if !self.batch.has_room_for(ANY_PAYLOAD) {
            self.batch.clear();
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
        let batch = &self.batch;
        assert_eq!(batch.unparsed.rows(), 0);
        let origins = (batch.session.iter().map(|(context, _)| origin(&context)))
            .chain(batch.port_block.iter().map(|(context, _)| origin(&context)))
            .chain(batch.im.iter().map(|(context, _)| origin(&context)))
            .chain(batch.filter.iter().map(|(context, _)| origin(&context)));
        for (origin, fields) in origins.zip(record::records(batch)) {
            let record = decoded(&fields);
            let key = (origin, record["record"].clone());
            let queue = self.sent.get_mut(&key);
            let (expected, is_last) = match queue {
                Some(queue) => (queue.pop_front(), queue.is_empty()),
                None => (None, false),
            };
            if is_last {
                self.sent.remove(&key);
            }
            assert_eq!(Some(record), expected, "decoded (left) is not what was sent");
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
    truth: Vec<Truth>,
    received_at: i64,
}

fn shown(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).into_owned()
}

/// Sends so many datagrams. The first of each exporter and Source ID, which carries the template,
/// is overtaken by `overtaken_by` others.
fn run(config: &ModelConfig, datagrams: usize, overtaken_by: usize) -> Comparison {
    run_while(config, overtaken_by, |sent, _| sent < datagrams)
}

/// Sends datagrams while `more` says so of how many were sent, with how many records.
fn run_while(
    config: &ModelConfig,
    overtaken_by: usize,
    more: impl Fn(usize, usize) -> bool,
) -> Comparison {
    let mut model = Model::new(config.clone()).expect("the configuration is within the limits");
    let mut comparison = Comparison::new(config.clone());
    let mut late: VecDeque<(usize, Sent)> = VecDeque::new();
    let mut buffer = vec![0; config.datagram_bytes_max];
    let mut now = i64::from(config.start_time) * 1_000_000_000;
    let (mut index, mut records) = (0, 0);
    while more(index, records) {
        let mut truth = Vec::new();
        let info = model.next_datagram(&mut buffer, Some(&mut truth));
        // Not far from model time, which a line without a year is read by.
        now = (now + STEP_NS).max(info.at_ns as i64);
        records += info.records;
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
        index += 1;
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

/// How many records of each format.
fn records() -> usize {
    let wanted = std::env::var("LOGWEIR_TRUTH_RECORDS").ok();
    wanted.map_or(RECORDS, |text| text.parse().expect("LOGWEIR_TRUTH_RECORDS is a number"))
}

#[test]
fn every_formats_records_are_the_truth() {
    let wanted = records();
    for &format in DECODED {
        let began = Instant::now();
        let done = run_while(&of(format, 1), 0, |_, records| records < wanted);
        assert!(done.compared >= wanted, "{format}: {}", done.compared);
        let seconds = began.elapsed().as_secs_f64();
        println!("{:20} {:>12} records {seconds:>8.1} s", format.name(), done.compared);
    }
}

/// Damaged datagrams end as records, as rejects or wait, and never as a panic. How much memory they
/// take is a matter of `hostile.rs`.
#[test]
fn damaged_datagrams_of_every_format_harm_nothing() {
    for format in Format::ALL {
        let config = of(format, 5);
        let mut model = Model::new(config.clone()).expect("the configuration is within the limits");
        let mut corruption = Corruption::new(5);
        let mut comparison = Comparison::new(config.clone());
        let (mut buffer, mut damaged) = (vec![0; config.datagram_bytes_max], Vec::new());
        for index in 0..20_000 {
            let info = model.next_datagram(&mut buffer, None);
            corruption.damage(&buffer[..info.len], &mut damaged);
            comparison.endure(&info, &damaged, index);
        }
        comparison.batch.clear();
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
