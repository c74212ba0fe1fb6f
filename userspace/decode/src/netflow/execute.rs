//! Moves the records of a data flowset into columns, column by column, by a compiled [`Plan`].

use super::plan::{ExtraField, Move, Plan, Read};
use crate::{
    batch::Batch,
    context::{Context, Flags},
    extra::{Encoded, Value},
    session::{Cells, Column, SessionTable},
    text::{Text, TextArena},
};

/// The clocks of a datagram's header: what uptimes in its records are told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportTime {
    /// Milliseconds since 1970 UTC.
    pub unix_ms: i64,
    /// Milliseconds since the exporter started, modulo 2³².
    pub uptime_ms: u32,
}

impl ExportTime {
    /// Records may be switched a little after their datagram's header was made.
    const AHEAD_MS_MAX: u32 = 3_600_000;

    /// The time at which the uptime was `uptime_ms`, milliseconds since 1970 UTC. An uptime wraps
    /// after 49.7 days: one above that of the header is of the turn before.
    fn unix_ms_at(self, uptime_ms: u32) -> i64 {
        let ahead = uptime_ms.wrapping_sub(self.uptime_ms);
        if ahead <= Self::AHEAD_MS_MAX {
            self.unix_ms + i64::from(ahead)
        } else {
            self.unix_ms - i64::from(self.uptime_ms.wrapping_sub(uptime_ms))
        }
    }
}

/// Appends the records of a flowset's body to the batch, and tells how many there were. Bytes
/// after the last whole record are left to the caller, who has made sure that the batch has room.
pub fn execute(
    plan: &Plan,
    body: &[u8],
    exported: ExportTime,
    context: &Context,
    batch: &mut Batch,
) -> usize {
    let records = Records { body, record_len: usize::from(plan.record_len) };
    let rows = records.count();
    if plan.options || rows == 0 || rows > batch.session.room() {
        return 0;
    }
    for step in &plan.moves {
        move_column(plan, step, &records, exported, &mut batch.session);
    }
    if let (Some(event), Cells::U8(cells)) =
        (plan.constant_event, batch.session.vacant(Column::Event))
    {
        cells.iter_mut().take(rows).for_each(|cell| *cell = event as u8);
    }
    let mut context = *context;
    let mut columns = plan.columns;
    if !plan.extras.is_empty() {
        columns = columns.with(Column::Extra);
        if !move_extras(&plan.extras, &records, batch) {
            context.flags = context.flags.with(Flags::EXTRA_TRUNCATED);
        }
    }
    if batch.session.commit(rows, columns, &context) { rows } else { 0 }
}

/// The records of a flowset.
struct Records<'a> {
    body: &'a [u8],
    record_len: usize,
}

impl<'a> Records<'a> {
    fn count(&self) -> usize {
        self.body.len() / self.record_len
    }

    fn iter(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.body.chunks_exact(self.record_len)
    }

    /// The same field of every record.
    fn field(&self, offset: u16, len: u16) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let (start, len) = (usize::from(offset), usize::from(len));
        self.iter().map(move |record| record.get(start..start + len).unwrap_or_default())
    }

    /// The same field of every record, of a length that the compiler knows.
    fn array<const N: usize>(
        &self,
        offset: u16,
    ) -> impl Iterator<Item = [u8; N]> + Clone + use<'a, N> {
        self.field(offset, N as u16).map(|bytes| *bytes.first_chunk().unwrap_or(&[0; N]))
    }
}

fn fill<T>(cells: &mut [T], values: impl Iterator<Item = T>) {
    for (cell, value) in cells.iter_mut().zip(values) {
        *cell = value;
    }
}

/// A big-endian number of up to 8 bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn move_column(
    plan: &Plan,
    step: &Move,
    records: &Records<'_>,
    exported: ExportTime,
    table: &mut SessionTable,
) {
    match step.read {
        Read::Value => move_value(step, records, table.vacant(step.column)),
        Read::NatEvent => {
            if let Cells::U8(cells) = table.vacant(step.column) {
                let codes = records.array(step.offset);
                fill(cells, codes.map(|[code]| plan.profile.nat_event(code)));
            }
        }
        Read::Milliseconds(rest) => {
            let times = records.array(step.offset).map(u64::from_be_bytes);
            move_milliseconds(step.column, rest, times, table);
        }
        Read::UptimeMilliseconds(rest) => {
            let times = records
                .array(step.offset)
                .map(|bytes| exported.unix_ms_at(u32::from_be_bytes(bytes)) as u64);
            move_milliseconds(step.column, rest, times, table);
        }
    }
}

