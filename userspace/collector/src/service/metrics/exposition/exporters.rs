//! The exporters. Who sends can make up addresses, so that only so many have series of their own: those
//! that came first. What is known of the others is summed as `others`.

use super::{Scribe, seconds};
use crate::ledger::ExporterReport;
use prometheus_client::encoding::EncodeGaugeValue;
use std::{borrow::Cow, fmt};

/// The name of those who have no series of their own, here as in the ledger.
const OTHERS: &str = "others";

/// What is told of an exporter, or of several.
#[derive(Debug, Default)]
struct Row<'a> {
    exporter: Cow<'a, str>,
    datagrams: u64,
    records: u64,
    unparsed: u64,
    dropped: u64,
    rejected: u64,
    waiting: u64,
    missing_datagrams: u64,
    missing_records: u64,
    last_arrival: f64,
}

impl<'a> Row<'a> {
    fn of(report: &'a ExporterReport) -> Self {
        Self {
            exporter: Cow::Borrowed(&report.exporter),
            datagrams: report.datagrams,
            records: report.records,
            unparsed: report.unparsed,
            dropped: report.dropped_no_batch,
            rejected: report.rejected.values().sum(),
            waiting: report.waiting,
            missing_datagrams: report.missing_datagrams(),
            missing_records: report.missing_records(),
            last_arrival: seconds(&report.last_arrival),
        }
    }

    fn add(&mut self, other: &Row<'_>) {
        self.datagrams += other.datagrams;
        self.records += other.records;
        self.unparsed += other.unparsed;
        self.dropped += other.dropped;
        self.rejected += other.rejected;
        self.waiting += other.waiting;
        self.missing_datagrams += other.missing_datagrams;
        self.missing_records += other.missing_records;
        self.last_arrival = self.last_arrival.max(other.last_arrival);
    }
}

/// Those who came first, and the sum of the others.
fn rows(reports: &[ExporterReport], named_max: usize) -> Vec<Row<'_>> {
    let is_named = |report: &&ExporterReport| report.exporter != OTHERS;
    let mut named: Vec<_> = reports.iter().filter(is_named).collect();
    named.sort_by_key(|report| (&report.first_arrival, &report.exporter));
    let unnamed = reports.iter().filter(|report| !is_named(report));
    let summed = named.iter().copied().skip(named_max).chain(unnamed).map(Row::of);
    let others = summed.reduce(|mut sum, row| {
        sum.add(&row);
        sum
    });
    let mut rows: Vec<_> = named.into_iter().take(named_max).map(Row::of).collect();
    rows.extend(others.map(|others| Row { exporter: Cow::Borrowed(OTHERS), ..others }));
    rows
}

pub(super) fn exporters(
    to: &mut Scribe<'_>,
    reports: &[ExporterReport],
    named_max: usize,
) -> fmt::Result {
    to.gauge("logweir_exporters", "Exporters that have sent something.", reports.len())?;
    let rows = rows(reports, named_max);
    let mut counters = |name, help, value: fn(&Row<'_>) -> u64| {
        let values = rows.iter().map(|row| (&row.exporter, value(row)));
        to.counters(name, help, "exporter", values)
    };
    counters("logweir_exporter_datagrams", "Datagrams that decoders took.", |row| row.datagrams)?;
    counters("logweir_exporter_records", "Records, without unparsed ones.", |row| row.records)?;
    counters(
        "logweir_exporter_records_unparsed",
        "Records of what no decoder understood.",
        |row| row.unparsed,
    )?;
    counters(
        "logweir_exporter_datagrams_rejected",
        "Datagrams of which something was rejected.",
        |row| row.rejected,
    )?;
    counters(
        "logweir_exporter_datagrams_dropped",
        "Datagrams dropped because no batch was free.",
        |row| row.dropped,
    )?;
    gauges(to, &rows, "datagrams_waiting", "Datagrams that wait for a template.", |row| {
        row.waiting
    })?;
    gauges(
        to,
        &rows,
        "datagrams_missing",
        "Datagrams that never came, by their numbers; late ones are taken off.",
        |row| row.missing_datagrams,
    )?;
    gauges(
        to,
        &rows,
        "records_missing",
        "Records that never came, by their numbers; late ones are taken off.",
        |row| row.missing_records,
    )?;
    gauges(
        to,
        &rows,
        "last_arrival_timestamp_seconds",
        "When the last datagram arrived, since 1970.",
        |row| row.last_arrival,
    )
}

fn gauges<V: EncodeGaugeValue>(
    to: &mut Scribe<'_>,
    rows: &[Row<'_>],
    name: &str,
    help: &str,
    value: fn(&Row<'_>) -> V,
) -> fmt::Result {
    let values = rows.iter().map(|row| (&row.exporter, value(row)));
    to.gauges(&format!("logweir_exporter_{name}"), help, "exporter", values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(exporter: &str, first: &str, datagrams: u64) -> ExporterReport {
        ExporterReport {
            exporter: exporter.into(),
            first_arrival: format!("2026-01-01T00:00:0{first}.000Z"),
            last_arrival: format!("2026-01-01T00:01:0{first}.000Z"),
            datagrams,
            ..ExporterReport::default()
        }
    }

    #[test]
    fn those_who_came_first_keep_their_names_and_nothing_is_lost() {
        let reports = [
            report("192.0.2.1", "3", 1),
            report("192.0.2.2", "1", 10),
            report("192.0.2.3", "2", 100),
            report(OTHERS, "4", 1_000),
        ];
        let named = |max| -> Vec<_> {
            let rows = rows(&reports, max).into_iter();
            rows.map(|row| (row.exporter.to_string(), row.datagrams)).collect()
        };
        let all = ["192.0.2.2", "192.0.2.3", "192.0.2.1", OTHERS].map(String::from);
        assert_eq!(named(3), all.clone().into_iter().zip([10, 100, 1, 1_000]).collect::<Vec<_>>());
        assert_eq!(named(1), [(all[0].clone(), 10), (OTHERS.into(), 1_101)]);
        assert_eq!(named(0), [(OTHERS.into(), 1_111)]);
        assert!(rows(&[], 3).is_empty());
        let last = rows(&reports, 0)[0].last_arrival;
        assert!((last - seconds("2026-01-01T00:01:04Z")).abs() < 1e-3);
    }
}
