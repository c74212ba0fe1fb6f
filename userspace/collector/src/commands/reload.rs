//! `logweir reload`: lets a running collector read its configuration again.

use super::place::Place;
use crate::{
    cli::Failure,
    service::{
        control::{self, Request},
        reload::Reloaded,
    },
};
use std::process::ExitCode;

/// Arguments of `reload`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

/// Asks for it, and says what changed.
///
/// # Errors
/// When no collector answers, or it refuses what is in the file: then all is as before.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut answers =
        control::ask(&args.place.socket(), &Request::Reload).map_err(Failure::other)?;
    let answer = answers.next().ok_or_else(|| Failure::other("the collector does not answer"))?;
    let refused = |error| Failure::input(format!("not reloaded: {error}"));
    let reloaded: Reloaded = serde_json::from_value(answer.map_err(refused)?).map_err(|error| {
        Failure::other(format!("the collector's answer is no such one: {error}"))
    })?;
    crate::say(&reloaded.to_string());
    Ok(ExitCode::SUCCESS)
}
