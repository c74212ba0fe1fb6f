//! The collector over AF_XDP between two network namespaces: without loss, far beyond what it can
//! take, and with datagrams that the XDP program leaves to the kernel. Each datagram is in exactly
//! one place.

mod common {
    pub mod collector;
    pub mod command;
    pub mod even;
    pub mod generator;
    pub mod numbers;
    pub mod root;
    pub mod veth;
    pub mod wire;
}

use common::{
    collector::{Collector, Stopped},
    command::succeed,
    even::assert_even,
    generator::Generated,
    numbers::assert_nothing_missing,
    root::is_root,
    veth::Veth,
    wire,
};
use logweir_traffic::{Model, ModelConfig, frame::Frame};

/// Where the frames go.
const TARGET: &str = "192.0.2.1:2055";

fn collector(veth: &Veth, directory: &std::path::Path, options: &[&str]) -> Collector {
    let mut run = veth.receiving();
    run.args(["run", "--interface", "rx0", "--source", "xdp", "--listen", "2055"]).args(options);
    let collector = Collector::start(&mut run, directory);
    for word in ["AF_XDP on rx0", "XDP in native", "copy sockets"] {
        assert!(collector.description.contains(word), "{}", collector.description);
    }
    collector
}

fn generate(veth: &Veth, rate: &str, count: &str) -> Generated {
    let mut from = veth.sending();
    from.args(["generate", "--to", "tx0", "--target", TARGET, "--target-mac", Veth::RX_MAC_TEXT]);
    Generated::by(from.args(["--rate", rate, "--count", count]))
}

#[test]
fn a_modest_rate_is_stored_without_loss() {
    if !is_root("a_modest_rate_is_stored_without_loss") {
        return;
    }
    let (veth, directory) = (Veth::new(), tempfile::tempdir().expect("a directory"));
    veth.push_back();
    let collector = collector(&veth, directory.path(), &[]);
    let generated = generate(&veth, "60000", "120000");
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    let datagrams = generated.count("datagrams");
    assert_eq!(veth.tx_dropped(), 0);
    for pointer in ["/xdp/redirected", "/ring/received", "/datagrams/decoded"] {
        assert_eq!(stopped.count(pointer), datagrams, "{pointer}: {}", stopped.printed);
    }
    assert_eq!(stopped.count("/records/stored"), generated.count("records"));
    assert_eq!(stopped.count("/socket/received"), 0, "{}", stopped.printed);
    assert_eq!(stopped.count("/xdp/seen"), stopped.count("/nic/rx_packets"));
    assert_eq!(stopped.balance["xdp"]["mode"], "native");
    assert_eq!(stopped.balance["ring"]["mode"], "copy");
}

/// One exporter's datagrams come on one queue, whoever decodes them.
#[test]
fn two_workers_share_a_queue() {
    if !is_root("two_workers_share_a_queue") {
        return;
    }
    let (veth, directory) = (Veth::new(), tempfile::tempdir().expect("a directory"));
    veth.push_back();
    let collector = collector(&veth, directory.path(), &["--workers-per-queue", "2"]);
    let mut from = veth.sending();
    from.args(["generate", "--to", "tx0", "--target", TARGET, "--target-mac", Veth::RX_MAC_TEXT]);
    from.args(["--exporters", "1", "--rate", "60000", "--count", "120000"]);
    let generated = Generated::by(&mut from);
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    for pointer in ["/ring/received", "/datagrams/received", "/datagrams/decoded"] {
        assert_eq!(stopped.count(pointer), generated.count("datagrams"), "{pointer}");
    }
    assert_eq!(stopped.count("/records/stored"), generated.count("records"));
    assert_nothing_missing(&stopped);
}

/// What was dropped for want of batches, exporter by exporter.
fn dropped_by_exporters(stopped: &Stopped) -> u64 {
    let exporters = stopped.balance["exporters"].as_array().expect("a ledger");
    exporters.iter().map(|exporter| exporter["dropped_no_batch"].as_u64().expect("a count")).sum()
}

/// The same overload, dealt out to workers with one batch to fill while the other is written.
#[test]
fn overload_of_a_dealt_queue_is_counted_to_the_last_datagram() {
    if !is_root("overload_of_a_dealt_queue_is_counted_to_the_last_datagram") {
        return;
    }
    let (veth, directory) = (Veth::new(), tempfile::tempdir().expect("a directory"));
    let options = ["--workers-per-queue", "2", "--rx-ring-size", "64", "--batches", "2"];
    let collector = collector(&veth, directory.path(), &options);
    let generated = generate(&veth, "0", "2000000");
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    let lost_in_rings = stopped.count("/ring/rx_ring_full") + stopped.count("/ring/rx_dropped");
    let dropped = stopped.count("/datagrams/dropped_no_batch");
    assert_eq!(dropped_by_exporters(&stopped), dropped, "{}", stopped.printed);
    let given = stopped.count("/datagrams/received") + lost_in_rings + veth.tx_dropped();
    assert_eq!(generated.count("datagrams"), given, "{}", stopped.printed);
}

