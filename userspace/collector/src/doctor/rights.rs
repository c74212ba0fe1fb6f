//! What this process may do: its capabilities and the ports that it may have.

use super::{Plan, finding::Check, finding::Finding, read};
use rustix::thread::CapabilitySet;

/// What it has.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Capabilities that are in force; `None` where the kernel does not say.
    pub capabilities: Option<CapabilitySet>,
    /// `net.ipv4.ip_unprivileged_port_start`.
    pub first_free_port: u16,
}

impl Reading {
    /// Of this process.
    pub fn take() -> Self {
        const FIRST_FREE_PORT: u16 = 1_024;
        let capabilities = rustix::thread::capabilities(None);
        Self {
            capabilities: capabilities.ok().map(|sets| sets.effective),
            first_free_port: read::number("/proc/sys/net/ipv4/ip_unprivileged_port_start")
                .unwrap_or(FIRST_FREE_PORT),
        }
    }

    /// Whether it is known to have this one.
    pub fn has(&self, capability: CapabilitySet) -> bool {
        self.capabilities.is_some_and(|capabilities| capabilities.contains(capability))
    }
}

const FOR_XDP: Check = Check {
    name: "capabilities",
    why: "the XDP program is loaded, attached and given sockets with them, before they are dropped",
};
const PORTS: Check = Check { name: "low ports", why: "UDP sockets are bound to the ports as well" };
const NICE: Check =
    Check { name: "priority", why: "workers go before other processes where they may" };

/// What is found.
pub fn findings(reading: &Reading, plan: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    if plan.xdp {
        findings.push(for_xdp(reading));
    }
    if let Some(port) = plan.lowest_port.filter(|port| *port < reading.first_free_port) {
        findings.push(low_port(reading, port));
    }
    findings.push(match reading.has(CapabilitySet::SYS_NICE) {
        true => NICE.good("CAP_SYS_NICE", "CAP_SYS_NICE"),
        false => NICE.advice("no CAP_SYS_NICE", "CAP_SYS_NICE"),
    });
    findings
}

fn for_xdp(reading: &Reading) -> Finding {
    const NEEDED: [(CapabilitySet, &str); 3] = [
        (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
        (CapabilitySet::BPF, "CAP_BPF"),
        (CapabilitySet::NET_RAW, "CAP_NET_RAW"),
    ];
    const SHOULD: &str = "CAP_NET_ADMIN, CAP_BPF and CAP_NET_RAW, or root";
    if reading.capabilities.is_none() {
        return FOR_XDP.unknown("the kernel does not tell this process's", SHOULD);
    }
    let missing = NEEDED.iter().filter(|(capability, _)| !reading.has(*capability));
    let missing: Vec<_> = missing.map(|(_, name)| *name).collect();
    if missing.is_empty() {
        return FOR_XDP.good("this process has all three", SHOULD);
    }
    FOR_XDP.wrong(
        format!("this process lacks {}", missing.join(", ")),
        format!("{SHOULD}: ask as the user that the collector runs as"),
    )
}

fn low_port(reading: &Reading, port: u16) -> Finding {
    let should = format!("CAP_NET_BIND_SERVICE for port {port}, or root");
    match reading.has(CapabilitySet::NET_BIND_SERVICE) {
        true => PORTS.good("CAP_NET_BIND_SERVICE", should),
        false => PORTS
            .wrong(format!("this process may not have port {port}"), should)
            .changed_by(format!("sysctl -w net.ipv4.ip_unprivileged_port_start={port}")),
    }
}
