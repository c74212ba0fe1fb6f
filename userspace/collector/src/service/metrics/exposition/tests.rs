use super::*;
use crate::{
    balance::{Balance, RingBalance, SocketBalance, XdpBalance},
    counters::RingFill,
    latency::OctaveCounters,
    ledger::{DomainReport, ExporterReport},
    nic::NicCounters,
    service::{metrics::classic, status::StoreStatus},
};
use logweir_abi::Counter as XdpCounter;
use std::collections::{BTreeSet, HashSet};

fn status() -> Status {
    let mut balance = Balance {
        nic: Some(NicCounters { rx_packets: 90, ..NicCounters::default() }),
        xdp: Some(XdpBalance::new("native", [(XdpCounter::Redirected, 80)].into_iter())),
        ring: Some(RingBalance { received: 70, rx_ring_full: 4, ..RingBalance::default() }),
        socket: Some(SocketBalance { received: 3, not_allowed: 2, ..SocketBalance::default() }),
        ..Balance::default()
    };
    balance.datagrams.received = 73;
    balance.datagrams.rejected = [("empty".into(), 5)].into();
    balance.records.session = 12;
    balance.close();
    let missing = DomainReport { missing_datagrams: Some(7), ..DomainReport::default() };
    let exporter = ExporterReport {
        exporter: "192.0.2.1".into(),
        datagrams: 73,
        last_arrival: "2026-01-01T00:00:01.500Z".into(),
        domains: vec![missing],
        ..ExporterReport::default()
    };
    let latency = OctaveCounters::default();
    latency.add(1_500, 2);
    latency.add(u64::MAX / 4, 1);
    let mut status = Status {
        version: "1.2".into(),
        balance,
        exporters: Arc::new(vec![exporter]),
        rings: vec![RingFill { frames: 4_096, fullest: 9 }],
        store: Some(StoreStatus { disk_bytes: 10, ..StoreStatus::default() }),
        ..Status::default()
    };
    status.arrival_to_decoded.read(&latency);
    status
}

#[test]
fn each_counter_is_told() {
    let text = openmetrics(Arc::new(status()), 10);
    for line in [
        "logweir_build_info{version=\"1.2\"} 1",
        "logweir_nic_packets_total 90",
        "logweir_xdp_frames_redirected_total 80",
        "logweir_xdp_frames_passed_total{reason=\"fragment\"} 0",
        "logweir_source_datagrams_total{place=\"ring\"} 70",
        "logweir_socket_datagrams_not_allowed_total 2",
        "logweir_datagrams_total 73",
        "logweir_datagrams_rejected_total{reason=\"empty\"} 5",
        "logweir_datagrams_rejected_total{reason=\"sflow\"} 0",
        "logweir_datagrams_dropped_total{place=\"rx_ring_full\"} 4",
        "logweir_records_total{family=\"session\"} 12",
        "logweir_records_total{family=\"im\"} 0",
        "logweir_unaccounted{stage=\"ring\"} 6",
        "logweir_unaccounted{stage=\"records\"} 12",
        "logweir_exporter_datagrams_missing{exporter=\"192.0.2.1\"} 7",
        "logweir_exporter_last_arrival_timestamp_seconds{exporter=\"192.0.2.1\"} 1767225601.5",
        "logweir_decode_latency_seconds_bucket{le=\"0.000001024\"} 0",
        "logweir_decode_latency_seconds_bucket{le=\"0.000002048\"} 2",
        "logweir_decode_latency_seconds_bucket{le=\"+Inf\"} 3",
        "logweir_decode_latency_seconds_count 3",
        "logweir_ring_frames{queue=\"0\"} 4096",
        "logweir_ring_fullest_frames{queue=\"0\"} 9",
        "logweir_journal_writable 1",
        "logweir_disk_bytes 10",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is not in:\n{text}");
    }
}

/// A scraper refuses all of it for one name or series that is told twice.
#[test]
fn no_series_is_told_twice() {
    let text = openmetrics(Arc::new(status()), 10);
    let (mut described, mut series) = (HashSet::new(), HashSet::new());
    for line in text.lines() {
        if let Some(of) = line.strip_prefix("# TYPE ") {
            assert!(described.insert(of.split(' ').next()), "{line}");
        } else if !line.starts_with('#') {
            assert!(series.insert(line.rsplit_once(' ').unwrap().0), "{line}");
        }
    }
    assert!(series.len() > 80, "{}", series.len());
}

#[test]
fn without_an_interface_and_a_store_nothing_is_told_of_them() {
    let text = openmetrics(Arc::new(Status::default()), 10);
    for word in [
        "logweir_nic",
        "logweir_xdp",
        "logweir_ring",
        "logweir_journal",
        "logweir_disk",
        "place=\"ring\"",
    ] {
        assert!(!text.contains(word), "{word}");
    }
    assert!(text.contains("logweir_datagrams_dropped_total{place=\"no_batch\"} 0"));
}

/// The reference has each metric, and no other.
#[test]
fn the_reference_has_every_metric() {
    let reference = include_str!("../../../../../../docs/watching.md");
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let documented: BTreeSet<_> = rows.filter(|name| name.contains('_')).collect();
    let text = classic::from_openmetrics(&openmetrics(Arc::new(status()), 10));
    let told = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    assert_eq!(documented, told.collect());
}
