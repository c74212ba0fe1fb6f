//! All formats on one port, from 200 exporters at once: each exporter's records are those that it
//! sent, field by field. One more exporter, which sends damaged and contradicting data under the
//! template ids, domains and ports of the others, changes none of them.

mod common {
    pub mod collector;
    pub mod command;
    pub mod even;
    pub mod expected;
    pub mod formats;
    pub mod port;
    pub mod printed;
}

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use arrow_array::{cast::AsArray, types::UInt32Type};
use common::{
    collector::Collector,
    command::{LOGWEIR, succeed},
    even::assert_even,
    expected::expected,
    formats::{DECODED, of},
    port,
    printed::{Record, printed},
};
use logweir_store::{files, schema::Family};
use logweir_traffic::{
    DatagramInfo, Format, Model, ModelConfig, Truth,
    frame::Frame,
    hostile::{Corruption, Hostile},
    pcap,
    random::Random,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const EXPORTERS: usize = 200;
/// What the program does not record unless its configuration says so: messengers' users.
const NOT_BY_DEFAULT: [Format; 1] = [Format::UsgIm];
const DATAGRAMS: usize = 10_000;
/// No honest exporter has it.
const HOSTILE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 19, 255, 254));
const COLLECTOR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 2055);
/// Between two datagrams.
const STEP_NS: u64 = 1_000_000;

/// The records of each exporter, sorted.
type Records = HashMap<String, Vec<Record>>;

/// What the exporters send.
struct Exporters {
    models: Vec<(ModelConfig, Model)>,
    random: Random,
}

impl Exporters {
    /// 200, of all formats. What is not recorded by default is not among them.
    fn new() -> Self {
        let formats = || DECODED.iter().filter(|format| !NOT_BY_DEFAULT.contains(format));
        let (count, mut first) = (formats().count(), 0);
        let models = formats().enumerate().map(|(index, format)| {
            let exporters = (EXPORTERS / count + usize::from(index < EXPORTERS % count)) as u32;
            let config = ModelConfig { exporters, first_exporter: first, ..of(*format, 31) };
            first += exporters;
            (config.clone(), Model::new(config).expect("the configuration is within the limits"))
        });
        Self { models: models.collect(), random: Random::new(31) }
    }

    /// A datagram of any of them.
    fn next(&mut self, buffer: &mut [u8], truth: &mut Vec<Truth>) -> (&ModelConfig, DatagramInfo) {
        let which = self.random.below(self.models.len() as u32) as usize;
        let (config, model) = &mut self.models[which];
        (config, model.next_datagram(buffer, Some(truth)))
    }
}

/// The exporter that contradicts the others.
struct Attacker {
    hostile: Hostile,
    corruption: Corruption,
    random: Random,
    payload: Vec<u8>,
}

impl Attacker {
    fn new() -> Self {
        Self {
            hostile: Hostile::new(31),
            corruption: Corruption::new(31),
            random: Random::new(32),
            payload: Vec::new(),
        }
    }

    /// Something of its own, or an honest datagram damaged, or (if it has templates) with other
    /// elements under the same ids and in the same domain.
    fn next(&mut self, honest: &[u8]) -> &[u8] {
        match self.random.below(3) {
            0 => {
                self.hostile.next_datagram(&mut self.payload);
            }
            1 => self.corruption.damage(honest, &mut self.payload),
            _ => self.contradict(honest),
        }
        &self.payload
    }

    fn contradict(&mut self, honest: &[u8]) {
        self.payload.clear();
        self.payload.extend_from_slice(honest);
        let header = match honest {
            [0, 9, ..] => 20,
            [0, 10, ..] => 16,
            _ => return,
        };
        // The first set's first template: its first two fields change places with other elements.
        if let Some(elements) = self.payload.get_mut(header + 8..header + 16) {
            elements[1] ^= 1 << self.random.below(6);
            elements[5] ^= 1 << self.random.below(6);
        }
    }
}

/// Writes a capture; says what the honest exporters sent.
fn capture(path: &Path, with_attacker: bool) -> Records {
    let file = BufWriter::new(File::create(path).expect("a file"));
    let mut writer = pcap::Writer::new(file).expect("written");
    let (mut exporters, mut attacker) = (Exporters::new(), Attacker::new());
    let (mut buffer, mut truth) = (vec![0; 1_400], Vec::new());
    let mut records = Records::new();
    let mut now = 0;
    for _ in 0..DATAGRAMS {
        let (config, info) = exporters.next(&mut buffer, &mut truth);
        now = (now + STEP_NS).max(info.at_ns);
        for truth in truth.drain(..) {
            let expected = expected(config, info.sequence, &truth, now as i64);
            let expected = expected.into_iter().map(|(name, text)| (name.to_owned(), text));
            records.entry(info.exporter.to_string()).or_default().push(expected.collect());
        }
        let payload = &buffer[..info.len];
        write_frame(&mut writer, now, (info.exporter, info.exporter_port), payload);
        if with_attacker {
            let attack = attacker.next(payload);
            write_frame(&mut writer, now, (HOSTILE, info.exporter_port), attack);
        }
    }
    writer.finish().expect("written");
    sorted(records)
}

