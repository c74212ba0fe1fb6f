//! `logweir check-config`: reads a configuration as `run` would, and starts nothing.

use crate::{
    cli::Failure,
    config::{self, MissingKey},
};
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `check-config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file (TOML)
    file: PathBuf,
}

/// Checks it.
///
/// # Errors
/// Says what is wrong in the file, and where.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let settings = config::read(&args.file).map_err(Failure::input)?;
    settings
        .validate(MissingKey::Leave)
        .map_err(|error| Failure::input(format!("{}: {error}", args.file.display())))?;
    crate::say(&format!("{} is good", args.file.display()));
    Ok(ExitCode::SUCCESS)
}
