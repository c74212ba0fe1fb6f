//! `cargo xtask bench trace`: how long a question takes, beside DuckDB scanning the same files and
//! nfdump scanning its own.

mod nfdump;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::result::{Against, Figure, Results, Target};
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
    let answers = ask(arguments, &data, &logweir)?;
    let records = 2 * arguments.sessions;
    let scans = [
        Scan { who: "DuckDB", seconds: readers::scan_for_port(&data)? },
        Scan { who: "nfdump", seconds: nfdump::seconds_for(records, &logweir, &place)? },
    ];
    for Scan { who, seconds } in &scans {
        println!("{who}, scanning: {:.0} ms", seconds * 1e3);
        ensure!(*seconds > 0.0, "{who} took no time");
    }
    let mut results = Results::new(&format!(
        "{} questions of {records} records of {} sessions, each answer checked; DuckDB on the same \
         files, the least of three; nfdump on files of nfcapd, scaled by the number of records",
        arguments.questions, arguments.sessions
    ));
    results.figures = answers.iter().map(|answer| answer.figure(&scans)).collect();
    results.save("trace")
}

/// Who looks through all records, and how long.
struct Scan {
    who: &'static str,
    seconds: f64,
}

/// How long answers took.
#[derive(Debug, PartialEq)]
struct Answers {
    /// As in "warm, new process".
    how: String,
    p50_ms: f64,
    p99_ms: f64,
}

/// Makes the data, where it is not there, asks, and passes on what is printed.
fn ask(arguments: &Arguments, data: &Path, logweir: &Path) -> Result<Vec<Answers>> {
    let mut example = shell::cargo();
    example.args(["run", "--release", "--quiet", "--package", "logweir-store"]);
    example.args(["--example", "trace", "--"]).arg(data);
    example.args([arguments.sessions, arguments.questions].map(|number| number.to_string()));
    let printed = shell::output(example.arg(logweir))?;
    print!("{printed}");
    let answers: Vec<_> = printed.lines().filter_map(Answers::read).collect();
    ensure!(answers.len() == 4, "the example does not print what it should");
    Ok(answers)
}

impl Answers {
    /// Reads `warm, new process: p50 7.01 ms, p99 19.30 ms, max 20.00 ms`.
    fn read(line: &str) -> Option<Self> {
        let (how, times) = line.split_once(": p50 ")?;
        let (p50, times) = times.split_once(" ms, p99 ")?;
        let (p99, _) = times.split_once(" ms")?;
        Some(Self { how: how.into(), p50_ms: p50.parse().ok()?, p99_ms: p99.parse().ok()? })
    }

    fn figure(&self, scans: &[Scan]) -> Figure {
        const WARM_MS: f64 = 50.0;
        const COLD_MS: f64 = 300.0;
        const BETTER: f64 = 100.0;
        let against = |scan: &Scan| {
            let value = scan.seconds * 1e3;
            Against { what: scan.who.into(), value, ratio: value / self.p50_ms }
        };
        let against: Vec<_> = scans.iter().map(against).collect();
        let is_warm = self.how.starts_with("warm");
        let most = if is_warm { WARM_MS } else { COLD_MS };
        let is_ahead = against.iter().all(|scan| scan.ratio >= BETTER);
        Figure {
            row: Some(if is_warm { 13 } else { 14 }),
            what: format!("trace, {}: p99", self.how),
            value: self.p99_ms,
            unit: "ms".into(),
            target: Some(Target {
                words: format!("≤ {most} ms, and ≥ {BETTER} × a scan"),
                met: self.p99_ms <= most && is_ahead,
            }),
            against,
            note: format!("p50 {:.2} ms, which the ratios are of", self.p50_ms),
        }
    }
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

    #[test]
    fn what_the_example_prints_is_read() {
        let line = "warm, new process: p50 7.01 ms, p99 19.30 ms, max 20.00 ms";
        let read = Answers { how: "warm, new process".into(), p50_ms: 7.01, p99_ms: 19.3 };
        assert_eq!(Answers::read(line), Some(read));
        assert_eq!(Answers::read("5 sessions made in 1.0 s"), None);
    }
}