fn write_frame(
    writer: &mut pcap::Writer<BufWriter<File>>,
    now: u64,
    source: (IpAddr, u16),
    payload: &[u8],
) {
    let (src_mac, dst_mac) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let source = SocketAddr::from(source);
    let frame = Frame { src_mac, dst_mac, vlans: &[], source, destination: COLLECTOR };
    let mut bytes = [0; 4_096];
    let length = frame.write(payload, &mut bytes).expect("it fits");
    writer.write_frame(now, &bytes[..length]).expect("written");
}

/// What `logweir decode` prints of each exporter.
fn decode(path: &Path) -> Records {
    let text = succeed(Command::new(LOGWEIR).arg("decode").arg(path).args(["--output", "json"]));
    let mut records = Records::new();
    for line in text.lines() {
        let record = printed(line);
        records.entry(record["exporter"].clone()).or_default().push(record);
    }
    sorted(records)
}

fn sorted(mut records: Records) -> Records {
    records.values_mut().for_each(|records| records.sort_unstable());
    records
}

#[track_caller]
fn assert_same(found: &Records, sent: &Records) {
    assert_eq!(sent.len(), EXPORTERS, "every exporter sends");
    for (exporter, sent) in sent {
        let found = found.get(exporter).map(Vec::as_slice).unwrap_or_default();
        for (found, sent) in found.iter().zip(sent) {
            assert_eq!(found, sent, "{exporter}: decoded (left) is not what was sent");
        }
        assert_eq!(found.len(), sent.len(), "{exporter}");
    }
}

#[test]
fn each_exporter_of_a_mixed_stream_is_decoded_by_its_own_rules() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("mixed.pcap");
    let sent = capture(&path, false);
    let found = decode(&path);
    assert_same(&found, &sent);
    assert_eq!(found.len(), EXPORTERS, "and no other");
}

#[test]
fn a_hostile_exporter_changes_nothing_for_the_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("hostile.pcap");
    let sent = capture(&path, true);
    let mut found = decode(&path);
    let hostile = found.remove(&HOSTILE.to_string()).expect("it is heard as well");
    assert!(hostile.iter().any(|record| record["record"] == "unparsed"));
    assert_same(&found, &sent);
    assert_eq!(found.len(), EXPORTERS, "and no other");
}

/// Datagrams over loopback, and how many are sent before the collector is let catch up.
const OVER_UDP: usize = 4_000;
const BURST: usize = 16;
const PAUSE: Duration = Duration::from_millis(2);

/// Of this exporter's number, the address that it sends from: each is an exporter to the collector.
fn loopback(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 1, (number / 200) as u8, (number % 200) as u8 + 1)
}

/// Rows of all families but `unparsed` in the files, by exporter.
fn rows_by_exporter(directory: &Path) -> HashMap<Ipv4Addr, usize> {
    let mut rows = HashMap::new();
    for family in Family::ALL.into_iter().filter(|family| *family != Family::Unparsed) {
        for path in files::parquet_files(&directory.join("data"), family).expect("files") {
            let file = File::open(path).expect("a file");
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
            for batch in reader.build().expect("a reader") {
                let batch = batch.expect("rows");
                let exporters = batch.column_by_name("exporter_v4").expect("a column");
                for exporter in exporters.as_primitive::<UInt32Type>().iter().flatten() {
                    *rows.entry(exporter.into()).or_default() += 1;
                }
            }
        }
    }
    rows
}

#[test]
fn each_exporter_of_a_mixed_stream_over_udp_is_stored_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    let port = port::free();
    let mut run = Command::new(LOGWEIR);
    run.args(["run", "--source", "udp", "--listen", &format!("127.0.0.1:{port}")]);
    let collector = Collector::start(&mut run, directory.path());
    let mut exporters = Exporters::new();
    let mut sockets: HashMap<IpAddr, (Ipv4Addr, UdpSocket)> = HashMap::new();
    let mut sent: HashMap<Ipv4Addr, usize> = HashMap::new();
    let (mut buffer, mut truth) = (vec![0; 1_400], Vec::new());
    for index in 0..OVER_UDP {
        let (_, info) = exporters.next(&mut buffer, &mut truth);
        let number = sockets.len();
        let (address, socket) = sockets.entry(info.exporter).or_insert_with(|| {
            let socket = UdpSocket::bind((loopback(number), 0)).expect("a socket");
            socket.connect(("127.0.0.1", port)).expect("connected");
            (loopback(number), socket)
        });
        socket.send(&buffer[..info.len]).expect("sent");
        *sent.entry(*address).or_default() += info.records;
        if index % BURST == 0 {
            thread::sleep(PAUSE);
        }
    }
    let stopped = collector.stop();
    assert_even(&stopped, directory.path());
    assert_eq!(stopped.count("/socket/received"), OVER_UDP as u64, "{}", stopped.printed);
    assert_eq!(stopped.count("/records/unparsed"), 0, "{}", stopped.printed);
    assert_eq!(sent.len(), EXPORTERS, "every exporter sends");
    assert_eq!(rows_by_exporter(directory.path()), sent);
}
