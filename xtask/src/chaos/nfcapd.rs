//! nfcapd of nfdump, killed once: how many records can be read of the files that it leaves.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use logweir_traffic::random::Random;

use super::traffic::{Traffic, free_port};
use crate::shell;

/// What was left of it.
pub struct Left {
    /// Bytes of its files.
    pub bytes: u64,
    /// Records in those that nfdump reads.
    pub records: u64,
    /// What nfdump says of those that it does not.
    pub complaint: Option<String>,
}

/// Kills it after some seconds of NetFlow; `None` where it is not installed.
pub fn kill(logweir: &Path, directory: &Path) -> Result<Option<Left>> {
    if shell::find("nfcapd").is_none() || shell::find("nfdump").is_none() {
        return Ok(None);
    }
    fs::create_dir_all(directory)?;
    let port = free_port()?;
    let mut run = Command::new("nfcapd");
    run.arg("-w").arg(directory).args(["-p", &port.to_string(), "-b", "127.0.0.1", "-t", "3600"]);
    let mut process = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    thread::sleep(Duration::from_millis(500));
    let traffic = Traffic::of(logweir, port, &["netflow-v9"], &mut Random::new(1))?;
    thread::sleep(Duration::from_secs(4));
    process.kill()?;
    process.wait()?;
    drop(traffic);
    read(directory).map(Some)
}

fn read(directory: &Path) -> Result<Left> {
    let mut left = Left { bytes: 0, records: 0, complaint: None };
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        left.bytes += fs::metadata(&path)?.len();
        match flows(&path) {
            Ok(flows) => left.records += flows,
            Err(error) => left.complaint = Some(error.to_string()),
        }
    }
    Ok(left)
}

/// Records in a file of nfcapd.
fn flows(file: &Path) -> Result<u64> {
    let statistics = shell::output(Command::new("nfdump").arg("-r").arg(file).arg("-I"))?;
    let line = statistics.lines().find_map(|line| line.strip_prefix("Flows:"));
    Ok(line.context("nfdump -I names no flows")?.trim().parse()?)
}
