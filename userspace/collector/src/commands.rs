//! The commands, one file each.

pub mod alarms;
pub mod check_config;
pub mod decode;
pub mod doctor;
pub mod generate;
pub mod hold;
pub mod ledger;
mod place;
pub mod print_default_config;
pub mod pseudonym;
pub mod reload;
pub mod retention;
pub mod run;
pub mod tail;
pub mod top;
pub mod trace;
pub mod verify;
pub mod views;

use crate::cli::Failure;
use std::path::Path;

/// Where a package keeps the store, which commands that ask for it take if they are not told another.
const DATA: &str = "/var/lib/logweir";

/// Refuses what is no directory, before something is made there.
fn data_directory(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Ok(());
    }
    Err(Failure::input(format!("no directory {}", path.display())))
}
