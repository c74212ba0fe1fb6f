//! `logweir verify`: whether the store still holds what its manifest says, unchanged.

use super::data_directory;
use crate::cli::{Failure, UNREADABLE};
use logweir_store::{
    audit,
    digest::Digest,
    manifest,
    verify::{self, Options, Report},
};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory of the store
    #[arg(long, value_name = "DIR", default_value = super::DATA)]
    data: PathBuf,
    /// Look at names and sizes only, and read no file
    #[arg(long)]
    quick: bool,
    /// Hash of a line that a chain had: it must still be there; may be given several times
    #[arg(long, value_name = "HASH")]
    expect: Vec<Digest>,
    /// Only print the number and hash of each chain's last line, to be kept elsewhere
    #[arg(long, conflicts_with_all = ["quick", "expect"])]
    head: bool,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// A sentence a finding.
    #[default]
    Text,
    /// One JSON object a finding, a line each.
    Json,
}

/// Verifies. Exits with 1 when something is wrong, with 3 when something could not be read.
///
/// # Errors
/// When there is no such directory.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    data_directory(&args.data)?;
    if args.head {
        return heads(args);
    }
    let options = Options { quick: args.quick, expected: args.expect.clone() };
    let report = verify::verify(&args.data, &options);
    for finding in &report.findings {
        crate::say(&match args.output {
            Output::Text => finding.to_string(),
            Output::Json => json!(finding).to_string(),
        });
    }
    close(&report, args.quick);
    Ok(ExitCode::from(match report.findings.as_slice() {
        [] => 0,
        _ if report.is_incomplete() => UNREADABLE,
        _ => 1,
    }))
}

fn heads(args: &Args) -> Result<ExitCode, Failure> {
    let heads = verify::heads(&args.data).map_err(|error| Failure::unreadable(&error))?;
    for (file, head) in [(manifest::FILE, heads.0), (audit::FILE, heads.1)] {
        crate::say(&match args.output {
            Output::Text => format!("{file} {} {}", head.number, head.hash),
            Output::Json => {
                json!({"file": file, "number": head.number, "hash": head.hash}).to_string()
            }
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// What was verified.
fn close(report: &Report, quick: bool) {
    crate::tell(&format!(
        "{}; a manifest of {}, an audit log of {}, {} ({})",
        crate::counted(report.findings.len() as u64, "finding"),
        crate::counted(report.manifest.number, "line"),
        crate::counted(report.audit.number, "question"),
        crate::counted(report.files, "file"),
        if quick {
            "not read: --quick".to_owned()
        } else {
            format!("{} bytes hashed", report.bytes_hashed)
        },
    ));
}
