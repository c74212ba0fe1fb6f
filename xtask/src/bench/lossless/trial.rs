//! One trial: a system is started, datagrams are sent, the system ends, its records are counted.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    cpu,
    place::{Place, Receiving, Stage},
    systems::System,
    traffic::{Load, Sent},
};

/// What a trial found.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Records a second that were asked for; `None` for as many as go.
    pub offered: Option<f64>,
    pub sent: Sent,
    /// Records in the system's files.
    pub stored: u64,
    /// Seconds of the system's processes, from the first datagram to their end; where they keep
    /// nothing, until they rest.
    pub process_seconds: f64,
    /// Seconds that the kernel received for it: its receive thread's and softirqs'.
    pub receive_seconds: f64,
}

impl Trial {
    /// The share of records that are missing.
    pub fn loss(&self) -> f64 {
        1.0 - self.kept()
    }

    /// The share of records that are there: none, where none were sent.
    fn kept(&self) -> f64 {
        self.stored as f64 / self.sent.records.max(1) as f64
    }

    /// Something was sent, nothing of it is missing, and the link took it in its time.
    pub fn is_lossless(&self) -> bool {
        self.sent.records > 0 && self.stored == self.sent.records && self.kept_pace()
    }

    /// A rate that the link pushes back was not offered.
    fn kept_pace(&self) -> bool {
        const OF_THE_RATE: f64 = 0.97;
        self.offered.is_none_or(|rate| self.sent.rate() >= OF_THE_RATE * rate)
    }

    pub fn cpu_seconds(&self) -> f64 {
        self.process_seconds + self.receive_seconds
    }

    /// Stored records a second of processor time, the kernel's receiving included.
    pub fn records_a_cpu_second(&self) -> f64 {
        self.stored as f64 / self.cpu_seconds().max(1e-3)
    }

    /// Datagrams a second of processor time, the kernel's receiving included.
    pub fn datagrams_a_cpu_second(&self) -> f64 {
        self.sent.datagrams as f64 * self.kept() / self.cpu_seconds().max(1e-3)
    }
}

/// Runs trials in a directory that it clears for each.
pub struct Bench {
    pub stage: Stage,
    pub directory: PathBuf,
    pub duration: Duration,
    /// See [`Load`].
    pub replays: bool,
}

impl Bench {
    /// Offers `rate` records a second, or as many as go.
    pub fn trial(
        &self,
        system: &dyn System,
        rate: Option<f64>,
        receiving: Receiving,
    ) -> Result<Trial> {
        clear(&self.directory)?;
        let place = self.stage.place(receiving)?;
        let mut running = Running::start(system, &place, &self.directory)?;
        let before = Spent::now(&running, &place);
        let load = Load {
            traffic: system.traffic(),
            exporters: system.exporters(),
            replays: self.replays,
            rate,
            duration: self.duration,
        };
        let sent = load.send(&self.stage, &place)?;
        running.settle(receiving);
        running.await_sync(system, &self.directory, sent.records)?;
        let settled = Spent::now(&running, &place);
        running.stop(system.stops_by_interrupt())?;
        let ended = Spent::now(&running, &place);
        let after = if system.writes_at_end() { ended } else { settled };
        running.reap()?;
        Ok(Trial {
            offered: rate,
            sent,
            stored: system.stored(&self.directory)?,
            process_seconds: after.process - before.process,
            receive_seconds: after.receive - before.receive,
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What was not made need not be removed.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn clear(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))
}

struct Spent {
    process: f64,
    receive: f64,
}

impl Spent {
    fn now(running: &Running, place: &Place) -> Self {
        let threads = cpu::receive_threads(&place.interface);
        let threads: f64 = threads.into_iter().map(cpu::seconds_of).sum();
        Self {
            process: cpu::seconds_of(running.process.id()),
            receive: threads + cpu::softirq_seconds(&place.collector_cpus),
        }
    }
}

/// A system that runs. Dropping it kills it.
struct Running {
    process: Child,
    is_reaped: bool,
}

impl Running {
    fn start(system: &dyn System, place: &Place, directory: &Path) -> Result<Self> {
        const PATIENCE: Duration = Duration::from_secs(30);
        let mut command = system.command(place, directory)?;
        let process = command
            .stdout(File::create(directory.join("printed"))?)
            .stderr(File::create(directory.join("complained"))?)
            .spawn()
            .with_context(|| format!("cannot start {}", system.name()))?;
        let running = Self { process, is_reaped: false };
        let deadline = Instant::now() + PATIENCE;
        while !system.is_ready(running.process.id(), directory) {
            let complaint = || {
                let text = fs::read_to_string(directory.join("complained")).unwrap_or_default();
                format!("{} does not listen: {}", system.name(), text.trim())
            };
            ensure!(Instant::now() < deadline, complaint());
            ensure!(!cpu::has_ended(running.process.id()), complaint());
            thread::sleep(Duration::from_millis(10));
        }
        // Plugins and threads that start behind the socket.
        thread::sleep(Duration::from_millis(200));
        Ok(running)
    }

    /// Waits until it has taken what its socket holds and rests; where it never rests, a while.
    fn settle(&self, receiving: Receiving) {
        const WINDOW: Duration = Duration::from_millis(100);
        const RESTS_BELOW: f64 = 0.2;
        let windows_max = match receiving {
            Receiving::Thread => 50,
            Receiving::BusyPolling => 3,
        };
        let mut last = cpu::seconds_of(self.process.id());
        for window in 0..windows_max {
            thread::sleep(WINDOW);
            let now = cpu::seconds_of(self.process.id());
            if window > 0 && now - last < RESTS_BELOW * WINDOW.as_secs_f64() {
                return;
            }
            last = now;
        }
    }

    /// Waits until it says that it has synced so many records, where it says such a thing.
    fn await_sync(&self, system: &dyn System, directory: &Path, records: u64) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(10);
        let deadline = Instant::now() + PATIENCE;
        while let Some(synced) = system.synced(directory).filter(|synced| *synced < records) {
            ensure!(Instant::now() < deadline, "{synced} of {records} records were synced");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Asks it to end and waits until it has; its times can still be read.
    fn stop(&mut self, by_interrupt: bool) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(60);
        let signal = if by_interrupt { Signal::INT } else { Signal::TERM };
        send(self.process.id(), signal);
        let deadline = Instant::now() + PATIENCE;
        while !cpu::has_ended(self.process.id()) {
            ensure!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn reap(&mut self) -> Result<()> {
        self.process.wait()?;
        self.is_reaped = true;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_reaped {
            return;
        }
        for pid in cpu::tree(self.process.id()) {
            send(pid, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

/// One that has ended already gets none.
fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(offered: Option<f64>, sent: u64, stored: u64) -> Trial {
        let sent = Sent { datagrams: sent, records: sent, seconds: 1.0 };
        Trial { offered, sent, stored, process_seconds: 0.5, receive_seconds: 0.0 }
    }

    #[test]
    fn nothing_of_nothing_is_not_without_loss() {
        let nothing = trial(Some(0.0), 0, 0);
        assert!(!nothing.is_lossless());
        assert_eq!(nothing.loss(), 1.0);
        assert_eq!(nothing.datagrams_a_cpu_second(), 0.0);
    }

    #[test]
    fn a_trial_is_lossless_where_all_is_there_in_its_time() {
        assert!(trial(Some(1000.0), 1000, 1000).is_lossless());
        assert!(trial(None, 1000, 1000).is_lossless());
        assert!(!trial(Some(1000.0), 1000, 999).is_lossless());
        assert!(!trial(Some(2000.0), 1000, 1000).is_lossless());
    }
}
