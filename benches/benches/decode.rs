//! How fast datagrams become columns. `memcpy` copies the same payloads in the same run: a decoder
//! has to read every byte and write about as many, so the ratio tells more than the rate.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logweir_benches::{answer::Answer, workload::Workload};
use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Decoder, Outcome},
    limits::Limits,
    netflow::registry::Registry,
};
use logweir_traffic::{Format, ModelConfig};
use std::{hint::black_box, sync::Arc};

/// Records of one pass: some megabytes of payload, more than the caches near the core hold.
const RECORDS: usize = 48_000;

fn decoder() -> Decoder {
    Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::default())
}

/// Decodes all datagrams; `full` sees each batch before it is used again.
fn decode_all(
    workload: &Workload,
    decoder: &mut Decoder,
    batch: &mut Batch,
    mut full: impl FnMut(&Batch),
) {
    for datagram in workload.datagrams() {
        if !batch.has_room_for(datagram.payload.len()) {
            full(batch);
            batch.clear();
        }
        let outcome = decoder.decode(&datagram, batch);
        debug_assert_eq!(outcome, Outcome::Decoded);
    }
    full(batch);
    batch.clear();
}

/// Copies all payloads into one buffer of the size of a batch's text, as often as it takes.
fn copy_all(workload: &Workload, target: &mut [u8]) {
    let mut at = 0;
    for datagram in workload.datagrams() {
        let len = datagram.payload.len();
        if target.len() - at < len {
            at = 0;
        }
        target[at..at + len].copy_from_slice(datagram.payload);
        at += len;
    }
}

fn check(name: &str, workload: &Workload) {
    let (mut decoder, mut batch) = (decoder(), Batch::new(Capacity::DEFAULT));
    let mut answer = Answer::default();
    decode_all(workload, &mut decoder, &mut batch, |batch| answer.add_batch(batch));
    assert_eq!(answer, Answer::of_truth(workload.truth()), "{name}");
}

fn bench(criterion: &mut Criterion, name: &str, workload: &Workload) {
    check(name, workload);
    let mut group = criterion.benchmark_group(name);
    let (mut decoder, mut batch) = (decoder(), Batch::new(Capacity::DEFAULT));
    let mut target = vec![0; Capacity::DEFAULT.text_bytes];
    group.throughput(Throughput::ElementsAndBytes {
        elements: workload.records() as u64,
        bytes: workload.bytes() as u64,
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            decode_all(workload, &mut decoder, &mut batch, |batch| {
                black_box(batch.session.rows());
            });
        });
    });
    group.bench_function("memcpy", |bencher| {
        bencher.iter(|| {
            copy_all(workload, &mut target);
            black_box(&mut target);
        });
    });
    group.finish();
}

fn workload(config: ModelConfig, wanted: impl Fn(&[u8]) -> bool) -> Workload {
    Workload::new(config, RECORDS, wanted).expect("the model takes this configuration")
}

/// One flowset of up to 24 records (more than an Ethernet frame holds together with its template:
/// a device that sends its template seldom sends this), and the document's one record a flowset.
fn netflow(criterion: &mut Criterion) {
    let ipv4 = ModelConfig { exporters: 8, ..ModelConfig::default() };
    let one_flowset = |config: &ModelConfig, records| ModelConfig {
        records_per_flowset: records,
        records_per_datagram_max: records,
        datagram_bytes_max: 1600,
        ..config.clone()
    };
    let ipv6 = ModelConfig { nat64_share: 0.7, dslite_share: 0.3, ..ipv4.clone() };
    bench(criterion, "netflow-1315/24-a-flowset", &workload(one_flowset(&ipv4, 24), |_| true));
    bench(criterion, "netflow-1315/1-a-flowset", &workload(ipv4, |_| true));
    bench(criterion, "netflow-1316/10-a-flowset", &workload(one_flowset(&ipv6, 10), |_| true));
    bench(criterion, "netflow-1316/1-a-flowset", &workload(ipv6, |_| true));
}

fn syslog(criterion: &mut Criterion) {
    let config = |format| ModelConfig { format, exporters: 8, ..ModelConfig::default() };
    let holds = |word: &'static [u8]| {
        move |payload: &[u8]| payload.windows(word.len()).any(|window| window == word)
    };
    let default = || config(Format::UsgSyslogDefault);
    let teardown = workload(default(), holds(b"SESSION_TEARDOWN"));
    bench(criterion, "syslog-default/teardown", &teardown);
    let built = workload(default(), holds(b"SESSION_BUILT"));
    bench(criterion, "syslog-default/built", &built);
    bench(criterion, "syslog-mtn", &workload(config(Format::UsgMtn), |_| true));
}

criterion_group!(benches, netflow, syslog);
criterion_main!(benches);
