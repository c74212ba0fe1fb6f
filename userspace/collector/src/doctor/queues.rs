//! The NIC's receive queues: how many, how long, and which packets go to which.

use super::{
    Plan,
    finding::{Check, Finding, quoted},
    processors,
    read::{self, Said},
};
use crate::nic;

/// What is told of them.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The interface.
    pub name: String,
    /// RX queues in use.
    pub rx_queues: u32,
    /// `ethtool -i`, of which the driver's name matters.
    pub driver: Said,
    /// `ethtool -l`.
    pub channels: Said,
    /// `ethtool -g`.
    pub rings: Said,
    /// `ethtool -n IF rx-flow-hash udp4`.
    pub hash_v4: Said,
    /// `ethtool -n IF rx-flow-hash udp6`.
    pub hash_v6: Said,
}

impl Reading {
    /// Of an interface.
    pub fn take(name: &str) -> Self {
        let ethtool = |option: &str| read::program("ethtool", &[option, name]);
        let hash = |of: &str| read::program("ethtool", &["-n", name, "rx-flow-hash", of]);
        Self {
            name: name.to_owned(),
            rx_queues: nic::rx_queues(name).unwrap_or(0),
            driver: ethtool("-i"),
            channels: ethtool("-l"),
            rings: ethtool("-g"),
            hash_v4: hash("udp4"),
            hash_v6: hash("udp6"),
        }
    }
}

const QUEUES: Check = Check {
    name: "RX queues",
    why: "each queue has a worker of its own, and each worker should have a processor",
};
const TAKEN: Check = Check {
    name: "queues taken",
    why: "what arrives at the other queues takes the long way through UDP sockets",
};
const XDP_QUEUES: Check = Check {
    name: "queues for XDP",
    why: "the driver wants as many TX queues for XDP alone as it has others",
};
const RING: Check = Check {
    name: "NIC ring",
    why: "it is all that holds a burst while the kernel looks elsewhere; what it cannot take is lost \
          and shows as the interface's rx_dropped or rx_missed",
};
const HASH_V4: Check = Check { name: "RSS of IPv4", why: WHY_HASH };
const HASH_V6: Check = Check { name: "RSS of IPv6", why: WHY_HASH };
const WHY_HASH: &str = "by addresses alone an exporter stays on one queue, in order, whatever ports \
                        it sends from, and so do the fragments of its packets";

/// What is found.
pub fn findings(reading: &Reading, processors: &processors::Reading, plan: &Plan) -> Vec<Finding> {
    let mut findings = vec![queues(reading, processors, plan)];
    findings.extend(xdp_queues(reading).filter(|_| plan.xdp));
    findings.extend(taken(reading, plan));
    findings.push(ring(reading));
    if reading.rx_queues > 1 {
        findings.push(hash(HASH_V4, reading, "udp4", &reading.hash_v4));
        findings.push(hash(HASH_V6, reading, "udp6", &reading.hash_v6));
    }
    findings
}

fn queues(reading: &Reading, processors: &processors::Reading, plan: &Plan) -> Finding {
    let Reading { name, rx_queues, .. } = reading;
    let available = processors.allowed.len();
    let threads = plan.pinned_threads(*rx_queues);
    let workers = crate::counted(threads as u64, "worker");
    let is = format!("{rx_queues}, for {workers} on {available} processors");
    let should = "a processor for each worker";
    if !plan.xdp || threads <= available {
        return QUEUES.good(is, should);
    }
    let fitting = (available / (threads / (*rx_queues).max(1) as usize).max(1)).max(1);
    let finding = QUEUES.advice(is, should);
    match most(&reading.channels, "Combined") {
        Some(_) => finding.changed_by(format!("ethtool -L {} combined {fitting}", quoted(name))),
        None => finding,
    }
}

/// ena keeps half of its queues for XDP.
fn xdp_queues(reading: &Reading) -> Option<Finding> {
    let driver = reading.driver.told()?;
    if !driver.lines().any(|line| line.trim_end() == "driver: ena") {
        return None;
    }
    let (most, now) = (most(&reading.channels, "Combined")?, now(&reading.channels, "Combined")?);
    let (is, should) = (format!("{now} of {most}"), format!("at most {}", most / 2));
    if now <= most / 2 {
        return Some(XDP_QUEUES.good(is, should));
    }
    let command = format!("ethtool -L {} combined {}", quoted(&reading.name), (most / 2).max(1));
    Some(XDP_QUEUES.wrong(is, should).changed_by(command))
}

fn taken(reading: &Reading, plan: &Plan) -> Option<Finding> {
    let Reading { name, rx_queues, .. } = reading;
    let wanted = plan.queues.filter(|_| plan.xdp)?;
    let is = format!("{wanted} of {rx_queues}");
    if wanted == *rx_queues {
        return Some(TAKEN.good(is, "all"));
    }
    let finding = TAKEN.advice(is, format!("all, or RSS to the first {wanted} only"));
    Some(finding.changed_by(format!("ethtool -X {} equal {wanted}", quoted(name))))
}

/// Packets in a NIC's ring beyond which more buys little.
const RING_ENOUGH: u32 = 4_096;

fn ring(reading: &Reading) -> Finding {
    let (most, now) = match (most(&reading.rings, "RX"), now(&reading.rings, "RX")) {
        (Some(most), Some(now)) if most > 0 => (most, now),
        _ => return RING.unknown(reason(&reading.rings, "the driver tells no size"), "the most"),
    };
    let enough = most.min(RING_ENOUGH);
    let (is, should) = (format!("{now} of {most}"), format!("at least {enough}"));
    if now >= enough {
        return RING.good(is, should);
    }
    RING.advice(is, should).changed_by(format!("ethtool -G {} rx {enough}", quoted(&reading.name)))
}

fn hash(check: Check, reading: &Reading, flow: &str, said: &Said) -> Finding {
    const SHOULD: &str = "by addresses alone";
    let Some(text) = said.told() else {
        return check.unknown(reason(said, "the driver does not tell"), SHOULD);
    };
    let command = format!("ethtool -N {} rx-flow-hash {flow} sd", quoted(&reading.name));
    let has = |field: &str| text.contains(field);
    let ports = has("L4 bytes");
    match (has("IP SA"), ports) {
        (true, false) => check.good("by addresses", SHOULD),
        (true, true) => check.advice("by addresses and ports", SHOULD).changed_by(command),
        // Everything to one queue, or at random.
        (false, _) => check.advice("not by the source address", SHOULD).changed_by(command),
    }
}

fn reason(said: &Said, silent: &str) -> String {
    match said {
        Said::Told(_) => silent.to_owned(),
        Said::Refused(reason) => format!("{silent} (ethtool: {reason})"),
        Said::Absent => "ethtool is not installed".to_owned(),
    }
}

/// The value of `field` under `Pre-set maximums:`.
fn most(said: &Said, field: &str) -> Option<u32> {
    let (_, rest) = said.told()?.split_once("maximums:")?;
    value(rest.split_once("Current")?.0, field)
}

/// The value of `field` under `Current hardware settings:`.
fn now(said: &Said, field: &str) -> Option<u32> {
    let (_, rest) = said.told()?.split_once("Current hardware settings:")?;
    value(rest, field)
}

/// `RX:             4096`; `n/a` is none.
fn value(text: &str, field: &str) -> Option<u32> {
    let named = text.lines().find_map(|line| line.trim().strip_prefix(field)?.strip_prefix(':'));
    named?.trim().parse().ok()
}
