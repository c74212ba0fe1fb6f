//! `cargo xtask bench trace`: how long a question takes, beside DuckDB scanning the same files.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::{readers, shell};

/// Ask who had an address, in a store of a known model, and check each answer
#[derive(clap::Args)]
pub struct Arguments {
    /// Sessions, each with the record of its creation and that of its end; such as 100M
    #[arg(long, default_value = "2M", value_parser = parse_count)]
    sessions: u64,
    /// Questions
    #[arg(long, default_value_t = 2_000)]
    questions: u64,
    /// Where the data directory is made, and left for the next run [default: target/bench-trace]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

fn parse_count(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['M', 'm']) {
        Some(digits) => (digits, 1_000_000),
        None => (text, 1),
    };
    let count = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
    count.filter(|count| *count > 0).ok_or_else(|| format!("'{text}' is no count, such as 2M"))
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let place = arguments.data.clone().unwrap_or_else(|| shell::target_dir().join("bench-trace"));
    let data = place.join(arguments.sessions.to_string());
    println!("building logweir (release)");
    shell::run(shell::cargo().args(["build", "--release", "--quiet", "--package", "logweir"]))?;
    let logweir = shell::target_dir().join("release/logweir");
    let mut example = shell::cargo();
    example.args([
        "run",
        "--release",
        "--quiet",
        "--package",
        "logweir-store",
        "--example",
        "trace",
    ]);
    example.arg("--").arg(&data);
    example.args([arguments.sessions, arguments.questions].map(|number| number.to_string()));
    shell::run(example.arg(logweir))?;
    let seconds = readers::scan_for_port(&data)?;
    println!("DuckDB, scanning: {:.0} ms", seconds * 1e3);
    ensure!(seconds > 0.0, "DuckDB took no time");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_may_be_in_millions() {
        assert_eq!(parse_count("100M"), Ok(100_000_000));
        assert_eq!(parse_count("5"), Ok(5));
        for wrong in ["0", "M", "many", "99999999999999999999M"] {
            assert!(parse_count(wrong).is_err(), "{wrong}");
        }
    }
}
