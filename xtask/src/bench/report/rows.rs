//! The table of targets, and the figures that answer its rows.

use super::sets::Set;
use crate::bench::result::Figure;

/// A row of the table, as it stands in benches/README.md.
pub struct Row<'a> {
    pub number: u8,
    pub what: &'static str,
    /// What answers it; nothing if it was not measured.
    pub figures: Vec<&'a Figure>,
}

const ROWS: [&str; 14] = [
    "USG NetFlow 1315 → columns",
    "USG NetFlow 1316 → columns",
    "NetFlow v9 and IPFIX by any template of fixed lengths → columns",
    "USG syslog Default TEARDOWN → columns",
    "USG BUILT, mtn, cn and FireBrick syslog → columns",
    "XDP program, a packet that is redirected",
    "AF_XDP receive and decode against recvmmsg, a CPU-second",
    "Arrival to decoded, at half of the highest rate without loss",
    "Allocations a datagram in the steady state",
    "Wire → synced journal, CPU a record",
    "Wire → sealed, sorted and indexed Parquet, CPU a record",
    "Bytes a session record on disk",
    "Who had an address and port: the files in the page cache",
    "Who had an address and port: the files on disk only",
];

/// All rows, answered or not.
pub fn of(sets: &[Set]) -> Vec<Row<'_>> {
    let row = |(number, what): (u8, &'static str)| Row {
        number,
        what,
        figures: figures(sets).filter(|figure| figure.row == Some(number)).collect(),
    };
    (1..).zip(ROWS).map(row).collect()
}

fn figures(sets: &[Set]) -> impl Iterator<Item = &Figure> {
    sets.iter().flat_map(|set| &set.results.figures)
}
