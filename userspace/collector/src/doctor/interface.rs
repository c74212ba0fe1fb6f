//! The interface: its driver, what it can do with XDP, and who is there already.

use super::{
    Plan,
    finding::{Check, Finding, quoted},
    netlink::{self, Attached, XdpFeatures},
    read::{self, Said},
};
use crate::steering;
use rustix::io::Errno;
use std::{fs, path::PathBuf};

/// What is told of it.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its name.
    pub name: String,
    /// Its driver, `ixgbe`; `None` where it has none that is known.
    pub driver: Option<String>,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether the link is there; `None` where it is not known.
    pub carrier: Option<bool>,
    /// Longest packet, without the Ethernet header.
    pub mtu: u32,
    /// What its driver says that it can do with XDP.
    pub features: Result<XdpFeatures, Errno>,
    /// The XDP programs on it, with the names of those that may be asked.
    pub programs: Result<Vec<(Attached, Option<String>)>, Errno>,
    /// `ethtool -k`.
    pub offloads: Said,
}

impl Reading {
    /// Of an interface of this network namespace.
    pub fn take(name: &str) -> Self {
        let directory = PathBuf::from("/sys/class/net").join(name);
        let index = read::number(directory.join("ifindex")).unwrap_or(0);
        let flags = read::text(directory.join("flags")).unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0);
        const IFF_UP: u32 = 1;
        let named = |program: Attached| {
            let name = steering::name_of_program(program.id);
            (program, name)
        };
        let programs = netlink::attached(index);
        Self {
            name: name.to_owned(),
            driver: driver(name),
            up: flags & IFF_UP != 0,
            carrier: read::number::<u8>(directory.join("carrier")).map(|carrier| carrier == 1),
            mtu: read::number(directory.join("mtu")).unwrap_or(0),
            features: netlink::features(index),
            programs: programs.map(|programs| programs.into_iter().map(named).collect()),
            offloads: read::program("ethtool", &["-k", name]),
        }
    }
}

/// A device without a bus has no link to its driver: then ethtool may know.
fn driver(name: &str) -> Option<String> {
    let link = fs::read_link(format!("/sys/class/net/{name}/device/driver")).ok();
    let linked = link.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    linked.or_else(|| {
        let said = read::program("ethtool", &["-i", name]);
        let line = said.told()?.lines().find_map(|line| line.strip_prefix("driver: "))?;
        Some(line.trim().to_owned())
    })
}

/// Drivers with XDP of their own in Linux 6.1, and whether they do without a copy: for kernels
/// that do not tell. Source: the drivers' `ndo_bpf`.
const KNOWN: [(&str, bool); 18] = [
    ("atlantic", false),
    ("bnxt_en", false),
    ("ena", false),
    ("gve", false),
    ("hv_netvsc", false),
    ("i40e", true),
    ("ice", true),
    ("igb", false),
    ("igc", true),
    ("ixgbe", true),
    ("mlx4_en", false),
    ("mlx5_core", true),
    ("nfp", true),
    ("sfc", false),
    ("stmmac", true),
    ("tun", false),
    ("veth", false),
    ("virtio_net", false),
];

const LINK: Check = Check { name: "link", why: "nothing arrives over a link that is down" };
const DRIVER: Check = Check {
    name: "driver",
    why: "in native mode XDP sees a packet before the kernel allocates anything for it",
};
const ZERO_COPY: Check =
    Check { name: "zero-copy", why: "the NIC then writes where the worker decodes" };
const MTU: Check = Check {
    name: "MTU",
    why: "XDP takes a packet in one buffer, and a worker's frame has room for 3,840 bytes",
};
const PROGRAMS: Check =
    Check { name: "XDP programs", why: "an interface has room for one XDP program" };
const LRO: Check =
    Check { name: "large receive", why: "drivers refuse XDP while the NIC joins packets" };

/// What is found.
pub fn findings(reading: &Reading, plan: &Plan) -> Vec<Finding> {
    let mut findings = vec![link(reading)];
    if plan.xdp {
        findings.extend([native(reading), zero_copy(reading), mtu(reading), programs(reading)]);
        findings.extend(large_receive(reading));
    }
    findings
}

fn link(reading: &Reading) -> Finding {
    let name = quoted(&reading.name);
    match (reading.up, reading.carrier) {
        (false, _) => LINK.wrong("down", "up").changed_by(format!("ip link set dev {name} up")),
        (true, Some(false)) => LINK.wrong("up, without a carrier", "up, with a carrier"),
        (true, _) => LINK.good("up", "up"),
    }
}

