//! `logweir retention`: deletes what the configuration does not keep any longer.

use super::data_directory;
use crate::{cli::Failure, clock, config};
use logweir_store::{
    error::StoreError, incoming::Incoming, manifest::Manifest, retention::Retention,
};
use std::{path::PathBuf, process::ExitCode};

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
    let failed = |error: StoreError| Failure::other(error.to_string());
    let settings = config::read(&args.config).map_err(Failure::input)?;
    let policy = settings.retention.unwrap_or_default().policy();
    let mut retention = Retention::new(policy);
    let data = args.data.clone().or(settings.data);
    let data = data.ok_or_else(|| Failure::input("no place to look at: give --data DIR"))?;
    data_directory(&data)?;
    // A running collector deletes by itself, and what it merges meanwhile must not be deleted.
    let _lock = if args.dry_run { None } else { Some(Incoming::open(&data).map_err(failed)?) };
    let (mut manifest, _) = Manifest::open(&data).map_err(failed)?;
    if args.dry_run {
        let due = retention.plan(&data, manifest.state(), clock::now());
        for due in &due {
            let bytes = due.part.bytes_in_all();
            crate::say(&format!("{}: {bytes} bytes, by {}", due.part.path, due.why));
        }
        let bytes: u64 = due.iter().map(|due| due.part.bytes_in_all()).sum();
        crate::tell(&format!("{} files of {bytes} bytes would be deleted", due.len()));
    } else {
        manifest.sweep().map_err(failed)?;
        let deleted = retention.apply(&mut manifest, clock::now()).map_err(failed)?;
        crate::tell(&format!(
            "deleted {} files of {} bytes, with {} records",
            deleted.parts, deleted.bytes, deleted.rows
        ));
    }
    Ok(ExitCode::SUCCESS)
}
