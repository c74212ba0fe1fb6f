//! The NIC's interrupts: which processor each queue wakes, and who moves them.

use super::{
    Plan,
    finding::{Check, Finding},
    processors,
    read::{self, as_list, list},
};
use std::path::PathBuf;

/// An interrupt of the NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// Its number.
    pub number: u32,
    /// Its name, as `eth0-TxRx-3`.
    pub name: String,
    /// The processors that it goes to in effect.
    pub processors: Vec<usize>,
}

/// What is told of them.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Those of queues.
    pub interrupts: Vec<Interrupt>,
    /// Whether `irqbalance` runs.
    pub balanced: bool,
    /// The NUMA node of the NIC, and its processors; `None` where there is one node only.
    pub node: Option<(u32, Vec<usize>)>,
}

impl Reading {
    /// Of an interface.
    pub fn take(interface: &str) -> Self {
        let device = PathBuf::from("/sys/class/net").join(interface).join("device");
        let numbers = device_interrupts(&device);
        let table = read::text("/proc/interrupts").unwrap_or_default();
        let interrupts = of_queues(&table, interface, &numbers).into_iter();
        let with_processors = |(number, name)| Interrupt {
            number,
            name,
            processors: read::text(format!("/proc/irq/{number}/effective_affinity_list"))
                .or_else(|| read::text(format!("/proc/irq/{number}/smp_affinity_list")))
                .map(|text| list(&text))
                .unwrap_or_default(),
        };
        let comm = |pid: &String| read::text(format!("/proc/{pid}/comm"));
        let is_balancer = |pid: &String| comm(pid).is_some_and(|name| name == "irqbalance");
        let nodes = read::names("/sys/devices/system/node");
        let nodes = nodes.iter().filter(|name| {
            name.strip_prefix("node").is_some_and(|number| number.parse::<u32>().is_ok())
        });
        let node = read::number(device.join("numa_node")).filter(|_| nodes.count() > 1);
        let of_node =
            |node: u32| read::text(format!("/sys/devices/system/node/node{node}/cpulist"));
        Self {
            interrupts: interrupts.map(with_processors).collect(),
            balanced: read::names("/proc").iter().any(is_balancer),
            node: node.and_then(|node| Some((node, list(&of_node(node)?)))),
        }
    }
}

/// The MSI interrupts of a device, or of the one that it is part of (virtio).
fn device_interrupts(device: &std::path::Path) -> Vec<u32> {
    let own = read::names(device.join("msi_irqs"));
    let names = if own.is_empty() { read::names(device.join("../msi_irqs")) } else { own };
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// Those lines of `/proc/interrupts` that are of queues in which packets arrive: the device's, or
/// those that bear its name, as `eth0-TxRx-3`. An interrupt of the name alone is that of a NIC without
/// queues, and where there are some it tells of the link.
pub fn of_queues(table: &str, interface: &str, numbers: &[u32]) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for line in table.lines() {
        let Some((number, rest)) = line.split_once(':') else { continue };
        let Ok(number) = number.trim().parse::<u32>() else { continue };
        let Some(name) = rest.split_whitespace().last() else { continue };
        let bears_name = name.strip_prefix(interface).is_some_and(|rest| {
            // eth1 is not eth10.
            !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
        });
        // A link change, a mailbox and the like wake nobody who receives, nor does what was sent.
        const NO_QUEUE: [&str; 9] =
            ["mgmnt", "async", "config", "misc", "output", "pages_eq", "cmd_eq", "fdir-", "-tx-"];
        let is_own = numbers.contains(&number) || bears_name;
        if is_own && !NO_QUEUE.iter().any(|word| name.contains(word)) {
            found.push((number, name.to_owned()));
        }
    }
    if found.iter().any(|(_, name)| name != interface) {
        found.retain(|(_, name)| name != interface);
    }
    found
}

const BALANCER: Check = Check {
    name: "irqbalance",
    why: "it moves interrupts between processors while the workers stay where they are",
};
const AFFINITY: Check = Check {
    name: "interrupts",
    why: "two queues that wake one processor share it, while others stand idle",
};
const NODE: Check = Check {
    name: "NUMA node",
    why: "workers on another node than the NIC fetch each packet from far away",
};

/// What is found.
pub fn findings(reading: &Reading, processors: &processors::Reading, plan: &Plan) -> Vec<Finding> {
    let mut findings = vec![match reading.balanced {
        false => BALANCER.good("does not run", "not running"),
        true => BALANCER
            .advice("runs", "not running, or told to leave the NIC alone")
            .changed_by("systemctl disable --now irqbalance"),
    }];
    findings.push(affinity(&reading.interrupts, &processors.allowed));
    if let Some((node, near)) = &reading.node {
        findings.push(numa(*node, near, processors, plan, reading.interrupts.len()));
    }
    findings
}

fn affinity(interrupts: &[Interrupt], allowed: &[usize]) -> Finding {
    const SHOULD: &str = "each queue's at a processor of its own";
    if interrupts.is_empty() {
        return AFFINITY.unknown("the device has none that bear its name", SHOULD);
    }
    let one: Vec<_> = interrupts.iter().filter_map(|one| one.processors.first().copied()).collect();
    let mut distinct = one.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let queues = interrupts.len();
    let is = format!("{queues} at processors {}", as_list(&distinct));
    let wanted = queues.min(allowed.len());
    if distinct.len() >= wanted {
        return AFFINITY.good(is, SHOULD);
    }
    let places = interrupts.iter().zip(allowed.iter().cycle());
    let commands: Vec<_> = places
        .map(|(Interrupt { number, .. }, processor)| {
            format!("echo {processor} > /proc/irq/{number}/smp_affinity_list")
        })
        .collect();
    AFFINITY.advice(is, SHOULD).changed_by(commands.join("\n"))
}

fn numa(
    node: u32,
    near: &[usize],
    processors: &processors::Reading,
    plan: &Plan,
    queues: usize,
) -> Finding {
    let workers = plan.pinned_threads(u32::try_from(queues.max(1)).unwrap_or(u32::MAX));
    let used: Vec<_> = processors.allowed.iter().copied().take(workers).collect();
    let far: Vec<_> = used.iter().copied().filter(|cpu| !near.contains(cpu)).collect();
    let near = as_list(near);
    let should = format!("workers on node {node}, processors {near}");
    if far.is_empty() {
        return NODE.good(format!("workers on processors {}, node {node}", as_list(&used)), should);
    }
    let drop_in = "/etc/systemd/system/logweir.service.d";
    NODE.advice(format!("workers would be on processors {} too", as_list(&far)), should).changed_by(
        format!(
            "mkdir -p {drop_in}\nprintf '[Service]\\nCPUAffinity=%s\\n' {near} > \
             {drop_in}/processors.conf\nsystemctl daemon-reload"
        ),
    )
}
