//! The command line. Names and flags are a contract.

mod wrong;

use crate::commands;
use clap::{Parser, Subcommand};
use logweir_store::error::StoreError;
use std::process::ExitCode;

/// A kernel-bypass collector for ISP session logs.
#[derive(Debug, Parser)]
#[command(name = "logweir", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Collect session logs into Parquet, from an interface (AF_XDP) or from UDP sockets
    Run(commands::run::Args),
    /// Show what a running collector does, live in the terminal
    Top(commands::top::Args),
    /// Decode captures, payloads or text files to standard output
    Decode(commands::decode::Args),
    /// Send the logs of a seeded model of exporters to an interface, a UDP address or a file
    Generate(commands::generate::Args),
    /// Find who had a public address and port at a time
    ///
    /// Exits with 0 when something was found, 1 when nothing was, 2 for wrong options, 3 when something
    /// of the store could not be read, so that the answer may lack it.
    Trace(commands::trace::Args),
    /// Tell of each hour what was received, what became of it, and what is missing
    ///
    /// Exits with 1 where an hour that is closed is not complete, 3 when the store could not be read.
    Ledger(commands::ledger::Args),
    /// Check that the store still holds what its manifest says, unchanged
    ///
    /// Exits with 1 when something is wrong, 3 when something could not be read.
    Verify(commands::verify::Args),
    /// Keep records from being deleted while a case is open
    Hold(commands::hold::Args),
    /// Delete what the configuration does not keep any longer
    Retention(commands::retention::Args),
    /// Print the pseudonyms by which a user's name is stored
    Pseudonym(commands::pseudonym::Args),
    /// Print SQL that makes readable views of the store in another engine
    Views(commands::views::Args),
    /// Say what this host can do for a collector, what it should, and what changes it
    Doctor(commands::doctor::Args),
    /// Show the live log of a running collector: the last records, and what it tells of itself
    Tail(commands::tail::Args),
    /// Show the alarms that a running collector's rules have raised, or clear them
    Alarms(commands::alarms::Args),
    /// Check a configuration file
    CheckConfig(commands::check_config::Args),
    /// Let a running collector read its configuration again
    Reload(commands::reload::Args),
    /// Print a configuration that has every key, with what it is
    PrintDefaultConfig(commands::print_default_config::Args),
}

/// The exit code where something of the store could not be read.
pub const UNREADABLE: u8 = 3;

/// A failure: one sentence, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong, and where.
    pub message: String,
    /// The exit code: 2 for wrong input, 3 where the store could not be read and a 1 would be an
    /// answer, 1 for anything else.
    pub code: u8,
}

impl Failure {
    /// Wrong options, files or configuration.
    pub fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// The store cannot be read, of a command whose 1 is an answer.
    pub fn unreadable(error: &StoreError) -> Self {
        Self { message: error.to_string(), code: UNREADABLE }
    }

    /// Anything else.
    pub fn other(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }
}

impl Cli {
    /// The command that this process was started with, or the code to end with where there is none
    /// to run; what is wrong has been told then.
    ///
    /// # Errors
    /// 2 for a wrong command line, 0 where help was asked for and printed.
    pub fn of_process() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| match wrong::sentence(&error) {
            Some(sentence) => {
                crate::tell(&sentence);
                ExitCode::from(2)
            }
            None => {
                // A reader that is gone is no failure.
                let _ = error.print();
                ExitCode::from(u8::from(error.use_stderr()) * 2)
            }
        })
    }

    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let collects = matches!(self.command, Command::Run(_));
        let result = match self.command {
            Command::Run(args) => commands::run::run(&args),
            Command::Top(args) => commands::top::run(&args),
            Command::Decode(args) => commands::decode::run(args),
            Command::Generate(args) => commands::generate::run(&args),
            Command::Trace(args) => commands::trace::run(&args),
            Command::Ledger(args) => commands::ledger::run(&args),
            Command::Verify(args) => commands::verify::run(&args),
            Command::Hold(args) => commands::hold::run(&args),
            Command::Retention(args) => commands::retention::run(&args),
            Command::Pseudonym(args) => commands::pseudonym::run(&args),
            Command::Views(args) => commands::views::run(&args),
            Command::Doctor(args) => commands::doctor::run(args),
            Command::Tail(args) => commands::tail::run(&args),
            Command::Alarms(args) => commands::alarms::run(&args),
            Command::CheckConfig(args) => commands::check_config::run(&args),
            Command::Reload(args) => commands::reload::run(&args),
            Command::PrintDefaultConfig(args) => commands::print_default_config::run(&args),
        };
        // What a collector prints is not what it is run for.
        let result = result.and_then(|code| match crate::unsaid().filter(|_| !collects) {
            Some(why) => Err(Failure::other(format!("cannot write to standard output: {why}"))),
            None => Ok(code),
        });
        match result {
            Ok(code) => code,
            Err(failure) => {
                crate::tell(&failure.message);
                ExitCode::from(failure.code)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
