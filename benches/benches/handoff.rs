//! What handing batches over costs a worker: the same decoding with one batch that stays, with
//! batches that go round in one thread, and with a writer's thread that takes and returns them.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logweir::handoff::{self, Inlet, Next, Outlet};
use logweir_benches::{
    cpu_time::CpuTime,
    engine::Engine,
    formats::NETFLOW,
    frames::FRAMES,
    harness,
    logweir::{Logweir, decoder},
    workload::Workload,
};
use logweir_decode::{batch::Capacity, decoder::Decoder, simd::Level};
use std::{thread, time::Duration};

/// Batches of a worker.
const BATCHES: usize = 8;

/// Decodes all datagrams into batches that come from the outlet and go back to it; the number of
/// records. `handed_over` is called after each.
fn decode(
    workload: &Workload,
    decoder: &mut Decoder,
    outlet: &mut Outlet,
    mut handed_over: impl FnMut(),
) -> usize {
    let mut records = 0;
    let mut batch = outlet.wait_empty(Duration::MAX).expect("a writer");
    for datagram in workload.datagrams() {
        if batch.is_worth_handing_over() || !batch.has_room_for(datagram.payload.len()) {
            records += batch.records();
            outlet.hand_over(batch).expect("a writer");
            handed_over();
            batch = outlet.wait_empty(Duration::MAX).expect("a writer");
        }
        decoder.decode(&datagram, &mut batch);
    }
    records += batch.records();
    outlet.hand_over(batch).expect("a writer");
    handed_over();
    records
}

/// Takes one batch and returns it.
fn recycle(inlet: &Inlet) {
    if let Next::Batch(full) = inlet.next(Duration::ZERO) {
        full.recycle();
    }
}

/// Takes batches and returns them until the worker is gone.
fn write(inlet: &Inlet) {
    loop {
        match inlet.next(Duration::from_millis(100)) {
            Next::Batch(full) => full.recycle(),
            Next::Timeout => {}
            Next::End => return,
        }
    }
}

fn hand_off(criterion: &mut Criterion<CpuTime>) {
    let workload = &NETFLOW[0].workload(FRAMES);
    let mut group = criterion.benchmark_group("handoff");
    group.throughput(Throughput::ElementsAndBytes {
        elements: workload.records() as u64,
        bytes: workload.bytes() as u64,
    });
    let mut alone = Logweir::new(Level::best());
    group.bench_function("one batch", |bencher| bencher.iter(|| alone.run(workload)));

    let (mut outlets, inlet) = handoff::connect(&[BATCHES], Capacity::DEFAULT);
    let mut of_one_thread = decoder(Level::best());
    group.bench_function("in turn", |bencher| {
        bencher.iter(|| {
            let records = decode(workload, &mut of_one_thread, &mut outlets[0], || recycle(&inlet));
            assert_eq!(records, workload.records());
        });
    });

    let (mut outlets, inlet) = handoff::connect(&[BATCHES], Capacity::DEFAULT);
    let mut of_worker = decoder(Level::best());
    thread::scope(|scope| {
        scope.spawn(|| write(&inlet));
        group.bench_function("writer's thread", |bencher| {
            bencher.iter(|| {
                let records = decode(workload, &mut of_worker, &mut outlets[0], || {});
                assert_eq!(records, workload.records());
            });
        });
        // The writer ends when no outlet is left.
        drop(outlets);
    });
    group.finish();
}

criterion_group!(name = benches; config = harness::criterion(); targets = hand_off);
criterion_main!(benches);
