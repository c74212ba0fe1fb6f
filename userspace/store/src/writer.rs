//! Open parts, when they are closed, and the books.

use crate::{
    error::StoreError,
    incoming::{Incoming, Leftovers},
    layout::Layout,
    part::{CommittedPart, Part},
    partition::Hour,
    schema::Family,
    split::{self, Piece},
    totals::Totals,
};
use logweir_decode::{batch::Batch, context::UnixNanos};
use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
    path::PathBuf,
    time::Duration,
};

/// Where and how to write.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// The data directory; created if it does not exist.
    pub directory: PathBuf,
    /// How long a part stays open.
    pub part_age_max: Duration,
    /// Rows after which a part is closed.
    pub part_rows_max: u64,
    /// Bytes after which a part is closed.
    pub part_bytes_max: u64,
    /// Parts of one family that are open at a time; beyond that the oldest hour's is closed.
    pub open_parts_max: usize,
    /// How the files are written. An open part holds up to a row group in memory.
    pub layout: Layout,
}

impl WriterConfig {
    /// The defaults, for a data directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            part_age_max: Duration::from_secs(60),
            part_rows_max: 16 << 20,
            part_bytes_max: 1 << 30,
            open_parts_max: 2,
            layout: Layout::default(),
        }
    }
}

/// What happened to rows since the last call.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Parts whose rows are now stored.
    pub committed: Vec<CommittedPart>,
    /// Errors, each with the rows that it cost.
    pub failed: Vec<FailedRows>,
}

/// An error and what it cost.
#[derive(Debug)]
pub struct FailedRows {
    /// Whose rows they were.
    pub family: Family,
    /// Rows that are lost; 0 where they are stored, but a loss of power might still take them.
    pub rows: u64,
    /// Why.
    pub error: StoreError,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Appended {
    /// Rows of the batch.
    pub rows: u64,
    /// Parts that were closed because of it, and rows that were lost.
    pub outcome: Outcome,
}

/// Writes batches to hourly partitions.
///
/// It has no clock and no thread: the times are the caller's. An error costs the rows that it
/// concerns, which are counted, and the next batch begins anew. A writer that is dropped leaves
/// its pending rows to be removed as [`Leftovers`]: call [`Writer::finish`].
#[derive(Debug)]
pub struct Writer {
    config: WriterConfig,
    incoming: Incoming,
    parts: BTreeMap<(Family, Hour), Part>,
    totals: [Totals; Family::ALL.len()],
    /// Tells the files of this process from those of any other.
    process_tag: u64,
    parts_opened: u64,
}

impl Writer {
    /// Takes possession of the data directory and removes what a killed process left unfinished.
    ///
    /// # Errors
    /// If another process writes there, or the file system refuses something.
    pub fn open(config: WriterConfig) -> Result<(Writer, Leftovers), StoreError> {
        let (incoming, leftovers) = Incoming::open(&config.directory)?;
        let writer = Writer {
            config,
            incoming,
            parts: BTreeMap::new(),
            totals: Default::default(),
            process_tag: RandomState::new().build_hasher().finish(),
            parts_opened: 0,
        };
        Ok((writer, leftovers))
    }

    /// Adds the rows of a batch to their parts, and closes those that are full.
    pub fn append(&mut self, batch: &Batch, now: UnixNanos) -> Appended {
        let mut outcome = Outcome::default();
        split::split(batch, |piece| self.add(piece, now, &mut outcome));
        Appended { rows: batch.records() as u64, outcome }
    }

    /// Closes the parts that are old enough, and those of an hour that is over.
    pub fn commit_due(&mut self, now: UnixNanos) -> Outcome {
        let mut outcome = Outcome::default();
        let due: Vec<_> = self
            .parts
            .iter()
            // A clock that was set back must not keep a part open.
            .filter(|(_, part)| now < part.opened_at() || now >= self.due_at(part))
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            self.commit(key, &mut outcome);
        }
        outcome
    }

    /// When [`Writer::commit_due`] has something to do next; `None` while no part is open.
    pub fn next_due(&self) -> Option<UnixNanos> {
        self.parts.values().map(|part| self.due_at(part)).min()
    }

