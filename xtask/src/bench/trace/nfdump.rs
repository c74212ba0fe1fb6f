//! How fast nfdump looks through what nfcapd has stored.

use std::{
    fs,
    net::UdpSocket,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    bench::lossless::systems::{System as _, nfcapd::Nfcapd},
    shell,
};

/// Records that it is timed with: enough for most of a second.
const RECORDS: u64 = 2_000_000;
/// Records a second while they are made.
const RATE: u64 = 200_000;

/// Seconds that nfdump would take for so many records, by its rate on fewer: it reads all of them.
pub fn seconds_for(records: u64, logweir: &Path, place: &Path) -> Result<f64> {
    let directory = place.join("nfcapd");
    let _ = fs::remove_dir_all(&directory);
    let system = Nfcapd::default();
    system.install()?;
    collect(logweir, &Nfcapd::files(&directory))?;
    let stored = system.stored(&directory)?;
    ensure!(stored * 10 > RECORDS * 9, "nfcapd stored {stored} of {RECORDS} records");
    let mut least = f64::MAX;
    for _ in 0..3 {
        let mut nfdump = Command::new("nfdump");
        nfdump.arg("-q").arg("-R").arg(Nfcapd::files(&directory));
        let begun = Instant::now();
        shell::output(nfdump.arg("host 203.0.113.10 and port 30000"))?;
        least = least.min(begun.elapsed().as_secs_f64());
    }
    Ok(least * records as f64 / stored as f64)
}

/// Lets nfcapd store generated sessions.
fn collect(logweir: &Path, flows: &Path) -> Result<()> {
    fs::create_dir_all(flows)?;
    let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let mut nfcapd = Command::new("nfcapd");
    nfcapd.args(["-b", "127.0.0.1", "-p", &port, "-t", "3600", "-B", "16777216", "-w"]);
    let mut nfcapd = nfcapd.arg(flows).spawn().context("cannot run nfcapd")?;
    // It says nothing when it listens.
    thread::sleep(Duration::from_secs(1));
    let mut generate = Command::new(logweir);
    generate.args(["generate", "--to", &format!("udp://127.0.0.1:{port}")]);
    generate.args(["--format", "huawei-usg-netflow", "--count", &RECORDS.to_string()]);
    let generated = shell::output(generate.args(["--rate", &RATE.to_string()]));
    thread::sleep(Duration::from_secs(1));
    shell::terminate(&nfcapd);
    nfcapd.wait().context("nfcapd does not end")?;
    generated.map(drop)
}
