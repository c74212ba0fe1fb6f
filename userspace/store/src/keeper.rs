//! The keeper of a data directory: makes parts, index, ledger and manifest of the journal's closed
//! segments, and looks after what is stored when there is nothing else to do.
//!
//! A segment is sealed by one entry of the manifest. Everything that the entry names is on disk
//! before it, the segment is removed after it, and all of it comes out the same when it is done
//! again; so a crash at any point leaves each record in exactly one place.

mod compaction;
mod sealing;

use crate::{
    error::StoreError,
    incoming::{Incoming, Leftovers},
    journal::SegmentId,
    layout::Layout,
    ledger::{self, Ledger, statement::Completeness},
    manifest::{self, Entry, LedgerFile, Manifest, Part},
    partition::Hour,
    retention::{Deleted, Policy, Retention},
};
use compaction::Compaction;
use logweir_decode::context::UnixNanos;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How the store is kept.
#[derive(Clone, Debug)]
pub struct KeeperConfig {
    /// How files are written.
    pub layout: Layout,
    /// How long after its end an hour is closed: as long as a segment may stay open, and more.
    pub hour_grace: Duration,
    /// What is deleted.
    pub retention: Policy,
}

impl Default for KeeperConfig {
    fn default() -> Self {
        Self {
            layout: Layout::default(),
            hour_grace: Duration::from_secs(75),
            retention: Policy::default(),
        }
    }
}

/// What was found when a data directory was opened.
#[derive(Debug, Default)]
pub struct Opened {
    /// Files that a killed process had not finished, which were removed.
    pub leftovers: Leftovers,
    /// What was wrong with the manifest.
    pub manifest: manifest::Opened,
    /// Files that the manifest says are no longer, and which were still there.
    pub swept: u64,
}

/// What became of a segment.
#[derive(Debug, Default)]
pub struct SealedSegment {
    /// Its parts.
    pub parts: Vec<Part>,
    /// Where the rest of it is, for a person to look at, if its end could not be read.
    pub damaged: Option<PathBuf>,
    /// Whether somebody has removed its file, so that nothing could be made of it.
    pub is_lost: bool,
}

/// Keeps a data directory, which belongs to this process meanwhile.
#[derive(Debug)]
pub struct Keeper {
    config: KeeperConfig,
    incoming: Arc<Incoming>,
    manifest: Manifest,
    ledger: Ledger,
    /// Hours to which something was added since they were closed last.
    open_hours: BTreeSet<Hour>,
    retention: Retention,
    compaction: Compaction,
    /// What became of a segment that could not be removed then.
    unremoved: Option<(SegmentId, SealedSegment)>,
}

impl Keeper {
    /// Takes possession of a data directory, and ends what an earlier process has begun.
    ///
    /// # Errors
    /// If another process writes there, or the file system refuses something.
    pub fn open(
        data: &Path,
        config: KeeperConfig,
        now: UnixNanos,
    ) -> Result<(Keeper, Opened), StoreError> {
        let (incoming, leftovers) = Incoming::open(data)?;
        let (mut manifest, opened) = Manifest::open(data)?;
        let swept = manifest.sweep()?;
        let ledger = resume(&manifest)?;
        let open_hours = ledger::files::open_hours(data)?;
        let incoming = Arc::new(incoming);
        let retention = Retention::new(config.retention.clone());
        let mut keeper = Keeper {
            config,
            incoming,
            manifest,
            ledger,
            open_hours,
            retention,
            compaction: Compaction::default(),
            unremoved: None,
        };
        keeper.recover_exchanges(now)?;
        Ok((keeper, Opened { leftovers, manifest: opened, swept }))
    }

    /// The place of unfinished files, for the journal of the same directory.
    pub fn incoming(&self) -> &Incoming {
        &self.incoming
    }

    /// What is stored.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How long parts are kept, and how much of them.
    pub const fn retention(&self) -> &Policy {
        &self.config.retention
    }

    /// Keeps parts by another policy from now on.
    pub fn set_retention(&mut self, policy: Policy) {
        self.config.retention = policy.clone();
        self.retention = Retention::new(policy);
    }

    /// Deletes what need not be kept any longer.
    ///
    /// # Errors
    /// As [`Retention::apply`].
    pub fn delete_due(&mut self, now: UnixNanos) -> Result<Deleted, StoreError> {
        // What the manifest does not tell of yet would look like parts that are gone.
        self.record_exchanges(now)?;
        self.retention.apply(&mut self.manifest, now)
    }

    /// Closes the hours that are over. To be called when all closed segments are sealed.
    ///
    /// # Errors
    /// If the file system refuses something, the first of it: the other hours are closed all the
    /// same, and these stay open until it is tried again.
    pub fn close_hours(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        let grace = self.grace_nanos();
        let is_over = |hour: &Hour| now >= hour.end().saturating_add(grace);
        let over: Vec<_> = self.open_hours.iter().copied().take_while(is_over).collect();
        let mut result = Ok(());
        for hour in over {
            let closed = self.close_hour(hour, now);
            if closed.is_ok() {
                self.open_hours.remove(&hour);
            }
            result = result.and(closed);
        }
        result
    }

    fn grace_nanos(&self) -> i64 {
        i64::try_from(self.config.hour_grace.as_nanos()).unwrap_or(i64::MAX)
    }

    fn close_hour(&mut self, hour: Hour, now: UnixNanos) -> Result<(), StoreError> {
        let data = self.incoming.data_directory().to_owned();
        let stored = self.manifest.state().rows_ever(hour);
        let closed = ledger::files::close(&self.incoming, hour, &stored)?;
        let statement = ledger::statement_of(&data, hour)?;
        let file = LedgerFile::of_file(&data, &closed.path)?;
        let removed = closed.replaced.iter().map(|path| manifest::relative(&data, path));
        let removed: Vec<_> = removed.collect::<Result<_, _>>()?;
        if !self.manifest.state().knows(&file.path) || !removed.is_empty() {
            let entry = Entry::HourSealed {
                hour,
                complete: statement.completeness == Completeness::Complete,
                missing_datagrams: statement.missing_datagrams(),
                ledger: file,
                removed,
            };
            self.manifest.append(entry, now)?;
        }
        for path in closed.replaced {
            fs::remove_file(&path).map_err(|e| StoreError::io("remove", &path, e))?;
        }
        Ok(())
    }
}

/// The ledger as it stood after the last segment that was sealed.
fn resume(manifest: &Manifest) -> Result<Ledger, StoreError> {
    let Some(last) = manifest.state().last_sealed() else { return Ok(Ledger::default()) };
    Ok(Ledger::new(ledger::files::read_standing(manifest.data(), last)?))
}

#[cfg(test)]
mod tests;
