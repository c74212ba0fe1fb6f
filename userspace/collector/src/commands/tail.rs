//! `logweir tail`: the live log of a running collector.

use super::place::Place;
use crate::{
    cli::Failure,
    service::{
        control::{self, Request},
        live::{filter::Filter, text},
    },
};
use clap::ValueEnum;
use jiff::{Timestamp, tz::TimeZone};
use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

/// Arguments of `tail`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// Lines of the log that are shown first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    lines: usize,
    /// Colour lines by what a filter did: drop and reject red, allow green, bounce blue
    #[arg(long, value_enum, default_value_t)]
    color: Color,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    /// Conditions that all have to hold, by the fields of JSON records: FIELD=VALUE, !=, < or >; an
    /// address may be a prefix, a key of extra is extra.KEY. The collector's own events have
    /// record=event
    #[arg(value_name = "FIELD=VALUE")]
    filter: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// Lines for people.
    #[default]
    Table,
    /// A JSON object a line.
    Json,
}

/// Shows it.
///
/// # Errors
/// No collector answers, or a filter is wrong.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    Filter::parse(&args.filter).map_err(Failure::input)?;
    let request =
        Request::Tail { filter: args.filter.clone(), lines: args.lines, follow: args.follow };
    let answers = control::ask(&args.place.socket(), &request).map_err(Failure::other)?;
    let mut out = io::stdout().lock();
    let color = match args.color {
        Color::Auto => out.is_terminal(),
        Color::Always => true,
        Color::Never => false,
    };
    let zone = TimeZone::system();
    let mut headings = text::Headings::new(&zone, Timestamp::now());
    if args.output == Output::Table
        && let Err(error) = writeln!(out, "{}", headings.told())
    {
        return seen_enough(&error);
    }
    for answer in answers {
        let answer = answer.map_err(Failure::other)?;
        let Some(object) = answer.as_object() else { continue };
        let line = match (args.output, object.get("skipped")) {
            (Output::Json, _) => answer.to_string(),
            (Output::Table, Some(skipped)) if object.len() == 1 => {
                if skipped.as_u64() == Some(0) {
                    continue;
                }
                format!("({skipped} more records than the log takes in a second are not shown)")
            }
            (Output::Table, _) => {
                let line = text::object_line(object, &zone, color);
                match headings.before(object) {
                    Some(heading) => format!("{heading}\n{line}"),
                    None => line,
                }
            }
        };
        if let Err(error) = writeln!(out, "{line}") {
            return seen_enough(&error);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A reader that has seen enough is no failure; that there is no room for the lines is one.
fn seen_enough(error: &io::Error) -> Result<ExitCode, Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        _ => Err(Failure::other(format!("cannot write to standard output: {error}"))),
    }
}
