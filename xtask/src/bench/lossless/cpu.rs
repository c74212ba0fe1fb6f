//! Processor time: of a process and its descendants, and of the kernel's receive threads.

use std::fs;

/// `/proc` counts in hundredths of a second on every Linux (`USER_HZ`).
const TICKS_A_SECOND: f64 = 100.0;

/// One line of `/proc/PID/stat`.
struct Stat {
    name: String,
    is_zombie: bool,
    parent: u32,
    /// User and system time, with that of children that were waited for.
    seconds: f64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in parentheses and may contain any.
        let (head, rest) = line.rsplit_once(')')?;
        let (_, name) = head.split_once('(')?;
        let fields: Vec<_> = rest.split_whitespace().collect();
        let (state, parent) = (fields.first()?, fields.get(1)?);
        let ticks = fields.get(11..15)?.iter().map(|ticks| ticks.parse::<f64>().unwrap_or(0.0));
        Some(Self {
            name: name.to_owned(),
            is_zombie: *state == "Z",
            parent: parent.parse().ok()?,
            seconds: ticks.sum::<f64>() / TICKS_A_SECOND,
        })
    }
}

fn processes() -> impl Iterator<Item = (u32, Stat)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Stat::read(pid).map(|stat| (pid, stat)))
}

/// A process and its descendants.
pub fn tree(root: u32) -> Vec<u32> {
    let all: Vec<_> = processes().map(|(pid, stat)| (pid, stat.parent)).collect();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        tree.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| pid));
        next += 1;
    }
    tree
}

/// Seconds of a process and its descendants, dead ones too, up to now.
pub fn seconds_of(root: u32) -> f64 {
    tree(root).into_iter().filter_map(Stat::read).map(|stat| stat.seconds).sum()
}

/// Whether a process has ended and its times can still be read.
pub fn has_ended(pid: u32) -> bool {
    Stat::read(pid).is_none_or(|stat| stat.is_zombie)
}

/// The kernel's threads that receive from an interface (threaded NAPI).
pub fn receive_threads(interface: &str) -> Vec<u32> {
    let prefix = format!("napi/{interface}-");
    processes().filter(|(_, stat)| stat.name.starts_with(&prefix)).map(|(pid, _)| pid).collect()
}

/// Seconds of softirqs on these processors ("0", "2-5,7"). Ticks sample them; a tick is 4 ms on
/// many kernels.
pub fn softirq_seconds(cpus: &str) -> f64 {
    const SOFTIRQ: usize = 7;
    let cpus = list(cpus);
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = stat.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let cpu: usize = fields.first()?.strip_prefix("cpu")?.parse().ok()?;
        cpus.contains(&cpu).then(|| fields.get(SOFTIRQ)?.parse::<f64>().ok()).flatten()
    });
    ticks.sum::<f64>() / TICKS_A_SECOND
}

/// The processors of a list such as `taskset -c` takes.
fn list(cpus: &str) -> Vec<usize> {
    let ranges = cpus.split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.trim().parse::<usize>().ok()?..=last.trim().parse::<usize>().ok()?)
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process;

    #[test]
    fn a_list_of_processors_is_read() {
        assert_eq!(list("0"), [0]);
        assert_eq!(list("2-4, 7"), [2, 3, 4, 7]);
    }

    #[test]
    fn this_process_has_used_some_time_and_goes_on() {
        let start = seconds_of(process::id());
        let mut sum = 0u64;
        while seconds_of(process::id()) < start + 0.02 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(!has_ended(process::id()));
        assert!(tree(process::id()).contains(&process::id()));
    }
}
