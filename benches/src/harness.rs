//! One criterion group a format: every engine on the same datagrams, in the same run.

use crate::{cpu_time::CpuTime, engine::Engine, workload::Workload};
use criterion::{Criterion, Throughput};

/// Criterion, counting the thread's processor time.
pub fn criterion() -> Criterion<CpuTime> {
    Criterion::default().with_measurement(CpuTime)
}

/// Checks and then times each engine.
pub fn bench(
    criterion: &mut Criterion<CpuTime>,
    name: &str,
    workload: &Workload,
    engines: Vec<Box<dyn Engine>>,
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::ElementsAndBytes {
        elements: workload.records() as u64,
        bytes: workload.bytes() as u64,
    });
    for mut engine in engines {
        engine.check(workload);
        group.bench_function(engine.name(), |bencher| bencher.iter(|| engine.run(workload)));
    }
    group.finish();
}
