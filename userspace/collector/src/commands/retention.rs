//! `logweir retention`: deletes what the configuration does not keep any longer.

use super::data_directory;
use crate::{cli::Failure, clock, config};
use logweir_store::{
    error::StoreError,
    keeper::{Keeper, KeeperConfig},
    manifest::Manifest,
    retention::{Policy, Retention},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Arguments of `retention`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file (TOML), of which `[retention]` and `data` are read
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Directory of the store [default: that of the configuration]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

/// Deletes, or says what would be.
///
/// # Errors
/// When the configuration is wrong, a collector is running, or the store refuses something.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let settings = config::read(&args.config).map_err(Failure::input)?;
    let policy = settings.retention.unwrap_or_default().policy();
    let data = args.data.clone().or(settings.data);
    let data = data.ok_or_else(|| Failure::input("no place to look at: give --data DIR"))?;
    data_directory(&data)?;
    let told = if args.dry_run { tell_due(&data, policy) } else { delete(&data, policy) };
    told.map_err(|error| Failure::other(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

fn tell_due(data: &Path, policy: Policy) -> Result<(), StoreError> {
    let (manifest, _) = Manifest::open(data)?;
    let mut retention = Retention::new(policy);
    let due = retention.plan(data, manifest.state(), clock::now());
    for due in &due {
        let bytes = due.part.bytes_in_all();
        crate::say(&format!("{}: {bytes} bytes, by {}", due.part.path, due.why));
    }
    let bytes: u64 = due.iter().map(|due| due.part.bytes_in_all()).sum();
    crate::tell(&format!("{} files of {bytes} bytes would be deleted", due.len()));
    Ok(())
}

/// Deletes, as its keeper: a running collector deletes by itself, and what one that was killed has
/// merged must be told of before.
fn delete(data: &Path, retention: Policy) -> Result<(), StoreError> {
    let config = KeeperConfig { retention, ..KeeperConfig::default() };
    let (mut keeper, _) = Keeper::open(data, config, clock::now())?;
    let deleted = keeper.delete_due(clock::now())?;
    crate::tell(&format!(
        "deleted {} files of {} bytes, with {} records",
        deleted.parts, deleted.bytes, deleted.rows
    ));
    Ok(())
}
