//! `logweir trace`.

use crate::cli::Failure;
use std::process::ExitCode;

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// x
pub fn run(_: &Args) -> Result<ExitCode, Failure> {
    Ok(ExitCode::SUCCESS)
}
