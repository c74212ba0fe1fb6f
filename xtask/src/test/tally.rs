//! What was run, and how it ended.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// What was run.
#[derive(Default)]
pub struct Tally {
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
    failures: Vec<String>,
}

impl Tally {
    /// Runs `cargo test` and counts. Of what it prints, what tells of a failure is shown.
    pub fn cargo_test(&mut self, what: &str, command: &mut Command) -> Result<()> {
        println!("running {what}");
        let mut process =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {what}"))?;
        // What the program that runs now has printed.
        let mut lines = Vec::new();
        for line in process.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
            let line = line?;
            if begins_program(&line) {
                show_unfinished(&lines);
                lines.clear();
            }
            self.count(&line);
            let ended = line.starts_with("test result: ");
            let failed = line.starts_with("test result: FAILED");
            lines.push(line);
            if failed {
                println!("{}", failures(&lines).join("\n"));
            }
            if ended {
                lines.clear();
            }
        }
        if !process.wait()?.success() {
            show_unfinished(&lines);
            self.failures.push(what.into());
            // Nor has a build that failed.
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

    /// Counts a step of one test.
    pub fn step(&mut self, what: &str, result: Result<()>) {
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
    pub fn step_or_skip(&mut self, what: &str, result: Result<Option<String>>) {
        if let Ok(Some(reason)) = &result {
            self.skipped.push(reason.clone());
        }
        self.step(what, result.map(drop));
    }

    /// Tells all of it; an error names what failed.
    pub fn close(mut self) -> Result<()> {
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

/// The part of a test program's lines that tells what failed: hundreds of others would hide it. What
/// tests printed that passed stands before it.
fn failures(lines: &[String]) -> &[String] {
    let start = lines.iter().position(|line| line == "failures:").unwrap_or(0);
    &lines[start..]
}

/// Whether a test program begins here: `running 5 tests`.
fn begins_program(line: &str) -> bool {
    let words: Vec<_> = line.split(' ').collect();
    matches!(words[..], ["running", count, "test" | "tests"] if count.parse::<u64>().is_ok())
}

/// Shows what a program printed that died: it has no result.
fn show_unfinished(lines: &[String]) {
    if lines.iter().any(|line| !line.is_empty()) {
        println!("{}", lines.join("\n"));
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

    #[test]
    fn a_program_begins_with_its_count() {
        assert!(begins_program("running 1 test") && begins_program("running 12 tests"));
        assert!(!begins_program("running the demo") && !begins_program("running x tests"));
    }

    #[test]
    fn of_a_failure_what_passed_is_not_shown() {
        let lines = ["test a ... ok", "successes:", "failures:", "---- b stdout ----", "failures:"];
        assert_eq!(failures(&lines.map(String::from)), &lines[2..]);
        assert_eq!(failures(&["died".to_owned()]), ["died"]);
    }
}
