//! `cargo xtask soak`: a collector that runs long while all that can happen to it happens: all
//! formats from 200 exporters and a hostile one, reloads, a disk that hangs and one that is full,
//! alarms for servers that hang.
//!
//! Afterwards nothing may be unaccounted, no file unreadable, and its memory must not have grown.

use std::{
    env,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    chaos::{disk, disk::Disk, shelter},
    shell,
};

mod collector;
mod configuration;
mod deaf;
mod exporters;
mod faults;
mod memory;
mod place;
mod verdict;

use collector::Collector;
use configuration::Configuration;
use deaf::Deaf;
use faults::{Fault, Schedule};
use memory::Memory;
use place::Place;
use verdict::Verdict;

/// Let a collector run under all formats, a hostile exporter, reloads and a failing disk; see that
/// nothing is unaccounted or unreadable and that its memory does not grow
#[derive(clap::Args)]
pub struct Arguments {
    /// How long
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Records a second, of all exporters together
    #[arg(long, default_value_t = RATE)]
    rate: u64,
    /// Where it is done: only for this program itself
    #[arg(long, hide = true)]
    within: Option<PathBuf>,
    /// Send to this address for so long instead: only for this program itself
    #[arg(long, hide = true)]
    send_to: Option<std::net::SocketAddr>,
    /// Take connections and never answer instead: only for this program itself
    #[arg(long, hide = true)]
    hang: bool,
}

/// What two processors carry beside everything else.
const RATE: u64 = 10_000;

/// What `cargo xtask test` does of it: each fault happens several times.
const SHORT_MINUTES: f64 = 5.0;

/// Room for an hour's records.
const DISK_BYTES: u64 = 8 << 30;

pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.minutes > 0.0, "--minutes must be more than 0");
    let duration = Duration::from_secs_f64(arguments.minutes * 60.0);
    if arguments.hang {
        return deaf::hang();
    }
    if let Some(target) = arguments.send_to {
        return exporters::send(target, arguments.rate, duration);
    }
    let disk = disk::can_be_had();
    if let Some(directory) = &arguments.within {
        return soak(directory, duration, arguments.rate, disk.is_ok());
    }
    if let Err(reason) = disk {
        println!("skipped: a disk that fails: {reason}");
    }
    sheltered(arguments.minutes, arguments.rate, disk.is_ok())
}

/// A short one; why a part of it could not be done.
pub fn run_short() -> Result<Option<String>> {
    let disk = disk::can_be_had();
    sheltered(SHORT_MINUTES, RATE, disk.is_ok())?;
    Ok(disk.err().map(str::to_owned))
}

fn sheltered(minutes: f64, rate: u64, disk: bool) -> Result<()> {
    println!("building logweir (debug: what it asserts is checked)");
    shell::run(shell::cargo().args(["build", "--quiet", "--package", "logweir"]))?;
    let arguments = ["soak", "--minutes", &minutes.to_string(), "--rate", &rate.to_string()];
    shelter::run(&shelter::directory(), disk, &arguments.map(str::to_owned))
}

/// After so long the collector has surely given up a mail that the server takes no word of.
const MAIL_IS_GIVEN_UP: Duration = Duration::from_secs(120);

/// How often it is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How often a line is printed.
const LINE: Duration = Duration::from_secs(10);

fn soak(directory: &Path, duration: Duration, rate: u64, own_disk: bool) -> Result<()> {
    let logweir = shell::target_dir().join("debug/logweir");
    let disk = own_disk.then(|| Disk::of(directory, DISK_BYTES)).transpose()?;
    let data = disk.as_ref().map_or(directory, Disk::path).join("data");
    let place = Place::new()?;
    let deaf = Deaf::start(&place, &env::current_exe()?)?;
    let configuration = Configuration::new(directory, &data, &deaf)?;
    let mut collector = Collector::start(&place, &logweir, &configuration, directory)?;
    println!("{}", collector.wait_until_ready()?);
    let exporters = place.exporters(rate, duration)?;
    let mut schedule = Schedule::new(duration);
    // Dropped before the collector, however this ends.
    let mut faulty = disk.as_ref().map(|disk| faults::Disk::new(disk.path()));
    let mut memory = Memory::default();
    let begun = Instant::now();
    let mut printed = begun;
    while begun.elapsed() < duration {
        thread::sleep(TICK);
        let at = begun.elapsed();
        memory.sample(at, collector.resident_bytes()?);
        for fault in schedule.due(at) {
            match fault {
                Fault::Reload => collector.reload(&configuration)?,
                fault => faulty.as_mut().map_or(Ok(()), |disk| disk.happen(fault))?,
            }
        }
        if printed.elapsed() >= LINE {
            printed = Instant::now();
            println!("{:5.0} s  {}, {}", at.as_secs_f64(), memory.last(), collector.last_words());
        }
    }
    drop(faulty);
    let sent = exporters.finish().context("the exporters")?;
    let reloads = collector.reloads();
    collector.has_complained_of("no post to http://127.0.0.1")?;
    if duration >= MAIL_IS_GIVEN_UP {
        collector.has_complained_of("no mail to 127.0.0.1")?;
    }
    let balance = collector.stop()?;
    let verdict = Verdict { logweir: &logweir, data: &data, balance: &balance, sent: &sent };
    verdict.check(&place)?;
    println!(
        "{}; {reloads} reloads, {} hangs, {} fills",
        sent.words(),
        schedule.hangs,
        schedule.fills
    );
    memory.check(duration)
}
