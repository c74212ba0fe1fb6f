//! The processors: how many this process may use, and how they are run.

use super::{
    Plan,
    finding::{Check, Finding},
    read::{self, as_list, list},
};
use std::collections::BTreeSet;

/// What is told of them.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Those that this process may use, in order: the first workers get the first ones.
    pub allowed: Vec<usize>,
    /// Frequency governors in use; none where the host does not set frequencies.
    pub governors: BTreeSet<String>,
    /// Those that the kernel was told to keep free (`isolcpus`).
    pub isolated: Vec<usize>,
    /// `current_clocksource`.
    pub clock_source: Option<String>,
}

impl Reading {
    /// Of this host and process.
    pub fn take() -> Self {
        const CPUS: &str = "/sys/devices/system/cpu";
        let status = read::text("/proc/self/status").unwrap_or_default();
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let governor =
            |name: &String| read::text(format!("{CPUS}/{name}/cpufreq/scaling_governor"));
        let isolated = read::text(format!("{CPUS}/isolated")).unwrap_or_default();
        Self {
            allowed: list(allowed.unwrap_or_default()),
            governors: read::names(CPUS).iter().filter_map(governor).collect(),
            isolated: list(&isolated),
            clock_source: read::text(
                "/sys/devices/system/clocksource/clocksource0/current_clocksource",
            ),
        }
    }
}

const GOVERNOR: Check = Check {
    name: "frequency",
    why: "a processor that was slowed down takes milliseconds to run fast again, and rings fill",
};
const ISOLATION: Check = Check {
    name: "isolation",
    why: "isolated processors run nothing but what is pinned to them, such as spinning workers",
};
const CLOCK_SOURCE: Check =
    Check { name: "clock source", why: "a slow one makes each look at the time a system call" };

/// What is found.
pub fn findings(reading: &Reading, plan: &Plan) -> Vec<Finding> {
    vec![governor(reading), isolation(reading, plan), clock_source(reading)]
}

fn governor(reading: &Reading) -> Finding {
    let is = reading.governors.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    match is.as_str() {
        "" => GOVERNOR.good("not set by this host", "performance"),
        "performance" => GOVERNOR.good(is, "performance"),
        _ => GOVERNOR.advice(is, "performance").changed_by(
            "for file in /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; do echo performance \
             > \"$file\"; done",
        ),
    }
}

fn isolation(reading: &Reading, plan: &Plan) -> Finding {
    let isolated: Vec<_> =
        reading.isolated.iter().copied().filter(|cpu| reading.allowed.contains(cpu)).collect();
    let is = match isolated.as_slice() {
        [] => "none".to_owned(),
        isolated => as_list(isolated),
    };
    match plan.busy_poll && isolated.is_empty() {
        false => ISOLATION.good(is, "as you like"),
        true => ISOLATION.advice(is, "a processor for each spinning worker (isolcpus=… at boot)"),
    }
}

fn clock_source(reading: &Reading) -> Finding {
    const FAST: [&str; 4] = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"];
    const SHOULD: &str = "one that is read without a system call, as tsc";
    match reading.clock_source.as_deref() {
        None => CLOCK_SOURCE.unknown("the kernel does not tell", SHOULD),
        Some(source) if FAST.contains(&source) => CLOCK_SOURCE.good(source, SHOULD),
        Some(source) => CLOCK_SOURCE.advice(source, SHOULD),
    }
}
