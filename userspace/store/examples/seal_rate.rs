//! What a sealed session record costs: processor time of each step and bytes of each column, of the
//! traffic model's sessions, and of the index beside them. One thread; waiting for the disk is not in
//! it.
//!
//! `cargo run --release -p logweir-store --example seal_rate -- DIRECTORY [million records] [rounds] [zstd level]`
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint},
    limits::Limits,
    netflow::registry::Registry,
    settings::Settings,
};
use logweir_store::{
    incoming::Incoming,
    index::{self, Indexes},
    layout::Layout,
    seal::{SealedPart, Sealer},
};
use logweir_traffic::{Format, Model, ModelConfig};
use parquet::file::metadata::ParquetMetaDataReader;
use rustix::time::{ClockId, clock_gettime};
use std::{collections::BTreeMap, env, fs, fs::File, path::Path, sync::Arc};

/// As the collector has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut arguments = env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "seal_rate.data".to_owned());
    let mut number = |default: usize| {
        arguments.next().map_or(default, |number| number.parse().expect("a number"))
    };
    let (records, rounds) = (number(2) * 1_000_000, number(3));
    let zstd_level = i32::try_from(number(1)).expect("a zstd level");
    let layout = Layout { zstd_level, ..Layout::default() };
    for format in [Format::UsgNetflow, Format::UsgSyslogDefault] {
        let batches = batches(format, records);
        let records: usize = batches.iter().map(Batch::records).sum();
        let directory = Path::new(&directory).join(format.name());
        let mut best = [f64::MAX; 2];
        let mut parts = Vec::new();
        for _ in 0..rounds {
            let _ = fs::remove_dir_all(&directory);
            let (steps, sealed) = seal(&batches, &directory, layout);
            best = [best[0].min(steps[0]), best[1].min(steps[1])];
            parts = sealed;
        }
        let [push, finish] = best.map(|seconds| seconds * 1e9 / records as f64);
        let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
        println!("{format}: {records} records, {} parts", parts.len());
        println!("  ns a record: {push:.0} to Arrow, {finish:.0} sorted, indexed and written");
        println!("  bytes a record: {:.2}", bytes as f64 / records as f64);
        let indexes: u64 = parts.iter().map(index_bytes).sum();
        println!("  bytes a record of indexes: {:.2}", indexes as f64 / records as f64);
        for (column, bytes) in columns(&parts) {
            let bytes = bytes as f64 / records as f64;
            if bytes >= 0.01 {
                println!("    {column:20} {bytes:6.2}");
            }
        }
    }
}

/// Processor time of both steps, and the parts.
fn seal(batches: &[Batch], directory: &Path, layout: Layout) -> ([f64; 2], Vec<SealedPart>) {
    let (incoming, _) = Incoming::open(directory).expect("opens");
    let begin = core_seconds();
    let mut sealer = Sealer::new();
    for batch in batches {
        sealer.push(batch).expect("converts");
    }
    let pushed = core_seconds();
    let sealed = sealer.finish("rate", &incoming, layout, &mut Indexes::default()).expect("seals");
    ([pushed - begin, core_seconds() - pushed], sealed.parts)
}

/// Bytes of the index beside a part; none where its family has none.
fn index_bytes(part: &SealedPart) -> u64 {
    let index = part.path.with_extension(index::EXTENSION);
    fs::metadata(index).map_or(0, |metadata| metadata.len())
}

/// Bytes of each column, as they are in the files.
fn columns(parts: &[SealedPart]) -> Vec<(String, i64)> {
    let mut bytes: BTreeMap<(usize, String), i64> = BTreeMap::new();
    for part in parts {
        let file = File::open(&part.path).expect("opens");
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).expect("is Parquet");
        for group in metadata.row_groups() {
            for (index, column) in group.columns().iter().enumerate() {
                let path = column.column_path().string();
                *bytes.entry((index, path)).or_default() += column.compressed_size();
            }
        }
    }
    bytes.into_iter().map(|((_, path), bytes)| (path, bytes)).collect()
}

/// What the decoders make of so many records of the model: some ten thousand subscribers behind a
/// pool of public addresses, popular and rare destinations, sessions that begin and end.
fn batches(format: Format, records: usize) -> Vec<Batch> {
    let config = ModelConfig {
        format,
        exporters: 4,
        subscribers: 100_000,
        events_per_second: 100_000,
        sessions_live_max: 1_000_000,
        ..ModelConfig::default()
    };
    let mut model = Model::new(config).expect("a model");
    let mut decoder =
        Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::new(Settings::default()));
    let mut buffer = [0; 2_048];
    let mut full = Vec::new();
    let mut batch = Batch::new(Capacity::DEFAULT);
    let mut decoded = 0;
    while decoded < records {
        let sent = model.next_datagram(&mut buffer, None);
        if batch.is_worth_handing_over() || !batch.has_room_for(sent.len) {
            decoded += batch.records();
            full.push(std::mem::replace(&mut batch, Batch::new(Capacity::DEFAULT)));
        }
        let datagram = Datagram {
            payload: &buffer[..sent.len],
            exporter: sent.exporter,
            exporter_port: sent.exporter_port,
            received_at: i64::try_from(sent.at_ns).expect("a time"),
            format: FormatHint::Auto,
        };
        decoder.decode(&datagram, &mut batch);
    }
    full.push(batch);
    full
}

/// Processor time of this process, which has one thread.
fn core_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
