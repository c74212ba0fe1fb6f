//! The collector without XDP: real processes over loopback, from the generator to the answer of
//! `trace`.

mod common {
    pub mod collector;
    pub mod command;
    pub mod even;
    pub mod generator;
    pub mod numbers;
    pub mod port;
}

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use common::{
    collector::Collector,
    command::{LOGWEIR, succeed},
    even::assert_even,
    generator::Generated,
    numbers::assert_nothing_missing,
    port,
};
use serde_json::Value;

/// Generates over loopback into a collector with these workers; checks that all of it is stored,
/// and gives what the generator said.
fn collect(format: &str, records: &str, rate: &str, workers: &str, directory: &Path) -> Generated {
    let port = port::free();
    let mut run = Command::new(LOGWEIR);
    run.args(["run", "--source", "udp", "--udp-workers", workers]);
    run.args(["--listen", &format!("127.0.0.1:{port}")]);
    let collector = Collector::start(&mut run, directory);
    assert!(collector.description.contains("UDP sockets"), "{}", collector.description);
    assert!(collector.description.contains(&format!("{workers} worker")));
    let mut from = Command::new(LOGWEIR);
    from.args(["generate", "--to", &format!("udp://127.0.0.1:{port}"), "--format", format]);
    from.args(["--count", records, "--rate", rate, "--nat64", "0.1"]);
    let generated = Generated::by(&mut from);
    let stopped = collector.stop();
    assert_even(&stopped, directory);
    for (pointer, name) in [
        ("/socket/received", "datagrams"),
        ("/datagrams/received", "datagrams"),
        ("/datagrams/received_bytes", "payload_bytes"),
        ("/datagrams/decoded", "datagrams"),
        ("/records/session", "records"),
        ("/records/stored", "records"),
    ] {
        let sent = generated.count(name);
        assert_eq!(stopped.count(pointer), sent, "{pointer}: {}", stopped.printed);
    }
    generated
}

/// The generator's own example must be found by its public address and port.
fn trace(sample: &Value, directory: &Path) {
    let public: SocketAddr = format!(
        "{}:{}",
        sample["nat_src_addr"].as_str().expect("an address"),
        sample["nat_src_port"]
    )
    .parse()
    .expect("an address and a port");
    let end = sample["end_time"].as_str().expect("a time");
    let mut trace = Command::new(LOGWEIR);
    trace.args(["trace", &public.to_string(), "--at", end]);
    trace.args(["--protocol", &sample["protocol"].to_string(), "--output", "json", "--data"]);
    let answer = succeed(trace.arg(directory.join("data")));
    let found = answer.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let same = |found: Value| {
        assert_eq!(found["nat_src_addr"], sample["nat_src_addr"]);
        assert_eq!(found["nat_src_port"], sample["nat_src_port"]);
        ["src_addr", "src_port"].iter().all(|field| found[*field] == sample[*field])
    };
    assert!(found.into_iter().any(same), "{sample} is not in:\n{answer}");
}

#[test]
fn netflow_is_stored_and_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let generated = collect("huawei-usg-netflow", "60000", "40000", "1", directory.path());
    trace(&generated.summary["sample"], directory.path());
}

#[test]
fn syslog_is_stored_and_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let generated = collect("huawei-usg-syslog", "20000", "10000", "1", directory.path());
    trace(&generated.summary["sample"], directory.path());
}

/// `mtn` lines name no public address for a lookup by the generator, but all must be there.
#[test]
fn mtn_is_stored() {
    let directory = tempfile::tempdir().expect("a directory");
    collect("huawei-usg-mtn", "10000", "10000", "1", directory.path());
}

/// One sender on one socket, whose datagrams are dealt out: no record and no number is lost.
#[test]
fn two_workers_share_a_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let port = port::free();
    let mut run = Command::new(LOGWEIR);
    run.args(["run", "--source", "udp", "--workers-per-queue", "2"]);
    run.args(["--listen", &format!("127.0.0.1:{port}=huawei-usg-netflow")]);
    let collector = Collector::start(&mut run, directory.path());
    let mut from = Command::new(LOGWEIR);
    from.args(["generate", "--to", &format!("udp://127.0.0.1:{port}"), "--exporters", "1"]);
    let generated = Generated::by(from.args(["--count", "60000", "--rate", "40000"]));
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    assert_eq!(stopped.count("/datagrams/decoded"), generated.count("datagrams"));
    assert_eq!(stopped.count("/records/stored"), generated.count("records"));
    assert_nothing_missing(&stopped);
}

/// Workers that spin end when they are asked to, and what is thrown away is accounted for.
#[test]
fn discarded_records_are_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let port = port::free();
    let mut run = Command::new(LOGWEIR);
    run.args(["run", "--source", "udp", "--sink", "discard", "--busy-poll"]);
    run.args(["--listen", &format!("127.0.0.1:{port}")]);
    let collector = Collector::start(&mut run, directory.path());
    let mut from = Command::new(LOGWEIR);
    from.args(["generate", "--to", &format!("udp://127.0.0.1:{port}")]);
    let generated = Generated::by(from.args(["--count", "20000", "--rate", "20000"]));
    let stopped = collector.stop();
    assert_eq!(stopped.count("/records/discarded"), generated.count("records"));
    assert_eq!(stopped.count("/records/stored"), 0);
    assert_eq!(stopped.count("/unaccounted/total"), 0, "{}", stopped.printed);
}

/// Several senders, so that the kernel shares them out between the sockets of the port.
#[test]
fn two_workers_share_a_port() {
    let directory = tempfile::tempdir().expect("a directory");
    let port = port::free();
    let mut run = Command::new(LOGWEIR);
    run.args(["run", "--source", "udp", "--udp-workers", "2"]);
    run.args(["--listen", &format!("127.0.0.1:{port}=huawei-usg-netflow")]);
    let collector = Collector::start(&mut run, directory.path());
    let send = |seed: u32| {
        let mut from = Command::new(LOGWEIR);
        from.args(["generate", "--to", &format!("udp://127.0.0.1:{port}"), "--count", "10000"]);
        Generated::by(from.args(["--rate", "10000", "--seed", &seed.to_string()]))
    };
    let generated = std::thread::scope(|scope| {
        let senders: Vec<_> = (1..=4).map(|seed| scope.spawn(move || send(seed))).collect();
        let done = senders.into_iter().map(|sender| sender.join().expect("a generator"));
        done.collect::<Vec<_>>()
    });
    let sum = |name: &str| generated.iter().map(|one| one.count(name)).sum::<u64>();
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    assert_eq!(stopped.count("/datagrams/decoded"), sum("datagrams"), "{}", stopped.printed);
    assert_eq!(stopped.count("/records/stored"), sum("records"), "{}", stopped.printed);
}
