//! A block: some thousand consecutive rows of a part, as runs of equal keys and a byte a row.
//!
//! | part of a block | bytes |
//! | --- | --- |
//! | rows, runs, bytes of the runs | three numbers |
//! | delays | the least and the largest, signed |
//! | ladder | see [`Ladder`] |
//! | runs | a run's key, as the way from the one before, and its rows |
//! | codes | a byte a row: its [`Kind`] and the steps of its times |
//! | hashes | of each row as many bytes as its kind has |
//!
//! A run of up to 4 rows whose port is up to 32 above that of the run before is one byte,
//! `0ppppprr` (ports above, less 1; rows, less 1); whose port is up to 4,096 above, two bytes,
//! `10pppprr pppppppp`; else it is [`SAME_ADDRESS`], ports above, rows; or [`NEW_ADDRESS`], the
//! key, rows.

use super::{
    key::Key,
    ladder::{Bounds, Ladder},
    row::Row,
    varint::{self, Bytes},
};
use std::ops::Range;

/// Rows of each block of a part but the last.
pub(super) const ROWS: usize = 4_096;

const FAR: u8 = 0x80;
const SAME_ADDRESS: u8 = 0xc0;
const NEW_ADDRESS: u8 = 0xc1;

/// Records of one public address, port and session that are compared with one another: above that,
/// all stay as if none ended another.
const COMPARED: usize = 64;

/// What a row is to those who ask about a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without an end of its own; another row of the block tells it: `end` is that.
    Ended,
    /// The end of an [`Kind::Ended`] row of the block.
    Ending,
    /// Without an end: no row of the block has one.
    Open,
    /// An end whose begin is in no other row of the block.
    Lone,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Ended, Kind::Ending, Kind::Open, Kind::Lone];

    /// Bytes of the session's hash that are kept. An open row and its end are in different blocks
    /// or parts, and find each other by it; what a joined end is, its row in the part tells.
    const fn hash_bytes(self) -> usize {
        match self {
            Kind::Ended => 0,
            Kind::Ending => 1,
            Kind::Open | Kind::Lone => 4,
        }
    }

    /// Whether the row tells an end.
    pub const fn is_end(self) -> bool {
        matches!(self, Kind::Ending | Kind::Lone)
    }
}

/// What the index tells of a row. Times are microseconds by the device's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The row, from 0, in its part.
    pub row: u64,
    /// What it is.
    pub kind: Kind,
    /// Between which times it began.
    pub begin: Bounds,
    /// Between which times it ended; an open row's has none.
    pub end: Option<Bounds>,
    /// How long after its event it arrived, at least and at most.
    pub delay: Bounds,
    /// The low bytes of the session's hash, as many as `hash_bytes`.
    pub(super) hash: u64,
    hash_bytes: u8,
}

impl Entry {
    /// Enough of the session's hash to take two rows of one address and port for the same session;
    /// `None` where less of it is kept.
    pub fn session(&self) -> Option<u64> {
        (usize::from(self.hash_bytes) == Kind::Open.hash_bytes()).then_some(self.hash)
    }
}

/// Adds a block of these rows, of which there are no more than [`ROWS`].
pub(super) fn encode(rows: &[Row], out: &mut Vec<u8>) {
    let fates = fates(rows);
    let delays = || rows.iter().map(|row| row.delay);
    let times: Vec<_> = rows.iter().flat_map(|row| [Some(row.begin), row.end]).flatten().collect();
    let ladder = Ladder::of(&times);
    let (runs, runs_bytes) = encode_runs(rows);
    varint::put(out, rows.len() as u64);
    varint::put(out, runs);
    varint::put(out, runs_bytes.len() as u64);
    varint::put_signed(out, delays().min().unwrap_or(0));
    varint::put_signed(out, delays().max().unwrap_or(0));
    ladder.write(out);
    out.extend(runs_bytes);
    let codes = rows.iter().zip(&fates).map(|(row, fate)| code(&ladder, row, *fate));
    out.extend(codes);
    for (row, (kind, _)) in rows.iter().zip(&fates) {
        out.extend(row.session.to_le_bytes().into_iter().take(kind.hash_bytes()));
    }
}

/// Kind in the two high bits; an open row's step of its begin, else the wide steps of both times.
fn code(ladder: &Ladder, row: &Row, (kind, end): Fate) -> u8 {
    let steps = match end {
        None => ladder.step(row.begin),
        Some(end) => ladder.wide_step(row.begin) << 3 | ladder.wide_step(end),
    };
    (kind as u8) << 6 | steps
}

/// How many runs there are, and their bytes.
fn encode_runs(rows: &[Row]) -> (u64, Vec<u8>) {
    let mut bytes = Vec::with_capacity(rows.len());
    let mut before: Option<Key> = None;
    let mut count = 0;
    for run in rows.chunk_by(|a, b| a.key == b.key) {
        let Some(Row { key, .. }) = run.first() else { continue };
        let rows = run.len() as u64;
        match before.and_then(|before| key.ports_behind(before)) {
            Some(ports @ 1..=32) if rows <= 4 => {
                bytes.push((ports as u8 - 1) << 2 | (rows as u8 - 1));
            }
            Some(ports @ 33..=4_096) if rows <= 4 => {
                let [high, low] = (ports - 1).to_be_bytes();
                bytes.extend([FAR | high << 2 | (rows as u8 - 1), low]);
            }
            Some(ports) => {
                bytes.push(SAME_ADDRESS);
                varint::put(&mut bytes, ports.into());
                varint::put(&mut bytes, rows);
            }
            None => {
                bytes.push(NEW_ADDRESS);
                bytes.extend(key.to_bytes());
                varint::put(&mut bytes, rows);
            }
        }
        before = Some(*key);
        count += 1;
    }
    (count, bytes)
}

