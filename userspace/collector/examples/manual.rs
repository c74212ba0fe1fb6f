//! Writes the manual pages and the completions of bash, zsh and fish into a directory, from the
//! command line itself: `cargo run --example manual -- DIRECTORY`.

use clap::CommandFactory;
use clap_complete::Shell;
use logweir::cli::Cli;
use std::{error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from).ok_or("a directory, please")?;
    let (pages, completions) = (directory.join("man"), directory.join("completions"));
    for directory in [&pages, &completions] {
        fs::create_dir_all(directory)?;
    }
    clap_mangen::generate_to(Cli::command(), &pages)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "logweir", &completions)?;
    }
    Ok(())
}
