//! `cargo xtask`: what this project does to itself. One file a task; `shell` is what they share.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a task says what it does")]
#![expect(clippy::print_stderr, reason = "and why it failed")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod chaos;
mod demo;
mod ebpf;
mod fuzz;
mod netns;
mod package;
mod readers;
mod shell;
mod soak;
mod test;
mod truth;

/// Tasks of the logweir workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Bench(bench::Arguments),
    Chaos(chaos::Arguments),
    Demo(demo::Arguments),
    Soak(soak::Arguments),
    Test(test::Arguments),
    Ebpf(ebpf::Arguments),
    Fuzz(fuzz::Arguments),
    Package(package::Arguments),
    Truth(truth::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Chaos(arguments) => chaos::run(&arguments),
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Soak(arguments) => soak::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Ebpf(arguments) => ebpf::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Package(arguments) => package::run(&arguments),
        Task::Truth(arguments) => truth::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
