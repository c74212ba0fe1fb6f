//! `logweir doctor`: what this host can do for a collector, what to change, in words.

use crate::{
    cli::Failure,
    config::{self, Settings},
    doctor::{self, Group, Plan, Severity},
    nic,
};
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Interface to collect from
    #[arg(long, value_name = "IF")]
    interface: Option<String>,
    /// Configuration file (TOML) of the collector; options override it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the store; some MiB are written there and removed, to see how fast it is
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    /// Print a shell script with the commands instead, to read before it is run
    #[arg(long, conflicts_with = "output")]
    fix_script: bool,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Lines for people.
    #[default]
    Table,
    /// One JSON object a finding, a line each.
    Json,
}

/// Looks at the host. Exits with 1 where something is wrong.
///
/// # Errors
/// When there is no such interface, or the configuration cannot be read.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let file = match &args.config {
        Some(path) => config::read(path).map_err(Failure::input)?,
        None => Settings::default(),
    };
    let options = Settings { interface: args.interface, data: args.data, ..Settings::default() };
    let plan = Plan::of(&file.overridden_by(options));
    if let Some(name) = &plan.interface
        && nic::rx_queues(name).is_none()
    {
        return Err(Failure::input(nic::unknown_interface(name)));
    }
    let groups = doctor::examine(&plan);
    if args.fix_script {
        crate::say(doctor::script(&groups).trim_end());
    } else {
        let lines = match args.output {
            Output::Table => doctor::table(&groups),
            Output::Json => doctor::json(&groups),
        };
        lines.iter().for_each(|line| crate::say(line));
    }
    Ok(ExitCode::from(u8::from(is_wrong(&groups))))
}

fn is_wrong(groups: &[Group]) -> bool {
    let mut findings = groups.iter().flat_map(|group| &group.findings);
    findings.any(|finding| finding.severity == Severity::Wrong)
}
