//! What the kernel gives to sockets: receive buffers, the backlog, polling.

use super::{
    Plan,
    finding::{Check, Finding, quoted},
    read, rights,
};
use rustix::thread::CapabilitySet;

/// What is set.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// `net.core.rmem_max`, in bytes.
    pub rmem_max: Option<u64>,
    /// `net.core.netdev_max_backlog`, in packets.
    pub backlog: Option<u32>,
    /// The interface, its `napi_defer_hard_irqs` and its `gro_flush_timeout` (ns).
    pub deferral: Option<(String, u32, u64)>,
}

impl Reading {
    /// Of this host.
    pub fn take(interface: Option<&str>) -> Self {
        let deferral = |interface: &str| {
            let directory = format!("/sys/class/net/{interface}");
            let defer = read::number(format!("{directory}/napi_defer_hard_irqs"))?;
            let flush = read::number(format!("{directory}/gro_flush_timeout"))?;
            Some((interface.to_owned(), defer, flush))
        };
        Self {
            rmem_max: read::number("/proc/sys/net/core/rmem_max"),
            backlog: read::number("/proc/sys/net/core/netdev_max_backlog"),
            deferral: interface.and_then(deferral),
        }
    }
}

const BUFFER: Check = Check {
    name: "receive buffer",
    why: "it holds what arrives at a UDP socket while its worker is held up; what it cannot take \
          shows as socket dropped",
};
const BACKLOG: Check = Check {
    name: "backlog",
    why: "packets of devices without NAPI, and of generic XDP, wait there",
};
const DEFERRAL: Check = Check {
    name: "busy polling",
    why: "with busy_poll the workers drive the NIC, and its interrupts would get in their way",
};

/// What is found.
pub fn findings(reading: &Reading, rights: &rights::Reading, plan: &Plan) -> Vec<Finding> {
    let mut findings = vec![buffer(reading, rights, plan), backlog(reading)];
    findings.extend(reading.deferral.as_ref().filter(|_| plan.busy_poll && plan.xdp).map(deferral));
    findings
}

fn buffer(reading: &Reading, rights: &rights::Reading, plan: &Plan) -> Finding {
    let wanted = plan.receive_buffer_bytes as u64;
    let should = format!("{wanted} bytes (receive_buffer_bytes), or CAP_NET_ADMIN");
    let Some(max) = reading.rmem_max else {
        return BUFFER.unknown("net.core.rmem_max cannot be read in this namespace", should);
    };
    let is = format!("net.core.rmem_max {max}");
    if max >= wanted {
        BUFFER.good(is, should)
    } else if rights.has(CapabilitySet::NET_ADMIN) {
        BUFFER.good(format!("{is}, which CAP_NET_ADMIN goes beyond"), should)
    } else {
        BUFFER.advice(is, should).changed_by(format!("sysctl -w net.core.rmem_max={wanted}"))
    }
}

fn backlog(reading: &Reading) -> Finding {
    const ENOUGH: u32 = 10_000;
    let should = format!("at least {ENOUGH}");
    match reading.backlog {
        None => BACKLOG.unknown("not to be read in this namespace", should),
        Some(packets) if packets >= ENOUGH => BACKLOG.good(packets.to_string(), should),
        Some(packets) => BACKLOG
            .advice(packets.to_string(), should)
            .changed_by(format!("sysctl -w net.core.netdev_max_backlog={ENOUGH}")),
    }
}

fn deferral((interface, defer, flush): &(String, u32, u64)) -> Finding {
    const SHOULD: &str = "napi_defer_hard_irqs 2, gro_flush_timeout 200000";
    let is = format!("napi_defer_hard_irqs {defer}, gro_flush_timeout {flush}");
    if *defer > 0 && *flush > 0 {
        return DEFERRAL.good(is, SHOULD);
    }
    let directory = quoted(&format!("/sys/class/net/{interface}"));
    DEFERRAL.advice(is, SHOULD).changed_by(format!(
        "echo 2 > {directory}/napi_defer_hard_irqs\necho 200000 > {directory}/gro_flush_timeout"
    ))
}
