//! Moves the records of a data set into columns, column by column, by a compiled [`Plan`].
//!
//! Records of fixed length are moved all at once. Those of variable length, and those that do not
//! become sessions, are taken one at a time, as sets of one record.

use super::{
    blocks,
    message::{ALIGNMENT, SET_HEADER_LEN},
    nokia,
    options::{DomainOptions, Facts, OptionsPlan},
    plan::{ExtraField, Family, Kind, Move, Plan, Read, Slot},
    profile::Unit,
    template::{Length, VARIABLE_LENGTH},
};
use crate::{
    batch::Batch,
    context::{Context, Flags},
    extra::{Encoded, Value},
    reason::Reason,
    session::{Cells, Column, ColumnSet, SessionTable},
    text::{Text, TextArena},
};
use std::net::IpAddr;

/// The clocks of a datagram's header: what relative times in its records are told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Milliseconds since 1970 UTC.
    pub unix_ms: i64,
    /// Milliseconds since the exporter started, modulo 2³²; `None` where nobody has told.
    pub uptime_ms: Option<u32>,
}

impl Clock {
    /// Records may be switched a little after their datagram's header was made.
    const AHEAD_MS_MAX: u32 = 3_600_000;

    /// The clock of an exporter that has told when it started, milliseconds since 1970 UTC.
    #[must_use]
    pub const fn started_at(self, started_ms: u64) -> Clock {
        Clock { uptime_ms: Some((self.unix_ms as u64).wrapping_sub(started_ms) as u32), ..self }
    }

    /// The time at which the uptime was `uptime_ms`, milliseconds since 1970 UTC; 0 where that
    /// cannot be told. An uptime wraps after 49.7 days: one above that of the header is of the
    /// turn before.
    fn unix_ms_at(self, uptime_ms: u32) -> i64 {
        let Some(now_ms) = self.uptime_ms else { return 0 };
        let ahead = uptime_ms.wrapping_sub(now_ms);
        if ahead <= Self::AHEAD_MS_MAX {
            self.unix_ms + i64::from(ahead)
        } else {
            self.unix_ms - i64::from(now_ms.wrapping_sub(uptime_ms))
        }
    }
}

/// What the records of a set are decoded with, beside their plan.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The clocks of the header.
    pub clock: Clock,
    /// What the records share.
    pub context: &'a Context,
    /// What options data told about the observation domain.
    pub known: Option<&'a Facts>,
    /// IANA's elements, and their values, that the header tells for all records.
    pub constants: &'a [(u16, u64)],
}

/// What came of a set.
#[derive(Clone, Copy, Debug)]
pub struct Executed<'a> {
    /// Number of its records.
    pub records: usize,
    /// What is behind the last whole record.
    pub rest: &'a [u8],
}

/// Where a field is in a record of variable length: start and length in bytes.
pub type Span = (u16, u16);

/// Appends the records of a set's body to the batch, which has room for them.
pub fn execute<'a>(
    plan: &Plan,
    body: &'a [u8],
    scene: &Scene<'_>,
    spans: &mut Vec<Span>,
    batch: &mut Batch,
) -> Executed<'a> {
    if let (Family::Session, Length::Fixed(len)) = (&plan.family, plan.length) {
        let record_len = usize::from(len);
        let rest = body.chunks_exact(record_len).remainder();
        let records = Records { body, stride: record_len, head: 0, spans: &[] };
        return Executed { records: append_sessions(plan, &records, scene, batch), rest };
    }
    let mut executed = Executed { records: 0, rest: body };
    while let Some((record, rest)) = next_record(plan, executed.rest, spans) {
        executed.rest = rest;
        executed.records += match &plan.family {
            Family::Session => append_sessions(plan, &record, scene, batch),
            Family::PortBlock(block) => blocks::append(plan, block, &record, scene, batch),
            Family::Options(_) => 0,
        };
    }
    executed
}

