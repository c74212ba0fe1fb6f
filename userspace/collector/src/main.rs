//! The program `logweir`.

use logweir::cli::Cli;
use std::process::ExitCode;

// The workers allocate nothing while they work; Parquet and compression allocate much, in many
// sizes, on other threads than they free.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Cli::of_process().map_or_else(|code| code, Cli::run)
}
