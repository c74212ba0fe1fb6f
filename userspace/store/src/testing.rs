//! Batches for tests, and records in a form in which they can be compared.

use crate::{convert::extra::write_json, incoming::Incoming, layout::Layout, seal::Sealer};
use arrow_array::{
    Array, RecordBatch,
    cast::AsArray,
    types::{
        Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
};
use arrow_schema::DataType;
use logweir_decode::{
    batch::{Batch, Capacity},
    context::{Context, EventTime, Flags, Format, UnixNanos},
    decoder::Outcome,
    extra::{Encoded, Value as Extra},
    filter::{Action, Filter},
    im::{Im, ImEvent},
    note::{DatagramNote, Sequence},
    port_block::{PortBlock, PortBlockEvent},
    reason::Reason,
    record::{Fields, Time, Value, records},
    session::{CellKind, Cells, Column, ColumnSet},
    text::{Text, to_utf8},
    unparsed::Unparsed,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// 2026-03-01T14:00:00 UTC.
pub const HOUR_BEGIN: UnixNanos = 1_772_373_600_000_000_000;

pub const SECOND: UnixNanos = 1_000_000_000;

/// A record: the fields that are present, as text.
pub type Plain = BTreeMap<String, String>;

pub fn small_batch() -> Batch {
    Batch::new(Capacity { session_rows: 4_096, unparsed_rows: 256, text_bytes: 1 << 20 })
}

pub fn context(received_at: UnixNanos) -> Context {
    Context {
        exporter: Ipv4Addr::new(192, 0, 2, 1).into(),
        exporter_port: 9995,
        format: Format::HuaweiUsgNetflow,
        observation_domain: Some(0),
        sequence: Some(u32::MAX),
        host: Text::EMPTY,
        received_at,
        event_time: EventTime::Record,
        flags: Flags::NONE,
    }
}

/// Makes parts of a batch, which have no index; the rows that are stored.
pub fn seal(data: &Path, batch: &Batch, layout: Layout) -> u64 {
    static STORED: AtomicU32 = AtomicU32::new(0);
    let name = format!("test-{:04}", STORED.fetch_add(1, Ordering::Relaxed));
    let mut sealer = Sealer::new();
    sealer.push(batch).unwrap();
    let (incoming, _) = Incoming::open(data).unwrap();
    let sealed = sealer.finish(&name, &incoming, layout, &mut ()).unwrap();
    sealed.parts.iter().map(|part| part.rows).sum()
}

/// The records of a batch as the contract has them.
pub fn expected(batch: &Batch, family: &str) -> Vec<Plain> {
    records(batch).map(plain_fields).filter(|plain| plain["record"] == family).collect()
}

fn plain_fields(fields: Fields<'_>) -> Plain {
    let text = |value| match value {
        Value::Name(name) => name.to_owned(),
        Value::Text(bytes) => to_utf8(bytes).into_owned(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Mac(mac) => logweir_decode::extra::Value::Mac(&mac).to_string(),
        Value::Time(time) => time.unix_nanos.div_euclid(1_000).to_string(),
        Value::Flags(names) => names.join(","),
        Value::Extra(encoded) => {
            let mut json = Vec::new();
            write_json(&mut json, encoded);
            String::from_utf8(json).unwrap()
        }
        Value::Raw(bytes) => format!("{bytes:?}"),
    };
    fields.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}

/// The rows of Arrow columns in the same form.
pub fn plain_rows(batch: &RecordBatch, family: &str) -> Vec<Plain> {
    (0..batch.num_rows()).map(|row| plain_row(batch, row, family)).collect()
}

fn plain_row(batch: &RecordBatch, row: usize, family: &str) -> Plain {
    let mut plain = Plain::from([("record".to_owned(), family.to_owned())]);
    let schema = batch.schema();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if column.is_null(row) {
            continue;
        }
        let name = field.name().as_str();
        if let Some(name) = name.strip_suffix("_v4") {
            let address = Ipv4Addr::from(column.as_primitive::<UInt32Type>().value(row));
            plain.insert(name.to_owned(), address.to_string());
        } else if let Some(name) = name.strip_suffix("_v6") {
            let octets: [u8; 16] = column.as_fixed_size_binary().value(row).try_into().unwrap();
            plain.insert(name.to_owned(), Ipv6Addr::from(octets).to_string());
        } else {
            plain.insert(name.to_owned(), plain_cell(column, row));
        }
    }
    plain
}

fn plain_cell(column: &dyn Array, row: usize) -> String {
    match column.data_type() {
        DataType::UInt8 => column.as_primitive::<UInt8Type>().value(row).to_string(),
        DataType::UInt16 => column.as_primitive::<UInt16Type>().value(row).to_string(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Timestamp(..) => {
            column.as_primitive::<TimestampMicrosecondType>().value(row).to_string()
        }
        DataType::Dictionary(..) => {
            let dictionary = column.as_dictionary::<Int32Type>();
            let key = dictionary.keys().value(row) as usize;
            dictionary.values().as_string::<i32>().value(key).to_owned()
        }
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Binary => format!("{:?}", column.as_binary::<i32>().value(row)),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            items.as_string::<i32>().iter().flatten().collect::<Vec<_>>().join(",")
        }
        other => panic!("no column is of type {other}"),
    }
}

/// All files below a directory that readers would take.
pub fn parquet_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else { return files };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(parquet_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The rows of one file.
pub fn read_file(path: &Path, family: &str) -> Vec<Plain> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.flat_map(|batch| plain_rows(&batch.unwrap(), family)).collect()
}

/// The rows of all files of a family.
pub fn read_family(data: &Path, family: &str) -> Vec<Plain> {
    let files = parquet_files(&data.join(format!("family={family}")));
    files.iter().flat_map(|path| read_file(path, family)).collect()
}

/// A small generator (xorshift64), so that one seed of a property makes a whole batch.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }

    /// Often 0, often small, at times anything.
    fn number(&mut self) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => 1 + self.below(4),
            2 => self.next() >> 32,
            _ => self.next(),
        }
    }

    fn octets(&mut self) -> [u8; 16] {
        if self.below(3) == 0 { [0; 16] } else { u128::from(self.next()).to_be_bytes() }
    }

    fn text(&mut self, batch: &mut Batch) -> Text {
        const TEXTS: [&[u8]; 6] =
            [b"", b"trust", "中文".as_bytes(), b"\xd6\xd0\xce\xc4", b"\xff\xfe", b"a\"b\\\n"];
        batch.text.push(TEXTS[self.below(6) as usize]).unwrap()
    }

    fn extra(&mut self, batch: &mut Batch) -> Text {
        let mut bytes = Vec::new();
        for _ in 0..self.below(3) {
            let value = match self.below(3) {
                0 => Extra::Text(b"v\xd6\xd0"),
                1 => Extra::Number(self.0),
                _ => Extra::Bytes(&[1, 0xff]),
            };
            bytes.extend(Encoded::new(b"Key", value).parts().concat());
        }
        batch.text.push(&bytes).unwrap()
    }

    fn context(&mut self, batch: &mut Batch) -> Context {
        let received_at = HOUR_BEGIN + self.below(7_200 * SECOND as u64) as i64;
        Context {
            exporter: match self.below(3) {
                0 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                1 => Ipv4Addr::from(self.next() as u32).into(),
                _ => Ipv6Addr::from(self.octets()).into(),
            },
            exporter_port: self.number() as u16,
            format: Format::ALL[self.below(Format::ALL.len() as u64) as usize],
            observation_domain: (self.below(2) == 0).then(|| self.number() as u32),
            sequence: (self.below(2) == 0).then(|| self.number() as u32),
            host: self.text(batch),
            received_at,
            event_time: match self.below(5) {
                0 => EventTime::Header(received_at - self.next() as u32 as i64),
                1 => EventTime::Own(received_at - self.next() as u32 as i64),
                2 => EventTime::Received,
                _ => EventTime::Record,
            },
            flags: match self.below(3) {
                0 => Flags::TIME_FROM_DURATION.with(Flags::MTN_COUNTERS_SWAPPED),
                _ => Flags::NONE,
            },
        }
    }

    fn columns(&mut self) -> ColumnSet {
        let bits = self.next() | if self.below(2) == 0 { self.next() } else { 0 };
        let chosen = Column::ALL.iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1);
        chosen.fold(ColumnSet::EMPTY, |columns, (_, column)| columns.with(*column))
    }

    /// Fills a row of those that the next commit adds.
    fn fill_row(&mut self, batch: &mut Batch, row: usize, columns: ColumnSet) {
        for column in Column::ALL.iter().copied().filter(|column| columns.has(*column)) {
            let text = match column {
                Column::Extra => self.extra(batch),
                _ if column.kind() == CellKind::Text => self.text(batch),
                _ => Text::EMPTY,
            };
            match batch.session.vacant(column) {
                Cells::U8(cells) => cells[row] = self.number() as u8,
                Cells::U16(cells) => cells[row] = self.number() as u16,
                Cells::U32(cells) => cells[row] = self.number() as u32,
                Cells::U64(cells) => cells[row] = self.number(),
                Cells::V6(cells) => cells[row] = self.octets(),
                Cells::Text(cells) => cells[row] = text,
            }
        }
    }

    /// Fills every cell and then forgets it all, so that leftovers are everywhere.
    pub fn dirty(&mut self, batch: &mut Batch, rows: usize) {
        let all = Column::ALL.iter().fold(ColumnSet::EMPTY, |all, column| all.with(*column));
        for row in 0..rows {
            self.fill_row(batch, row, all);
        }
        batch.clear();
    }

    fn one_of<T: Copy, const N: usize>(&mut self, choice: [T; N]) -> T {
        choice[self.below(N as u64) as usize]
    }

    /// Absent every other time; else often 0, often small, at times anything.
    fn maybe<T>(&mut self, cut: impl FnOnce(u64) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| cut(self.number()))
    }

    fn address(&mut self) -> Option<IpAddr> {
        match self.below(4) {
            0 => None,
            1 => Some(Ipv4Addr::UNSPECIFIED.into()),
            2 => Some(Ipv4Addr::from(self.next() as u32).into()),
            _ => Some(Ipv6Addr::from(self.octets()).into()),
        }
    }

    fn time(&mut self) -> Option<Time> {
        self.maybe(|number| Time::shortest((number >> 2) as i64 - SECOND))
    }

    fn port_block(&mut self, batch: &mut Batch) -> PortBlock {
        use PortBlockEvent::{Allocate, Keepalive, Release, Unknown};
        PortBlock {
            event: self.one_of([Allocate, Release, Keepalive, Unknown]),
            private_addr: self.address(),
            public_addr: self.address(),
            port_first: self.maybe(|number| number as u16),
            port_last: self.maybe(|number| number as u16),
            protocol: self.maybe(|number| number as u8),
            src_vrf: self.maybe(|number| number as u32),
            session_id: self.maybe(|number| number),
            sequence: self.maybe(|number| number),
            scene: self.text(batch),
            extra: self.extra(batch),
        }
    }

    fn im(&mut self, batch: &mut Batch) -> Im {
        Im {
            event: self.one_of([ImEvent::Online, ImEvent::Offline, ImEvent::Unknown]),
            application: self.text(batch),
            account: self.text(batch),
            protocol: self.maybe(|number| number as u8),
            src_addr: self.address(),
            src_port: self.maybe(|number| number as u16),
            dst_addr: self.address(),
            dst_port: self.maybe(|number| number as u16),
            nat_src_addr: self.address(),
            nat_src_port: self.maybe(|number| number as u16),
            nat_dst_addr: self.address(),
            nat_dst_port: self.maybe(|number| number as u16),
            start: self.time(),
            end: self.time(),
            extra: self.extra(batch),
        }
    }

    fn filter(&mut self, batch: &mut Batch) -> Filter {
        use Action::{Allow, Bounce, Drop, Reject};
        Filter {
            filter: self.text(batch),
            action: self.one_of([None, Some(Drop), Some(Allow), Some(Reject), Some(Bounce)]),
            protocol: self.maybe(|number| number as u8),
            protocol_name: self.text(batch),
            mac: self.maybe(|number| number.to_be_bytes()[2..].try_into().unwrap()),
            src_interface: self.text(batch),
            src_addr: self.address(),
            src_port: self.maybe(|number| number as u16),
            dst_interface: self.text(batch),
            dst_addr: self.address(),
            dst_port: self.maybe(|number| number as u16),
            tcp_flags: self.text(batch),
            icmp_type: self.maybe(|number| number as u8),
            icmp_code: self.maybe(|number| number as u8),
            icmp_type_name: self.text(batch),
            icmp_id: self.maybe(|number| number as u16),
            fragment_id: self.maybe(|number| number as u16),
            fragment_offset: self.maybe(|number| number as u32),
            extra: self.extra(batch),
        }
    }

    /// What became of a datagram.
    pub fn note(&mut self) -> DatagramNote {
        let reason = Reason::ALL[self.below(Reason::COUNT as u64) as usize];
        let outcomes = [Outcome::Decoded, Outcome::Waiting, Outcome::Rejected(reason)];
        DatagramNote {
            exporter: self.address().unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            exporter_port: self.number() as u16,
            received_at: HOUR_BEGIN + self.below(SECOND as u64) as i64,
            outcome: self.one_of(outcomes),
            waited: self.below(2) == 0,
            records: self.number() as u32,
            unparsed: self.number() as u32,
            sequence: (self.below(2) == 0).then(|| Sequence {
                version: self.number() as u16,
                domain: self.number() as u32,
                number: self.number() as u32,
                units: self.maybe(|number| number as u32),
                uptime_ms: self.maybe(|number| number as u32),
                templates_only: self.below(2) == 0,
            }),
        }
    }

    /// Adds some runs of sessions, each with columns of its own, and records of other families.
    pub fn add_records(&mut self, batch: &mut Batch, runs: u64) {
        for _ in 0..runs {
            let context = self.context(batch);
            let columns = self.columns();
            let rows = self.below(8) as usize;
            for row in 0..rows {
                self.fill_row(batch, row, columns);
            }
            assert!(batch.session.commit(rows, columns, &context));
            for _ in 0..self.below(3) {
                let context = self.context(batch);
                let row = self.port_block(batch);
                assert!(batch.port_block.push(&context, row));
            }
            if self.below(2) == 0 {
                let row = self.im(batch);
                assert!(batch.im.push(&context, row));
            }
            if self.below(2) == 0 {
                let row = self.filter(batch);
                assert!(batch.filter.push(&context, row));
            }
            if self.below(2) == 0 {
                let reason = Reason::ALL[self.below(Reason::COUNT as u64) as usize];
                let raw = self.text(batch);
                assert!(batch.unparsed.push(&context, Unparsed { reason, raw }));
            }
        }
    }
}

/// A file system of its own in memory, of a few bytes.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, with a line that says so, where this process may not mount; that is a failure with
    /// `LOGWEIR_REQUIRE_ROOT_TESTS=1`.
    pub fn mount(size: &str) -> Option<SmallDisk> {
        let directory = tempfile::tempdir().unwrap();
        let options = std::ffi::CString::new(format!("size={size}")).unwrap();
        let flags = rustix::mount::MountFlags::empty();
        let tmpfs = c"tmpfs";
        match rustix::mount::mount(tmpfs, directory.path(), tmpfs, flags, options.as_c_str()) {
            Ok(()) => Some(SmallDisk(directory)),
            Err(error) => {
                let required = env::var("LOGWEIR_REQUIRE_ROOT_TESTS").is_ok_and(|v| v == "1");
                assert!(!required, "cannot mount a tmpfs: {error}");
                println!("skipped: needs root to mount a tmpfs ({error})");
                None
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let flags = rustix::mount::UnmountFlags::DETACH;
        let _ = rustix::mount::unmount(self.path(), flags);
    }
}