/// A tiny ring, two batches, and a sender that does not wait.
#[test]
fn overload_is_counted_to_the_last_datagram() {
    if !is_root("overload_is_counted_to_the_last_datagram") {
        return;
    }
    let (veth, directory) = (Veth::new(), tempfile::tempdir().expect("a directory"));
    let collector = collector(&veth, directory.path(), &["--rx-ring-size", "64", "--batches", "2"]);
    let generated = generate(&veth, "0", "2000000");
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    let lost_in_rings = stopped.count("/ring/rx_ring_full") + stopped.count("/ring/rx_dropped");
    let lost_at_device = veth.tx_dropped();
    let dropped = stopped.count("/datagrams/dropped_no_batch");
    assert_eq!(dropped_by_exporters(&stopped), dropped, "{}", stopped.printed);
    let lost = lost_in_rings + lost_at_device + dropped;
    assert!(lost > 0, "no overload: {}", stopped.printed);
    assert_eq!(stopped.count("/socket/received"), 0, "{}", stopped.printed);
    assert_eq!(stopped.count("/ring/unreadable"), 0, "{}", stopped.printed);
    let received = stopped.count("/datagrams/received");
    assert_eq!(
        generated.count("datagrams"),
        received + lost_in_rings + lost_at_device,
        "{lost_at_device} lost at the sender's device: {}",
        stopped.printed
    );
}

/// Whoever stops a collector does not stop the exporters: the books are closed in their traffic.
#[test]
fn a_collector_that_stops_in_traffic_has_even_books() {
    if !is_root("a_collector_that_stops_in_traffic_has_even_books") {
        return;
    }
    let veth = Veth::new();
    veth.push_back();
    let mut from = veth.sending();
    from.args(["generate", "--to", "tx0", "--target", TARGET, "--target-mac", Veth::RX_MAC_TEXT]);
    let from = from.args(["--rate", "400000", "--count", "1000000000"]);
    let _endless = Endless(from.stdout(std::process::Stdio::null()).spawn().expect("a generator"));
    for _ in 0..3 {
        let directory = tempfile::tempdir().expect("a directory");
        let collector = collector(&veth, directory.path(), &["--batches", "8"]);
        std::thread::sleep(std::time::Duration::from_millis(300));
        let stopped = collector.stop();
        assert!(stopped.count("/datagrams/received") > 0, "{}", stopped.printed);
        assert_even(&stopped, directory.path());
    }
}

/// A process that does not end by itself.
struct Endless(std::process::Child);

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Exporters' datagrams, each in a frame.
struct Frames {
    model: Model,
    payload: [u8; 1400],
    bytes: [u8; 2048],
    records: u64,
}

impl Frames {
    fn new(exporters: u32) -> Self {
        let config = ModelConfig { exporters, ..ModelConfig::default() };
        let model = Model::new(config).expect("a model");
        Self { model, payload: [0; 1400], bytes: [0; 2048], records: 0 }
    }

    /// The next datagram as a frame, and who it is from.
    fn next(&mut self, vlans: &[u16]) -> (Vec<u8>, std::net::IpAddr) {
        let info = self.model.next_datagram(&mut self.payload, None);
        self.records += info.records as u64;
        let frame = Frame {
            src_mac: wire::TX_MAC,
            dst_mac: wire::RX_MAC,
            vlans,
            source: (info.exporter, info.exporter_port).into(),
            destination: TARGET.parse().expect("an address"),
        };
        let len = frame.write(&self.payload[..info.len], &mut self.bytes).expect("a frame");
        (self.bytes[..len].to_vec(), info.exporter)
    }
}

const ETHERNET: usize = 14;
const IPV4: usize = 20;

/// Writes length and checksum of the IPv4 header behind the Ethernet header.
fn mend_ipv4(frame: &mut [u8]) {
    let total = u16::try_from(frame.len() - ETHERNET).expect("an IPv4 packet");
    let header_len = usize::from(frame[ETHERNET] & 0x0f) * 4;
    let header = &mut frame[ETHERNET..ETHERNET + header_len];
    header[2..4].copy_from_slice(&total.to_be_bytes());
    header[10..12].fill(0);
    let words = header.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let folded = u16::try_from((sum & 0xffff) + (sum >> 16)).expect("16 bits");
    header[10..12].copy_from_slice(&(!folded).to_be_bytes());
}

