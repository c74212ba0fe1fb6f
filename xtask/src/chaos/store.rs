//! One data directory through many rounds, and the check of what is in it after the last.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use logweir_traffic::random::Random;
use serde_json::Value;

use super::{
    aim::Aim,
    collector::Collector,
    contents::Contents,
    disk::Disk,
    planted,
    rows::{Fault, Rows},
    traffic::{Traffic, free_port},
};
use crate::shell;

/// A data directory, and what must be in it.
pub struct Store<'a> {
    logweir: &'a Path,
    directory: PathBuf,
    data: PathBuf,
    disk: Option<Disk>,
    port: u16,
    contents: Contents,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    /// Whether what was to be hit was seen to go on.
    pub hit: bool,
    /// How long after its start the collector was hit.
    pub after: Duration,
    /// Records that this process had said to be synced.
    pub said: u64,
    /// Records that are there.
    pub found: u64,
    /// Of these, such as were not there before.
    pub new: u64,
    /// Records that were in memory only when the power went.
    pub unsynced: u64,
    pub files: u64,
    pub fault: Fault,
}

impl<'a> Store<'a> {
    /// An empty one below a directory: on a disk of its own, or there.
    pub fn new(logweir: &'a Path, directory: &Path, own_disk: bool) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let disk = own_disk.then(|| Disk::new(directory)).transpose()?;
        let data = disk.as_ref().map_or(directory, Disk::path).join("data");
        fs::create_dir_all(&data)?;
        Ok(Self {
            logweir,
            directory: directory.to_owned(),
            data,
            disk,
            port: free_port()?,
            contents: Contents::default(),
        })
    }

    /// Starts a collector, lets it take what is sent, hits it, and compares what is left with what
    /// was there before.
    pub fn round(&mut self, aim: Aim, random: &mut Random) -> Result<Round> {
        if aim == Aim::Compaction {
            planted::plant(&self.data, &self.directory.join("planted"), random.next_u64())?;
            self.contents = Contents::read(&self.data)?;
        }
        if let (Aim::PowerLoss, Some(disk)) = (aim, &self.disk) {
            // What was there before counts as kept: its time to reach the disk was earlier.
            disk.sync()?;
        }
        let to_recover = !self.contents.unsealed.is_empty();
        let begun = Instant::now();
        let mut collector = self.start(aim)?;
        let traffic = Traffic::start(self.logweir, self.port, random)?;
        if aim != Aim::Recovery {
            collector.wait_until_ready()?;
        }
        let hit = aim.wait(&self.data, random) && (aim != Aim::Recovery || to_recover);
        let after = begun.elapsed();
        let round = match aim {
            Aim::PowerLoss => self.lose_power(collector)?,
            _ => self.kill(collector)?,
        };
        drop(traffic);
        Ok(Round { hit, after, ..round })
    }

    fn start(&self, aim: Aim) -> Result<Collector> {
        let complaints = self.directory.join("complaints");
        // So that something is not synced yet.
        let sync_ms = if aim == Aim::PowerLoss { 1_000 } else { 100 };
        Collector::start(self.logweir, &self.data, (self.port, sync_ms), complaints)
    }

    /// Kills the process: what it had written is there, synced or not.
    fn kill(&mut self, collector: Collector) -> Result<Round> {
        let said = collector.kill()?;
        let found = Contents::read(&self.data)?;
        let fault = self.contents.rows.compare(&found.rows, None);
        Ok(self.close(said, found, fault))
    }

    /// Stops the process, takes the disk as it is then, and goes on with that.
    fn lose_power(&mut self, collector: Collector) -> Result<Round> {
        let disk =
            self.disk.as_mut().context("there is no disk of which the power can be taken")?;
        collector.freeze();
        let said = collector.said();
        let copy = disk.copy()?;
        collector.kill()?;
        // With what was in memory only.
        let written = Contents::read(&self.data)?;
        let mut fault = self.contents.rows.compare(&written.rows, None);
        disk.replace(copy)?;
        let found = Contents::read(&self.data)?;
        let mut must = self.contents.rows.clone();
        must.add(&written.said(&self.contents, said));
        fault += must.compare(&found.rows, Some(&written.rows));
        let unsynced = written.rows.len().saturating_sub(found.rows.len());
        Ok(Round { unsynced, ..self.close(said, found, fault) })
    }

    fn close(&mut self, said: u64, found: Contents, mut fault: Fault) -> Round {
        let new = found.rows.len().saturating_sub(self.contents.rows.len());
        fault.lost += said.saturating_sub(new);
        let (files, rows) = (found.files, found.rows.len());
        self.contents = found;
        Round { said, found: rows, new, files, fault, ..Round::default() }
    }

    /// A last start without anything to receive, and an end in order: all must be in parts then,
    /// and every command must find it so.
    pub fn finish(&mut self) -> Result<Round> {
        let mut collector = self.start(Aim::Journal)?;
        collector.wait_until_ready()?;
        collector.stop()?;
        let found = Contents::read(&self.data)?;
        ensure!(found.unsealed.is_empty(), "segments of the journal were not sealed");
        let expected: &Rows = &self.contents.rows;
        let fault = expected.compare(&found.rows, Some(expected));
        let round = self.close(0, found, fault);
        self.verify()?;
        self.check_ledger(round.found)?;
        Ok(round)
    }

    fn verify(&self) -> Result<()> {
        let mut verify = Command::new(self.logweir);
        let output = verify.arg("verify").arg("--data").arg(&self.data).output()?;
        let findings = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "logweir verify: {}", findings.trim());
        Ok(())
    }

    /// The ledger must account for every record, and have as many as there are: it counts them by
    /// datagram, and goes on from where the last sealed segment left it.
    fn check_ledger(&self, rows: u64) -> Result<()> {
        let mut ledger = Command::new(self.logweir);
        ledger.args(["ledger", "--output", "json", "--data"]).arg(&self.data);
        // Exits with 1 where a closed hour is not complete: who is dead receives nothing.
        let output = ledger.output()?;
        ensure!(output.stderr.is_empty(), "ledger: {}", String::from_utf8_lossy(&output.stderr));
        let mut decoded = 0;
        for line in String::from_utf8(output.stdout)?.lines() {
            let hour: Value = serde_json::from_str(line)?;
            let unaccounted = &hour["unaccounted"];
            ensure!(*unaccounted == 0, "ledger: {unaccounted} unaccounted in {}", hour["hour"]);
            let families = hour["records"].as_object().into_iter().flatten();
            decoded += families.filter_map(|(_, rows)| rows.as_u64()).sum::<u64>();
        }
        ensure!(decoded == rows, "the ledger has {decoded} records, and there are {rows}");
        Ok(())
    }

    /// Copies the data directory to where it can be looked at, after a fault.
    pub fn keep(&self, place: &Path) -> Result<()> {
        let _ = fs::remove_dir_all(place);
        let mut copy = Command::new("cp");
        shell::output(copy.arg("--archive").arg(&self.data).arg(place))?;
        let _ = fs::copy(self.directory.join("complaints"), place.join("complaints"));
        Ok(())
    }
}
