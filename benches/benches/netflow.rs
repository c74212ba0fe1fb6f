//! How fast NetFlow and IPFIX become columns. `memcpy` copies the same payloads in the same run: a
//! decoder has to read every byte and write about as many, so the ratio tells more than the rate.

use criterion::{Criterion, criterion_group, criterion_main};
use logweir_benches::{
    cpu_time::CpuTime, engine::Engine, formats::NETFLOW, frames::FRAMES, harness, logweir::Logweir,
    memory::Memcpy, netflow_parser::Parser,
};

fn netflow(criterion: &mut Criterion<CpuTime>) {
    for case in NETFLOW {
        let mut engines: Vec<Box<dyn Engine>> = Vec::new();
        engines
            .extend(Logweir::all().into_iter().map(|engine| Box::new(engine) as Box<dyn Engine>));
        engines.push(Box::new(Parser::default()));
        engines.push(Box::new(Memcpy::default()));
        harness::bench(criterion, case.name, &case.workload(FRAMES), engines);
    }
}

criterion_group!(name = benches; config = harness::criterion(); targets = netflow);
criterion_main!(benches);