/// The frame in two fragments, the second one first.
fn fragments(frame: &[u8], identification: u16) -> [Vec<u8>; 2] {
    const FIRST_LEN: usize = 600;
    const MORE: u16 = 0x2000;
    let (headers, data) = frame.split_at(ETHERNET + IPV4);
    let (first, second) = data.split_at(FIRST_LEN);
    [(second, (FIRST_LEN / 8) as u16), (first, MORE)].map(|(data, place)| {
        let mut fragment = [headers, data].concat();
        fragment[ETHERNET + 4..ETHERNET + 6].copy_from_slice(&identification.to_be_bytes());
        fragment[ETHERNET + 6..ETHERNET + 8].copy_from_slice(&place.to_be_bytes());
        mend_ipv4(&mut fragment);
        fragment
    })
}

/// The frame with four "no operation" options in its IPv4 header.
fn with_options(frame: &[u8]) -> Vec<u8> {
    let (headers, data) = frame.split_at(ETHERNET + IPV4);
    let mut frame = [headers, &[1; 4], data].concat();
    frame[ETHERNET] = 0x46;
    mend_ipv4(&mut frame);
    frame
}

/// What the XDP program does not redirect reaches the UDP socket of the same port, and the decoder
/// that knows the templates of what came by the ring.
#[test]
fn fragments_and_options_take_the_socket_and_vlans_the_ring() {
    const ROUNDS: u64 = 50;
    if !is_root("fragments_and_options_take_the_socket_and_vlans_the_ring") {
        return;
    }
    let (veth, directory) = (Veth::new(), tempfile::tempdir().expect("a directory"));
    veth.push_back();
    let collector = collector(&veth, directory.path(), &[]);
    let records = wire::send(&veth, || {
        let mut frames = Frames::new(3);
        let mut sent = Vec::new();
        for round in 0..ROUNDS {
            sent.extend([&[] as &[u16], &[7], &[7, 8]].map(|vlans| frames.next(vlans).0));
            sent.extend(fragments(&frames.next(&[]).0, round as u16 + 1));
            sent.push(with_options(&frames.next(&[]).0));
        }
        (sent, frames.records)
    });
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    assert_eq!(veth.tx_dropped(), 0);
    for (pointer, rounds) in [
        ("/xdp/redirected", 3),
        ("/xdp/passed/fragment", 2),
        ("/xdp/passed/ip_options", 1),
        ("/ring/received", 3),
        ("/socket/received", 2),
        ("/datagrams/decoded", 5),
    ] {
        assert_eq!(stopped.count(pointer), rounds * ROUNDS, "{pointer}: {}", stopped.printed);
    }
    assert_eq!(stopped.count("/records/stored"), records, "{}", stopped.printed);
}

/// Only .2 and .3 of the four exporters may send.
#[test]
fn exporters_that_are_not_allowed_are_dropped_and_counted() {
    const DATAGRAMS: usize = 400;
    if !is_root("exporters_that_are_not_allowed_are_dropped_and_counted") {
        return;
    }
    let (veth, directory) = (Veth::new(), tempfile::tempdir().expect("a directory"));
    veth.push_back();
    let collector = collector(&veth, directory.path(), &["--allow", "198.19.240.2/31"]);
    let allowed = wire::send(&veth, || {
        let mut frames = Frames::new(4);
        let mut allowed = 0;
        let sent = (0..DATAGRAMS).map(|_| {
            let (frame, exporter) = frames.next(&[]);
            let may_send =
                ["198.19.240.2", "198.19.240.3"].contains(&exporter.to_string().as_str());
            allowed += u64::from(may_send);
            frame
        });
        (sent.collect(), allowed)
    });
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    let refused = DATAGRAMS as u64 - allowed;
    assert!(allowed > 0 && refused > 0);
    assert_eq!(stopped.count("/xdp/redirected"), allowed, "{}", stopped.printed);
    assert_eq!(stopped.count("/xdp/dropped/not_allowed"), refused, "{}", stopped.printed);
    assert_eq!(stopped.count("/datagrams/decoded"), allowed, "{}", stopped.printed);
    assert_eq!(stopped.count("/socket/received"), 0, "{}", stopped.printed);
}

/// Nobody knows any longer what it has counted, so that is not told, and nothing else is missing.
#[test]
fn an_interface_that_is_removed_ends_the_collector_with_all_that_came() {
    if !is_root("an_interface_that_is_removed_ends_the_collector_with_all_that_came") {
        return;
    }
    let (veth, directory) = (Veth::new(), tempfile::tempdir().expect("a directory"));
    veth.push_back();
    let collector = collector(&veth, directory.path(), &[]);
    let generated = generate(&veth, "20000", "20000");
    succeed(veth.command("rx", "ip").args(["link", "delete", "rx0"]));
    let stopped = collector.ended();
    let printed = &stopped.printed;
    assert_eq!(stopped.status.code(), Some(1), "{printed}");
    assert!(printed.contains("the interface of RX queue 0 is gone"), "{printed}");
    assert!(stopped.balance["nic"].is_null(), "{printed}");
    assert_eq!(stopped.count("/unaccounted/total"), 0, "{printed}");
    assert_eq!(stopped.count("/records/stored"), generated.count("records"), "{printed}");
}
