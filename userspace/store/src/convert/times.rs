//! Columns of times, and what is derived from them.

use super::{
    cells::{Rows, present, range},
    text::Texts,
};
use crate::schema;
use arrow_array::{ArrayRef, PrimitiveArray, TimestampMicrosecondArray, UInt64Array};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::ArrowError;
use logweir_decode::{
    batch::{Batch, Run},
    context::{EventTime, UnixNanos},
    session::{Column, Event},
};
use std::sync::Arc;

/// The times of each session in nanoseconds since 1970, 0 where absent; `None` for a column that
/// no run has.
pub(super) struct Bounds {
    pub event: Option<Vec<UnixNanos>>,
    pub start: Option<Vec<UnixNanos>>,
    pub end: Option<Vec<UnixNanos>>,
}

impl Bounds {
    pub fn new(rows: &Rows<'_>, batch: &Batch) -> Self {
        let table = &batch.session;
        Self {
            event: nanos(
                rows,
                [Column::EventS, Column::EventNs],
                table.event_s(),
                table.event_ns(),
            ),
            start: nanos(
                rows,
                [Column::StartS, Column::StartNs],
                table.start_s(),
                table.start_ns(),
            ),
            end: nanos(rows, [Column::EndS, Column::EndNs], table.end_s(), table.end_ns()),
        }
    }

    pub fn event_at(&self, row: usize) -> UnixNanos {
        self.event.as_ref().map_or(0, |event| event[row])
    }

    pub fn start_at(&self, row: usize) -> UnixNanos {
        self.start.as_ref().map_or(0, |start| start[row])
    }

    pub fn end_at(&self, row: usize) -> UnixNanos {
        self.end.as_ref().map_or(0, |end| end[row])
    }
}

fn nanos(
    rows: &Rows<'_>,
    [seconds_column, nanos_column]: [Column; 2],
    seconds: &[u32],
    nanos: &[u32],
) -> Option<Vec<UnixNanos>> {
    if !rows.any.has(seconds_column) {
        return None;
    }
    let mut times = Vec::with_capacity(rows.count);
    for span in &rows.spans {
        let (seconds, nanos) = (&seconds[span.cells.clone()], &nanos[span.cells.clone()]);
        match (span.columns.has(seconds_column), span.columns.has(nanos_column)) {
            (false, _) => times.resize(times.len() + span.cells.len(), 0),
            (true, false) => times.extend(seconds.iter().map(|s| i64::from(*s) * 1_000_000_000)),
            (true, true) => times.extend(seconds.iter().zip(nanos).map(|(s, ns)| {
                if *s == 0 { 0 } else { i64::from(*s) * 1_000_000_000 + i64::from(*ns) }
            })),
        }
    }
    Some(times)
}

/// `start_time` or `end_time`.
pub(super) fn bound(rows: &Rows<'_>, times: Option<&Vec<UnixNanos>>) -> ArrayRef {
    match times {
        None => rows.nulls(&schema::timestamp()),
        Some(times) => {
            let micros = times.iter().map(|time| time / 1_000).collect();
            timestamps(micros, present(times, |time| *time != 0))
        }
    }
}

/// `duration_ms`: as stated, or from begin to end (as [`logweir_decode::record::duration_ms`]).
pub(super) fn duration_ms(rows: &Rows<'_>, batch: &Batch, bounds: &Bounds) -> ArrayRef {
    let stated = batch.session.duration_ms();
    let both = bounds.start.is_some() && bounds.end.is_some();
    if !both || rows.spans.iter().all(|span| span.columns.has(Column::DurationMs)) {
        return rows.numbers::<arrow_array::types::UInt64Type>(Column::DurationMs, stated);
    }
    // No duration of two 32-bit times comes near to this one.
    const ABSENT: u64 = u64::MAX;
    let mut values = Vec::with_capacity(rows.count);
    let mut known = Vec::with_capacity(rows.count);
    for span in &rows.spans {
        let first = values.len();
        if span.columns.has(Column::DurationMs) {
            values.extend_from_slice(&stated[span.cells.clone()]);
            known.resize(values.len(), true);
            continue;
        }
        values.extend((first..first + span.cells.len()).map(|row| {
            let (start, end) = (bounds.start_at(row), bounds.end_at(row));
            let known = start != 0 && end != 0;
            if known { u64::try_from((end - start) / 1_000_000).unwrap_or(ABSENT) } else { ABSENT }
        }));
        known.extend(values[first..].iter().map(|value| *value != ABSENT));
    }
    Arc::new(UInt64Array::new(ScalarBuffer::from(values), present(&known, |known| *known)))
}

/// `event_time` of each row (as [`logweir_decode::record::event_time`]).
pub(super) fn event_time(rows: &Rows<'_>, batch: &Batch, bounds: &Bounds) -> ArrayRef {
    let mut micros = Vec::with_capacity(rows.count);
    for run in rows.runs {
        let first = micros.len();
        let rows = first..first + run.rows as usize;
        let received_at = run.context.received_at.div_euclid(1_000);
        match run.context.event_time {
            EventTime::Header(time) | EventTime::Own(time) => {
                micros.resize(rows.end, time.div_euclid(1_000));
            }
            EventTime::Received => micros.resize(rows.end, received_at),
            EventTime::Record => {
                let events =
                    run.columns.has(Column::Event).then(|| &batch.session.event()[range(run)]);
                micros.extend(rows.enumerate().map(|(index, row)| {
                    let created = events.is_some_and(|event| event[index] == Event::Create as u8);
                    let (start, end) = (bounds.start_at(row), bounds.end_at(row));
                    let (own, other) = if created { (start, end) } else { (end, start) };
                    match [bounds.event_at(row), own, other].into_iter().find(|time| *time != 0) {
                        Some(time) => time / 1_000,
                        None => received_at,
                    }
                }));
            }
        }
    }
    timestamps(micros, None)
}

/// `time_source` of each row (as [`logweir_decode::record::time_source`]).
pub(super) fn time_source(rows: &Rows<'_>, bounds: &Bounds) -> Result<ArrayRef, ArrowError> {
    let mut names = Texts::new(rows.count);
    let mut first = 0;
    for run in rows.runs {
        let end = first + run.rows as usize;
        let source = run.context.event_time;
        let times = |row| [bounds.event_at(row), bounds.start_at(row), bounds.end_at(row)];
        let has_time = |row| times(row).iter().any(|time| *time != 0);
        if source == EventTime::Record && !(first..end).all(has_time) {
            for row in first..end {
                let source = if has_time(row) { source } else { EventTime::Received };
                names.push(source.name().as_bytes(), 1)?;
            }
        } else {
            names.push(source.name().as_bytes(), end - first)?;
        }
        first = end;
    }
    Ok(names.finish())
}

/// A time that all rows of a run share.
pub(super) fn shared_time(rows: &Rows<'_>, time: impl Fn(&Run) -> UnixNanos) -> ArrayRef {
    let mut micros = Vec::with_capacity(rows.count);
    for run in rows.runs {
        micros.resize(micros.len() + run.rows as usize, time(run).div_euclid(1_000));
    }
    timestamps(micros, None)
}

fn timestamps(micros: Vec<i64>, present: Option<NullBuffer>) -> ArrayRef {
    let times: TimestampMicrosecondArray = PrimitiveArray::new(ScalarBuffer::from(micros), present);
    Arc::new(times.with_timezone("UTC"))
}
