//! Decodes the same datagrams of each format, for callgrind to count instructions in `counted`:
//! `cargo xtask bench counts` runs it. The argument is the level of the processor's instructions.
//! Prints a line for each format: name, datagrams, records.
#![expect(clippy::print_stdout, reason = "its output is read by the task")]

use logweir_benches::{
    engine::Engine,
    formats::{NETFLOW, TEXT},
    logweir::Logweir,
    workload::Workload,
};
use logweir_decode::simd::Level;
use std::{env, process::ExitCode};

/// Enough that what the last few instructions of a pass cost is not seen.
const DATAGRAMS: usize = 256;

fn main() -> ExitCode {
    let wanted = env::args().nth(1).unwrap_or_default();
    let Some(level) = Level::available().find(|level| level.name() == wanted) else {
        println!("no level {wanted:?} here");
        return ExitCode::FAILURE;
    };
    for case in NETFLOW.iter().chain(TEXT) {
        let workload = case.workload(DATAGRAMS);
        let mut engine = Logweir::new(level);
        // Its exporters and their templates become known.
        engine.check(&workload);
        counted(&mut engine, &workload);
        println!("{} {} {}", case.name, workload.datagrams_len(), workload.records());
    }
    ExitCode::SUCCESS
}

/// What is counted.
#[inline(never)]
fn counted(engine: &mut Logweir, workload: &Workload) {
    engine.run(workload);
}
