//! `cargo xtask chaos`: kills the collector at random moments, again and again on the same data
//! directory, and looks whether every record that was there is there after the next start, once.

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;

use crate::shell;

mod aim;
mod campaign;
mod collector;
mod contents;
pub mod disk;
mod journal;
mod nfcapd;
mod planted;
mod rows;
pub mod shelter;
mod store;
pub mod traffic;

/// Kill the collector at random moments, and look whether all is there after the next start
#[derive(clap::Args)]
pub struct Arguments {
    /// How often
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// The same seed hits the same things after the same times [default: the clock's]
    #[arg(long)]
    seed: Option<u64>,
    /// Where the rounds are done: only for this program itself
    #[arg(long, hide = true)]
    within: Option<PathBuf>,
}

/// What `cargo xtask test` does of it.
const FEW_ROUNDS: usize = 5;

pub fn run(arguments: &Arguments) -> Result<()> {
    let disk = disk::can_be_had();
    let seed = arguments.seed.unwrap_or_else(clock);
    if let Some(directory) = &arguments.within {
        let logweir = shell::target_dir().join("debug/logweir");
        return campaign::run(&logweir, directory, arguments.rounds, seed, disk.is_ok());
    }
    if let Err(reason) = disk {
        println!("skipped: {reason}");
    }
    sheltered(arguments.rounds, seed, disk.is_ok())
}

/// A short run; why a part of it could not be done.
pub fn run_a_few() -> Result<Option<String>> {
    let disk = disk::can_be_had();
    sheltered(FEW_ROUNDS, clock(), disk.is_ok())?;
    Ok(disk.err().map(str::to_owned))
}

fn sheltered(rounds: usize, seed: u64, disk: bool) -> Result<()> {
    println!("building logweir (debug: what it asserts is checked)");
    shell::run(shell::cargo().args(["build", "--quiet", "--package", "logweir"]))?;
    println!("{rounds} rounds with seed {seed}");
    let arguments = ["chaos", "--rounds", &rounds.to_string(), "--seed", &seed.to_string()];
    shelter::run(&shelter::directory(), disk, &arguments.map(str::to_owned))
}

/// A seed that is another one each time.
fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs()
}