/// Appends the records of sets that follow each other, each of `stride` bytes and with one record,
/// as if they were one set: what a set costs hardly depends on the number of its records. `None`,
/// and nothing appended, where they are not such sets, or where records have more to say than
/// their columns, for which each set answers alone.
pub fn execute_spaced(
    plan: &Plan,
    sets: &[u8],
    stride: usize,
    scene: &Scene<'_>,
    batch: &mut Batch,
) -> Option<usize> {
    let (Family::Session, Length::Fixed(len)) = (&plan.family, plan.length) else { return None };
    let padding = stride.checked_sub(SET_HEADER_LEN + usize::from(len))?;
    let records = Records { body: sets, stride, head: SET_HEADER_LEN as u16, spans: &[] };
    if padding >= ALIGNMENT.min(usize::from(len)) || has_extras(plan, &records, scene) {
        return None;
    }
    Some(append_sessions(plan, &records, scene, batch))
}

/// Takes over what the options records of a set's body tell about their exporter.
pub fn learn<'a>(
    plan: &Plan,
    options: &OptionsPlan,
    body: &'a [u8],
    spans: &mut Vec<Span>,
    store: &DomainOptions,
) -> Result<Executed<'a>, Reason> {
    let mut executed = Executed { records: 0, rest: body };
    while let Some((record, rest)) = next_record(plan, executed.rest, spans) {
        options.learn(&record, store)?;
        executed = Executed { records: executed.records + 1, rest };
    }
    Ok(executed)
}

/// The next record alone, and what is behind it; `None` where no whole one is left.
fn next_record<'a, 's>(
    plan: &Plan,
    body: &'a [u8],
    spans: &'s mut Vec<Span>,
) -> Option<(Records<'a, 's>, &'a [u8])> {
    spans.clear();
    let record_len = match plan.length {
        Length::Fixed(len) => usize::from(len),
        Length::Variable(_) => walk(&plan.field_lens, body, spans)?,
    };
    let (record, rest) = body.split_at_checked(record_len)?;
    Some((Records { body: record, stride: record_len, head: 0, spans }, rest))
}

/// Finds the fields of a record of variable length, and tells how long it is. The length of a
/// field stands before it: a byte, or 255 and two bytes (RFC 7011 §7).
fn walk(field_lens: &[u16], body: &[u8], spans: &mut Vec<Span>) -> Option<usize> {
    let mut at = 0u16;
    for len in field_lens {
        let mut len = *len;
        if len == VARIABLE_LENGTH {
            len = u16::from(*body.get(usize::from(at))?);
            at = at.checked_add(1)?;
            if len == 255 {
                let long = body.get(usize::from(at)..)?.first_chunk()?;
                len = u16::from_be_bytes(*long);
                at = at.checked_add(2)?;
            }
        }
        spans.push((at, len));
        at = at.checked_add(len)?;
    }
    let len = usize::from(at);
    (len <= body.len()).then_some(len)
}

/// Records of a set: any number of fixed length, or one of variable length.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a, 's> {
    body: &'a [u8],
    /// Bytes from the beginning of a record to that of the next.
    stride: usize,
    /// Bytes that stand before each record.
    head: u16,
    /// Where the fields are, where they are not where their slots say.
    spans: &'s [Span],
}

impl<'a> Records<'a, '_> {
    fn count(&self) -> usize {
        self.body.len() / self.stride
    }

    fn iter(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.body.chunks_exact(self.stride)
    }

    fn place(&self, slot: Slot) -> Span {
        let (start, len) = match self.spans.get(usize::from(slot.field)) {
            Some(span) => *span,
            None => (slot.offset, slot.len),
        };
        (start.saturating_add(self.head), len)
    }

    /// The same field of every record.
    fn field(&self, slot: Slot) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let (start, len) = self.place(slot);
        let (start, len) = (usize::from(start), usize::from(len));
        self.iter().map(move |record| record.get(start..start + len).unwrap_or_default())
    }

    /// The field of the first record.
    pub fn first(&self, slot: Slot) -> &'a [u8] {
        self.field(slot).next().unwrap_or_default()
    }

    /// The same field of every record, of a length that the plan has checked and the compiler
    /// knows. Decoding spends its time here.
    fn array<const N: usize>(
        &self,
        slot: Slot,
    ) -> impl Iterator<Item = [u8; N]> + Clone + use<'a, N> {
        let start = usize::from(self.place(slot).0);
        self.iter().map(move |record| {
            let bytes = record.get(start..start + N).and_then(<[u8]>::first_chunk);
            *bytes.unwrap_or(&[0; N])
        })
    }
}

fn fill<T>(cells: &mut [T], values: impl Iterator<Item = T>) {
    for (cell, value) in cells.iter_mut().zip(values) {
        *cell = value;
    }
}