/// A row's kind, and the end that is its own or its session's.
type Fate = (Kind, Option<i64>);

fn fates(rows: &[Row]) -> Vec<Fate> {
    let alone = |row: &Row| match row.end {
        Some(end) => (Kind::Lone, Some(end)),
        None => (Kind::Open, None),
    };
    let mut fates: Vec<Fate> = rows.iter().map(alone).collect();
    let mut by_session = Vec::new();
    let mut first = 0;
    for run in rows.chunk_by(|a, b| a.key == b.key) {
        by_session.clear();
        by_session.extend((first..).zip(run).map(|(index, row)| (row.session, index)));
        by_session.sort_unstable();
        for session in by_session.chunk_by(|a, b| a.0 == b.0) {
            if (2..=COMPARED).contains(&session.len()) {
                join(rows, session, &mut fates);
            }
        }
        first += run.len();
    }
    fates
}

/// Gives each open row of a session the first end that is its own; see `lookup::has_ended`.
fn join(rows: &[Row], session: &[(u64, usize)], fates: &mut [Fate]) {
    for (_, open) in session {
        let begin = rows[*open].begin;
        let ends_it = |row: &Row| {
            let end = row.end.filter(|end| row.begin <= *end)?;
            let began_then = row.begins && row.begin == end;
            (begin < end || begin == end && began_then).then_some(end)
        };
        if rows[*open].end.is_some() {
            continue;
        }
        let ends = session.iter().filter_map(|(_, index)| Some((ends_it(&rows[*index])?, *index)));
        if let Some((end, index)) = ends.min() {
            fates[*open] = (Kind::Ended, Some(end));
            fates[index].0 = Kind::Ending;
        }
    }
}

/// A block that was read.
pub(super) struct Block<'a> {
    first_row: u64,
    runs: Bytes<'a>,
    run_count: u64,
    codes: &'a [u8],
    hashes: &'a [u8],
    ladder: Ladder,
    delay: Bounds,
}

impl<'a> Block<'a> {
    /// `None` if these are not the bytes of a block.
    pub fn parse(bytes: &'a [u8], first_row: u64) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let rows = usize::try_from(bytes.number()?).ok().filter(|rows| *rows <= ROWS)?;
        let run_count = bytes.number()?;
        let runs_len = usize::try_from(bytes.number()?).ok()?;
        let delay = [bytes.signed()?, bytes.signed()?];
        let ladder = Ladder::read(&mut bytes)?;
        let runs = Bytes(bytes.take(runs_len)?);
        let codes = bytes.take(rows)?;
        Some(Self { first_row, runs, run_count, codes, hashes: bytes.0, ladder, delay })
    }

    /// The rows, counted from the block's first, whose keys are in this range; `None` if the runs
    /// are not as they were written.
    pub fn rows_of(&self, [first, last]: [Key; 2]) -> Option<Range<usize>> {
        let mut found: Option<Range<usize>> = None;
        let (mut bytes, mut before, mut row) = (self.runs, None, 0_usize);
        for _ in 0..self.run_count {
            let (key, rows) = read_run(&mut bytes, before)?;
            let end = row.checked_add(rows)?;
            if first <= key && key <= last {
                found = Some(found.map_or(row, |found| found.start)..end);
            }
            (before, row) = (Some(key), end);
            if key > last {
                break;
            }
        }
        found.or(Some(0..0)).filter(|found| found.end <= self.codes.len())
    }

    /// What is known of these rows, counted from the block's first.
    pub fn entries(&self, rows: Range<usize>) -> Option<Vec<Entry>> {
        let before = self.codes.get(..rows.start)?;
        let skipped = before.iter().map(|code| kind(*code).hash_bytes()).sum();
        let mut hashes = Bytes(self.hashes.get(skipped..)?);
        let first = self.first_row + rows.start as u64;
        let codes = (first..).zip(self.codes.get(rows)?);
        codes.map(|(row, code)| self.entry(row, *code, &mut hashes)).collect()
    }

    fn entry(&self, row: u64, code: u8, hashes: &mut Bytes<'_>) -> Option<Entry> {
        let kind = kind(code);
        let steps = code & 0x3f;
        let (begin, end) = match kind {
            Kind::Open => (self.ladder.bounds(steps), None),
            _ => {
                let [begin, end] =
                    [steps >> 3, steps & 7].map(|step| self.ladder.wide_bounds(step));
                (begin, Some(end))
            }
        };
        let bytes = hashes.take(kind.hash_bytes())?;
        let hash = bytes.iter().rev().fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        let hash_bytes = bytes.len() as u8;
        Some(Entry { row, kind, begin, end, delay: self.delay, hash, hash_bytes })
    }
}

fn kind(code: u8) -> Kind {
    Kind::ALL[usize::from(code >> 6)]
}

fn read_run(bytes: &mut Bytes<'_>, before: Option<Key>) -> Option<(Key, usize)> {
    match bytes.byte()? {
        token @ 0..FAR => {
            let key = before?.port_behind(u16::from(token >> 2) + 1)?;
            Some((key, usize::from(token & 3) + 1))
        }
        token @ FAR..SAME_ADDRESS => {
            let ports = u16::from_be_bytes([token >> 2 & 0xf, bytes.byte()?]) + 1;
            Some((before?.port_behind(ports)?, usize::from(token & 3) + 1))
        }
        SAME_ADDRESS => {
            let key = before?.port_behind(u16::try_from(bytes.number()?).ok()?)?;
            Some((key, usize::try_from(bytes.number()?).ok()?))
        }
        NEW_ADDRESS => {
            let key = Key::from_bytes(bytes.array()?)?;
            Some((key, usize::try_from(bytes.number()?).ok()?))
        }
        _ => None,
    }
}
