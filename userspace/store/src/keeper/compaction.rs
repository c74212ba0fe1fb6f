//! Small parts of hours that are over become few, in the background.

use super::Keeper;
use crate::{
    compact::{self, Budget, Exchanged, Merge, Plan, Rules},
    error::StoreError,
    index::Indexes,
    manifest::{Entry, Part, relative},
    partition::Hour,
    seal::SealedPart,
};
use logweir_decode::context::UnixNanos;
use std::{path::Path, sync::Arc, time::Duration};

/// How long an old directory stays: a reader that has opened it and lists it only when it is empty
/// would miss its hour without noticing.
const LISTING_NANOS: i64 = 30_000_000_000;

impl Keeper {
    /// Merges the oldest parts that are worth it; `false` where there are none.
    ///
    /// Between two steps `rest` gets the keeper, and how long the budget wants it to rest: it may do
    /// other work meanwhile. Where it says `false`, the merge is given up, and all is as it was.
    ///
    /// # Errors
    /// If the file system refuses something: all is then as it was, or the next start ends it.
    pub fn compact(
        &mut self,
        budget: &mut Budget,
        now: UnixNanos,
        mut rest: impl FnMut(&mut Keeper, Duration) -> bool,
    ) -> Result<bool, StoreError> {
        self.finish_exchanges(now)?;
        let Some(plan) = self.next_plan(now) else { return Ok(false) };
        let (family, hour) = (plan.family, plan.hour);
        let rows = plan.parts.iter().map(|part| part.rows).sum();
        let incoming = Arc::clone(&self.incoming);
        let mut indexes = Indexes::default();
        let mut merge = Merge::start(plan, &incoming, self.config.layout, &mut indexes)?;
        let mut bytes = 0;
        while merge.step(&mut indexes)? {
            let moved = merge.bytes() - bytes;
            bytes += moved;
            // As much is read as is written.
            if !rest(self, budget.pause(2 * moved)) {
                return Ok(true);
            }
        }
        let exchanged = merge.finish(&mut indexes)?.exchange()?;
        let data = self.incoming.data_directory();
        let added = Part::of_file(data, &exchanged.added, (family, hour), rows)?;
        self.record(exchanged, added, now)?;
        Ok(true)
    }

    /// Ends what an earlier process had begun.
    pub(super) fn recover_exchanges(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        for exchanged in compact::recover(&self.incoming)? {
            let data = self.incoming.data_directory();
            if self.manifest.state().knows(&relative(data, &exchanged.added)?) {
                exchanged.finish()?;
                continue;
            }
            let rows = self.rows_of(&exchanged.removed)?;
            let of = (exchanged.family, exchanged.hour);
            let added = Part::of_file(data, &exchanged.added, of, rows)?;
            self.record(exchanged, added, now)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        exchanged: Exchanged,
        added: Part,
        now: UnixNanos,
    ) -> Result<(), StoreError> {
        let data = self.incoming.data_directory();
        let removed = exchanged.removed.iter().map(|path| relative(data, path));
        let removed = removed.collect::<Result<_, _>>()?;
        self.manifest.append(Entry::Compacted { removed, added: vec![added] }, now)?;
        self.exchanged.push((exchanged, now));
        Ok(())
    }

    /// Removes old directories when nobody should be listing them any more.
    fn finish_exchanges(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        let is_due = |at: UnixNanos| !(0..LISTING_NANOS).contains(&(now - at));
        let mut due = self.exchanged.extract_if(.., |(_, at)| is_due(*at));
        due.try_for_each(|(exchanged, _)| exchanged.finish())
    }

    fn rows_of(&self, parts: &[impl AsRef<Path>]) -> Result<u64, StoreError> {
        let data = self.incoming.data_directory();
        let mut rows = 0;
        for path in parts {
            let part = relative(data, path.as_ref())?;
            rows += self.manifest.state().part(&part).map_or(0, |part| part.rows);
        }
        Ok(rows)
    }

    /// What to merge next. Hours that may still get parts are left alone.
    fn next_plan(&self, now: UnixNanos) -> Option<Plan> {
        let open = Hour::of(now.saturating_sub(self.grace_nanos()));
        let parts = self.manifest.parts().filter(|part| !self.open_hours.contains(&part.hour));
        let parts = parts.map(|part| SealedPart {
            family: part.family,
            hour: part.hour,
            path: self.manifest.path(&part.path),
            rows: part.rows,
            bytes: part.bytes,
        });
        compact::plan(parts, open, Rules::default()).into_iter().next()
    }
}
