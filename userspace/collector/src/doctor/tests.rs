//! The checks, with the readings of hosts that are not this one.

mod hosts;

use super::{
    Finding, Group, Plan, Severity, clock, disk,
    finding::quoted,
    interface, interrupts, kernel, memory,
    netlink::Attached,
    processors, queues,
    read::{Said, as_list, list},
    rights, script, sockets,
};
use hosts::{ENA, I40E, IXGBE, MLX5, VETH};
use rustix::{io::Errno, thread::CapabilitySet};
use std::{path::Path, time::Duration};

/// A collector of 8 queues on `eth0`, stored in /data.
fn plan() -> Plan {
    let settings = crate::config::Settings {
        interface: Some("eth0".into()),
        listen: Some(vec!["9996=netflow".into(), "192.0.2.1:514".into()]),
        data: Some("/data".into()),
        ..crate::config::Settings::default()
    };
    Plan::of(&settings)
}

fn of<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("no {check}: {findings:?}"))
}

#[track_caller]
fn assert_found(findings: &[Finding], expected: &[(&str, Severity, &str)]) {
    for (check, severity, command) in expected {
        let finding = of(findings, check);
        assert_eq!(finding.severity, *severity, "{finding:?}");
        assert_eq!(finding.command.as_deref().unwrap_or(""), *command, "{finding:?}");
    }
}

fn sixteen() -> processors::Reading {
    processors::Reading { allowed: (0..16).collect(), ..processors::Reading::default() }
}

#[test]
fn a_plan_is_what_the_settings_ask_of_a_host() {
    let plan = plan();
    assert!(plan.xdp);
    assert_eq!((plan.lowest_port, plan.rx_ring_size), (Some(514), 4_096));
    assert_eq!(plan.pinned_threads(8), 8);
    let dealt = Plan { workers_per_queue: 3, queues: Some(2), ..plan.clone() };
    assert_eq!(dealt.pinned_threads(8), 8);
    let udp = Plan { xdp: false, udp_workers: 3, ..plan };
    assert_eq!(udp.pinned_threads(8), 3);
}

#[test]
fn kernels() {
    use Severity::{Advice, Good, Unknown, Wrong};
    let reading = |release: &str, af_xdp, jit, modules: Option<&str>| kernel::Reading {
        release: release.into(),
        af_xdp,
        btf: true,
        jit: Some(jit),
        security_modules: modules.map(str::to_owned),
        seccomp: true,
    };
    let debian = reading("6.1.0-28-amd64", Ok(()), 1, Some("lockdown,capability,landlock,yama"));
    let findings = kernel::findings(&debian, &plan());
    assert!(findings.iter().all(|finding| finding.severity == Good), "{findings:?}");
    let old = reading("4.18.0-553.el8_10.x86_64", Err(Errno::AFNOSUPPORT), 0, Some("selinux"));
    let on = "sysctl -w net.core.bpf_jit_enable=1";
    assert_found(
        &kernel::findings(&old, &plan()),
        &[
            ("version", Wrong, ""),
            ("AF_XDP", Wrong, ""),
            ("BPF compiler", Advice, on),
            ("landlock", Advice, ""),
        ],
    );
    // By UDP sockets alone it serves.
    let udp = Plan { xdp: false, ..plan() };
    assert_found(&kernel::findings(&old, &udp), &[("version", Advice, "")]);
    let strange = reading("next", Err(Errno::PERM), 1, None);
    let mount = "mount -t securityfs securityfs /sys/kernel/security";
    assert_found(
        &kernel::findings(&strange, &plan()),
        &[("version", Unknown, ""), ("AF_XDP", Unknown, ""), ("landlock", Unknown, mount)],
    );
}

