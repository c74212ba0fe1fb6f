//! `logweir ledger`: what was received in each hour, what became of it, and what is missing.

use crate::{cli::Failure, commands::trace::parse_time, output::rfc3339};
use logweir_decode::context::UnixNanos;
use logweir_store::{
    error::StoreError,
    ledger::{
        self,
        statement::{Completeness, Missing, Statement},
    },
    partition::Hour,
    schema::Family,
};
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

/// Arguments of `ledger`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory of the store
    #[arg(long, value_name = "DIR", default_value = super::DATA)]
    data: PathBuf,
    /// First hour, by a time in it, RFC 3339 [default: the first there is]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<UnixNanos>,
    /// Last hour, by a time in it, RFC 3339 [default: the last there is]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<UnixNanos>,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// A sentence an hour, and a line for each domain and exporter that lacks something.
    #[default]
    Table,
    /// One JSON object an hour, a line each.
    Json,
}

/// Gaps of a domain that the table shows; the JSON has all that are kept.
const GAPS_SHOWN: usize = 3;

/// Prints the ledger. Exits with 1 where an hour that is closed is not complete, with 3 where the
/// store could not be read.
///
/// # Errors
/// When the store cannot be read.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    super::data_directory(&args.data)?;
    let [from, to] = [args.from.unwrap_or(UnixNanos::MIN), args.to.unwrap_or(UnixNanos::MAX)];
    if from > to {
        return Err(Failure::input("--from is later than --to"));
    }
    let failed = |error: StoreError| Failure::unreadable(&error);
    let hours = ledger::files::hours(&args.data, Hour::of(from)..=Hour::of(to)).map_err(failed)?;
    let mut incomplete = false;
    for hour in &hours {
        let statement = ledger::statement_of(&args.data, *hour).map_err(failed)?;
        incomplete |= statement.completeness == Completeness::Incomplete;
        match args.output {
            Output::Table => table(&statement).iter().for_each(|line| crate::say(line)),
            Output::Json => crate::say(&serde_json::to_string(&statement).unwrap_or_default()),
        }
    }
    if hours.is_empty() {
        crate::tell(match (args.from, args.to) {
            (None, None) => {
                "the ledger has no hour yet: an hour is in it as soon as records of it are sealed, \
                 after a minute by default"
            }
            _ => "the ledger has no hour in this range",
        });
    }
    Ok(ExitCode::from(u8::from(incomplete)))
}

fn table(statement: &Statement) -> Vec<String> {
    // Rows are counted when the hour is closed.
    let stored = match statement.completeness {
        Completeness::Open => String::new(),
        _ => format!(", {} stored", named(&statement.stored)),
    };
    let mut lines = vec![format!(
        "{}  {} datagrams, {} records{}: {}",
        statement.hour,
        statement.datagrams,
        named(&statement.records),
        stored,
        statement.sentence(),
    )];
    lines.extend(statement.missing.iter().map(|missing| missing_line(missing, statement)));
    for (exporter, account) in &statement.exporters {
        let rejected: u64 = account.rejected.values().sum();
        if rejected > 0 {
            let reasons = account.rejected.iter().map(|(name, count)| format!("{name} {count}"));
            let reasons = reasons.collect::<Vec<_>>().join(", ");
            lines.push(format!("    {exporter}: {rejected} datagrams rejected ({reasons})"));
        }
    }
    lines
}

fn missing_line(missing: &Missing, statement: &Statement) -> String {
    let Missing { exporter, version, domain, unit, count, dropped_here, gaps } = missing;
    let shown = gaps.iter().take(GAPS_SHOWN).map(|gap| {
        format!("{} between {} and {}", gap.missing, rfc3339(gap.after, 3), rfc3339(gap.before, 3))
    });
    let mut line =
        format!("    {exporter} version {version} domain {domain}: {count} {unit} missing");
    let shown: Vec<_> = shown.collect();
    if !shown.is_empty() {
        line.push_str(&format!(": {}", shown.join(", ")));
    }
    match gaps.len().saturating_sub(GAPS_SHOWN) {
        0 => {}
        more => line.push_str(&format!(", and {more} gaps more")),
    }
    line.push_str(&match (*dropped_here, statement.dropped.is_empty()) {
        (0, true) => {
            "; no drop was counted here: lost on the way, refused because `allow` did not name it, or \
             sent while no collector ran"
                .to_owned()
        }
        (0, false) => "; this host may have dropped some of them".to_owned(),
        (here, _) => format!("; this host dropped {here} datagrams of this exporter"),
    });
    line
}

/// Counts by family, as `5 session, 2 unparsed`.
fn named(counts: &BTreeMap<Family, u64>) -> String {
    let named: Vec<_> = counts.iter().map(|(family, count)| format!("{count} {family}")).collect();
    if named.is_empty() { "no".into() } else { named.join(", ") }
}
