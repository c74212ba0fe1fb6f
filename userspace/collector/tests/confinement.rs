//! What is left of root when a collector runs: nothing, and it collects all the same.

mod common {
    pub mod collector;
    pub mod command;
    pub mod even;
    pub mod generator;
    pub mod root;
    pub mod veth;
}

use std::{
    fs, io,
    os::unix::fs::chown,
    path::Path,
    process::Command,
    sync::mpsc::{self, Sender},
    thread,
};

use common::{
    collector::Collector, command::LOGWEIR, even::assert_even, generator::Generated, root::is_root,
    veth::Veth,
};
use logweir::{
    keyring::Keyring,
    privileges::{self, Account, Places, Privileges},
    service::control::{Request, ask},
    steering::{Steering, SteeringConfig, SteeringError},
};
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketType, socket},
};

/// A user that every host has, and its number.
const USER: &str = "nobody";
const USER_ID: u32 = 65_534;

/// The process's own capabilities stay with the other threads of the test: what is confined is one
/// thread, and what it starts.
#[test]
fn what_is_confined_reaches_nothing_else() {
    if !is_root("what_is_confined_reaches_nothing_else") {
        return;
    }
    let data = owned_directory();
    let path = data.path().to_owned();
    let (forget, asked) = mpsc::channel::<Sender<()>>();
    let confined = thread::spawn(move || confined(&path, &forget));
    for done in asked {
        // The kernel forgets names and inodes, as it does when memory gets short: those used lately
        // when it is told so again. Where it may not be told to, all stays as it is.
        for _ in 0..3 {
            let _ = fs::write("/proc/sys/vm/drop_caches", "2");
        }
        done.send(()).expect("it waits");
    }
    confined.join().expect("as it should be");
}

fn confined(data: &Path, forget: &Sender<Sender<()>>) {
    let account = Account::find(USER).expect("a user");
    let kept = privileges::lower(Some(&account)).expect("root may");
    assert!(kept.is_empty(), "{kept:?}");
    let allow = ["198.51.100.0/24".parse().expect("a prefix")];
    let config = SteeringConfig { allow: allow.to_vec(), ..SteeringConfig::default() };
    let mut steering = Steering::load(&config).expect("so far it may");

    let places = Places { write: vec![data.to_owned()], ..Places::default() };
    let privileges = privileges::confine(&places, kept);
    let expected = Privileges {
        user: USER.into(),
        capabilities: String::new(),
        no_new_privs: true,
        landlock: "enforced".into(),
        seccomp: "enforced".into(),
        missing: Vec::new(),
    };
    assert_eq!(privileges, expected);

    let denied = |path| fs::read(path).expect_err("a secret").kind();
    assert_eq!(denied("/etc/shadow"), io::ErrorKind::PermissionDenied);
    // What its user could read, and is not its business.
    assert_eq!(denied("/etc/passwd"), io::ErrorKind::PermissionDenied);
    assert!(fs::read_dir("/").is_err());
    let raw = socket(AddressFamily::INET, SocketType::RAW, Some(rustix::net::ipproto::ICMP));
    assert_eq!(raw.err(), Some(Errno::PERM));
    let packets = socket(AddressFamily::PACKET, SocketType::RAW, None);
    assert_eq!(packets.err(), Some(Errno::PERM));
    let loaded = Steering::load(&SteeringConfig::default());
    assert!(matches!(loaded, Err(SteeringError::LoadNotPermitted)), "{loaded:?}");
    assert!(Command::new("/bin/true").status().is_err());

    // And what a collector does.
    assert!(
        thread::spawn(|| socket(AddressFamily::INET, SocketType::DGRAM, None).is_ok())
            .join()
            .expect("a thread")
    );
    fs::create_dir(data.join("hour")).expect("a directory");
    fs::write(data.join("part"), "records").expect("a file");
    fs::rename(data.join("part"), data.join("hour/part")).expect("moved");
    let name = fs::read_to_string("/proc/sys/kernel/hostname").expect("mail tells it");
    assert!(!name.trim().is_empty());
    Keyring::create(&data.join("keys"), jiff::Timestamp::now()).expect("random numbers");
    let (done, wait) = mpsc::channel();
    forget.send(done).expect("the test waits");
    wait.recv().expect("it was done");
    for path in ["/proc/self/status", "/proc/thread-self/net/dev", "/proc/sys/kernel/hostname"] {
        fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    assert!(fs::read_dir("/sys/class/net").is_ok());
    steering.counters().expect("a map is read");
    steering.set_allow_list(&[]).expect("a map is changed");
    steering.set_allow_list(&allow).expect("and changed again");
}

#[test]
fn a_collector_started_by_root_gives_all_up_and_collects() {
    if !is_root("a_collector_started_by_root_gives_all_up_and_collects") {
        return;
    }
    let veth = Veth::new();
    let mut run = veth.receiving();
    run.args(["run", "--user", USER]);
    collect(&veth, &mut run, Bounding::Empty);
}

/// As a unit with `User=` and `AmbientCapabilities=` starts it.
#[test]
fn three_capabilities_are_enough_to_start_with() {
    if !is_root("three_capabilities_are_enough_to_start_with") {
        return;
    }
    let veth = Veth::new();
    let receiving = veth.receiving();
    let mut run = Command::new(receiving.get_program());
    run.args(receiving.get_args().filter(|word| *word != LOGWEIR));
    run.args(["setpriv", "--reuid", USER, "--regid", "nogroup"]);
    // The last one is for `LimitMEMLOCK=`, which not every root may raise.
    let capabilities = "-all,+net_admin,+bpf,+net_raw,+ipc_lock";
    for set in ["--bounding-set", "--inh-caps", "--ambient-caps"] {
        run.args([set, capabilities]);
    }
    run.args(["--clear-groups", LOGWEIR, "run", "--user", USER]);
    collect(&veth, &mut run, Bounding::Any);
}

/// Whether the capabilities that a program could have that a process starts are looked at. It
/// takes one more capability to take these away, and `no_new_privs` comes to the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bounding {
    Empty,
    Any,
}