#[test]
fn drivers_and_links() {
    use Severity::{Advice, Good, Unknown, Wrong};
    let findings = |reading| interface::findings(&reading, &plan());
    // A kernel before 6.3 does not tell; what its drivers can do is known.
    assert_found(
        &findings(IXGBE.interface()),
        &[
            ("link", Good, ""),
            ("driver", Good, ""),
            ("zero-copy", Good, ""),
            ("MTU", Wrong, "ip link set dev eth0 mtu 1500"),
            ("large receive", Advice, "ethtool -K eth0 lro off"),
        ],
    );
    // mlx5 takes long packets in several buffers.
    assert_found(
        &findings(MLX5.interface()),
        &[("zero-copy", Good, ""), ("MTU", Advice, "ip link set dev eth0 mtu 1500")],
    );
    let none = [("driver", Good, ""), ("zero-copy", Advice, ""), ("XDP programs", Good, "")];
    assert_found(&findings(ENA.interface()), &none);
    assert_found(&findings(VETH.interface()), &none);
    let down = interface::Reading { up: false, ..IXGBE.interface() };
    assert_found(&findings(down), &[("link", Wrong, "ip link set dev eth0 up")]);
    let unplugged = interface::Reading { carrier: Some(false), ..IXGBE.interface() };
    assert_found(&findings(unplugged), &[("link", Wrong, "")]);
    let unheard = interface::Reading { driver: Some("qede".into()), ..IXGBE.interface() };
    assert_found(&findings(unheard), &[("driver", Unknown, ""), ("zero-copy", Unknown, "")]);
    let bare = interface::Reading { offloads: Said::Absent, ..IXGBE.interface() };
    assert_found(&findings(bare), &[("large receive", Unknown, "")]);
}

#[test]
fn somebody_elses_program_is_in_the_way_and_ours_is_not() {
    let with = |name: Option<&str>| {
        let program = (Attached { mode: "native", id: 17 }, name.map(str::to_owned));
        let reading = interface::Reading { programs: Ok(vec![program]), ..IXGBE.interface() };
        of(&interface::findings(&reading, &plan()), "XDP programs").clone()
    };
    assert_eq!(with(Some("steer")).severity, Severity::Good);
    let other = with(Some("xdp_dispatcher"));
    assert_eq!(other.severity, Severity::Wrong);
    assert!(other.is.contains("17 in native mode (xdp_dispatcher)"), "{}", other.is);
    assert_eq!(other.command.as_deref(), Some("ip link set dev eth0 xdp off"));
    let nameless = with(None);
    assert_eq!((nameless.severity, nameless.command), (Severity::Unknown, None));
}

#[test]
fn queues_of_other_hosts() {
    use Severity::{Advice, Good, Unknown, Wrong};
    let findings = |reading| queues::findings(&reading, &sixteen(), &plan());
    assert_found(
        &findings(IXGBE.queues()),
        &[
            ("RX queues", Good, ""),
            ("NIC ring", Advice, "ethtool -G eth0 rx 4096"),
            ("RSS of IPv4", Good, ""),
            ("RSS of IPv6", Good, ""),
        ],
    );
    assert_found(
        &findings(MLX5.queues()),
        &[
            ("RX queues", Advice, "ethtool -L eth0 combined 16"),
            ("NIC ring", Advice, "ethtool -G eth0 rx 4096"),
            ("RSS of IPv4", Advice, "ethtool -N eth0 rx-flow-hash udp4 sd"),
            ("RSS of IPv6", Advice, "ethtool -N eth0 rx-flow-hash udp6 sd"),
        ],
    );
    assert_found(
        &findings(ENA.queues()),
        &[
            ("queues for XDP", Wrong, "ethtool -L eth0 combined 4"),
            ("NIC ring", Advice, "ethtool -G eth0 rx 4096"),
            ("RSS of IPv4", Unknown, ""),
        ],
    );
    let veth = findings(VETH.queues());
    assert_found(&veth, &[("RX queues", Good, ""), ("NIC ring", Unknown, "")]);
    assert_eq!(veth.len(), 2, "one queue has no RSS: {veth:?}");
    // Only some of the queues are taken.
    let few = Plan { queues: Some(4), ..plan() };
    let findings = queues::findings(&IXGBE.queues(), &sixteen(), &few);
    assert_found(&findings, &[("queues taken", Advice, "ethtool -X eth0 equal 4")]);
    // With several workers a queue there is a thread more that deals.
    let dealt = Plan { workers_per_queue: 3, ..plan() };
    let findings = queues::findings(&I40E.queues(), &sixteen(), &dealt);
    assert_found(&findings, &[("RX queues", Advice, "ethtool -L eth0 combined 4")]);
}