fn native(reading: &Reading) -> Finding {
    const SHOULD: &str = "a driver with native XDP";
    let driver = reading.driver.as_deref().unwrap_or("unknown driver");
    match &reading.features {
        Ok(XdpFeatures { native: true, .. }) => {
            DRIVER.good(format!("{driver}, native XDP"), SHOULD)
        }
        Ok(_) => DRIVER.advice(
            format!("{driver}, without native XDP as it is set now: generic mode is taken"),
            SHOULD,
        ),
        Err(_) if known(driver).is_some() => {
            DRIVER.good(format!("{driver}, which has native XDP"), SHOULD)
        }
        Err(_) => DRIVER
            .unknown(format!("{driver}: this kernel does not tell before it is tried"), SHOULD),
    }
}

fn zero_copy(reading: &Reading) -> Finding {
    const SHOULD: &str = "a driver with AF_XDP zero-copy";
    let driver = reading.driver.as_deref().unwrap_or("unknown driver");
    match (&reading.features, known(driver)) {
        (Ok(XdpFeatures { zero_copy: true, .. }), _) => ZERO_COPY.good("the driver has it", SHOULD),
        (Err(_), Some(true)) => ZERO_COPY.good(format!("{driver} has it"), SHOULD),
        (Ok(_), _) | (Err(_), Some(false)) => {
            ZERO_COPY.advice(format!("{driver} has none: packets are copied once"), SHOULD)
        }
        (Err(_), None) => ZERO_COPY.unknown("not known before it is tried", SHOULD),
    }
}

fn known(driver: &str) -> Option<bool> {
    KNOWN.iter().find(|(name, _)| *name == driver).map(|(_, zero_copy)| *zero_copy)
}

/// What drivers refuse lies between 3,498 (ena) and 3,818 (ixgbe with 4 KiB pages).
const MTU_MAX: u32 = 3_498;

fn mtu(reading: &Reading) -> Finding {
    let is = reading.mtu.to_string();
    let should = format!("at most {MTU_MAX}");
    let several = matches!(&reading.features, Ok(features) if features.several_buffers);
    if reading.mtu <= MTU_MAX {
        return MTU.good(is, should);
    }
    let name = quoted(&reading.name);
    let finding = match several {
        // Short packets are taken all the same, and exporters send no others.
        true => MTU.advice(is, should),
        false => MTU.wrong(is, should),
    };
    finding.changed_by(format!("ip link set dev {name} mtu 1500"))
}

fn programs(reading: &Reading) -> Finding {
    const SHOULD: &str = "none, or this collector's";
    let programs = match &reading.programs {
        Ok(programs) => programs,
        Err(error) => {
            return PROGRAMS.unknown(format!("the kernel does not tell: {error}"), SHOULD);
        }
    };
    let told = |(program, name): &(Attached, Option<String>)| {
        let name = name.as_deref().unwrap_or("name not to be told without CAP_SYS_ADMIN");
        format!("number {} in {} mode ({name})", program.id, program.mode)
    };
    let own =
        |(_, name): &(Attached, Option<String>)| name.as_deref().is_some_and(steering::is_ours);
    let is: Vec<_> = programs.iter().map(told).collect();
    if programs.is_empty() {
        return PROGRAMS.good("none", SHOULD);
    }
    if programs.iter().all(own) {
        return PROGRAMS.good(format!("a collector's, {}", is.join(", ")), SHOULD);
    }
    if programs.iter().any(|(_, name)| name.as_deref() == Some("")) {
        let is = format!("{}, as a collector's that had no CAP_PERFMON", is.join(", "));
        return PROGRAMS.unknown(is, SHOULD);
    }
    if programs.iter().any(|(_, name)| name.is_none()) {
        // It may well be a collector's that runs.
        return PROGRAMS.unknown(is.join(", "), SHOULD);
    }
    let name = quoted(&reading.name);
    PROGRAMS.wrong(is.join(", "), SHOULD).changed_by(format!("ip link set dev {name} xdp off"))
}

fn large_receive(reading: &Reading) -> Option<Finding> {
    let name = quoted(&reading.name);
    let off = || "off".to_owned();
    match &reading.offloads {
        Said::Told(text) if is_on(text, "large-receive-offload") => {
            Some(LRO.advice("on", off()).changed_by(format!("ethtool -K {name} lro off")))
        }
        Said::Told(_) => Some(LRO.good("off", off())),
        Said::Refused(reason) => Some(LRO.unknown(format!("ethtool: {reason}"), off())),
        Said::Absent => Some(LRO.unknown("ethtool is not installed", off())),
    }
}

/// A line of `ethtool -k`, `name: on [fixed]`.
fn is_on(text: &str, name: &str) -> bool {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
    value.is_some_and(|value| value.starts_with("on"))
}
