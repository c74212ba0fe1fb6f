//! What happens to the collector, and when: its disk hangs, its disk is full, it is told to reload.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::{
    fs::{FallocateFlags, fallocate, fstatvfs},
    io::Errno,
};

/// Something that happens, or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It finds another configuration.
    Reload,
    /// For so long nothing can be written or synced: who tries waits.
    Hang(Duration),
    /// No room is left.
    Fill,
    /// There is room again.
    Empty,
}

/// Faults in rounds, each of which has all of them.
pub struct Schedule {
    events: Vec<(Duration, Fault)>,
    next: usize,
    pub hangs: usize,
    pub fills: usize,
}

/// Rounds of a soak, if it is long enough.
const ROUNDS: u32 = 12;
const ROUND_MIN: Duration = Duration::from_secs(15);
/// How long a disk hangs or is full in a soak that is long enough: until all batches that a worker may
/// have in flight (24, of a second each) are full, and datagrams are dropped. What batches take of
/// memory is then taken in the first round, and does not look like growth later.
const LONG: Duration = Duration::from_secs(30);
const RELOAD_EVERY: Duration = Duration::from_secs(3);

impl Schedule {
    /// Over so long a time. In the last part of the last round all is well again.
    pub fn new(duration: Duration) -> Self {
        let round = (duration / ROUNDS).max(ROUND_MIN);
        let mut events = Vec::new();
        let mut start = Duration::ZERO;
        while start + round <= duration {
            let part = |tenths: u32| start + round * tenths / 10;
            let long = (round / 5).min(LONG);
            events.push((part(2), Fault::Hang(long)));
            events.extend([(part(6), Fault::Fill), (part(6) + long, Fault::Empty)]);
            start += round;
        }
        let mut at = RELOAD_EVERY;
        while at < duration {
            events.push((at, Fault::Reload));
            at += RELOAD_EVERY;
        }
        events.sort_by_key(|(at, _)| *at);
        Self { events, next: 0, hangs: 0, fills: 0 }
    }

    /// What has to happen until this time and has not yet.
    pub fn due(&mut self, at: Duration) -> Vec<Fault> {
        let rest = &self.events[self.next..];
        let due: Vec<_> =
            rest.iter().take_while(|(then, _)| *then <= at).map(|(_, fault)| *fault).collect();
        self.next += due.len();
        self.hangs += due.iter().filter(|fault| matches!(fault, Fault::Hang(_))).count();
        self.fills += due.iter().filter(|fault| **fault == Fault::Fill).count();
        due
    }
}

/// The file system to which it happens. When this is dropped, all is well with it again: a process
/// that waits for a disk that hangs cannot even be killed.
pub struct Disk<'a> {
    mount: &'a Path,
    hang: Option<Child>,
}

/// The name of the file that takes all room.
const BALLAST: &str = "ballast";

impl<'a> Disk<'a> {
    /// Of what is mounted there.
    pub fn new(mount: &'a Path) -> Self {
        Self { mount, hang: None }
    }

    /// Lets it happen.
    pub fn happen(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Hang(long) => self.hang(long),
            Fault::Fill => fill(&self.mount.join(BALLAST)),
            Fault::Empty => Ok(fs::remove_file(self.mount.join(BALLAST))?),
            Fault::Reload => Ok(()),
        }
    }

    /// Freezes it. The thaw is not left to this process, which may be killed in between: the shell
    /// is in a process group of its own.
    fn hang(&mut self, long: Duration) -> Result<()> {
        self.wait();
        const SCRIPT: &str = "fsfreeze --freeze \"$0\" && sleep \"$1\"; fsfreeze --unfreeze \"$0\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT]).arg(self.mount).arg(long.as_secs_f64().to_string());
        self.hang = Some(shell.process_group(0).spawn().context("cannot freeze a disk")?);
        Ok(())
    }

    fn wait(&mut self) {
        if let Some(mut hang) = self.hang.take() {
            // It thaws whatever went wrong.
            let _ = hang.wait();
        }
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        self.wait();
        // Mostly there is none.
        let _ = fs::remove_file(self.mount.join(BALLAST));
    }
}

/// Takes all blocks that are free, those for root included.
fn fill(path: &Path) -> Result<()> {
    let ballast = File::create(path).context("no ballast")?;
    let disk = fstatvfs(&ballast)?;
    let mut step = disk.f_bfree * disk.f_frsize;
    let mut len = 0;
    while step >= disk.f_frsize {
        match fallocate(&ballast, FallocateFlags::empty(), len, step) {
            Ok(()) => len += step,
            Err(Errno::NOSPC) => step /= 2,
            Err(error) => return Err(error).context("no ballast"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_each_fault_and_ends_it() {
        for seconds in [15, 75, 3_600] {
            let duration = Duration::from_secs(seconds);
            let mut schedule = Schedule::new(duration);
            let all = schedule.due(duration);
            let disk: Vec<_> = all.iter().filter(|fault| **fault != Fault::Reload).collect();
            let is_round =
                |round: &[&Fault]| matches!(round, [Fault::Hang(_), Fault::Fill, Fault::Empty]);
            assert!(!disk.is_empty() && disk.chunks(3).all(is_round), "{seconds}: {disk:?}");
            assert_eq!((schedule.hangs, schedule.fills), (disk.len() / 3, disk.len() / 3));
            assert!(disk.len() < all.len(), "{seconds}: no reload");
            assert!(schedule.due(duration).is_empty(), "each happens once");
        }
    }
}