#[test]
fn interrupts_of_other_hosts() {
    let found = interrupts::of_queues(hosts::INTERRUPTS_IXGBE, "eth0", &[]);
    let names: Vec<_> = found.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["eth0-TxRx-0", "eth0-TxRx-1"]);
    let others = "41: 5 0 PCI-MSI 7-edge eth0\n 42: 5 0 PCI-MSI 8-edge eth01-TxRx-0\n \
                  43: 5 0 PCI-MSI 9-edge eth0-rx-0\n 44: 5 0 PCI-MSI 10-edge eth0-tx-0\n";
    let found = interrupts::of_queues(others, "eth0", &[]);
    assert_eq!(found, [(43, "eth0-rx-0".into())]);
    let alone = "16: 5 0 IO-APIC 16-fasteoi eth0\n";
    assert_eq!(interrupts::of_queues(alone, "eth0", &[]), [(16, "eth0".into())]);
    let found = interrupts::of_queues(hosts::INTERRUPTS_MLX5, "eth0", &[100, 101, 102]);
    assert_eq!(found.len(), 2, "the asynchronous one is of no queue: {found:?}");
    let found = interrupts::of_queues(hosts::INTERRUPTS_VIRTIO, "eth0", &[37, 38, 39]);
    assert_eq!(found, [(38, "virtio2-input.0".into())]);

    let at = |processor: usize, number| interrupts::Interrupt {
        number,
        name: "eth0-TxRx".into(),
        processors: vec![processor],
    };
    let reading = interrupts::Reading {
        interrupts: vec![at(3, 40), at(3, 41)],
        balanced: true,
        node: Some((1, (8..16).collect())),
    };
    let findings = interrupts::findings(&reading, &sixteen(), &plan());
    let spread = "echo 0 > /proc/irq/40/smp_affinity_list\necho 1 > /proc/irq/41/smp_affinity_list";
    assert_found(
        &findings,
        &[
            ("irqbalance", Severity::Advice, "systemctl disable --now irqbalance"),
            ("interrupts", Severity::Advice, spread),
        ],
    );
    let node = of(&findings, "NUMA node");
    assert_eq!(node.severity, Severity::Advice);
    assert!(node.command.as_ref().is_some_and(|command| command.contains("8-15")), "{node:?}");
    let good = interrupts::Reading {
        interrupts: vec![at(0, 40), at(1, 41)],
        balanced: false,
        node: Some((0, (0..8).collect())),
    };
    let findings = interrupts::findings(&good, &sixteen(), &plan());
    assert!(findings.iter().all(|finding| finding.severity == Severity::Good), "{findings:?}");
}

#[test]
fn rights_and_ports() {
    use Severity::{Good, Wrong};
    let findings = |capabilities| {
        let reading = rights::Reading { capabilities: Some(capabilities), first_free_port: 1_024 };
        rights::findings(&reading, &plan())
    };
    let all = [("capabilities", Good, ""), ("low ports", Good, ""), ("priority", Good, "")];
    assert_found(&findings(CapabilitySet::all()), &all);
    let ports = "sysctl -w net.ipv4.ip_unprivileged_port_start=514";
    let none = findings(CapabilitySet::NET_RAW);
    assert_found(&none, &[("capabilities", Wrong, ""), ("low ports", Wrong, ports)]);
    let lacking = &of(&none, "capabilities").is;
    assert!(lacking.ends_with("CAP_NET_ADMIN, CAP_BPF"), "{lacking}");
}

fn without_rights() -> rights::Reading {
    rights::Reading { capabilities: Some(CapabilitySet::empty()), first_free_port: 1_024 }
}

