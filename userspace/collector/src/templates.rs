//! The templates of exporters in a file of the data directory, so that they outlive the collector.

use crate::kept_file::Kept;
use logweir_decode::netflow::registry::Registry;
use std::{sync::Arc, time::Duration};

/// The name of the file.
pub const FILE_NAME: &str = "templates.json";

impl Kept for Arc<Registry> {
    /// It tells when templates were sent.
    const WRITE_EVERY: Option<Duration> = Some(Duration::from_secs(300));

    fn changes(&self) -> u64 {
        Registry::changes(self)
    }

    fn json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(&self.kept())
    }
}
