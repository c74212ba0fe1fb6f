//! A collector that watches: it is sent records over loopback, and what comes of them is waited for.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

use super::{
    collector::Collector,
    command::{LOGWEIR, succeed},
    port,
};

/// A record of a packet that was dropped.
pub const DROPPED: &str = "No telnet: 0 TCP(6) WAN/203.0.113.9/4321-LAN/192.168.0.10/23 S Drop";

/// A collector with this configuration besides, and a socket that sends to it.
pub fn collect(configuration: &str, directory: &Path) -> (Collector, UdpSocket) {
    collect_in(&[], configuration, directory)
}

/// The same, with these variables in its environment.
pub fn collect_in(
    environment: &[(&str, &Path)],
    configuration: &str,
    directory: &Path,
) -> (Collector, UdpSocket) {
    let port = port::free();
    let path = directory.join("logweir.toml");
    let data = directory.join("data");
    let head = format!("listen = [\"127.0.0.1:{port}\"]\nsource = \"udp\"\ndata = {data:?}\n");
    fs::write(&path, head + configuration).expect("written");
    let environment = environment.iter().copied();
    succeed(Command::new(LOGWEIR).arg("check-config").arg(&path).envs(environment.clone()));
    let mut run = Command::new(LOGWEIR);
    run.envs(environment);
    let collector = Collector::start(run.args(["run", "--config"]).arg(path), directory);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect(("127.0.0.1", port)).expect("connected");
    (collector, socket)
}

/// A question to the collector of this directory.
pub fn ask(words: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(LOGWEIR);
    command.args(words).arg("--data").arg(directory.join("data"));
    command
}

/// How many events of this name the collector tells of.
pub fn events(name: &str, directory: &Path) -> usize {
    let event = format!("event={name}");
    // Above them is a heading.
    succeed(&mut ask(&["tail", "--output", "json", &event], directory)).lines().count() - 1
}

/// Looks until there is what is looked for; panics if it never comes.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("there never was {what}");
}

/// Waits for a line of a file that has this text.
pub fn line_with(path: &Path, text: &str) -> String {
    wait_for(text, || {
        let lines = fs::read_to_string(path).unwrap_or_default();
        lines.lines().find(|line| line.contains(text)).map(str::to_owned)
    })
}