/// A big-endian number of up to 8 bytes.
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Text without the zero bytes that fill it up.
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

/// Appends sessions and tells how many there were.
fn append_sessions(
    plan: &Plan,
    records: &Records<'_, '_>,
    scene: &Scene<'_>,
    batch: &mut Batch,
) -> usize {
    let rows = records.count();
    if rows == 0 || rows > batch.session.room() {
        return 0;
    }
    let (columns, flags) = move_all(plan, records, scene, batch);
    if let (Some(event), Cells::U8(cells)) =
        (plan.constant_event, batch.session.vacant(Column::Event))
    {
        cells.iter_mut().take(rows).for_each(|cell| *cell = event as u8);
    }
    let context =
        Context { format: plan.format, flags: scene.context.flags.with(flags), ..*scene.context };
    if batch.session.commit(rows, columns, &context) { rows } else { 0 }
}

/// Fills the session table's next rows, and tells which columns, and what to know about them.
pub fn move_all(
    plan: &Plan,
    records: &Records<'_, '_>,
    scene: &Scene<'_>,
    batch: &mut Batch,
) -> (ColumnSet, Flags) {
    for step in &plan.moves {
        move_column(step, records, scene.clock, &mut batch.session, &mut batch.text);
    }
    if !has_extras(plan, records, scene) {
        return (plan.columns, plan.flags);
    }
    let complete = move_extras(plan, records, scene, batch);
    let flags = if complete { Flags::NONE } else { Flags::EXTRA_TRUNCATED };
    (plan.columns.with(Column::Extra), plan.flags.with(flags))
}

/// Most session logs have nothing but codes of events beside their columns, which seldom say more
/// than the event: they go without the extra column.
fn has_extras(plan: &Plan, records: &Records<'_, '_>, scene: &Scene<'_>) -> bool {
    let is_kept = |extra: &ExtraField| match extra.kind {
        Kind::Code(codes) => records.array(extra.slot).any(|[code]| codes.keeps(code)),
        _ => true,
    };
    scene.known.is_some() || !scene.constants.is_empty() || plan.extras.iter().any(is_kept)
}

fn move_column(
    step: &Move,
    records: &Records<'_, '_>,
    clock: Clock,
    table: &mut SessionTable,
    text: &mut TextArena,
) {
    let (column, slot) = (step.column, step.slot);
    match step.read {
        Read::Value => move_value(slot, records, table.vacant(column)),
        Read::Text => {
            if let Cells::Text(cells) = table.vacant(column) {
                let texts = records.field(slot);
                fill(cells, texts.map(|bytes| text.push(trimmed(bytes)).unwrap_or_default()));
            }
        }
        Read::Event(codes) => {
            if let Cells::U8(cells) = table.vacant(column) {
                fill(cells, records.array(slot).map(|[code]| codes.event(code)));
            }
        }
        Read::Microseconds => {
            if let Cells::U64(cells) = table.vacant(column) {
                fill(cells, records.field(slot).map(|bytes| number(bytes) / 1000));
            }
        }
        Read::Time(unit, rest) => move_time(unit, [column, rest], slot, records, clock, table),
        Read::Uptime(rest, started) => {
            move_uptime([column, rest], slot, started, records, clock, table);
        }
        Read::Subscriber => move_subscriber(slot, records, table, text),
    }
}

/// The widths that exporters really send are read as such; any shorter one (reduced-size
/// encoding, RFC 7011 §6.2) byte by byte.
fn move_value(slot: Slot, records: &Records<'_, '_>, cells: Cells<'_>) {
    let numbers = || records.field(slot).map(number);
    match (cells, slot.len) {
        (Cells::U8(cells), _) => fill(cells, records.array(slot).map(|[byte]| byte)),
        (Cells::U16(cells), 2) => fill(cells, records.array(slot).map(u16::from_be_bytes)),
        (Cells::U16(cells), _) => fill(cells, numbers().map(|value| value as u16)),
        (Cells::U32(cells), 4) => fill(cells, records.array(slot).map(u32::from_be_bytes)),
        (Cells::U32(cells), _) => fill(cells, numbers().map(|value| value as u32)),
        (Cells::U64(cells), 4) => {
            fill(cells, records.array(slot).map(|bytes| u64::from(u32::from_be_bytes(bytes))));
        }
        (Cells::U64(cells), 8) => fill(cells, records.array(slot).map(u64::from_be_bytes)),
        (Cells::U64(cells), _) => fill(cells, numbers()),
        (Cells::V6(cells), _) => fill(cells, records.array(slot)),
        // Text is read as such.
        (Cells::Text(cells), _) => fill(cells, records.iter().map(|_| Text::EMPTY)),
    }
}

