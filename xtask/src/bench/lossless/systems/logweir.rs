//! Ours.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{EXPORTERS, RECEIVE_BUFFER_BYTES, System};
use crate::{
    bench::lossless::{place::Place, traffic::Traffic},
    readers,
};

/// How datagrams come to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Xdp { busy_poll: bool },
    Udp,
}

/// What becomes of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Sealed parts, indexed.
    Store,
    /// The synced journal, until it is asked to end: it seals then.
    Journal,
    /// Decoded, counted and thrown away.
    Count,
}

/// What tells one of our systems from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    pub source: Source,
    /// Workers of each queue.
    pub workers: u32,
    pub keep: Keep,
}

impl Way {
    /// One worker that stores.
    pub fn storing(source: Source) -> Self {
        Self { source, workers: 1, keep: Keep::Store }
    }

    /// One worker that receives and decodes only.
    pub fn decoding(source: Source) -> Self {
        Self { source, workers: 1, keep: Keep::Count }
    }
}

pub struct Logweir {
    pub program: PathBuf,
    pub traffic: Traffic,
    pub way: Way,
}

impl System for Logweir {
    fn name(&self) -> String {
        let Way { source, workers, keep } = self.way;
        let source = match source {
            Source::Xdp { busy_poll: false } => "AF_XDP",
            Source::Xdp { busy_poll: true } => "AF_XDP, busy polling",
            Source::Udp => "recvmmsg",
        };
        let workers = if workers == 1 { String::new() } else { format!(", {workers} workers") };
        let keep = match keep {
            Keep::Store => "",
            Keep::Journal => ", journal only",
            Keep::Count => ", decoding only",
        };
        format!("logweir, {source}{workers}{keep}")
    }

    fn way(&self) -> Option<Way> {
        Some(self.way)
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// What is only decoded comes from one exporter: the most that one 5-tuple can bring.
    fn exporters(&self) -> u32 {
        match self.way.keep {
            Keep::Store | Keep::Journal => EXPORTERS,
            Keep::Count => 1,
        }
    }

    fn install(&self) -> Result<()> {
        Ok(())
    }

    fn command(&self, place: &Place, directory: &Path) -> Result<Command> {
        let mut run = place.collector(&self.program);
        run.arg("run");
        match self.way.source {
            Source::Xdp { busy_poll } => {
                run.args(["--source", "xdp", "--interface", &place.interface]);
                if place.is_veth() {
                    run.args(["--queues", "1"]);
                }
                if busy_poll {
                    run.arg("--busy-poll");
                }
            }
            Source::Udp => {
                run.args(["--source", "udp"]);
            }
        }
        run.args(["--workers-per-queue", &self.way.workers.to_string()]);
        run.args(["--receive-buffer-bytes", &RECEIVE_BUFFER_BYTES.to_string()]);
        run.args(["--listen", &format!("{}={}", self.traffic.port(), self.traffic.format())]);
        match self.way.keep {
            Keep::Store | Keep::Journal => run.arg("--data").arg(directory.join("data")),
            Keep::Count => run.args(["--sink", "discard"]),
        };
        // One segment, which ends with the trial; it says each second how much is synced.
        let status_seconds = match self.way.keep {
            Keep::Store | Keep::Count => "0",
            Keep::Journal => {
                run.args(["--segment-mb", "1024", "--part-age-seconds", "3600"]);
                "1"
            }
        };
        run.args(["--status-seconds", status_seconds, "--balance"]);
        run.arg(directory.join("balance.json"));
        Ok(run)
    }

    /// Its sockets are bound before it is ready; it says when it is.
    fn is_ready(&self, _: u32, directory: &Path) -> bool {
        let printed = fs::read_to_string(directory.join("printed")).unwrap_or_default();
        printed.starts_with("collecting: ") && printed.contains('\n')
    }

    fn writes_at_end(&self) -> bool {
        self.way.keep == Keep::Store
    }

    fn synced(&self, directory: &Path) -> Option<u64> {
        if self.way.keep != Keep::Journal {
            return None;
        }
        let printed = fs::read_to_string(directory.join("printed")).unwrap_or_default();
        Some(printed.lines().rev().find_map(stored_of).unwrap_or(0))
    }

    /// As another engine counts the rows of its files; they must be as many as it says itself.
    fn stored(&self, directory: &Path) -> Result<u64> {
        let balance = balance(directory)?;
        let records = &balance["records"];
        let count = |name: &str| records[name].as_u64().unwrap_or(0);
        ensure!(balance["unaccounted"]["total"] == 0, "its balance does not come out even");
        match self.way.keep {
            Keep::Count => Ok(count("session")),
            Keep::Store | Keep::Journal => {
                let rows = readers::count_rows(&directory.join("data"), "session")?;
                let says = count("stored") - count("unparsed");
                ensure!(rows == says, "DuckDB finds {rows} records, it says {says}");
                Ok(rows)
            }
        }
    }
}

/// The number before the word "stored" in a line of rates.
fn stored_of(line: &str) -> Option<u64> {
    let (before, _) = line.split_once(" stored; lost: ")?;
    before.rsplit(' ').next()?.parse().ok()
}

/// What it wrote as it ended.
pub fn balance(directory: &Path) -> Result<Value> {
    let text = fs::read_to_string(directory.join("balance.json")).context("it left no balance")?;
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    use super::stored_of;

    #[test]
    fn a_line_of_rates_tells_what_is_synced() {
        let line = "20 datagrams/s, 480 records/s, 4800 stored; lost: nothing";
        assert_eq!(stored_of(line), Some(4800));
        assert_eq!(stored_of("collecting: all"), None);
    }
}
