//! `cargo xtask test`: every test, those that need root included.

mod tally;

use std::{env, process::Command};

use anyhow::Result;

use crate::{bench, chaos, demo, package, readers, shell, soak};
use tally::Tally;

/// Run every test, those that need root included; say what was skipped and why
#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<()> {
    let mut tally = Tally::default();
    if shell::is_root() {
        println!("root: tests that need it run, in network namespaces of their own");
        if shell::find("ip").is_none() || shell::find("tc").is_none() {
            shell::apt_install(&["iproute2"], "tests in network namespaces")?;
        }
    } else {
        println!("not root: tests that need it are skipped (run this as root for all of them)");
    }
    find_or_install_readers();
    let seed = env::var(SEED).unwrap_or_else(|_| commit_seed());
    println!("random inputs, new ones for each commit: {SEED}={seed} gives these again");
    let mut tests = shell::cargo();
    tests.args(["test", "--workspace", "--no-fail-fast", "--", "--show-output"]).env(SEED, seed);
    if shell::is_root() {
        tests.env("LOGWEIR_REQUIRE_ROOT_TESTS", "1");
    }
    tally.cargo_test("the workspace's tests", &mut tests)?;
    tally.cargo_test("the rings under loom", &mut loom())?;
    tally.step("the README's performance section", bench::check_report());
    tally.step("the demo", demo::run(&demo::Arguments::default()));
    tally.step("DuckDB reads the demo's files", readers::duckdb());
    tally.step("other engines answer as logweir trace does", readers::engines());
    tally.step_or_skip("the package installs, starts and collects", package::try_out());
    tally.step_or_skip("kill -9 at random moments", chaos::run_a_few());
    tally.step_or_skip("a soak of five minutes", soak::run_short());
    println!("counting instructions");
    tally.step_or_skip("the decoders' instruction counts", bench::check_counts());
    tally.close()
}

/// Other people's programs that read what we write. Without one the tests with it are skipped.
fn find_or_install_readers() {
    let has_samples = shell::root().join("../shared/samples").is_dir();
    let readers = [
        ("tshark", "tshark", "comparing our reading of captures with its own", has_samples),
        ("prometheus", "prometheus", "scraping our metrics", true),
        ("rsyslogd", "rsyslog", "receiving our syslog messages", true),
        ("openssl", "openssl", "certificates of servers that we speak TLS to", true),
    ];
    for (program, package, why, is_needed) in readers {
        if is_needed
            && shell::find(program).is_none()
            && let Err(error) = shell::apt_install(&[package], why)
        {
            println!("no {program}: {error:#}");
        }
    }
}

/// The model checker replaces the atomics, so it has a build of its own.
fn loom() -> Command {
    let mut loom = shell::cargo();
    loom.args(["test", "--package", "logweir-xsk", "--lib", "--release", "loom"]);
    loom.args(["--", "--show-output"]);
    loom.env("RUSTFLAGS", format!("{} --cfg loom", env::var("RUSTFLAGS").unwrap_or_default()));
    loom.env("CARGO_TARGET_DIR", shell::target_dir().join("loom"));
    loom
}

/// Where proptest takes its seed from. Without it, each run has inputs of its own.
const SEED: &str = "PROPTEST_RNG_SEED";

/// New inputs for each commit, the same ones wherever that commit is tested: what fails on one machine
/// can be looked at on another.
fn commit_seed() -> String {
    let mut git = Command::new("git");
    git.args(["rev-parse", "HEAD"]).current_dir(shell::root());
    let commit = shell::output(&mut git).unwrap_or_default();
    let digits = commit.get(..15).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    digits.unwrap_or_default().to_string()
}
