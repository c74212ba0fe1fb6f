//! What the ledger says of exporters' numbers.

use super::collector::Stopped;

/// The ledger followed numbers and misses none.
pub fn assert_nothing_missing(stopped: &Stopped) {
    let exporters = stopped.balance["exporters"].as_array().expect("a ledger");
    let domains =
        exporters.iter().flat_map(|exporter| exporter["domains"].as_array().expect("a list"));
    let mut followed = 0;
    for domain in domains {
        let found = [&domain["missing_datagrams"], &domain["restarts"]];
        assert!(found.iter().all(|found| **found == 0), "{domain}: {}", stopped.printed);
        followed += 1;
    }
    assert!(followed > 0, "{}", stopped.printed);
}
