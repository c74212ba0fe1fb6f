//! What a service manager hears of a collector: that it has begun, how it goes, that all is well,
//! and that it ends.

mod common {
    pub mod collector;
    pub mod command;
    pub mod port;
}

use std::{
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    process::Command,
    time::Duration,
};

use common::{
    collector::Collector,
    command::{LOGWEIR, succeed},
    port,
};

/// How long the test waits for a message before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hears messages until one holds this; all of them.
fn hear(manager: &UnixDatagram, wanted: &str) -> Vec<String> {
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    while !heard.last().is_some_and(|last: &String| last.contains(wanted)) {
        let length = manager.recv(&mut buffer).unwrap_or_else(|error| {
            panic!("no '{wanted}' but {heard:?}: {error}");
        });
        heard.push(String::from_utf8(buffer[..length].to_vec()).expect("text"));
    }
    heard
}

fn reports(name: &str, manager: &UnixDatagram) {
    manager.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let directory = tempfile::tempdir().expect("a directory");
    let port = port::free();
    let mut run = Command::new(LOGWEIR);
    run.env("NOTIFY_SOCKET", name).env("WATCHDOG_USEC", "1000000");
    run.args(["run", "--source", "udp", "--listen", &format!("127.0.0.1:{port}")]);
    let collector = Collector::start(&mut run, directory.path());
    assert_eq!(hear(manager, "READY"), ["READY=1"], "it collects, and nothing was said before");
    let mut from = Command::new(LOGWEIR);
    from.args(["generate", "--to", &format!("udp://127.0.0.1:{port}")]);
    succeed(from.args(["--count", "2000", "--rate", "10000"]));
    let heard = hear(manager, "STATUS=");
    let pings = heard.iter().filter(|message| *message == "WATCHDOG=1").count();
    assert!(pings > 1, "{heard:?}");
    let status = heard.last().expect("a status");
    assert!(status.contains(" datagrams/s, ") && status.ends_with("lost: nothing"), "{status}");
    let stopped = collector.stop();
    assert!(stopped.status.success(), "{}", stopped.printed);
    assert_eq!(stopped.count("/unaccounted/total"), 0, "{}", stopped.printed);
    let last = hear(manager, "STOPPING=1");
    assert!(last.last().is_some_and(|last| last.starts_with("STOPPING=1\nSTATUS=")), "{last:?}");
}

#[test]
fn a_manager_with_a_path_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    reports(path.to_str().expect("UTF-8"), &manager);
}

#[test]
fn a_manager_with_an_abstract_name_is_told() {
    let name = format!("logweir-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("an address");
    let manager = UnixDatagram::bind_addr(&address).expect("a socket");
    reports(&format!("@{name}"), &manager);
}

#[test]
fn a_manager_that_is_not_there_is_told_of() {
    let directory = tempfile::tempdir().expect("a directory");
    let nobody = directory.path().join("notify");
    let mut run = Command::new(LOGWEIR);
    run.env("NOTIFY_SOCKET", &nobody).args(["run", "--listen", "0", "--sink", "discard"]);
    let output = run.output().expect("the program starts");
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr);
    let expected = format!("logweir: cannot reach the service manager at {}", nobody.display());
    assert!(complaint.starts_with(&expected) && complaint.lines().count() == 1, "{complaint}");
}
