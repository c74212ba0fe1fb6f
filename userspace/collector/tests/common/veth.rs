//! A veth pair between two network namespaces: the collector's, with `rx0`, and the generator's,
//! with `tx0`.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::command::{LOGWEIR, succeed};

/// The pair. Namespaces and devices are gone when it is dropped.
pub struct Veth {
    name: String,
}

impl Veth {
    pub const RX_MAC_TEXT: &str = "02:00:00:00:00:02";

    /// Makes a pair. `rx0` has 192.0.2.1, and a route back to every exporter.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let veth = Self { name: format!("lwtest-{}-{number}", std::process::id()) };
        let (rx, tx) = (veth.namespace("rx"), veth.namespace("tx"));
        for namespace in [&rx, &tx] {
            ip(&format!("netns add {namespace}"));
            // No frames but the tests': no router solicitations and the like.
            let quiet = "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6";
            succeed(Command::new("ip").args(["netns", "exec", namespace, "sh", "-c", quiet]));
        }
        ip(&format!("-n {rx} link add rx0 type veth peer name tx0 netns {tx}"));
        ip(&format!("-n {rx} link set rx0 address {} up", Self::RX_MAC_TEXT));
        ip(&format!("-n {tx} link set tx0 address 02:00:00:00:00:01 up"));
        ip(&format!("-n {rx} address add 192.0.2.1/24 dev rx0"));
        ip(&format!("-n {rx} route add default dev rx0"));
        veth
    }

    /// The namespace of `rx0` or `tx0`, by `rx` or `tx`.
    pub fn namespace(&self, side: &str) -> String {
        format!("{}-{side}", self.name)
    }

    /// Any program in the namespace of a side: `rx` or `tx`.
    pub fn command(&self, side: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(side), program]);
        command
    }

    /// The program in the namespace of `rx0`.
    pub fn receiving(&self) -> Command {
        self.command("rx", LOGWEIR)
    }

    /// The program in the namespace of `tx0`.
    pub fn sending(&self) -> Command {
        self.command("tx", LOGWEIR)
    }

    /// Gives `tx0` a queueing discipline: with one, veth pushes back instead of dropping.
    pub fn push_back(&self) {
        let words = ["qdisc", "replace", "dev", "tx0", "root", "pfifo"];
        succeed(self.command("tx", "tc").args(words));
    }

    /// Packets that `tx0` dropped.
    pub fn tx_dropped(&self) -> u64 {
        let statistics =
            succeed(self.command("tx", "ip").args(["-s", "-j", "link", "show", "tx0"]));
        let statistics: serde_json::Value = serde_json::from_str(&statistics).expect("JSON");
        statistics[0]["stats64"]["tx"]["dropped"].as_u64().expect("a number")
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        for side in ["rx", "tx"] {
            let name = self.namespace(side);
            Command::new("ip").args(["netns", "del", &name]).output().ok();
        }
    }
}

fn ip(arguments: &str) {
    succeed(Command::new("ip").args(arguments.split_whitespace()));
}