/// Seconds since 1970 and nanoseconds. A time outside the years 1970 to 2106 is absent.
fn milliseconds(unix_ms: u64) -> (u32, u32) {
    (u32::try_from(unix_ms / 1000).unwrap_or(0), (unix_ms % 1000) as u32 * 1_000_000)
}

/// Of an NTP time, which counts from 1900 and begins anew in 2036. All zero is no time.
fn ntp(time: u64) -> (u32, u32) {
    const UNIX_EPOCH: u32 = 2_208_988_800;
    if time == 0 {
        return (0, 0);
    }
    let (seconds, fraction) = ((time >> 32) as u32, time & 0xffff_ffff);
    (seconds.wrapping_sub(UNIX_EPOCH), ((fraction * 1_000_000_000) >> 32) as u32)
}

/// Of an NTP time of which the lowest 11 bits count for nothing (RFC 7011 §6.1.9): the nearest
/// microsecond.
fn ntp_microseconds(time: u64) -> (u32, u32) {
    const IGNORED: u64 = 0x7ff;
    let (seconds, _) = ntp(time & !IGNORED);
    let fraction = time & 0xffff_ffff & !IGNORED;
    let micros = ((fraction * 1_000_000 + (1 << 31)) >> 32) as u32;
    if seconds != 0 && micros == 1_000_000 {
        (seconds.wrapping_add(1), 0)
    } else {
        (seconds, micros % 1_000_000 * 1000)
    }
}

fn microseconds_before(clock: Clock, delta: u32) -> (u32, u32) {
    let nanos = clock.unix_ms * 1_000_000 - i64::from(delta) * 1000;
    let seconds = u32::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(0);
    (seconds, nanos.rem_euclid(1_000_000_000) as u32)
}

fn move_time(
    unit: Unit,
    columns: [Column; 2],
    slot: Slot,
    records: &Records<'_, '_>,
    clock: Clock,
    table: &mut SessionTable,
) {
    let long = records.array(slot).map(u64::from_be_bytes);
    match unit {
        Unit::Milliseconds => fill_times(columns, long.map(milliseconds), table),
        Unit::NtpMicroseconds => {
            fill_times(columns, long.map(ntp_microseconds), table);
        }
        Unit::NtpNanoseconds => fill_times(columns, long.map(ntp), table),
        Unit::MicrosecondsBeforeExport => {
            let deltas = records.array(slot).map(u32::from_be_bytes);
            fill_times(columns, deltas.map(|delta| microseconds_before(clock, delta)), table);
        }
    }
}

fn move_uptime(
    columns: [Column; 2],
    slot: Slot,
    started: Option<Slot>,
    records: &Records<'_, '_>,
    clock: Clock,
    table: &mut SessionTable,
) {
    let uptimes = records.array(slot).map(u32::from_be_bytes);
    let Some(started) = started else {
        let times = uptimes.map(|at| milliseconds(clock.unix_ms_at(at) as u64));
        return fill_times(columns, times, table);
    };
    let started = records.array(started).map(u64::from_be_bytes);
    let times = uptimes.zip(started).map(|(at, started)| clock.started_at(started).unix_ms_at(at));
    fill_times(columns, times.map(|ms| milliseconds(ms as u64)), table);
}

fn fill_times(
    [seconds, nanos]: [Column; 2],
    times: impl Iterator<Item = (u32, u32)> + Clone,
    table: &mut SessionTable,
) {
    if let Cells::U32(cells) = table.vacant(seconds) {
        fill(cells, times.clone().map(|(seconds, _)| seconds));
    }
    if let Cells::U32(cells) = table.vacant(nanos) {
        fill(cells, times.map(|(_, nanos)| nanos));
    }
}

