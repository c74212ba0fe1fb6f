//! The parts of the program `logweir`, as a library for its own tests and benchmarks.
//!
//! A [`source`] gives datagrams to a [`worker`], which decodes them into batches and hands these
//! over ([`handoff`]) to the writer's [`sink`]; a [`pipeline`] is all of them wired together, with
//! the XDP program steered by [`steering`], and its [`balance`].
#![forbid(unsafe_code)]

pub mod allow;
pub mod balance;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod counters;
pub mod dealer;
pub mod doctor;
pub mod drops;
pub mod frame;
pub mod handoff;
pub mod kept_file;
pub mod keyring;
pub mod latency;
pub mod ledger;
pub mod listener;
pub mod login;
pub mod losses;
pub mod nic;
pub mod notice;
pub mod orders;
pub mod output;
pub mod pipeline;
pub mod privileges;
pub mod sealer;
pub mod service;
pub mod sink;
pub mod source;
pub mod steering;
pub mod templates;
pub mod worker;

use std::{
    io::{self, Write},
    sync::OnceLock,
};

/// Why a line could not be printed, the first time.
static UNSAID: OnceLock<String> = OnceLock::new();

/// Prints a line to standard output. A reader that is gone is no failure; what else keeps it from
/// being printed, as a full disk, is known to [`unsaid`].
pub fn say(line: &str) {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = UNSAID.set(error.to_string());
        }
        _ => {}
    }
}

/// Why not all that was to be said is on standard output, if it is not.
pub fn unsaid() -> Option<&'static str> {
    UNSAID.get().map(String::as_str)
}

/// So many of a thing: `1 queue`, `2 queues`.
pub fn counted(count: impl Into<u64>, thing: &str) -> String {
    match count.into() {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

/// Prints a line about the program itself to standard error.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "logweir: {line}");
}