#[test]
fn sockets_and_memory() {
    use Severity::{Advice, Good, Wrong};
    let reading = sockets::Reading {
        rmem_max: Some(212_992),
        backlog: Some(1_000),
        deferral: Some(("eth0".into(), 0, 0)),
    };
    let busy = Plan { busy_poll: true, ..plan() };
    let deferral = "echo 2 > /sys/class/net/eth0/napi_defer_hard_irqs\n\
                    echo 200000 > /sys/class/net/eth0/gro_flush_timeout";
    assert_found(
        &sockets::findings(&reading, &without_rights(), &busy),
        &[
            ("receive buffer", Advice, "sysctl -w net.core.rmem_max=16777216"),
            ("backlog", Advice, "sysctl -w net.core.netdev_max_backlog=10000"),
            ("busy polling", Advice, deferral),
        ],
    );
    let may = rights::Reading { capabilities: Some(CapabilitySet::all()), ..without_rights() };
    assert_found(&sockets::findings(&reading, &may, &busy), &[("receive buffer", Good, "")]);

    let table = "MemTotal: 8000000 kB\nMemAvailable: 1000000 kB\nHugePages_Total: 10\n\
                 HugePages_Free: 4\nHugepagesize: 2048 kB\n";
    let reading = memory::Reading { table: table.into(), lock_max: Some(8 << 20) };
    // 8 queues of 3 · 4096 frames are 24 pages each; 8 · 24 batches are more than 1 GB.
    assert_found(
        &memory::of_queues(&reading, &without_rights(), &plan(), 8),
        &[
            ("huge pages", Advice, "sysctl -w vm.nr_hugepages=198"),
            ("locked memory", Wrong, ""),
            ("memory", Wrong, ""),
        ],
    );
    let reading = memory::Reading { lock_max: None, ..reading };
    let small = Plan { rx_ring_size: 512, batches: 2, ..plan() };
    assert_found(
        &memory::of_queues(&reading, &without_rights(), &small, 1),
        &[("huge pages", Good, ""), ("locked memory", Good, ""), ("memory", Good, "")],
    );
}

#[test]
fn governors_and_clock_sources() {
    let reading = processors::Reading {
        governors: ["performance".into(), "powersave".into()].into(),
        clock_source: Some("hpet".into()),
        ..sixteen()
    };
    let busy = Plan { busy_poll: true, ..plan() };
    let findings = processors::findings(&reading, &busy);
    let advised = findings.iter().filter(|finding| finding.severity == Severity::Advice);
    assert_eq!(advised.count(), 3, "{findings:?}");
    let command = of(&findings, "frequency").command.clone().unwrap_or_default();
    assert!(command.contains("scaling_governor"), "{command}");
    let good = processors::Reading {
        governors: ["performance".into()].into(),
        clock_source: Some("tsc".into()),
        ..sixteen()
    };
    let findings = processors::findings(&good, &plan());
    assert!(findings.iter().all(|finding| finding.severity == Severity::Good), "{findings:?}");
}

#[test]
fn clocks() {
    use Severity::{Advice, Good, Unknown, Wrong};
    let none = clock::Reading {
        chrony: Said::Absent,
        ntp: Said::Absent,
        systemd: Said::Refused("not booted with systemd".into()),
        set_by_timesyncd: false,
    };
    assert_found(&clock::findings(&none), &[("kept", Unknown, "apt-get install -y chrony")]);
    let chrony = |offset: &str, leap: &str| {
        let line = format!(
            "A9FEA97B,169.254.169.123,4,1763823000.1,{offset},0.000003,0.000009,-8.1,0.002,0.03,\
             0.0004,0.0001,16.2,{leap}\n"
        );
        clock::findings(&clock::Reading { chrony: Said::Told(line), ..none.clone() })
    };
    let good = [("kept", Good, ""), ("offset", Good, ""), ("leap second", Good, "")];
    assert_found(&chrony("-0.000012", "Normal"), &good);
    assert_found(
        &chrony("-0.2", "Insert second"),
        &[("offset", Advice, ""), ("leap second", Advice, "")],
    );
    assert_found(&chrony("3.5", "Not synchronised"), &[("kept", Wrong, ""), ("offset", Wrong, "")]);
    let ntp = |text: &str| {
        clock::findings(&clock::Reading { ntp: Said::Told(text.into()), ..none.clone() })
    };
    assert_found(&ntp("leap=00, offset=-0.123\n"), &good);
    assert_found(&ntp("leap=11, offset=0.000\n"), &[("kept", Wrong, "")]);
    let systemd = |word: &str| {
        let told = format!("Timezone=Etc/UTC\nNTP=yes\nNTPSynchronized={word}\n");
        clock::findings(&clock::Reading { systemd: Said::Told(told), ..none.clone() })
    };
    assert_found(&systemd("yes"), &[("kept", Good, ""), ("offset", Unknown, "")]);
    assert_found(&systemd("no"), &[("kept", Wrong, "")]);
    let timesyncd = clock::Reading { set_by_timesyncd: true, ..none.clone() };
    assert_found(&clock::findings(&timesyncd), &[("kept", Good, "")]);
}