fn move_subscriber(
    slot: Slot,
    records: &Records<'_, '_>,
    table: &mut SessionTable,
    text: &mut TextArena,
) {
    let subscribers = records.field(slot).map(|bytes| nokia::subscriber(trimmed(bytes)));
    let addresses = subscribers.clone().map(|(_, address)| address);
    if let Cells::Text(cells) = table.vacant(Column::User) {
        fill(cells, subscribers.map(|(name, _)| text.push(name).unwrap_or_default()));
    }
    if let Cells::U32(cells) = table.vacant(Column::SrcV4) {
        fill(
            cells,
            addresses.clone().map(|address| match address {
                Some(IpAddr::V4(address)) => address.to_bits(),
                _ => 0,
            }),
        );
    }
    if let Cells::V6(cells) = table.vacant(Column::SrcV6) {
        fill(
            cells,
            addresses.map(|address| match address {
                Some(IpAddr::V6(address)) => address.octets(),
                _ => [0; 16],
            }),
        );
    }
}

/// Writes what has no column; `false` when some did not fit.
fn move_extras(
    plan: &Plan,
    records: &Records<'_, '_>,
    scene: &Scene<'_>,
    batch: &mut Batch,
) -> bool {
    let Batch { session, text, .. } = batch;
    let Cells::Text(cells) = session.vacant(Column::Extra) else { return false };
    let mut complete = true;
    for (cell, body) in cells.iter_mut().zip(records.iter()) {
        let record = Records { body, ..*records };
        *cell = Text::EMPTY;
        for extra in &plan.extras {
            complete &= append_extra(extra, &record, cell, text);
        }
        for (element, value) in scene.constants {
            let pair = Encoded::of_element(0, *element, Value::Number(*value));
            complete &= append(cell, text, &pair);
        }
        if let Some(known) = scene.known {
            let budget = TextArena::OPTIONS_MAX * records.stride;
            complete &= known.append(&plan.lookups, &record, cell, text, budget);
        }
    }
    complete
}

fn append_extra(
    extra: &ExtraField,
    record: &Records<'_, '_>,
    text: &mut Text,
    arena: &mut TextArena,
) -> bool {
    let bytes = record.first(extra.slot);
    let value = match (extra.kind, bytes) {
        // Variable length, and nothing in it.
        (_, []) => return true,
        (Kind::Code(codes), [code]) if !codes.keeps(*code) => return true,
        (Kind::Text, _) => match trimmed(bytes) {
            [] => return true,
            text => Value::Text(text),
        },
        (Kind::Bytes, _) => Value::Bytes(bytes),
        (Kind::Address, _) if matches!(bytes.len(), 4 | 16) => Value::Address(bytes),
        (Kind::Mac, _) if bytes.len() == 6 => Value::Mac(bytes),
        (Kind::Signed, _) if bytes.len() <= 8 => Value::Signed(bytes),
        (Kind::Float, _) if matches!(bytes.len(), 4 | 8) => Value::Float(bytes),
        _ if bytes.len() <= 8 => Value::Number(number(bytes)),
        _ => Value::Bytes(bytes),
    };
    append(text, arena, &Encoded::of_element(extra.enterprise, extra.element, value))
}

fn append(text: &mut Text, arena: &mut TextArena, pair: &Encoded<'_>) -> bool {
    let longer = arena.append(*text, &pair.parts());
    *text = longer.unwrap_or(*text);
    longer.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_times_are_those_of_unix_from_1900_and_from_2036() {
        const SECOND: u64 = 1 << 32;
        assert_eq!(ntp(2_208_988_800 * SECOND), (0, 0));
        assert_eq!(ntp(3_906_588_800 * SECOND + SECOND / 4), (1_697_600_000, 250_000_000));
        assert_eq!(ntp(SECOND), (2_085_978_497, 0));
        assert_eq!(ntp(0), (0, 0));
    }

    #[test]
    fn a_walk_ends_where_the_record_does() {
        let mut spans = Vec::new();
        let record = [1, 2, 3, b'a', b'b', b'c', 255, 0, 1, b'd', 0];
        let lens = [2, VARIABLE_LENGTH, VARIABLE_LENGTH, VARIABLE_LENGTH];
        assert_eq!(walk(&lens, &record, &mut spans), Some(record.len()));
        assert_eq!(spans, [(0, 2), (3, 3), (9, 1), (11, 0)]);
        for len in 0..record.len() {
            assert_eq!(walk(&lens, &record[..len], &mut Vec::new()), None);
        }
    }
}
