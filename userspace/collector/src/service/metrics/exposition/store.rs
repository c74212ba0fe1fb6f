//! The store: journal, sealer and disk.

use super::Scribe;
use crate::service::status::StoreStatus;
use std::fmt;

pub(super) fn store(to: &mut Scribe<'_>, store: &StoreStatus) -> fmt::Result {
    to.gauge(
        "logweir_journal_bytes",
        "Bytes of the journal that are not in parts yet.",
        store.journal_bytes,
    )?;
    to.gauge(
        "logweir_journal_limit_bytes",
        "Bytes that they may have; then nothing is written.",
        store.journal_bytes_max,
    )?;
    to.gauge(
        "logweir_journal_writable",
        "Whether the journal can be appended to and synced.",
        u64::from(store.journal_fault.is_none()),
    )?;
    to.gauge(
        "logweir_segments_waiting",
        "Closed segments of the journal that wait to be sealed.",
        store.segments_waiting,
    )?;
    to.counter("logweir_records_sealed", "Records in sealed parts.", store.sealed)?;
    to.counter(
        "logweir_records_recovered",
        "Records of earlier processes, found in the journal, in sealed parts.",
        store.recovered,
    )?;
    if store.disk_bytes == 0 {
        return Ok(());
    }
    to.gauge(
        "logweir_disk_free_bytes",
        "Bytes that are free in the file system of the data directory.",
        store.disk_free_bytes,
    )?;
    to.gauge("logweir_disk_bytes", "Bytes that this file system has.", store.disk_bytes)
}