    /// Closes all parts.
    pub fn commit_all(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        while let Some((key, _)) = self.parts.first_key_value() {
            let key = *key;
            self.commit(key, &mut outcome);
        }
        outcome
    }

    /// Closes all parts and gives up the data directory. Nothing is pending in the totals.
    pub fn finish(mut self) -> (Outcome, Totals) {
        let outcome = self.commit_all();
        (outcome, self.totals())
    }

    /// The books of all families together.
    pub fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for totals in self.totals {
            sum += totals;
        }
        sum
    }

    /// The books of one family.
    pub fn totals_of(&self, family: Family) -> Totals {
        self.totals[family as usize]
    }

    fn add(&mut self, piece: Piece<'_>, now: UnixNanos, outcome: &mut Outcome) {
        let Piece { family, hour, rows, columns, arrivals } = piece;
        let key = (family, hour);
        let totals = &mut self.totals[family as usize];
        totals.appended += rows;
        totals.pending += rows;
        let columns = match columns {
            Ok(columns) => columns,
            Err(error) => return self.fail(family, rows, error.into(), outcome),
        };
        if let Err(error) = self.ensure_open(key, now, outcome) {
            return self.fail(family, rows, error, outcome);
        }
        let Some(part) = self.parts.get_mut(&key) else { return };
        if let Err(error) = part.write(&columns, arrivals) {
            let lost = rows + part.rows();
            if let Some(part) = self.parts.remove(&key) {
                part.discard();
            }
            self.fail(family, lost, error, outcome);
        } else if part.rows() >= self.config.part_rows_max
            || part.bytes() >= self.config.part_bytes_max
        {
            self.commit(key, outcome);
        }
    }

    fn ensure_open(
        &mut self,
        key: (Family, Hour),
        now: UnixNanos,
        outcome: &mut Outcome,
    ) -> Result<(), StoreError> {
        if self.parts.contains_key(&key) {
            return Ok(());
        }
        let others: Vec<_> = self.parts.keys().filter(|other| other.0 == key.0).copied().collect();
        let surplus = (others.len() + 1).saturating_sub(self.config.open_parts_max.max(1));
        for oldest in others.into_iter().take(surplus) {
            self.commit(oldest, outcome);
        }
        let name = format!("part-{:016x}-{:06}", self.process_tag, self.parts_opened);
        self.parts_opened += 1;
        let part = Part::open(&self.incoming, key, name, self.config.layout, now)?;
        self.parts.insert(key, part);
        Ok(())
    }

    fn commit(&mut self, key: (Family, Hour), outcome: &mut Outcome) {
        let Some(part) = self.parts.remove(&key) else { return };
        let rows = part.rows();
        match part.commit(&self.incoming) {
            Ok((part, late_error)) => {
                let totals = &mut self.totals[key.0 as usize];
                totals.pending -= rows;
                totals.stored += rows;
                outcome.committed.push(part);
                if let Some(error) = late_error {
                    outcome.failed.push(FailedRows { family: key.0, rows: 0, error });
                }
            }
            Err(error) => self.fail(key.0, rows, error, outcome),
        }
    }

    fn fail(&mut self, family: Family, rows: u64, error: StoreError, outcome: &mut Outcome) {
        let totals = &mut self.totals[family as usize];
        totals.pending -= rows;
        totals.failed += rows;
        outcome.failed.push(FailedRows { family, rows, error });
    }

    /// By age; or shortly after the end of its hour, if it was opened in that hour. (Rows of a
    /// capture file arrived in an hour that is long over.)
    fn due_at(&self, part: &Part) -> UnixNanos {
        let age_max = i64::try_from(self.config.part_age_max.as_nanos()).unwrap_or(i64::MAX);
        let by_age = part.opened_at().saturating_add(age_max);
        let hour_end = part.hour().end();
        if part.opened_at() < hour_end {
            by_age.min(hour_end.saturating_add(HOUR_GRACE_NANOS))
        } else {
            by_age
        }
    }
}

/// How long after its end an hour's part stays open: batches that were on their way.
const HOUR_GRACE_NANOS: i64 = 5 * 1_000_000_000;

#[cfg(test)]
mod tests;
