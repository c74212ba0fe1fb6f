//! Hostile datagrams and honest ones at the same port: the collector lives, keeps what the honest
//! exporter sent, and its memory stays within bounds.

mod common {
    pub mod collector;
    pub mod even;
    pub mod port;
}

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use arrow_array::{cast::AsArray, types::UInt32Type};
use common::{collector::Collector, even::assert_even, port};
use logweir_store::{files, schema::Family};
use logweir_traffic::{Format, Model, ModelConfig, hostile::Hostile};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Memory that the collector may have taken at its most. Its batches are 32 of about 20 MiB that
/// are mostly never touched; templates and waiting datagrams have limits of about 150 MiB.
const RSS_MAX_KIB: u64 = 1 << 20;

const HONEST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const HOSTILE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// Datagrams that are sent before the collector is let catch up.
const BURST: usize = 16;
const PAUSE: Duration = Duration::from_millis(2);
const BURSTS: u64 = 400;
const LOOKS_MAX: u32 = 60_000;

/// The most memory that a process has had, looked at until it is gone.
fn most_memory_kib(process: u32) -> u64 {
    let path = format!("/proc/{process}/status");
    let mut most = 0;
    for _ in 0..LOOKS_MAX {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else { break };
        most = line.trim().trim_end_matches(" kB").parse().expect("a number");
        thread::sleep(PAUSE);
    }
    most
}

fn sender(port: u16, from: Ipv4Addr) -> UdpSocket {
    let socket = UdpSocket::bind((from, 0)).expect("a socket");
    socket.connect(("127.0.0.1", port)).expect("connected");
    socket
}

#[test]
fn honest_records_are_stored_among_hostile_datagrams() {
    let directory = tempfile::tempdir().expect("a directory");
    let port = port::free();
    let mut run = Command::new(env!("CARGO_BIN_EXE_logweir"));
    run.args(["run", "--source", "udp", "--listen", &format!("127.0.0.1:{port}")]);
    let collector = Collector::start(&mut run, directory.path());
    let formats = [Format::UsgNetflow, Format::UsgSyslogDefault, Format::UsgMtn];
    let honest_models: Vec<_> = formats
        .into_iter()
        .map(|format| {
            Model::new(ModelConfig { format, ..ModelConfig::default() }).expect("a model")
        })
        .collect();
    // Templates belong to an exporter's address: the honest one has its own.
    let (hostile, honest) = (sender(port, HOSTILE), sender(port, HONEST));
    let sent = send(Hostile::new(7), &hostile, honest_models, &honest);
    let process = collector.child.id();
    let memory = thread::spawn(move || most_memory_kib(process));
    let stopped = collector.stop();
    let memory = memory.join().expect("a number");
    assert!((1..RSS_MAX_KIB).contains(&memory), "{memory} KiB");
    assert_even(&stopped, directory.path());
    assert_eq!(stopped.count("/socket/received"), sent.datagrams, "{}", stopped.printed);
    assert!(stopped.balance["datagrams"]["rejected"].is_object(), "{}", stopped.printed);
    assert!(stopped.count("/records/unparsed") > 0, "{}", stopped.printed);
    assert_eq!(stored_from_honest(directory.path()), sent.honest_records, "{}", stopped.printed);
}

struct Sent {
    datagrams: u64,
    honest_records: u64,
}

fn send(
    mut attacker: Hostile,
    hostile: &UdpSocket,
    mut honest_models: Vec<Model>,
    honest: &UdpSocket,
) -> Sent {
    let (mut attack, mut buffer) = (Vec::new(), [0; 1400]);
    let mut sent = Sent { datagrams: 0, honest_records: 0 };
    for _ in 0..BURSTS {
        for _ in 0..BURST {
            attacker.next_datagram(&mut attack);
            hostile.send(&attack).expect("sent");
            sent.datagrams += 1;
        }
        for model in &mut honest_models {
            let info = model.next_datagram(&mut buffer, None);
            honest.send(&buffer[..info.len]).expect("sent");
            sent.datagrams += 1;
            sent.honest_records += info.records as u64;
        }
        thread::sleep(PAUSE);
    }
    sent
}

/// Session rows of the files whose exporter is the honest one.
fn stored_from_honest(directory: &Path) -> u64 {
    let mut rows = 0;
    for path in files::parquet_files(&directory.join("data"), Family::Session).expect("files") {
        let file = fs::File::open(path).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        for batch in reader.build().expect("a reader") {
            let batch = batch.expect("rows");
            let exporters = batch.column_by_name("exporter_v4").expect("a column");
            let exporters = exporters.as_primitive::<UInt32Type>().iter().flatten();
            rows += exporters.filter(|exporter| *exporter == u32::from(HONEST)).count() as u64;
        }
    }
    rows
}
