//! How fast batches become Arrow arrays, and Parquet files on disk: rows for each second that one
//! core works, so that other programs on the host do not matter much. (Waiting for the disk is not
//! in it.)
//!
//! `cargo run --release -p logweir-store --example store_rate -- DIRECTORY [zstd level] [million rows]`
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use logweir_decode::{
    batch::{Batch, Capacity},
    context::{Context, EventTime, Flags, Format, UnixNanos},
    session::{Cell, Column, ColumnSet, Event, SessionTable},
    text::Text,
};
use logweir_store::{
    convert,
    writer::{Writer, WriterConfig},
};
use rustix::time::{ClockId, clock_gettime};
use std::{env, hint::black_box, net::Ipv4Addr, path::Path};

const ROWS: usize = 64 * 1024;
const ROWS_PER_DATAGRAM: usize = 20;

fn main() {
    let mut arguments = env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "store_rate.data".to_owned());
    let level = arguments.next().map_or(1, |level| level.parse().expect("a zstd level"));
    let millions: usize = arguments.next().map_or(8, |rows| rows.parse().expect("million rows"));
    let rounds = millions * 1_000_000 / ROWS;
    for (name, texts) in [("netflow", false), ("syslog", true)] {
        let mut random = Random(1);
        let batches: Vec<Batch> =
            (0..8).map(|index| batch(&mut random, index * 40_000_000, texts)).collect();
        convert_only(name, &batches, rounds);
        to_disk(name, &batches, rounds, &Path::new(&directory).join(name), level);
    }
}

fn convert_only(name: &str, batches: &[Batch], rounds: usize) {
    let begin = core_seconds();
    for round in 0..rounds {
        let batch = &batches[round % batches.len()];
        black_box(
            convert::session(batch, &batch.session.runs().collect::<Vec<_>>()).expect("converts"),
        );
    }
    let rate = (rounds * ROWS) as f64 / (core_seconds() - begin) / 1e6;
    println!("{name}: conversion alone {rate:.2} M rows/s");
}

fn to_disk(name: &str, batches: &[Batch], rounds: usize, directory: &Path, level: i32) {
    let mut config = WriterConfig::new(directory);
    config.layout.zstd_level = level;
    let (mut writer, _) = Writer::open(config).expect("opens");
    let begin = core_seconds();
    let mut committed = Vec::new();
    for round in 0..rounds {
        committed.extend(writer.append(&batches[round % batches.len()], 0).outcome.committed);
    }
    let (outcome, totals) = writer.finish();
    committed.extend(outcome.committed);
    let seconds = core_seconds() - begin;
    assert_eq!(totals.stored, (rounds * ROWS) as u64);
    let bytes: u64 = committed.iter().map(|part| part.bytes).sum();
    let rows = totals.stored as f64;
    println!(
        "{name}: to disk, zstd {level}: {:.2} M rows/s, {:.1} bytes a row",
        rows / seconds / 1e6,
        bytes as f64 / rows
    );
}

/// Processor time of this process, which has one thread.
fn core_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Sessions as a firewall reports them: some thousand inside hosts, a few hundred public
/// addresses, random ports, times near the time of arrival.
fn batch(random: &mut Random, offset: UnixNanos, texts: bool) -> Batch {
    let mut batch =
        Batch::new(Capacity { session_rows: ROWS, unparsed_rows: 1, text_bytes: 32 << 20 });
    let rows_per_run = if texts { 1 } else { ROWS_PER_DATAGRAM };
    let mut row = 0;
    while row < ROWS {
        let rows = rows_per_run.min(ROWS - row);
        let columns = numbers(&mut batch, random, rows);
        let columns = if texts { names(&mut batch, random, columns) } else { columns };
        let context = context(&mut batch, row, offset, texts);
        assert!(batch.session.commit(rows, columns, &context));
        row += rows;
    }
    batch
}

