//! The columns that every family begins with.

use super::{
    cells::{Rows, nonzero_ipv6, nonzero_numbers},
    text::shared_text,
    times::shared_time,
};
use crate::schema;
use arrow_array::{
    ArrayRef, ListArray, UInt32Array,
    builder::{BooleanBufferBuilder, StringBuilder},
    types::{UInt16Type, UInt32Type},
};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;
use logweir_decode::{
    batch::{Batch, Run},
    context::Flags,
};
use std::{net::IpAddr, sync::Arc};

/// The common columns in the order of the schema; event time and its source are the family's.
pub(super) fn columns(
    rows: &Rows<'_>,
    batch: &Batch,
    event_time: ArrayRef,
    time_source: ArrayRef,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let exporter_v4 = |run: &Run| match run.context.exporter {
        IpAddr::V4(v4) => u32::from(v4),
        IpAddr::V6(_) => 0,
    };
    let exporter_v6 = |run: &Run| match run.context.exporter {
        IpAddr::V4(_) => [0; 16],
        IpAddr::V6(v6) => v6.octets(),
    };
    let exporter_port = shared(rows, |run| run.context.exporter_port);
    Ok(vec![
        shared_text(rows, |run| run.context.format.name().as_bytes())?,
        nonzero_numbers::<UInt32Type>(shared(rows, exporter_v4)),
        if rows.runs.iter().all(|run| run.context.exporter.is_ipv4()) {
            rows.nulls(&schema::ipv6())
        } else {
            nonzero_ipv6(shared(rows, exporter_v6))
        },
        nonzero_numbers::<UInt16Type>(exporter_port),
        optional(rows, |run| run.context.observation_domain),
        optional(rows, |run| run.context.sequence),
        shared_text(rows, |run| batch.text(run.context.host))?,
        shared_time(rows, |run| run.context.received_at),
        event_time,
        time_source,
        flags(rows)?,
    ])
}

fn shared<T: Copy>(rows: &Rows<'_>, value: impl Fn(&Run) -> T) -> Vec<T> {
    let mut values = Vec::with_capacity(rows.count);
    for run in rows.runs {
        values.resize(values.len() + run.rows as usize, value(run));
    }
    values
}

/// A number that all rows of a run share, where it has one.
fn optional(rows: &Rows<'_>, value: impl Fn(&Run) -> Option<u32>) -> ArrayRef {
    let values = shared(rows, |run| value(run).unwrap_or_default());
    let nulls = rows.runs.iter().any(|run| value(run).is_none()).then(|| {
        let mut present = BooleanBufferBuilder::new(rows.count);
        for run in rows.runs {
            present.append_n(run.rows as usize, value(run).is_some());
        }
        NullBuffer::new(present.finish())
    });
    Arc::new(UInt32Array::new(ScalarBuffer::from(values), nulls))
}

/// The names of the flags, as a list; null where there is none.
fn flags(rows: &Rows<'_>) -> Result<ArrayRef, ArrowError> {
    let has_flags = |run: &Run| run.context.flags != Flags::NONE;
    if !rows.runs.iter().any(has_flags) {
        return Ok(rows.nulls(&schema::list_of_text()));
    }
    let mut names = StringBuilder::new();
    let mut lengths = Vec::with_capacity(rows.count);
    let mut present = BooleanBufferBuilder::new(rows.count);
    for run in rows.runs {
        let count = run.rows as usize;
        for _ in 0..count {
            run.context.flags.names().for_each(|name| names.append_value(name));
        }
        lengths.resize(lengths.len() + count, run.context.flags.names().count());
        present.append_n(count, has_flags(run));
    }
    Ok(Arc::new(ListArray::try_new(
        schema::list_item(),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(names.finish()),
        Some(NullBuffer::new(present.finish())),
    )?))
}
