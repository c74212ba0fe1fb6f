//! `logweir check-config`: reads a configuration as `run` would, and starts nothing.
//!
//! What the file says of the host is told too, and is no fault of the file: it may be another host's.

use super::run::check_place;
use crate::{
    cli::Failure,
    config::{self, MissingKey, RunConfig, Settings},
    privileges::Account,
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
    let config = settings
        .validate(MissingKey::Leave)
        .map_err(|error| Failure::input(format!("{}: {error}", args.file.display())))?;
    crate::say(&format!("{} is good", args.file.display()));
    for missing in missing_here(&settings, &config) {
        crate::tell(&format!("on this host `run` would refuse it: {missing}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the configuration wants of the host that this one has not, a sentence each.
fn missing_here(settings: &Settings, config: &RunConfig) -> impl Iterator<Item = String> {
    let user = settings.user.as_deref().and_then(|name| Account::find(name).err());
    let interface = config.pipeline.check_host().err();
    let place = config.data.as_deref().and_then(|data| check_place(data).err());
    [user, interface, place].into_iter().flatten()
}
