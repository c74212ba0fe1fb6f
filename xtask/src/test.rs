//! `cargo xtask test`: every test, those that need root included.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{bench, chaos, demo, package, readers, shell, soak};

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
    let mut tests = shell::cargo();
    tests.args(["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
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

/// What was run.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
    failures: Vec<String>,
}

impl Tally {
    /// Runs `cargo test` and counts; what it prints is shown when it fails.
    fn cargo_test(&mut self, what: &str, command: &mut Command) -> Result<()> {
        println!("running {what}");
        let mut process =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {what}"))?;
        let mut lines = Vec::new();
        if let Some(stdout) = process.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line = line?;
                self.count(&line);
                lines.push(line);
            }
        }
        if !process.wait()?.success() {
            println!("{}", lines.join("\n"));
            self.failures.push(what.into());
            // A build that failed has no result lines.
            self.failed = self.failed.max(1);
        }
        Ok(())
    }

    /// `test result: ok. 5 passed; 0 failed; …`, and lines by which tests say that they skip.
    fn count(&mut self, line: &str) {
        if let Some(reason) = line.strip_prefix("skipped: ") {
            self.skipped.push(reason.into());
        }
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let number_before = |word: &str| {
            let before = result.split(word).next()?.trim_end();
            before.rsplit(' ').next()?.parse::<u64>().ok()
        };
        self.passed += number_before("passed").unwrap_or(0);
        self.failed += number_before("failed").unwrap_or(0);
    }

    fn step(&mut self, what: &str, result: Result<()>) {
        match result {
            Ok(()) => self.passed += 1,
            Err(error) => {
                println!("{what}: {error:#}");
                self.failed += 1;
                self.failures.push(what.into());
            }
        }
    }

    /// A step that may say why it can't be taken here.
    fn step_or_skip(&mut self, what: &str, result: Result<Option<String>>) {
        if let Ok(Some(reason)) = &result {
            self.skipped.push(reason.clone());
        }
        self.step(what, result.map(drop));
    }

    fn close(mut self) -> Result<()> {
        let skipped = self.skipped.len() as u64;
        self.skipped.sort();
        for same in self.skipped.chunk_by(|a, b| a == b) {
            println!("skipped: {} ({} tests)", same[0], same.len());
        }
        // A test that skips itself ends as passed.
        let passed = self.passed.saturating_sub(skipped);
        println!("{passed} passed, {} failed, {skipped} skipped", self.failed);
        if self.failures.is_empty() {
            return Ok(());
        }
        bail!("failed: {}", self.failures.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let mut tally = Tally::default();
        tally.count("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out");
        tally.count("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered");
        tally.count("skipped: needs root: x");
        tally.count("test x ... ok");
        assert_eq!((tally.passed, tally.failed, tally.skipped.len()), (13, 2, 1));
    }
}
