//! The collector's process: started on a data directory, listened to, stopped, killed.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::shell;

/// Settings with which as much as possible happens in a second.
const SETTINGS: [&str; 8] = [
    "--segment-mb",
    "1",
    "--part-age-seconds",
    "1",
    "--status-seconds",
    "1",
    "--journal-max-mb",
    "256",
];

/// How long anything may take that the collector does when it is asked to.
const PATIENCE: Duration = Duration::from_secs(60);

/// A collector that runs. Dropping it kills it.
pub struct Collector {
    process: Child,
    heard: Arc<Heard>,
    listener: Option<JoinHandle<()>>,
    complaints: PathBuf,
}

/// What it has said.
#[derive(Default)]
struct Heard {
    collects: AtomicBool,
    stored: AtomicU64,
}

impl Collector {
    /// Starts one that listens at a port and syncs its journal so often; what it complains of goes
    /// to a file beside the data directory.
    pub fn start(
        logweir: &Path,
        data: &Path,
        (port, sync_ms): (u16, u32),
        complaints: PathBuf,
    ) -> Result<Self> {
        let mut run = Command::new(logweir);
        run.args(["run", "--source", "udp", "--listen", &format!("127.0.0.1:{port}=auto")]);
        run.arg("--data").arg(data).args(SETTINGS);
        run.args(["--journal-sync-ms", &sync_ms.to_string()]);
        let mut process = run
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&complaints)?)
            .spawn()
            .context("cannot start the collector")?;
        let stdout = process.stdout.take().context("the collector has no output")?;
        let heard = Arc::<Heard>::default();
        let noted = Arc::clone(&heard);
        let listener = thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| noted.note(&line));
        });
        Ok(Self { process, heard, listener: Some(listener), complaints })
    }

    /// Waits until it collects.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !self.heard.collects.load(Ordering::Relaxed) {
            ensure!(begun.elapsed() < PATIENCE, "the collector does not begin to collect");
            ensure!(self.process.try_wait()?.is_none(), self.complaint("it did not start"));
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Records that it has said to be synced.
    pub fn said(&self) -> u64 {
        self.heard.stored.load(Ordering::Relaxed)
    }

    /// Stops all its threads, and waits until what it had said is heard.
    pub fn freeze(&self) {
        signal(&self.process, Signal::STOP);
        thread::sleep(Duration::from_millis(50));
    }

    /// Kills it; how many records it had said to be synced.
    pub fn kill(mut self) -> Result<u64> {
        if let Some(status) = self.process.try_wait()? {
            bail!(self.complaint(&format!("it ended by itself ({status})")));
        }
        signal(&self.process, Signal::KILL);
        self.process.wait()?;
        self.listen_to_its_end();
        Ok(self.said())
    }

    /// Asks it to end and waits until it has: it must have found nothing to complain of then.
    pub fn stop(mut self) -> Result<()> {
        shell::terminate(&self.process);
        let begun = Instant::now();
        let status = loop {
            match self.process.try_wait()? {
                Some(status) => break status,
                None => ensure!(begun.elapsed() < PATIENCE, "the collector does not end"),
            }
            thread::sleep(Duration::from_millis(5));
        };
        self.listen_to_its_end();
        ensure!(status.success(), self.complaint(&format!("it failed ({status})")));
        Ok(())
    }

    fn listen_to_its_end(&mut self) {
        if let Some(listener) = self.listener.take() {
            // A listener has nothing to panic of.
            let _ = listener.join();
        }
    }

    fn complaint(&self, what: &str) -> String {
        let said = fs::read_to_string(&self.complaints).unwrap_or_default();
        format!("the collector: {what}: {}", said.trim())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            signal(&self.process, Signal::KILL);
            let _ = self.process.wait();
        }
    }
}

impl Heard {
    /// `collecting: …` and `5 datagrams/s, 24 records/s, 120 stored; lost: nothing`.
    fn note(&self, line: &str) {
        if line.starts_with("collecting:") {
            self.collects.store(true, Ordering::Relaxed);
        }
        let stored = line.split_once(" stored;").and_then(|(before, _)| before.rsplit(' ').next());
        if let Some(stored) = stored.and_then(|number| number.parse().ok()) {
            self.stored.store(stored, Ordering::Relaxed);
        }
    }
}

/// One that has ended already gets none.
fn signal(process: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(process.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_words_are_understood() {
        let heard = Heard::default();
        heard.note("5 datagrams/s, 24 records/s, 1200 stored; lost: nothing");
        assert_eq!(heard.stored.load(Ordering::Relaxed), 1200);
        assert!(!heard.collects.load(Ordering::Relaxed));
        heard.note("collecting: UDP sockets");
        assert!(heard.collects.load(Ordering::Relaxed));
    }
}
