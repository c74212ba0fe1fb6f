//! The kernel: its version, and what it was built with.

use super::{Plan, finding::Check, finding::Finding, read};
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, socket_with},
};
use std::path::Path;

/// What it tells of itself.
#[derive(Clone, Debug)]
pub struct Reading {
    /// `uname -r`.
    pub release: String,
    /// What opening an AF_XDP socket came to.
    pub af_xdp: Result<(), Errno>,
    /// Whether it describes its own types.
    pub btf: bool,
    /// `net.core.bpf_jit_enable`.
    pub jit: Option<u8>,
    /// Its security modules, `lockdown,landlock,…`; `None` where they cannot be read.
    pub security_modules: Option<String>,
    /// Whether it has seccomp filters.
    pub seccomp: bool,
}

impl Reading {
    /// Of this host.
    pub fn take() -> Self {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::XDP, SocketType::RAW, flags, None);
        Self {
            release: read::text("/proc/sys/kernel/osrelease").unwrap_or_default(),
            af_xdp: socket.map(drop),
            btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
            jit: read::number("/proc/sys/net/core/bpf_jit_enable"),
            security_modules: read::text("/sys/kernel/security/lsm"),
            seccomp: Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
        }
    }
}

/// The first version with all that the XDP program needs.
const OLDEST: (u32, u32) = (5, 18);

const VERSION: Check =
    Check { name: "version", why: "the XDP program needs what Linux 5.18 brought" };
const AF_XDP: Check =
    Check { name: "AF_XDP", why: "datagrams reach the workers by AF_XDP sockets" };
const BTF: Check =
    Check { name: "BTF", why: "with it bpftool shows the program's maps by the names of fields" };
const JIT: Check =
    Check { name: "BPF compiler", why: "interpreted, the XDP program takes several times as long" };
const LANDLOCK: Check =
    Check { name: "landlock", why: "it keeps the collector to its own directories" };
const SECCOMP: Check =
    Check { name: "seccomp", why: "it keeps the collector to the system calls that it needs" };

/// What is found.
pub fn findings(reading: &Reading, plan: &Plan) -> Vec<Finding> {
    let mut findings = vec![version(&reading.release, plan)];
    if plan.xdp {
        findings.extend([af_xdp(reading.af_xdp), jit(reading.jit)]);
        findings.push(match reading.btf {
            true => BTF.good("described", "described"),
            false => BTF.advice("not described", "a kernel with CONFIG_DEBUG_INFO_BTF"),
        });
    }
    findings.push(landlock(reading.security_modules.as_deref()));
    findings.push(match reading.seccomp {
        true => SECCOMP.good("filters can be had", "filters can be had"),
        false => SECCOMP.advice("no filters", "a kernel with CONFIG_SECCOMP_FILTER"),
    });
    findings
}

fn version(release: &str, plan: &Plan) -> Finding {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return VERSION.unknown(format!("\"{release}\" names no version"), "5.18 or later");
    };
    if (major, minor) >= OLDEST {
        VERSION.good(release, "5.18 or later")
    } else if plan.xdp {
        VERSION.wrong(release, "5.18 or later, or source udp")
    } else {
        VERSION.advice(release, "5.18 or later, for AF_XDP")
    }
}

fn af_xdp(opened: Result<(), Errno>) -> Finding {
    const SHOULD: &str = "a kernel with CONFIG_XDP_SOCKETS";
    match opened {
        Ok(()) => AF_XDP.good("sockets can be opened", SHOULD),
        Err(Errno::AFNOSUPPORT) => AF_XDP.wrong("the kernel has no such sockets", SHOULD),
        Err(Errno::PERM) => AF_XDP.unknown("not to be told without CAP_NET_RAW", SHOULD),
        Err(error) => AF_XDP.unknown(format!("opening a socket failed: {error}"), SHOULD),
    }
}

fn jit(enabled: Option<u8>) -> Finding {
    match enabled {
        None => JIT.unknown("the kernel does not tell", "on"),
        Some(0) => JIT.advice("off", "on").changed_by("sysctl -w net.core.bpf_jit_enable=1"),
        Some(_) => JIT.good("on", "on"),
    }
}

fn landlock(modules: Option<&str>) -> Finding {
    const SHOULD: &str = "among the kernel's security modules (lsm=landlock,… at boot)";
    match modules {
        None => LANDLOCK
            .unknown("securityfs is not mounted here", SHOULD)
            .changed_by("mount -t securityfs securityfs /sys/kernel/security"),
        Some(modules) if modules.split(',').any(|name| name == "landlock") => {
            LANDLOCK.good("can be had", SHOULD)
        }
        Some(modules) => LANDLOCK.advice(format!("not among {modules}"), SHOULD),
    }
}
