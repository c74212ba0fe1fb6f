//! The collector's process: started, looked at, told to reload, stopped.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{configuration::Configuration, place::Place};

/// A collector that runs. Dropping it kills it.
pub struct Collector<'a> {
    place: &'a Place,
    process: Child,
    lines: mpsc::Receiver<String>,
    last: String,
    balance: PathBuf,
    complaints: PathBuf,
    reloads: u64,
}

/// How long it may take to start and to end: its unit's `TimeoutStopSec=`.
const PATIENCE: Duration = Duration::from_secs(90);

impl<'a> Collector<'a> {
    pub fn start(
        place: &'a Place,
        logweir: &Path,
        configuration: &Configuration,
        directory: &Path,
    ) -> Result<Self> {
        configuration.write(place)?;
        let (balance, complaints) = (directory.join("balance.json"), directory.join("complaints"));
        let mut run = place.collector(logweir);
        run.args(["run", "--status-seconds", "5", "--config"]).arg(&configuration.file);
        run.arg("--balance").arg(&balance);
        let run =
            run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&complaints)?);
        let mut process = run.spawn().context("cannot start the collector")?;
        let stdout = process.stdout.take().context("the collector has no output")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // Nobody listens any more when this process ends.
            let _ = lines.into_iter().try_for_each(|line| sender.send(line));
        });
        let last = String::new();
        Ok(Self { place, process, lines, last, balance, complaints, reloads: 0 })
    }

    /// Waits until it collects; the line that says so.
    pub fn wait_until_ready(&mut self) -> Result<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|_| self.complaint("it did not start"))
    }

    /// The last line that it printed.
    pub fn last_words(&mut self) -> &str {
        self.last = self.lines.try_iter().last().unwrap_or_else(|| std::mem::take(&mut self.last));
        &self.last
    }

    /// Its memory: anonymous pages and those that it shares with the kernel.
    pub fn resident_bytes(&mut self) -> Result<u64> {
        if let Some(status) = self.process.try_wait()? {
            bail!(self.complaint(&format!("it ended by itself ({status})")));
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let of = |name: &str| value(&status, name).and_then(|kilobytes| kilobytes.parse().ok());
        let [anonymous, shared]: [Option<u64>; 2] = [of("RssAnon"), of("RssShmem")];
        Ok((anonymous.context("no RssAnon")? + shared.unwrap_or(0)) << 10)
    }

    /// Changes the configuration and tells it to read it again, if it is one that listens to that:
    /// others would end.
    pub fn reload(&mut self, configuration: &Configuration) -> Result<()> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        if !catches(&status, Signal::HUP) {
            return Ok(());
        }
        configuration.write(self.place)?;
        self.signal(Signal::HUP);
        self.reloads += 1;
        Ok(())
    }

    pub fn reloads(&self) -> u64 {
        self.reloads
    }

    /// Fails unless it has complained of this.
    pub fn has_complained_of(&self, thing: &str) -> Result<()> {
        let said = fs::read_to_string(&self.complaints)?;
        ensure!(said.contains(thing), "the collector never complained: {thing}");
        Ok(())
    }

    /// Asks it to end, waits until it has, and reads its balance.
    pub fn stop(mut self) -> Result<Value> {
        self.signal(Signal::TERM);
        let begun = Instant::now();
        let status = loop {
            match self.process.try_wait()? {
                Some(status) => break status,
                None => ensure!(begun.elapsed() < PATIENCE, self.complaint("it does not end")),
            }
            thread::sleep(Duration::from_millis(20));
        };
        let balance = fs::read_to_string(&self.balance);
        ensure!(
            status.success(),
            "{}\nits balance: {}",
            self.complaint(&format!("it failed ({status})")),
            balance.as_deref().unwrap_or("none")
        );
        Ok(serde_json::from_str(&balance.context("it left no balance")?)?)
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // One that has ended already gets none, and is found out by who waits for it.
            let _ = kill_process(pid, signal);
        }
    }

    fn complaint(&self, what: &str) -> anyhow::Error {
        let said = fs::read_to_string(&self.complaints).unwrap_or_default();
        let last: Vec<_> = said.lines().rev().take(5).collect();
        anyhow::anyhow!("the collector: {what}: {}", last.join(" | "))
    }
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// The first word behind a name of `/proc/PID/status`.
fn value<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()
}

/// Whether a process has a handler for a signal.
fn catches(status: &str, signal: Signal) -> bool {
    let mask = value(status, "SigCgt").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal.as_raw() - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_a_process_is_read() {
        let status = "Name:\tlogweir\nRssAnon:\t  123456 kB\nSigCgt:\t0000000180004001\n";
        assert_eq!(value(status, "RssAnon"), Some("123456"));
        assert!(catches(status, Signal::HUP));
        assert!(catches(status, Signal::TERM));
        assert!(!catches(status, Signal::INT));
        assert!(!catches("", Signal::HUP));
    }
}
