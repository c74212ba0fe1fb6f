//! `logweir alarms`: what the rules of a running collector have raised, until somebody clears it.

use super::{place::Place, tail::Output};
use crate::{
    cli::Failure,
    service::{
        control::{self, Request},
        live::text,
    },
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use std::process::ExitCode;

/// Arguments of `alarms`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Clear the alarm of this rule; may be given several times
    #[arg(long, value_name = "NAME")]
    clear: Vec<String>,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Shows alarms, or clears some.
///
/// # Errors
/// No collector answers, or there is no such alarm.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let socket = args.place.socket();
    if !args.clear.is_empty() {
        for name in &args.clear {
            let request = Request::ClearAlarm { name: name.clone() };
            for answer in control::ask(&socket, &request).map_err(Failure::other)? {
                answer.map_err(Failure::input)?;
            }
            crate::say(&format!("cleared '{name}'"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let answers = control::ask(&socket, &Request::Alarms).map_err(Failure::other)?;
    let alarms: Vec<Value> = answers.collect::<Result<_, _>>().map_err(Failure::other)?;
    let zone = TimeZone::system();
    if args.output == Output::Table {
        match alarms.len() {
            0 => crate::say("no alarm is raised"),
            _ => crate::say(&text::heading(&zone, Timestamp::now())),
        }
    }
    for alarm in &alarms {
        crate::say(&match args.output {
            Output::Json => alarm.to_string(),
            Output::Table => row(alarm, &zone),
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// An alarm in two lines: when and how often, and what began it.
fn row(alarm: &Value, zone: &TimeZone) -> String {
    let text = |name: &str| alarm.get(name).and_then(Value::as_str).unwrap_or("-");
    let first = alarm.get("first").map(Value::to_string).unwrap_or_default();
    format!(
        "{}: since {}, last {}, {}\n  {}",
        text("name"),
        text::local(text("first_at"), zone),
        text::local(text("last_at"), zone),
        crate::counted(alarm.get("count").and_then(Value::as_u64).unwrap_or(0), "time"),
        text::line(&first, zone, false),
    )
}
