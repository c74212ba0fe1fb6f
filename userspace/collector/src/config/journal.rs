//! What is said of the journal of the store.

use super::Settings;
use logweir_store::journal::JournalConfig;
use std::time::Duration;

const MIB: u64 = 1 << 20;

impl Settings {
    /// Checks what is said of the journal; a segment is no older than a part may be.
    pub(super) fn journal(&self, segment_age_max: Duration) -> Result<JournalConfig, String> {
        let mut journal = JournalConfig { segment_age_max, ..JournalConfig::default() };
        if let Some(ms) = self.journal_sync_ms {
            if !(10..=60_000).contains(&ms) {
                return Err(format!("journal_sync_ms is {ms}: it must be from 10 to 60000"));
            }
            journal.sync_interval = Duration::from_millis(ms);
        }
        if let Some(mb) = self.segment_mb {
            if !(1..=1_024).contains(&mb) {
                return Err(format!("segment_mb is {mb}: it must be from 1 to 1024"));
            }
            journal.segment_bytes_max = mb * MIB;
        }
        if let Some(mb) = self.journal_max_mb {
            journal.bytes_max = mb.saturating_mul(MIB);
        }
        // One segment is written while another one is sealed; a batch may be a few MiB.
        let least_mb = 2 * journal.segment_bytes_max / MIB + 64;
        if journal.bytes_max < least_mb * MIB {
            return Err(format!(
                "journal_max_mb is {}: with segments of {} MiB it must be {least_mb} or more",
                journal.bytes_max / MIB,
                journal.segment_bytes_max / MIB
            ));
        }
        Ok(journal)
    }
}
