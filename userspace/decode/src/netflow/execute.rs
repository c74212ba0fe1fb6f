//! Moves the records of a data set into columns, column by column, by a compiled [`Plan`].
//!
//! Records of fixed length are moved all at once. Those of variable length, and those that do not
//! become sessions, are taken one at a time, as sets of one record.

use super::{
    blocks,
    extras::move_extras,
    moves::move_column,
    options::{DomainOptions, Facts, OptionsPlan},
    plan::{Family, Plan},
    records::{Records, Span, next_record},
    sets::{ALIGNMENT, SET_HEADER_LEN},
    tiles::Turner,
    times::Clock,
};
use crate::{
    batch::Batch,
    context::{Context, Flags},
    reason::Reason,
    session::{Column, ColumnSet},
    simd::Level,
};

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

/// What a worker takes records apart with, again and again.
#[derive(Debug)]
pub struct Tools {
    turner: Turner,
    /// Where fields of variable length are; kept for its memory.
    spans: Vec<Span>,
}

impl Tools {
    /// Tools that use these instructions.
    pub fn new(level: Level) -> Self {
        Self { turner: Turner::new(level), spans: Vec::new() }
    }
}

/// Appends the records of a set's body to the batch, which has room for them.
#[inline]
pub fn execute<'a>(
    plan: &Plan,
    body: &'a [u8],
    scene: &Scene<'_>,
    tools: &mut Tools,
    batch: &mut Batch,
) -> Executed<'a> {
    let Tools { turner, spans } = tools;
    if let Some(len) = plan.session_len() {
        let records = Records::of_length(body, len);
        let appended = append_sessions(plan, &records, scene, turner, batch);
        return Executed { records: appended, rest: records.rest() };
    }
    let mut executed = Executed { records: 0, rest: body };
    while let Some((record, rest)) = next_record(plan, executed.rest, spans) {
        executed.rest = rest;
        executed.records += match &plan.family {
            Family::Session => append_sessions(plan, &record, scene, turner, batch),
            Family::PortBlock(block) => blocks::append(plan, block, &record, scene, turner, batch),
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
    tools: &mut Tools,
    batch: &mut Batch,
) -> Option<usize> {
    let len = plan.session_len()?;
    let padding = stride.checked_sub(SET_HEADER_LEN + len)?;
    if padding >= ALIGNMENT.min(len) || has_extras(plan, scene) {
        return None;
    }
    let records = Records::behind_heads(sets, SET_HEADER_LEN as u16, stride);
    if records.rows() > batch.session.room() {
        return Some(0);
    }
    let kept = move_columns(plan, &records, scene, &mut tools.turner, batch);
    (!kept).then(|| commit(plan, records.rows(), plan.columns, plan.flags, scene, batch))
}

/// Takes over what the options records of a set's body tell about their exporter.
pub fn learn<'a>(
    plan: &Plan,
    options: &OptionsPlan,
    body: &'a [u8],
    tools: &mut Tools,
    store: &DomainOptions,
) -> Result<Executed<'a>, Reason> {
    let mut executed = Executed { records: 0, rest: body };
    while let Some((record, rest)) = next_record(plan, executed.rest, &mut tools.spans) {
        options.learn(&record, store)?;
        executed = Executed { records: executed.records + 1, rest };
    }
    Ok(executed)
}

/// Appends sessions and tells how many there were.
#[inline]
fn append_sessions(
    plan: &Plan,
    records: &Records<'_, '_>,
    scene: &Scene<'_>,
    turner: &mut Turner,
    batch: &mut Batch,
) -> usize {
    if records.rows() == 0 || records.rows() > batch.session.room() {
        return 0;
    }
    let (columns, flags) = move_all(plan, records, scene, turner, batch);
    commit(plan, records.rows(), columns, flags, scene, batch)
}

/// Makes rows that have been filled part of the table, and tells how many.
#[inline]
fn commit(
    plan: &Plan,
    rows: usize,
    columns: ColumnSet,
    flags: Flags,
    scene: &Scene<'_>,
    batch: &mut Batch,
) -> usize {
    if let Some(event) = plan.constant_event {
        let cells = batch.session.vacant_cells::<u8>(Column::Event).iter_mut();
        cells.take(rows).for_each(|cell| *cell = event as u8);
    }
    let context =
        Context { format: plan.format, flags: scene.context.flags.with(flags), ..*scene.context };
    if batch.session.commit(rows, columns, &context) { rows } else { 0 }
}

/// Fills the session table's next rows, and tells which columns, and what to know about them.
#[inline]
pub fn move_all(
    plan: &Plan,
    records: &Records<'_, '_>,
    scene: &Scene<'_>,
    turner: &mut Turner,
    batch: &mut Batch,
) -> (ColumnSet, Flags) {
    let kept = move_columns(plan, records, scene, turner, batch);
    if !kept && !has_extras(plan, scene) {
        return (plan.columns, plan.flags);
    }
    let complete = move_extras(plan, records, scene, batch);
    let flags = if complete { Flags::NONE } else { Flags::EXTRA_TRUNCATED };
    (plan.columns.with(Column::Extra), plan.flags.with(flags))
}

/// Fills the columns that have a type, and tells whether the code of an event says more than the
/// event.
#[inline]
fn move_columns(
    plan: &Plan,
    records: &Records<'_, '_>,
    scene: &Scene<'_>,
    turner: &mut Turner,
    batch: &mut Batch,
) -> bool {
    let Batch { session, text, .. } = batch;
    if records.rows() > session.room() {
        return false;
    }
    let tiled = plan.tiles.fill(turner, records, session);
    let (mut kept, done) = tiled.map_or((false, 0), |kept| (kept, plan.tiles.numbers));
    for number in plan.numbers.get(done..).unwrap_or_default() {
        kept |= number.fill(records, session);
    }
    for step in &plan.moves {
        move_column(step, records, scene.clock, session, text);
    }
    kept
}

/// Most session logs have nothing but codes of events beside their columns, which seldom say more
/// than the event: they go without the extra column.
fn has_extras(plan: &Plan, scene: &Scene<'_>) -> bool {
    plan.has_extras || scene.known.is_some() || !scene.constants.is_empty()
}
