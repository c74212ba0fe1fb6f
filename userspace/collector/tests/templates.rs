//! Templates outlive a collector that is killed: data is decoded by what was announced before.

mod common {
    pub mod collector;
    pub mod port;
}

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use common::{collector::Collector, port};
use logweir_traffic::{Model, ModelConfig};

const LOGWEIR: &str = env!("CARGO_BIN_EXE_logweir");

fn start(port: u16, directory: &Path) -> Collector {
    let mut run = Command::new(LOGWEIR);
    run.args(["run", "--source", "udp", "--listen", &format!("127.0.0.1:{port}")]);
    Collector::start(&mut run, directory)
}

fn send(model: &mut Model, port: u16, datagrams: u64) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut buffer = [0; 1400];
    for _ in 0..datagrams {
        let info = model.next_datagram(&mut buffer, None);
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.send_to(&buffer[..info.len], to).expect("sent");
    }
}

/// Waits until the file has the templates of that many observation domains.
fn wait_for_templates(directory: &Path, domains: usize) {
    const LOOKS_MAX: u32 = 3_000;
    let path = directory.join("data").join("templates.json");
    for _ in 0..LOOKS_MAX {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.matches("\"domain\"").count() >= domains {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("no templates in {}", path.display());
}

#[test]
fn data_is_decoded_by_the_templates_of_a_collector_that_was_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = ModelConfig { slots: 3, template_every: 100_000, ..ModelConfig::default() };
    let mut model = Model::new(config).expect("a model");
    let port = port::free();
    let collector = start(port, directory.path());
    send(&mut model, port, 30);
    wait_for_templates(directory.path(), 1);
    // Killed.
    drop(collector);

    let collector = start(port, directory.path());
    send(&mut model, port, 30);
    thread::sleep(Duration::from_millis(200));
    let stopped = collector.stop();
    assert!(stopped.status.success(), "{}", stopped.printed);
    assert_eq!(stopped.count("/datagrams/received"), 30, "{}", stopped.printed);
    assert_eq!(stopped.count("/datagrams/decoded"), 30, "{}", stopped.printed);
    assert_eq!(stopped.count("/unaccounted/total"), 0, "{}", stopped.printed);
    assert!(stopped.printed.contains("known from before: "), "{}", stopped.printed);
}