/// The widths that exporters really send are read as such; any shorter one (reduced-size
/// encoding, RFC 7011 §6.2) byte by byte.
fn move_value(step: &Move, records: &Records<'_>, cells: Cells<'_>) {
    let numbers = || records.field(step.offset, step.len).map(number);
    match (cells, step.len) {
        (Cells::U8(cells), _) => fill(cells, records.array(step.offset).map(|[byte]| byte)),
        (Cells::U16(cells), 2) => {
            fill(cells, records.array(step.offset).map(u16::from_be_bytes));
        }
        (Cells::U16(cells), _) => fill(cells, numbers().map(|value| value as u16)),
        (Cells::U32(cells), 4) => {
            fill(cells, records.array(step.offset).map(u32::from_be_bytes));
        }
        (Cells::U32(cells), _) => fill(cells, numbers().map(|value| value as u32)),
        (Cells::U64(cells), 4) => {
            fill(cells, records.array(step.offset).map(|b| u64::from(u32::from_be_bytes(b))));
        }
        (Cells::U64(cells), 8) => {
            fill(cells, records.array(step.offset).map(u64::from_be_bytes));
        }
        (Cells::U64(cells), _) => fill(cells, numbers()),
        (Cells::V6(cells), _) => fill(cells, records.array(step.offset)),
        // No element has a text column.
        (Cells::Text(cells), _) => fill(cells, records.iter().map(|_| Text::EMPTY)),
    }
}

/// Splits milliseconds since 1970 into seconds and nanoseconds. A time outside the years 1970 to
/// 2106 is absent.
fn move_milliseconds(
    seconds: Column,
    nanos: Column,
    times: impl Iterator<Item = u64> + Clone,
    table: &mut SessionTable,
) {
    if let Cells::U32(cells) = table.vacant(seconds) {
        fill(cells, times.clone().map(|ms| u32::try_from(ms / 1000).unwrap_or(0)));
    }
    if let Cells::U32(cells) = table.vacant(nanos) {
        fill(cells, times.map(|ms| (ms % 1000) as u32 * 1_000_000));
    }
}

/// Writes the fields without a column; `false` when some did not fit.
fn move_extras(extras: &[ExtraField], records: &Records<'_>, batch: &mut Batch) -> bool {
    let Batch { session, text, .. } = batch;
    let Cells::Text(cells) = session.vacant(Column::Extra) else { return false };
    let mut complete = true;
    for (cell, record) in cells.iter_mut().zip(records.iter()) {
        *cell = Text::EMPTY;
        for extra in extras {
            match append_extra(extra, record, *cell, text) {
                Some(longer) => *cell = longer,
                None => complete = false,
            }
        }
    }
    complete
}

fn append_extra(
    extra: &ExtraField,
    record: &[u8],
    text: Text,
    arena: &mut TextArena,
) -> Option<Text> {
    let start = usize::from(extra.offset);
    let bytes = record.get(start..start + usize::from(extra.len))?;
    let value = if bytes.len() <= 8 { Value::Number(number(bytes)) } else { Value::Bytes(bytes) };
    let (key, key_len) = element_key(extra.element);
    let encoded = Encoded::new(key.get(..key_len)?, value);
    arena.append(text, &encoded.parts())
}

/// `ie` and the element's number: the key of an element that has no column.
fn element_key(element: u16) -> ([u8; 7], usize) {
    let mut key = *b"ie00000";
    let mut digits = 1;
    while digits < 5 && element >= 10u16.pow(digits) {
        digits += 1;
    }
    let mut rest = element;
    for cell in key.iter_mut().skip(2).take(digits as usize).rev() {
        *cell = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    (key, 2 + digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_keys_are_written_without_leading_zeros() {
        for element in [0, 9, 10, 99, 100, 9999, 10_000, u16::MAX] {
            let (key, len) = element_key(element);
            assert_eq!(key[..len], *format!("ie{element}").as_bytes());
        }
    }
}
