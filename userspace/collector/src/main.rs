//! The program `logweir`.

use logweir::cli::Cli;
use std::process::ExitCode;

// The workers allocate nothing while they work; Parquet and compression allocate much, in many
// sizes, on other threads than they free.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // With transparent huge pages a first touch clears two MiB: a fifth to a third of all time went
    // to what the store allocates for a moment, and batches were resident that nobody had filled.
    // A kernel without the switch goes on with them.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    Cli::of_process().map_or_else(|code| code, Cli::run)
}
