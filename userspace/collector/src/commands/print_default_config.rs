//! `logweir print-default-config`: every key of the configuration, with what it is.

use crate::{cli::Failure, config};
use std::process::ExitCode;

/// Arguments of `print-default-config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to print
    #[arg(long, value_enum, default_value = "toml")]
    output: Output,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Output {
    /// A configuration, where what need not be set is commented out
    Toml,
    /// The reference page (docs/configuration.md)
    Markdown,
}

/// Prints it.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    crate::say(
        match args.output {
            Output::Toml => config::default_configuration(),
            Output::Markdown => config::reference_page(),
        }
        .trim_end(),
    );
    Ok(ExitCode::SUCCESS)
}
