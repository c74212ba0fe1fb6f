//! How fast a worker's batch becomes the Arrow arrays that are written to Parquet.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logweir_benches::{
    cpu_time::CpuTime,
    formats::{Case, NETFLOW, TEXT},
    frames::FRAMES,
    harness,
    logweir::decoder,
};
use logweir_decode::{
    batch::{Batch, Capacity, Run},
    filter::Filter,
    simd::Level,
};
use logweir_store::convert::{self, Record};
use std::hint::black_box;

/// The records of a case up to where a worker would hand them over, and the bytes they came in.
fn batch(case: &Case) -> (Batch, usize) {
    let workload = case.workload(FRAMES);
    let mut batch = Batch::new(Capacity::DEFAULT);
    let mut decoder = decoder(Level::best());
    let mut bytes = 0;
    for datagram in workload.datagrams() {
        if batch.is_worth_handing_over() || !batch.has_room_for(datagram.payload.len()) {
            break;
        }
        decoder.decode(&datagram, &mut batch);
        bytes += datagram.payload.len();
    }
    (batch, bytes)
}

/// Sessions and filter logs as Arrow arrays; the number of rows.
fn convert(batch: &Batch) -> usize {
    let runs: Vec<Run> = batch.session.runs().collect();
    let sessions = convert::session(batch, &runs).expect("its text fits");
    let filters: Vec<Record<'_, Filter>> = batch.filter.iter().collect();
    let filters = convert::filter(batch, &filters).expect("its text fits");
    let rows = sessions.num_rows() + filters.num_rows();
    black_box((sessions, filters));
    rows
}

fn arrow(criterion: &mut Criterion<CpuTime>) {
    for name in ["usg-1315", "default-teardown", "firebrick"] {
        let mut cases = NETFLOW.iter().chain(TEXT);
        let case = cases.find(|case| case.name == name).expect("a case of this name");
        let (batch, bytes) = batch(case);
        let mut group = criterion.benchmark_group(format!("arrow-{name}"));
        group.throughput(Throughput::ElementsAndBytes {
            elements: batch.records() as u64,
            bytes: bytes as u64,
        });
        group.bench_function("convert", |bencher| {
            bencher.iter(|| assert_eq!(convert(&batch), batch.records()));
        });
        group.finish();
    }
}

criterion_group!(name = benches; config = harness::criterion(); targets = arrow);
criterion_main!(benches);
