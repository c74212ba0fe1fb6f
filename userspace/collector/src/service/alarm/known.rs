//! The exporters that have sent lately, in a file of the data directory: so one that stops while the
//! collector is not there, or that the next one cannot hear, is missed all the same.

use crate::{clock, kept_file::Kept, service::status::Board};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, time::Duration};

/// The name of the file.
pub const FILE_NAME: &str = "exporters.json";

/// Who has sent nothing for so long is not missed any more.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// An exporter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its address.
    pub exporter: IpAddr,
    /// When it sent last.
    pub last_arrival: Timestamp,
}

/// Those that have sent to this collector or, as the file told at its start, to one before it. There
/// are no more of them than the ledgers of both have.
#[derive(Debug)]
pub struct KnownExporters {
    before: Vec<Known>,
    board: Board,
}

impl KnownExporters {
    /// Those of the board, beside those that were known before.
    pub fn new(before: Vec<Known>, board: Board) -> Self {
        Self { before, board }
    }

    /// All that are not forgotten.
    fn at(&self, now: Timestamp) -> Vec<Known> {
        let status = self.board.read();
        let mut known: Vec<_> = status
            .exporters
            .iter()
            .filter_map(|report| {
                // Those that are counted together have no address.
                let exporter = report.exporter.parse().ok()?;
                Some(Known { exporter, last_arrival: report.last_arrival.parse().ok()? })
            })
            .collect();
        let here: std::collections::HashSet<_> = known.iter().map(|one| one.exporter).collect();
        known.extend(self.before.iter().filter(|one| !here.contains(&one.exporter)).cloned());
        known.retain(|one| now.duration_since(one.last_arrival) < FORGOTTEN_AFTER);
        known
    }
}

impl Kept for KnownExporters {
    /// It tells when they have sent last.
    const WRITE_EVERY: Option<Duration> = Some(Duration::from_secs(60));

    fn changes(&self) -> u64 {
        self.board.read().exporters.len() as u64
    }

    fn json(&self) -> serde_json::Result<Vec<u8>> {
        let now = Timestamp::from_nanosecond(clock::now().into()).unwrap_or_default();
        serde_json::to_vec_pretty(&self.at(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::ExporterReport, service::status::Status};
    use std::sync::Arc;

    #[test]
    fn those_of_before_are_known_for_a_day_and_those_of_now_by_what_they_sent_last() {
        let at = |hour: i64| Timestamp::from_second(1_767_225_600 + hour * 3_600).unwrap();
        let known = |exporter: &str, hour| Known {
            exporter: exporter.parse().unwrap(),
            last_arrival: at(hour),
        };
        let report = |exporter: &str, hour| ExporterReport {
            exporter: exporter.into(),
            last_arrival: at(hour).to_string(),
            ..ExporterReport::default()
        };
        let board = Board::default();
        let before = vec![known("192.0.2.1", 0), known("192.0.2.2", 0), known("192.0.2.3", 5)];
        let all = KnownExporters::new(before, board.clone());
        let exporters = vec![report("192.0.2.1", 9), report("2001:db8::1", 9), report("others", 9)];
        board.post(Status { exporters: Arc::new(exporters), ..Status::default() });
        let of_now = [known("192.0.2.1", 9), known("2001:db8::1", 9)];
        let expected = [&of_now[..], &[known("192.0.2.2", 0), known("192.0.2.3", 5)]].concat();
        assert_eq!(all.at(at(23)), expected);
        assert_eq!(all.at(at(24)), [&of_now[..], &[known("192.0.2.3", 5)]].concat());
        let read: Vec<Known> =
            serde_json::from_slice(&serde_json::to_vec(&expected).unwrap()).unwrap();
        assert_eq!(read, expected);
    }
}
