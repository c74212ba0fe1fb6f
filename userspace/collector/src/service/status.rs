//! What a collector tells of itself while it runs, and where it hangs for others to read.

use crate::{
    balance::Balance, counters::RingFill, latency::Octaves, ledger::ExporterReport,
    privileges::Privileges, sealer::SealerCounters, sink::SinkCounters,
};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    borrow::Cow,
    fs,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The state of a running collector.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Of the program.
    pub version: Cow<'static, str>,
    /// What it collects from, and in which modes.
    pub description: String,
    /// When it was started, RFC 3339.
    pub started_at: String,
    /// When this was written, RFC 3339.
    pub at: String,
    /// Its configuration.
    pub configuration: ConfigurationStatus,
    /// The balance so far. Its stages are read one after the other: it need not come out even.
    pub balance: Balance,
    /// What is known of each exporter, as of the last second.
    #[serde(serialize_with = "shared", deserialize_with = "own")]
    pub exporters: Arc<Vec<ExporterReport>>,
    /// What the process may still do.
    pub privileges: Privileges,
    /// Datagrams by the time from arrival to decoded.
    pub arrival_to_decoded: Octaves,
    /// Records by the time from arrival to stored.
    pub arrival_to_stored: Octaves,
    /// Workers that run.
    pub workers: usize,
    /// The RX rings, by queue; none without AF_XDP.
    pub rings: Vec<RingFill>,
    /// What the process takes.
    pub process: ProcessStatus,
    /// The store; `None` where records are discarded.
    pub store: Option<StoreStatus>,
}

fn shared<T: Serialize, S: Serializer>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
    value.as_ref().serialize(to)
}

fn own<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Arc<T>, D::Error> {
    T::deserialize(from).map(Arc::new)
}

/// What the process takes of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessStatus {
    /// Time of processors, of all threads, in nanoseconds.
    pub cpu_ns: u64,
    /// Memory that is resident, in bytes; 0 where `/proc` does not tell.
    pub resident_bytes: u64,
}

impl ProcessStatus {
    /// Of this process, now.
    pub fn read() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        });
        Self {
            cpu_ns: (cpu.tv_sec * 1_000_000_000 + cpu.tv_nsec).try_into().unwrap_or(0),
            resident_bytes: resident.unwrap_or(0) * 1024,
        }
    }
}

/// The configuration that is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigurationStatus {
    /// Its file; `None` where there are options only.
    pub file: Option<String>,
    /// When it was read, RFC 3339.
    pub loaded_at: String,
    /// How often it was read again.
    pub reloads: u64,
    /// How often what was there was refused.
    pub refused: u64,
    /// Why the last one was refused, unless another was good since.
    pub last_error: Option<String>,
}

/// The state of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreStatus {
    /// The data directory.
    pub data: String,
    /// Bytes of the journal's segments that are not in parts yet.
    pub journal_bytes: u64,
    /// Bytes that they may have.
    pub journal_bytes_max: u64,
    /// Closed segments that wait for the sealer.
    pub segments_waiting: u64,
    /// Records of this process in sealed parts.
    pub sealed: u64,
    /// Records of earlier processes, found in the journal, in sealed parts.
    pub recovered: u64,
    /// Why the journal cannot be appended to or synced, as long as it cannot.
    pub journal_fault: Option<String>,
    /// Bytes that are free in the file system of the data directory, for those who are not root; 0
    /// where it does not tell.
    pub disk_free_bytes: u64,
    /// Bytes that this file system has.
    pub disk_bytes: u64,
}

impl StoreStatus {
    /// Reads the counters of those who write, and looks at the disk.
    pub fn read(&mut self, sink: &SinkCounters, sealer: &SealerCounters) {
        self.journal_bytes = sink.journal_bytes.get();
        self.segments_waiting = sealer.waiting.get();
        self.sealed = sealer.sealed.get();
        self.recovered = sealer.recovered.get();
        self.journal_fault = sink.append_fault.get().or_else(|| sink.sync_fault.get());
        let disk = rustix::fs::statvfs(self.data.as_str());
        (self.disk_free_bytes, self.disk_bytes) = disk
            .map_or((0, 0), |disk| (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize));
    }
}

/// Where the last status hangs.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Posted>>);

#[derive(Clone, Debug, Default)]
struct Posted {
    status: Arc<Status>,
    at: Option<Instant>,
}

impl Board {
    /// Replaces the status.
    pub fn post(&self, status: Status) {
        let posted = Posted { status: Arc::new(status), at: Some(Instant::now()) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = posted;
    }

    /// The last status.
    pub fn read(&self) -> Arc<Status> {
        self.read_with_age().0
    }

    /// The last status, and how long ago it was posted; `None` where none was.
    pub fn read_with_age(&self) -> (Arc<Status>, Option<Duration>) {
        let posted = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (posted.status, posted.at.map(|at| at.elapsed()))
    }
}
