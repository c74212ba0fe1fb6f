//! Whether a collector that has stopped lost sight of anything.

use std::path::Path;

use logweir_store::{files, schema::Family};

use super::collector::Stopped;

/// It ended well, nothing is unaccounted, and the files hold what it says.
pub fn assert_even(stopped: &Stopped, directory: &Path) {
    let printed = &stopped.printed;
    assert!(stopped.status.success(), "{}: {printed}", stopped.status);
    assert_eq!(stopped.count("/unaccounted/total"), 0, "{printed}");
    assert!(stopped.balance["exporters"].is_array(), "a ledger: {printed}");
    let decoded: u64 =
        Family::ALL.into_iter().map(|family| stopped.count(&format!("/records/{family}"))).sum();
    let lost = stopped.count("/records/failed") + stopped.count("/records/dropped_no_writer");
    assert_eq!(stopped.count("/records/stored") + lost, decoded, "{printed}");
    let rows = |family| files::count_rows(&directory.join("data"), family).expect("files");
    let stored: u64 = Family::ALL.into_iter().map(rows).sum();
    assert_eq!(stored, stopped.count("/records/stored"), "{printed}");
}
