//! Memory: huge pages for the frames, how much may be locked, and whether there is enough.

use super::{
    Plan,
    finding::{Check, Finding},
    read, rights,
};
use crate::nic;
use rustix::{
    process::{Resource, getrlimit},
    thread::CapabilitySet,
};

/// What there is.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// `/proc/meminfo`.
    pub table: String,
    /// Bytes that this process may lock; `None` for no limit.
    pub lock_max: Option<u64>,
}

impl Reading {
    /// Of this host and process.
    pub fn take() -> Self {
        Self {
            table: read::text("/proc/meminfo").unwrap_or_default(),
            lock_max: getrlimit(Resource::Memlock).current,
        }
    }

    /// A line of the table: kilobytes, or a count.
    fn value(&self, name: &str) -> Option<u64> {
        let line = self.table.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line?.split_whitespace().next()?.parse().ok()
    }
}

const HUGE: Check =
    Check { name: "huge pages", why: "the frames then need few entries in the processor's tables" };
const LOCK: Check = Check {
    name: "locked memory",
    why: "the kernel counts the frames of AF_XDP sockets as locked memory",
};
const MEMORY: Check = Check {
    name: "memory",
    why: "frames and batches are taken at the start, and batches fill as the writer falls behind",
};

const HUGE_PAGE: u64 = 2 << 20;
/// A batch with sessions alone.
const BATCH: u64 = 13_000_000;
const FRAME: u64 = 4_096;

/// What is found.
pub fn findings(reading: &Reading, rights: &rights::Reading, plan: &Plan) -> Vec<Finding> {
    let queues = plan.interface.as_deref().and_then(nic::rx_queues).unwrap_or(1);
    of_queues(reading, rights, plan, queues)
}

/// The same, where the interface has so many queues.
pub fn of_queues(
    reading: &Reading,
    rights: &rights::Reading,
    plan: &Plan,
    rx_queues: u32,
) -> Vec<Finding> {
    let queues = u64::from(plan.queues.unwrap_or(rx_queues).min(rx_queues));
    // As many frames as fill and RX ring hold together.
    let per_queue = u64::from(plan.rx_ring_size) * 3 * FRAME;
    let mut findings = Vec::new();
    if plan.xdp {
        findings.push(huge_pages(reading, queues * per_queue.div_ceil(HUGE_PAGE)));
        findings.push(locked(reading, rights, queues * per_queue));
    }
    let frames = if plan.xdp { queues * per_queue } else { 0 };
    let sources = if plan.xdp { queues } else { plan.udp_workers as u64 };
    let batches = sources * (plan.workers_per_queue * plan.batches) as u64;
    findings.push(enough(reading, frames + batches * BATCH));
    findings
}

fn huge_pages(reading: &Reading, wanted: u64) -> Finding {
    let should = format!("{wanted} of 2 MiB that are free");
    let [total, free, size] =
        ["HugePages_Total", "HugePages_Free", "Hugepagesize"].map(|name| reading.value(name));
    let (Some(total), Some(free)) = (total, free) else {
        return HUGE.unknown("the kernel tells of none", should);
    };
    if size != Some(HUGE_PAGE >> 10) {
        let size = size.unwrap_or(0);
        return HUGE.unknown(format!("they are of {size} kB here, and not 2 MiB"), should);
    }
    let is = format!("{free} free of {total}");
    if free >= wanted {
        return HUGE.good(is, should);
    }
    let pages = total + wanted - free;
    HUGE.advice(is, should).changed_by(format!("sysctl -w vm.nr_hugepages={pages}"))
}

fn locked(reading: &Reading, rights: &rights::Reading, wanted: u64) -> Finding {
    let should = format!("{wanted} bytes, or CAP_IPC_LOCK");
    match reading.lock_max {
        None => LOCK.good("no limit", should),
        Some(max) if max >= wanted => LOCK.good(format!("{max} bytes"), should),
        Some(max) if rights.has(CapabilitySet::IPC_LOCK) => {
            LOCK.good(format!("{max} bytes, and CAP_IPC_LOCK"), should)
        }
        // Of another process nothing is known: the service has a limit of its own.
        Some(max) => LOCK.wrong(
            format!("{max} bytes for this process"),
            format!("{should} (LimitMEMLOCK=infinity in the unit, or ulimit -l unlimited)"),
        ),
    }
}

fn enough(reading: &Reading, wanted: u64) -> Finding {
    let mib = |bytes: u64| bytes >> 20;
    let should = format!("{} MiB for frames and batches", mib(wanted));
    let Some(available) = reading.value("MemAvailable").map(|kilobytes| kilobytes << 10) else {
        return MEMORY.unknown("the kernel does not tell", should);
    };
    let is = format!("{} MiB available", mib(available));
    match available >= wanted {
        true => MEMORY.good(is, should),
        false => MEMORY.wrong(is, format!("{should}: fewer batches, or fewer queues")),
    }
}