#[test]
fn disks() {
    use Severity::{Advice, Good, Unknown, Wrong};
    let trial = |exchanges, bytes_per_second, ms| disk::Trial {
        exchanges,
        bytes_per_second,
        longest_sync: Duration::from_millis(ms),
    };
    let reading = disk::Reading {
        data: "/data".into(),
        exists: true,
        kind: Some("xfs".into()),
        room: Some((500_000_000_000, 1_000_000_000_000)),
        trial: Ok(trial(true, 900e6, 3)),
    };
    let findings = disk::findings(&reading, &plan());
    assert!(findings.iter().all(|finding| finding.severity == Good), "{findings:?}");
    let poor = disk::Reading {
        kind: Some("nfs4".into()),
        room: Some((1_000_000_000, 2_000_000_000)),
        trial: Ok(trial(false, 20e6, 400)),
        ..reading.clone()
    };
    assert_found(
        &disk::findings(&poor, &plan()),
        &[
            ("file system", Advice, ""),
            ("room", Wrong, ""),
            ("exchange", Wrong, ""),
            ("speed", Advice, ""),
            ("sync", Advice, ""),
        ],
    );
    let closed =
        disk::Reading { trial: Err(disk::Untried::Refused("no".into())), ..reading.clone() };
    assert_found(&disk::findings(&closed, &plan()), &[("directory", Wrong, "")]);
    let others = disk::Reading { trial: Err(disk::Untried::Forbidden), ..reading.clone() };
    assert_found(&disk::findings(&others, &plan()), &[("directory", Unknown, "")]);
    let absent = disk::Reading { exists: false, data: "/a b".into(), ..reading };
    assert_found(&disk::findings(&absent, &plan()), &[("directory", Unknown, "mkdir -p '/a b'")]);
    let mounts = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                  40 22 0:35 / /data rw shared:2 - xfs /dev/sdb rw\n\
                  41 22 0:36 / /my\\040data rw - btrfs /dev/sdc rw\n";
    for (path, kind) in [("/data/x", "xfs"), ("/database", "ext4"), ("/my data", "btrfs")] {
        assert_eq!(disk::kind_of(mounts, Path::new(path)).as_deref(), Some(kind), "{path}");
    }
}

#[test]
fn lists_and_words() {
    assert_eq!(list("0-3,8\n"), [0, 1, 2, 3, 8]);
    assert!(list("").is_empty() && list("x").is_empty());
    assert_eq!(as_list(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
    for (word, quoted_word) in [("eth0", "eth0"), ("a b", "'a b'"), ("$(x)", "'$(x)'"), ("", "''")]
    {
        assert_eq!(quoted(word), quoted_word);
    }
    assert_eq!(quoted("it's"), "'it'\\''s'");
}

/// Whatever a host says of itself, it stays in the comments.
#[test]
fn nothing_that_was_read_is_run() {
    let finding = super::finding::Check { name: "check", why: "why" }
        .wrong("one\nrm -rf /\r", "two\nreboot")
        .changed_by("true one\ntrue two");
    let script = script(&[Group::new("disk /a\nb", vec![finding])]);
    let commands = script.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let expected =
        ["set -u", "failed=0", "true one || failed=1", "true two || failed=1", "exit \"$failed\""];
    assert_eq!(commands.collect::<Vec<_>>(), expected);
}
