//! `logweir pseudonym`: by which names a user is stored.

use crate::{
    cli::Failure,
    config::{self, MissingKey},
};
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `pseudonym`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user's name, as devices send it
    name: String,
    /// Configuration file (TOML) of the collector, whose `[privacy]` names the file of the keys
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Prints the pseudonym under each key, with the time from which on it was used.
///
/// # Errors
/// When there are no keys, or they cannot be read.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let settings = config::read(&args.config).map_err(Failure::input)?;
    let privacy = settings.privacy.unwrap_or_default();
    let keyring = privacy.keyring(MissingKey::Refuse).map_err(Failure::input)?;
    let keyring = keyring.ok_or_else(|| {
        Failure::input(format!(
            "{}: no column becomes a pseudonym: add pseudonymise = [\"user\"] to [privacy]",
            args.config.display()
        ))
    })?;
    for dated in keyring.keys() {
        crate::say(&format!("{} since {}", dated.key.pseudonym(args.name.as_bytes()), dated.since));
    }
    Ok(ExitCode::SUCCESS)
}
