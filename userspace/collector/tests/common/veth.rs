//! A veth pair between two network namespaces: the collector's, with `rx0`, and the generator's,
//! with `tx0`.

use std::fs::File;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use logweir_xsk::{Interface, Sender, SenderOptions};
use nix::sched::{CloneFlags, setns};

use super::command::{LOGWEIR, succeed};

/// The pair. Namespaces and devices are gone when it is dropped.
pub struct Veth {
    name: String,
}

/// How long frames may take to leave.
const FLUSH_MAX: Duration = Duration::from_secs(10);

impl Veth {
    pub const RX_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
    pub const RX_MAC_TEXT: &str = "02:00:00:00:00:02";
    pub const TX_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

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

    fn namespace(&self, side: &str) -> String {
        format!("{}-{side}", self.name)
    }

    fn command(&self, side: &str, program: &str) -> Command {
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

    /// Sends frames from `tx0`; `make` gives them, and what it makes of them is handed on.
    pub fn send<T: Send>(&self, make: impl FnOnce() -> (Vec<Vec<u8>>, T) + Send) -> T {
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let path = format!("/run/netns/{}", self.namespace("tx"));
                let namespace = File::open(path).expect("the namespace");
                setns(namespace, CloneFlags::CLONE_NEWNET).expect("root may enter it");
                let (frames, made) = make();
                send_all(&frames);
                made
            });
            sending.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
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

fn send_all(frames: &[Vec<u8>]) {
    let interface = Interface::by_name("tx0").expect("tx0");
    let mut sender = Sender::open(&interface, 0, &SenderOptions::default()).expect("a sender");
    let mut rest = frames;
    while !rest.is_empty() {
        let sent = sender.send(rest.len().min(32), |i, bytes| {
            bytes[..rest[i].len()].copy_from_slice(&rest[i]);
            rest[i].len()
        });
        rest = &rest[sent..];
        if sent == 0 {
            assert!(sender.wait(Some(FLUSH_MAX)).expect("a wait"), "the driver takes nothing");
        }
    }
    sender.flush(FLUSH_MAX).expect("all leave");
}
