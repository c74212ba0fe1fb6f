//! Small parts of hours that are over become few, in the background.

use super::Keeper;
use crate::{
    compact::{self, Budget, Exchanged, Merge, Plan, Rules},
    error::StoreError,
    files,
    index::Indexes,
    manifest::{Entry, Part, relative},
    partition::Hour,
    schema::Family,
    seal::SealedPart,
};
use logweir_decode::context::UnixNanos;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long an old directory stays: a reader that has opened it and lists it only when it is empty
/// would miss its hour without noticing.
const LISTING_NANOS: i64 = 30_000_000_000;

/// How long parts are left alone whose merge failed: it is much work, and likely to fail again.
const POSTPONED_NANOS: i64 = 3_600_000_000_000;

/// What is known of the merging beside the manifest.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    /// Exchanges of which the manifest does not tell yet, and what it is to tell.
    unrecorded: Vec<(Exchanged, Part)>,
    /// Directories that were replaced, and when: to be removed a little later.
    replaced: Vec<(Exchanged, UnixNanos)>,
    /// What could not be merged, and when.
    failed: BTreeMap<(Family, Hour), UnixNanos>,
    /// Whether the file system cannot do it at all.
    is_impossible: bool,
}

impl Keeper {
    /// Merges the oldest parts that are worth it; `false` where nothing was merged.
    ///
    /// Between two steps `rest` gets the keeper, and how long the budget wants it to rest: it may do
    /// other work meanwhile. Where it says `false`, the merge is given up, and all is as it was.
    ///
    /// # Errors
    /// If the file system refuses something: all is then as it was, or the next call ends it. The
    /// parts are left alone for an hour; all are where the file system cannot exchange directories.
    pub fn compact(
        &mut self,
        budget: &mut Budget,
        clock: impl Fn() -> UnixNanos,
        rest: impl FnMut(&mut Keeper, Duration) -> bool,
    ) -> Result<bool, StoreError> {
        self.record_exchanges(clock())?;
        self.remove_replaced(clock())?;
        let Some(plan) = self.next_plan(clock()) else { return Ok(false) };
        let of = (plan.family, plan.hour);
        let merged = self.merge(plan, budget, rest);
        let merged = merged.inspect_err(|error| self.note_failed(of, error, clock()))?;
        let Some(exchange) = merged else { return Ok(false) };
        self.compaction.unrecorded.push(exchange);
        self.record_exchanges(clock())?;
        Ok(true)
    }

    /// Merges; `None` if that was given up.
    fn merge(
        &mut self,
        plan: Plan,
        budget: &mut Budget,
        mut rest: impl FnMut(&mut Keeper, Duration) -> bool,
    ) -> Result<Option<(Exchanged, Part)>, StoreError> {
        let incoming = Arc::clone(&self.incoming);
        let mut indexes = Indexes::default();
        let mut merge = Merge::start(plan, &incoming, self.config.layout, &mut indexes)?;
        let mut bytes = 0;
        while merge.step(&mut indexes)? {
            // It is an estimate until a row group is written, and may be less then.
            let moved = merge.bytes().saturating_sub(bytes);
            bytes += moved;
            // As much is read as is written.
            if !rest(self, budget.pause(2 * moved)) {
                return Ok(None);
            }
        }
        merge.finish(&mut indexes)?.exchange().map(Some)
    }

    fn note_failed(&mut self, of: (Family, Hour), error: &StoreError, now: UnixNanos) {
        self.compaction.is_impossible |= matches!(error, StoreError::NoExchange { .. });
        self.compaction.failed.insert(of, now);
    }

    /// Ends what an earlier process had begun.
    pub(super) fn recover_exchanges(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        for exchanged in compact::recover(&self.incoming)? {
            let data = self.incoming.data_directory();
            if self.manifest.state().knows(&relative(data, &exchanged.added)?) {
                exchanged.finish()?;
                continue;
            }
            let rows = files::rows_of(&exchanged.added)?;
            let of = (exchanged.family, exchanged.hour);
            let added = Part::of_file(data, &exchanged.added, of, rows)?;
            self.compaction.unrecorded.push((exchanged, added));
        }
        self.record_exchanges(now)
    }

    /// Lets the manifest tell of the exchanges of which it does not yet.
    pub(super) fn record_exchanges(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        let data = self.incoming.data_directory();
        while let Some((exchanged, added)) = self.compaction.unrecorded.last() {
            exchanged.sync()?;
            let removed = exchanged.removed.iter().map(|path| relative(data, path));
            let removed = removed.collect::<Result<_, _>>()?;
            self.manifest.append(Entry::Compacted { removed, added: vec![added.clone()] }, now)?;
            let recorded = self.compaction.unrecorded.pop();
            self.compaction.replaced.extend(recorded.map(|(exchanged, _)| (exchanged, now)));
        }
        Ok(())
    }

    /// Removes old directories when nobody should be listing them any more.
    fn remove_replaced(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        let is_due = |at: UnixNanos| !(0..LISTING_NANOS).contains(&(now - at));
        let mut due = self.compaction.replaced.extract_if(.., |(_, at)| is_due(*at));
        due.try_for_each(|(exchanged, _)| exchanged.finish())
    }

    /// What to merge next. Hours that may still get parts are left alone.
    pub(super) fn next_plan(&mut self, now: UnixNanos) -> Option<Plan> {
        let rules = Rules::default();
        let open = Hour::of(now.saturating_sub(self.grace_nanos()));
        let Compaction { failed, is_impossible, .. } = &mut self.compaction;
        failed.retain(|_, at| (0..POSTPONED_NANOS).contains(&(now - *at)));
        let concerns = |part: &&Part| {
            part.hour < open
                && rules.concern(part.rows, part.bytes)
                && !self.open_hours.contains(&part.hour)
                && !failed.contains_key(&(part.family, part.hour))
        };
        let parts = self.manifest.parts().filter(|_| !*is_impossible).filter(concerns);
        let parts = parts.map(|part| SealedPart {
            family: part.family,
            hour: part.hour,
            path: self.manifest.path(&part.path),
            rows: part.rows,
            bytes: part.bytes,
        });
        compact::plan(parts, open, rules).into_iter().next()
    }
}
