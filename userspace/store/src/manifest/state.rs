//! What all entries of a manifest come to.

use super::{Entry, Hold, LedgerFile, Part, PartPath};
use crate::{partition::Hour, schema::Family};
use std::collections::{BTreeMap, HashSet};

/// The present, as the entries tell it.
#[derive(Clone, Debug, Default)]
pub struct State {
    sealed: HashSet<String>,
    last_sealed: Option<String>,
    parts: BTreeMap<PartPath, Part>,
    ledger: BTreeMap<PartPath, LedgerFile>,
    gone: HashSet<PartPath>,
    /// Whether nobody will ask any more what is gone.
    forgets_gone: bool,
    /// Rows that were deleted with their parts.
    deleted: BTreeMap<(Hour, Family), u64>,
    holds: Vec<Hold>,
    key: Option<String>,
}

impl State {
    /// Whether a segment was sealed.
    pub fn is_sealed(&self, segment: &str) -> bool {
        self.sealed.contains(segment)
    }

    /// The segment that was sealed last.
    pub fn last_sealed(&self) -> Option<&str> {
        self.last_sealed.as_deref()
    }

    /// Rows of an hour that were deleted.
    fn rows_deleted(&self, hour: Hour) -> BTreeMap<Family, u64> {
        let of_hour = self.deleted.iter().filter(|((of, _), _)| *of == hour);
        of_hour.map(|((_, family), rows)| (*family, *rows)).collect()
    }

    /// Rows of an hour that are, or were before they were deleted.
    pub fn rows_ever(&self, hour: Hour) -> BTreeMap<Family, u64> {
        let mut rows = self.rows_deleted(hour);
        for part in self.parts.values().filter(|part| part.hour == hour) {
            *rows.entry(part.family).or_default() += part.rows;
        }
        rows
    }

    /// The parts that there are, in the order of their paths.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.values()
    }

    /// The part of a path.
    pub fn part(&self, path: &PartPath) -> Option<&Part> {
        self.parts.get(path)
    }

    /// The files of the ledger that there are, in the order of their paths.
    pub fn ledger(&self) -> impl Iterator<Item = &LedgerFile> {
        self.ledger.values()
    }

    /// Whether an entry names a file, or the part that it is the index of, as one that there is.
    pub fn knows(&self, path: &PartPath) -> bool {
        let of_part = || {
            let stem = path.as_str().strip_suffix(".trace")?;
            let part = PartPath::try_from(format!("{stem}.parquet")).ok()?;
            self.parts.get(&part)?.trace
        };
        self.parts.contains_key(path) || self.ledger.contains_key(path) || of_part().is_some()
    }

    /// Whether an entry tells that a file, or the part that it is the index of, is no longer.
    pub fn is_gone(&self, path: &PartPath) -> bool {
        let of_part = || {
            let stem = path.as_str().strip_suffix(".trace")?;
            PartPath::try_from(format!("{stem}.parquet")).ok()
        };
        let gone = |path: &PartPath| self.gone.contains(path);
        gone(path) || of_part().is_some_and(|part| gone(&part))
    }

    /// Forgets which files are no longer, from now on: there are more of them every day.
    pub(super) fn forget_gone(&mut self) {
        self.gone = HashSet::new();
        self.forgets_gone = true;
    }

    /// The holds that nobody has lifted, in the order in which they were placed.
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// The name of the key under which pseudonyms are made.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Takes in what an entry says.
    pub(crate) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Sealed { segment, parts, ledger } => {
                self.last_sealed = Some(segment.clone());
                self.sealed.insert(segment);
                self.add(parts);
                self.ledger.extend(ledger.into_iter().map(|file| (file.path.clone(), file)));
            }
            Entry::Compacted { removed, added } => {
                self.remove(removed);
                self.add(added);
            }
            Entry::Deleted { parts, .. } => {
                for part in parts.iter().filter_map(|path| self.parts.get(path)) {
                    *self.deleted.entry((part.hour, part.family)).or_default() += part.rows;
                }
                self.remove(parts);
            }
            Entry::HourSealed { ledger, removed, .. } => {
                self.remove(removed);
                self.ledger.insert(ledger.path.clone(), ledger);
            }
            Entry::HoldPlaced { hold, .. } => self.holds.push(hold),
            Entry::HoldLifted { case, .. } => self.holds.retain(|hold| hold.case != case),
            Entry::KeyRotated { key, .. } => self.key = Some(key),
        }
    }

    fn add(&mut self, parts: Vec<Part>) {
        self.parts.extend(parts.into_iter().map(|part| (part.path.clone(), part)));
    }

    fn remove(&mut self, paths: Vec<PartPath>) {
        for path in paths {
            self.parts.remove(&path);
            self.ledger.remove(&path);
            if !self.forgets_gone {
                self.gone.insert(path);
            }
        }
    }
}
