//! The systems under test: each is started in a directory of its own and leaves its records there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{place::Place, traffic::Traffic};

mod logweir;
mod nfacctd;
pub mod nfcapd;
mod rsyslog;
mod syslog_ng;

pub use logweir::{Keep, Logweir, Source, Way, balance};

/// A collector.
pub trait System {
    /// As a reader is told.
    fn name(&self) -> String;

    /// What it collects.
    fn traffic(&self) -> Traffic;

    /// Which of ours it is, where it is ours.
    fn way(&self) -> Option<Way> {
        None
    }

    /// How many exporters send to it.
    fn exporters(&self) -> u32 {
        EXPORTERS
    }

    /// Sees to it that it can be run.
    fn install(&self) -> Result<()>;

    /// Starts it so that it listens at the place and leaves its records in the directory.
    fn command(&self, place: &Place, directory: &Path) -> Result<Command>;

    /// Whether it listens.
    fn is_ready(&self, pid: u32, _directory: &Path) -> bool {
        listens(pid, self.traffic().port())
    }

    /// Whether an interrupt and no request to terminate makes it store what it has.
    fn stops_by_interrupt(&self) -> bool {
        false
    }

    /// Whether it writes records as it ends, so that its end is part of their cost.
    fn writes_at_end(&self) -> bool {
        true
    }

    /// Records that it says are synced while it runs, as of its last word; `None` where what it
    /// writes as it ends is to be counted, or it says nothing of the kind.
    fn synced(&self, _directory: &Path) -> Option<u64> {
        None
    }

    /// Records in its files.
    fn stored(&self, directory: &Path) -> Result<u64>;
}

/// The collectors that store, of one kind of traffic: ours first.
pub fn storing(traffic: Traffic, program: &Path) -> Vec<Box<dyn System>> {
    let ours = |source| -> Box<dyn System> {
        Box::new(Logweir { program: program.to_owned(), traffic, way: Way::storing(source) })
    };
    let mut systems = vec![ours(Source::Xdp { busy_poll: false }), ours(Source::Udp)];
    match traffic {
        Traffic::NetFlow => {
            systems.push(Box::new(nfcapd::Nfcapd::default()));
            systems.push(Box::new(nfacctd::Nfacctd));
        }
        Traffic::Syslog => {
            systems.push(Box::new(rsyslog::Rsyslog));
            systems.push(Box::new(syslog_ng::SyslogNg));
        }
    }
    systems
}

/// Exporters of what is stored.
const EXPORTERS: u32 = 4;

/// The receive buffer of every socket, in bytes: as much as ours has.
pub const RECEIVE_BUFFER_BYTES: u32 = 16 << 20;

/// Whether a UDP socket of the process's namespace has this port.
fn listens(pid: u32, port: u16) -> bool {
    ["udp", "udp6"].iter().any(|table| {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let port = format!(":{port:04X}");
        table.lines().any(|line| {
            line.split_whitespace().nth(1).is_some_and(|address| address.ends_with(&port))
        })
    })
}

/// Lines of a text file; 0 where there is none.
fn lines(file: &Path) -> Result<u64> {
    use std::io::{BufReader, Read as _};
    let Ok(file) = fs::File::open(file) else { return Ok(0) };
    let mut reader = BufReader::new(file);
    let mut buffer = vec![0; 1 << 20];
    let mut lines = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(lines),
            read => lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64,
        }
    }
}

fn write(file: PathBuf, text: &str) -> Result<PathBuf> {
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
