//! `cargo xtask bench`: measures, compares with other programs in the same run, and reports.
//!
//! Each measurement leaves its [`result::Results`] in `target/bench-report`; `report` makes a page
//! and the README's performance section of what lies there.

use anyhow::Result;

mod counts;
mod criterion;
mod decode;
mod formats;
mod link;
mod lossless;
mod report;
mod result;
mod steer;
mod store;
pub mod table;
mod trace;

/// Measure, compare, report
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(clap::Subcommand)]
enum Bench {
    Decode(decode::Arguments),
    Counts(counts::Arguments),
    Link(link::Arguments),
    Steer(steer::Arguments),
    Lossless(Box<lossless::Arguments>),
    Store(store::Arguments),
    Trace(trace::Arguments),
    Report(report::Arguments),
}

pub use report::check as check_report;

pub fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.bench {
        Bench::Decode(arguments) => decode::run(arguments),
        Bench::Counts(arguments) => counts::run(arguments),
        Bench::Link(arguments) => link::run(arguments),
        Bench::Steer(arguments) => steer::run(arguments),
        Bench::Lossless(arguments) => lossless::run(arguments),
        Bench::Store(arguments) => store::run(arguments),
        Bench::Trace(arguments) => trace::run(arguments),
        Bench::Report(arguments) => report::run(arguments),
    }
}

/// Compares instruction counts with those committed; gives the reason where that can't be done.
pub fn check_counts() -> Result<Option<String>> {
    counts::check()
}