/// Collects over AF_XDP by this command, and looks at each thread meanwhile.
fn collect(veth: &Veth, run: &mut Command, bounding: Bounding) {
    let directory = owned_directory();
    veth.push_back();
    run.args(["--interface", "rx0", "--source", "xdp", "--listen", "2055"]);
    let collector = Collector::start(run, directory.path());
    assert!(collector.description.contains("AF_XDP on rx0"), "{}", collector.description);
    let mut from = veth.sending();
    from.args(["generate", "--to", "tx0", "--target", "192.0.2.1:2055"]);
    from.args(["--target-mac", Veth::RX_MAC_TEXT, "--rate", "30000", "--count", "60000"]);
    let generated = Generated::by(&mut from);
    assert_confined(collector.child.id(), bounding);
    let control = directory.path().join("data/control.sock");
    let mut answers = ask(&control, &Request::Status).expect("an answer");
    let status = answers.next().expect("a line").expect("a status");
    let expected = serde_json::json!({
        "user": USER,
        "capabilities": "",
        "no_new_privs": true,
        "landlock": "enforced",
        "seccomp": "enforced",
        "missing": [],
    });
    assert_eq!(status["privileges"], expected);
    assert_eq!(veth.tx_dropped(), 0);
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    assert_eq!(stopped.count("/records/stored"), generated.count("records"));
    assert_eq!(stopped.count("/nic/rx_packets"), stopped.count("/xdp/seen"));
    assert!(stopped.count("/nic/rx_packets") >= generated.count("datagrams"));
    assert!(!stopped.printed.contains("not as confined"), "{}", stopped.printed);
}

/// Every thread of the process is its user's, without a right (`proc_pid_status(5)`).
fn assert_confined(pid: u32, bounding: Bounding) {
    let mut wanted = vec![
        ("Uid:", format!("{USER_ID}\t{USER_ID}\t{USER_ID}\t{USER_ID}")),
        ("NoNewPrivs:", "1".into()),
        ("Seccomp:", "2".into()),
    ];
    let mut empty = vec!["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"];
    if bounding == Bounding::Empty {
        empty.push("CapBnd:");
    }
    wanted.extend(empty.into_iter().map(|set| (set, "0".repeat(16))));
    let mut names = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).expect("a process") {
        let path = thread.expect("a thread").path().join("status");
        let status = fs::read_to_string(&path).expect("its status");
        let line =
            |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        for (key, value) in &wanted {
            assert_eq!(line(key), Some(value.as_str()), "{key}\n{status}");
        }
        names.extend(line("Name:").map(str::to_owned));
    }
    for name in ["lw-queue-0", "lw-udp-0", "lw-writer", "lw-sealer", "lw-sync", "lw-control"] {
        assert!(names.iter().any(|other| other == name), "no {name}: {names:?}");
    }
    assert!(!names.iter().any(|name| name == "lw-opening"), "{names:?}");
}

/// A directory that is the user's.
fn owned_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    chown(directory.path(), Some(USER_ID), None).expect("root may");
    directory
}
