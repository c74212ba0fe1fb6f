//! How fast lines become columns, beside parsers that others would write, and beside `memchr` and
//! `memcpy`, which only look at each byte.

use criterion::{Criterion, criterion_group, criterion_main};
use logweir_benches::{
    cpu_time::CpuTime,
    engine::Engine,
    formats::TEXT,
    frames::FRAMES,
    harness,
    logweir::Logweir,
    memory::{Memchr, Memcpy},
    pattern::Matcher,
    syslog_loose::KeyValue,
};

fn text(criterion: &mut Criterion<CpuTime>) {
    for case in TEXT {
        let mut engines: Vec<Box<dyn Engine>> = Vec::new();
        engines
            .extend(Logweir::all().into_iter().map(|engine| Box::new(engine) as Box<dyn Engine>));
        if case.is_key_value() {
            engines.push(Box::new(KeyValue));
        }
        if let Some(pattern) = case.pattern() {
            engines.push(Box::new(Matcher::new(pattern)));
        }
        engines.push(Box::new(Memchr));
        engines.push(Box::new(Memcpy::default()));
        harness::bench(criterion, case.name, &case.workload(FRAMES), engines);
    }
}

criterion_group!(name = benches; config = harness::criterion(); targets = text);
criterion_main!(benches);