fn numbers(batch: &mut Batch, random: &mut Random, rows: usize) -> ColumnSet {
    fn set<T: Cell>(table: &mut SessionTable, column: Column, row: usize, value: T) {
        table.vacant_cells(column)[row] = value;
    }
    let table = &mut batch.session;
    for row in 0..rows {
        let end_s = 1_772_373_601 + (table.rows() + row) as u32 / 10_000;
        let event = [Event::Create, Event::End][random.below(2) as usize] as u8;
        set(table, Column::Event, row, event);
        set(table, Column::Protocol, row, [6u8, 17][random.below(2) as usize]);
        set(table, Column::SrcV4, row, 0x0a00_0000 + random.below(20_000));
        set(table, Column::SrcPort, row, 1024 + random.below(60_000) as u16);
        let dst = 0x0800_0000 + random.below(100_000) * 77;
        let dst_port = [443u16, 443, 53, 80, 5223][random.below(5) as usize];
        set(table, Column::DstV4, row, dst);
        set(table, Column::DstPort, row, dst_port);
        set(table, Column::NatSrcV4, row, 0xcb00_7100 + random.below(256));
        set(table, Column::NatSrcPort, row, 1024 + random.below(60_000) as u16);
        set(table, Column::NatDstV4, row, dst);
        set(table, Column::NatDstPort, row, dst_port);
        set(table, Column::StartS, row, 1_772_373_600 - random.below(60));
        set(table, Column::EndS, row, end_s);
        for (packets, bytes) in [
            (Column::SentPackets, Column::SentBytes),
            (Column::ReceivedPackets, Column::ReceivedBytes),
        ] {
            let count = u64::from(random.below(50));
            set(table, packets, row, count);
            set(table, bytes, row, count * u64::from(60 + random.below(900)));
        }
        set(table, Column::SrcVrf, row, 0u32);
        set(table, Column::DstVrf, row, 0u32);
    }
    [
        Column::Event,
        Column::Protocol,
        Column::SrcV4,
        Column::SrcPort,
        Column::DstV4,
        Column::DstPort,
        Column::NatSrcV4,
        Column::NatSrcPort,
        Column::NatDstV4,
        Column::NatDstPort,
        Column::StartS,
        Column::EndS,
        Column::SentPackets,
        Column::SentBytes,
        Column::ReceivedPackets,
        Column::ReceivedBytes,
        Column::SrcVrf,
        Column::DstVrf,
    ]
    .into_iter()
    .fold(ColumnSet::EMPTY, ColumnSet::with)
}

fn names(batch: &mut Batch, random: &mut Random, columns: ColumnSet) -> ColumnSet {
    let policy = format!("policy-{}", random.below(20));
    let mut push = |text: &[u8]| batch.text.push(text).expect("room for text");
    batch.session.put(Column::SrcZone, push(b"trust"));
    batch.session.put(Column::DstZone, push(b"untrust"));
    batch.session.put(Column::Policy, push(policy.as_bytes()));
    batch.session.put(Column::CloseReason, push(b"aged-out"));
    batch.session.put(Column::Application, push(b"HTTPS"));
    [Column::SrcZone, Column::DstZone, Column::Policy, Column::CloseReason, Column::Application]
        .into_iter()
        .fold(columns, ColumnSet::with)
}

fn context(batch: &mut Batch, row: usize, offset: UnixNanos, texts: bool) -> Context {
    let host = if texts { batch.text.push(b"USG6680-A").expect("room") } else { Text::EMPTY };
    Context {
        exporter: Ipv4Addr::new(192, 0, 2, 1 + (row / 40 % 4) as u8).into(),
        exporter_port: 9995,
        format: if texts { Format::HuaweiUsgSyslog } else { Format::HuaweiUsgNetflow },
        observation_domain: (!texts).then_some(7),
        sequence: (!texts).then_some(row as u32),
        host,
        received_at: 1_772_373_605_000_000_000 + offset + row as i64 * 500,
        event_time: EventTime::Record,
        flags: Flags::NONE,
    }
}

/// xorshift64: the same sessions in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32 % bound
    }
}
