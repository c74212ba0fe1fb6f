//! How fast batches become Arrow arrays, and Parquet files on disk: rows for each second that one
//! core works, so that other programs on the host do not matter much. (Waiting for the disk is not
//! in it.)
//!
//! `cargo run --release -p logweir-store --example store_rate -- DIRECTORY [zstd level] [million rows]`
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use logweir_decode::{
    batch::{Batch, Capacity},
    context::{Context, EventTime, Flags, Format, UnixNanos},
    session::{Column, ColumnSet, Event},
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
        let columns = numbers(&mut batch, random, row..row + rows);
        let columns = if texts { names(&mut batch, random, row, columns) } else { columns };
        let context = context(&mut batch, row, offset, texts);
        assert!(batch.session.commit(rows, columns, &context));
        row += rows;
    }
    batch
}

fn numbers(batch: &mut Batch, random: &mut Random, rows: std::ops::Range<usize>) -> ColumnSet {
    let table = &mut batch.session;
    for row in rows {
        table.event[row] = [Event::Create, Event::End][random.below(2) as usize] as u8;
        table.protocol[row] = [6, 17][random.below(2) as usize];
        table.src_v4[row] = 0x0a00_0000 + random.below(20_000);
        table.src_port[row] = 1024 + random.below(60_000) as u16;
        table.dst_v4[row] = 0x0800_0000 + random.below(100_000) * 77;
        table.dst_port[row] = [443, 443, 53, 80, 5223][random.below(5) as usize];
        table.nat_src_v4[row] = 0xcb00_7100 + random.below(256);
        table.nat_src_port[row] = 1024 + random.below(60_000) as u16;
        table.nat_dst_v4[row] = table.dst_v4[row];
        table.nat_dst_port[row] = table.dst_port[row];
        table.start_s[row] = 1_772_373_600 - random.below(60);
        table.end_s[row] = 1_772_373_601 + row as u32 / 10_000;
        table.sent_packets[row] = u64::from(random.below(50));
        table.sent_bytes[row] = table.sent_packets[row] * u64::from(60 + random.below(900));
        table.received_packets[row] = u64::from(random.below(50));
        table.received_bytes[row] = table.received_packets[row] * u64::from(60 + random.below(900));
        table.src_vrf[row] = 0;
        table.dst_vrf[row] = 0;
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

fn names(batch: &mut Batch, random: &mut Random, row: usize, columns: ColumnSet) -> ColumnSet {
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
