//! The store of a collector: opened, and ended in order.

use crate::{
    cli::Failure,
    clock,
    config::RunConfig,
    pipeline::Summary,
    sealer::Sealer,
    sink::{JournalSink, SinkCounters},
};
use crossbeam_channel::unbounded;
use logweir_store::{
    audit,
    error::StoreError,
    journal::{Journal, Recovered},
    keeper::{self, Keeper, KeeperConfig},
};
use std::{io::ErrorKind, path::Path, sync::Arc, time::Duration};

/// Refuses a place for the store that is something else, before anything is read there.
///
/// # Errors
/// One sentence that names it.
pub(in crate::commands) fn check_place(data: &Path) -> Result<(), String> {
    if data.exists() && !data.is_dir() {
        return Err(format!("data: {} is no directory", data.display()));
    }
    Ok(())
}

/// The store of a data directory: where batches go, and the thread that makes parts of them.
pub(super) fn open(
    data: &Path,
    config: &RunConfig,
    counters: &Arc<SinkCounters>,
) -> Result<(JournalSink, Option<Sealer>), Failure> {
    let failed = |error: StoreError| Failure::other(sentence(&error, data));
    let keeper = KeeperConfig {
        hour_grace: config.part_age_max + HOUR_GRACE,
        retention: config.retention.clone(),
        ..KeeperConfig::default()
    };
    let (keeper, opened) = Keeper::open(data, keeper, clock::now()).map_err(failed)?;
    if let Err(error) = audit::prepare(data) {
        crate::tell(&sentence(&error, data));
    }
    let (journal, recovered) = Journal::open(keeper.incoming(), config.journal).map_err(failed)?;
    tell_found(&opened, &recovered);
    let (to_sealer, segments) = unbounded();
    let sealer = Sealer::start(keeper, recovered.segments, segments)
        .map_err(|error| Failure::other(format!("cannot start a thread: {error}")))?;
    Ok((JournalSink::new(journal, counters.clone(), to_sealer), Some(sealer)))
}

/// What is wrong, and what to do where the data directory is another user's.
fn sentence(error: &StoreError, data: &Path) -> String {
    let is_forbidden = matches!(error, StoreError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied);
    let data = data.display();
    match is_forbidden {
        true => {
            format!("{error}: all in {data} must belong to the user that the collector runs as")
        }
        false => error.to_string(),
    }
}

/// How much longer than a segment may be open its hour stays open.
const HOUR_GRACE: Duration = Duration::from_secs(15);

/// Says what a collector that was killed has left.
fn tell_found(opened: &keeper::Opened, recovered: &Recovered) {
    let keeper::Opened { leftovers, manifest, swept } = opened;
    if leftovers.files > 0 {
        let (files, bytes) = (leftovers.files, leftovers.bytes);
        crate::tell(&format!(
            "removed {files} unfinished files ({bytes} bytes) of a collector that was killed"
        ));
    }
    if *swept > 0 {
        crate::tell(&format!("removed {swept} files that the manifest says are no longer"));
    }
    if manifest.torn_bytes > 0 {
        let bytes = manifest.torn_bytes;
        crate::tell(&format!("cut {bytes} bytes of an unfinished line off the manifest"));
    }
    if !manifest.faults.is_empty() {
        let faults = manifest.faults.len();
        crate::tell(&format!(
            "lines of the manifest that are not as written: {faults} (`logweir verify` tells which)"
        ));
    }
    if !recovered.segments.is_empty() {
        let segments = recovered.segments.len();
        let bytes: u64 = recovered.segments.iter().map(|segment| segment.bytes).sum();
        crate::tell(&format!(
            "recovered {segments} segments ({bytes} bytes) of the journal, which are sealed now"
        ));
    }
    if recovered.torn_bytes > 0 {
        let Recovered { torn_bytes, torn_segments, .. } = recovered;
        crate::tell(&format!(
            "cut {torn_bytes} bytes that were not written whole off {torn_segments} segments of \
             the journal"
        ));
    }
    for path in &recovered.damaged {
        crate::tell(&format!("{} is no segment of the journal that can be read", path.display()));
    }
}

/// Waits until all that was journaled is in parts, and says which.
pub(super) fn end_sealing<S>(sealer: Sealer, summary: &mut Summary<S>) {
    let counters = Arc::clone(sealer.counters());
    let Some(finished) = sealer.join() else {
        summary.errors.push("the thread that seals panicked: the journal has what it had".into());
        return;
    };
    for path in &finished.paths {
        crate::say(&format!("wrote {}", path.display()));
    }
    if finished.left > 0 {
        let left = finished.left;
        crate::tell(&format!("{left} segments stay in the journal, for the next start to seal"));
    }
    // What could not be synced counts as failed, and may be in a part all the same.
    if finished.left == 0 && summary.balance.records.failed == 0 {
        summary.balance.sealed(counters.sealed.get(), counters.recovered.get());
    }
}
