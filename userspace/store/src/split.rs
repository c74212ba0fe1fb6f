//! The rows of a batch by family and hour of arrival, as Arrow columns.

use crate::{
    convert::{self, Record},
    partition::Hour,
    schema::Family,
};
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use logweir_decode::{
    batch::{Batch, Run},
    rows::Rows,
};
use std::collections::BTreeMap;

/// Rows of one family that arrived in one hour, in the batch's order.
pub(crate) struct Piece {
    pub family: Family,
    pub hour: Hour,
    pub columns: Result<RecordBatch, ArrowError>,
}

/// Gives each piece of the batch to `each`: family by family, and the hours in their order.
pub(crate) fn split(batch: &Batch, mut each: impl FnMut(Piece)) {
    let each = &mut each;
    sessions(batch, each);
    rows(Family::PortBlock, batch, &batch.port_block, convert::port_block, each);
    rows(Family::Im, batch, &batch.im, convert::im, each);
    rows(Family::Filter, batch, &batch.filter, convert::filter, each);
    rows(Family::Unparsed, batch, &batch.unparsed, convert::unparsed, each);
}

fn sessions(batch: &Batch, each: &mut impl FnMut(Piece)) {
    for (hour, runs) in session_hours(batch) {
        let columns = convert::session(batch, &runs);
        each(Piece { family: Family::Session, hour, columns });
    }
}

/// The session runs of each hour.
fn session_hours(batch: &Batch) -> BTreeMap<Hour, Vec<Run>> {
    let mut hours: BTreeMap<Hour, Vec<Run>> = BTreeMap::new();
    let mut runs = batch.session.runs().peekable();
    while let Some(first) = runs.peek() {
        let hour = Hour::of(first.context.received_at);
        let same =
            std::iter::from_fn(|| runs.next_if(|run| Hour::of(run.context.received_at) == hour));
        hours.entry(hour).or_default().extend(same);
    }
    hours
}

/// The rows of a family that is not `session`.
fn rows<R>(
    family: Family,
    batch: &Batch,
    rows: &Rows<R>,
    convert: fn(&Batch, &[Record<'_, R>]) -> Result<RecordBatch, ArrowError>,
    each: &mut impl FnMut(Piece),
) {
    let mut hours: BTreeMap<Hour, Vec<Record<'_, R>>> = BTreeMap::new();
    for record in rows.iter() {
        hours.entry(Hour::of(record.0.received_at)).or_default().push(record);
    }
    for (hour, records) in hours {
        each(Piece { family, hour, columns: convert(batch, &records) });
    }
}
