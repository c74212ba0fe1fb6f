use super::*;
use crate::{
    balance::DatagramBalance, ledger::DomainReport, output::rfc3339, service::status::StoreStatus,
};
use logweir_decode::context::UnixNanos;
use std::sync::Arc;

const SECOND_NS: i64 = 1_000_000_000;
const BEGIN: UnixNanos = 1_767_225_600_000_000_000;

fn at(second: i64) -> Moment {
    Moment { at: BEGIN + second * SECOND_NS, steady: second * SECOND_NS }
}

fn report(last_arrival: i64) -> ExporterReport {
    ExporterReport {
        exporter: "192.0.2.1".into(),
        last_arrival: rfc3339(at(last_arrival).at, 3),
        ..ExporterReport::default()
    }
}

fn status(report: ExporterReport) -> Status {
    Status { exporters: Arc::new(vec![report]), ..Status::default() }
}

/// Names and thresholds of what is new.
fn news(watcher: &mut Watcher, report: ExporterReport, second: i64) -> Vec<(&'static str, u64)> {
    let events = watcher.compare(&status(report), at(second));
    events.iter().map(|event| (event.kind.name(), event.threshold.unwrap_or(0))).collect()
}

fn watcher(wanted: &[(EventKind, u64)]) -> Watcher {
    let mut watcher = Watcher::new(Thresholds::new(wanted.iter().copied()));
    assert_eq!(news(&mut watcher, report(0), 0), [("exporter_new", 0)]);
    watcher
}

#[test]
fn silence_is_told_once_by_each_threshold_and_its_end() {
    let kind = EventKind::ExporterSilent;
    let mut watcher = watcher(&[(kind, 30), (kind, 90), (kind, 30)]);
    assert_eq!(news(&mut watcher, report(0), 29), []);
    assert_eq!(news(&mut watcher, report(0), 30), [("exporter_silent", 30)]);
    assert_eq!(news(&mut watcher, report(0), 31), []);
    assert_eq!(news(&mut watcher, report(0), 200), [("exporter_silent", 90)]);
    assert_eq!(news(&mut watcher, report(200), 201), [("exporter_back", 0)]);
    assert_eq!(news(&mut watcher, report(200), 231), [("exporter_silent", 30)]);
}

/// Who was silent by a threshold that a reload has taken away comes back all the same, once.
#[test]
fn other_thresholds_take_over_from_what_held() {
    let kind = EventKind::ExporterSilent;
    let mut watcher = watcher(&[(kind, 30)]);
    assert_eq!(news(&mut watcher, report(0), 30), [("exporter_silent", 30)]);
    watcher.set_thresholds(Thresholds::new([(kind, 60)]));
    assert_eq!(news(&mut watcher, report(0), 60), [("exporter_silent", 60)]);
    assert_eq!(news(&mut watcher, report(61), 61), [("exporter_back", 0)]);
    assert_eq!(news(&mut watcher, report(62), 62), []);
}

/// Who does not come back to a collector that was started anew is missed, from its start on.
#[test]
fn who_sent_before_a_restart_is_awaited() {
    let kind = EventKind::ExporterSilent;
    let known = ["192.0.2.1", "192.0.2.9"].map(|exporter| Known {
        exporter: exporter.parse().unwrap(),
        last_arrival: rfc3339(at(-3_600).at, 3).parse().unwrap(),
    });
    let mut watcher = Watcher::new(Thresholds::new([(kind, 30)])).awaiting(&known, at(0));
    let nobody = Status::default();
    assert_eq!(watcher.compare(&nobody, at(29)), []);
    assert_eq!(news(&mut watcher, report(29), 29), [("exporter_new", 0)]);
    let silent = watcher.compare(&status(report(29)), at(30));
    assert_eq!(silent.len(), 1);
    assert_eq!(silent[0].exporter.as_deref(), Some("192.0.2.9"));
    assert_eq!(silent[0].text, "nothing since 2025-12-31T23:00:00Z");
    let back = ExporterReport { exporter: "192.0.2.9".into(), ..report(31) };
    assert_eq!(news(&mut watcher, back, 31), [("exporter_new", 0), ("exporter_back", 0)]);
}

/// By an hour forth and by a day back: neither is a silence, nor keeps anything from being told.
#[test]
fn a_clock_that_is_set_is_nothing_that_happened() {
    const DAY: i64 = 86_400;
    let mut watcher = watcher(&[(EventKind::ExporterSilent, 300)]);
    let mut names = |told: i64, missing, steady: i64, set_by: i64| {
        let domain = DomainReport { missing_datagrams: Some(missing), ..DomainReport::default() };
        let report = ExporterReport { domains: vec![domain], ..report(told) };
        let now = Moment { at: at(steady + set_by).at, ..at(steady) };
        let events = watcher.compare(&status(report), now);
        events.iter().map(|event| event.kind.name()).collect::<Vec<_>>()
    };
    assert!(names(0, 0, 1, 3_600).is_empty());
    assert!(names(3_602, 0, 2, 3_600).is_empty());
    assert_eq!(names(3_602, 4, 3, 3_600), ["sequence_gap"]);
    assert_eq!(names(64 - DAY, 9, 64, -DAY), ["sequence_gap"]);
    assert!(names(64 - DAY, 9, 363, -DAY).is_empty());
    assert_eq!(names(64 - DAY, 9, 364, -DAY), ["exporter_silent"]);
}

#[test]
fn what_is_missing_is_told_when_it_grows_and_once_a_minute() {
    let mut watcher = watcher(&[]);
    let missing = |missing, restarts| {
        let domain = DomainReport {
            version: 9,
            missing_datagrams: Some(missing),
            restarts,
            ..DomainReport::default()
        };
        ExporterReport { domains: vec![domain], ..report(100) }
    };
    let texts = |watcher: &mut Watcher, report, second| {
        let events = watcher.compare(&status(report), at(second));
        events.into_iter().map(|event| event.text).collect::<Vec<_>>()
    };
    let told = texts(&mut watcher, missing(3, 1), 1);
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("3 more") && told[1] == "began to count anew", "{told:?}");
    assert!(texts(&mut watcher, missing(5, 1), 2).is_empty());
    let told = texts(&mut watcher, missing(9, 1), 61);
    assert!(told.len() == 1 && told[0].starts_with("6 more"), "{told:?}");
    // Late datagrams fill the gap.
    assert!(texts(&mut watcher, missing(0, 1), 200).is_empty());
}

#[test]
fn waiting_for_templates_is_told_after_a_while_and_giving_up_at_once() {
    let mut watcher = watcher(&[(EventKind::TemplateMissing, 10)]);
    let waiting = |waiting| ExporterReport { waiting, ..report(100) };
    assert_eq!(news(&mut watcher, waiting(5), 1), []);
    assert_eq!(news(&mut watcher, waiting(5), 10), []);
    assert_eq!(news(&mut watcher, waiting(7), 11), [("template_missing", 10)]);
    assert_eq!(news(&mut watcher, waiting(7), 12), []);
    assert_eq!(news(&mut watcher, waiting(0), 13), []);
    let given_up =
        ExporterReport { rejected: [("template_missing".into(), 7)].into(), ..report(100) };
    assert_eq!(news(&mut watcher, given_up, 14), [("template_missing", 10)]);
}

#[test]
fn room_is_told_when_it_gets_low_and_again_when_it_gets_low_again() {
    let mut watcher = Watcher::new(Thresholds::new([(EventKind::DiskLow, 20)]));
    let status = |journal_bytes, disk_free_bytes| {
        let room = StoreStatus { journal_bytes_max: 100, disk_bytes: 100, ..Default::default() };
        let store = Some(StoreStatus { journal_bytes, disk_free_bytes, ..room });
        Status { store, ..Status::default() }
    };
    let mut look = |journal, free| {
        let events = watcher.compare(&status(journal, free), at(0));
        events.iter().map(|event| event.kind.name()).collect::<Vec<_>>()
    };
    assert!(look(80, 20).is_empty());
    assert_eq!(look(81, 19), ["disk_low", "journal_full"]);
    assert!(look(90, 5).is_empty());
    // What sealing takes and gives back is no news.
    assert!(look(79, 21).is_empty());
    assert!(look(81, 19).is_empty());
    assert!(look(10, 50).is_empty());
    assert_eq!(look(10, 3), ["disk_low"]);
}

#[test]
fn a_journal_that_cannot_be_written_is_told_with_its_fault() {
    let mut watcher = Watcher::new(Thresholds::new([]));
    let mut look = |fault: Option<&str>| {
        // A reload is no news of it.
        watcher.set_thresholds(Thresholds::new([]));
        let store = StoreStatus { journal_fault: fault.map(Into::into), ..Default::default() };
        let events = watcher.compare(&Status { store: Some(store), ..Status::default() }, at(0));
        events.into_iter().map(|event| (event.kind.name(), event.text)).collect::<Vec<_>>()
    };
    assert!(look(None).is_empty());
    assert_eq!(look(Some("no room")), [("journal_stuck", "no room".to_owned())]);
    assert!(look(Some("no room, still")).is_empty());
    assert!(look(None).is_empty());
    assert_eq!(look(Some("no room")).len(), 1);
}

#[test]
fn a_sealer_that_stands_still_is_told_and_an_idle_one_is_not() {
    let mut watcher = Watcher::new(Thresholds::new([(EventKind::SealingStuck, 60)]));
    let mut look = |segments_waiting, sealed, second| {
        let store = StoreStatus { segments_waiting, sealed, ..Default::default() };
        let events =
            watcher.compare(&Status { store: Some(store), ..Status::default() }, at(second));
        events.into_iter().map(|event| event.text).collect::<Vec<_>>()
    };
    assert!(look(0, 0, 0).is_empty());
    assert!(look(0, 0, 1_000).is_empty(), "idle");
    assert!(look(2, 0, 1_050).is_empty());
    assert!(look(2, 5, 1_061).is_empty(), "goes on");
    assert!(look(3, 5, 1_120).is_empty());
    assert_eq!(look(3, 5, 1_121), ["3 segments wait, and none was sealed for 60 s"]);
    assert!(look(4, 5, 1_500).is_empty());
}

#[test]
fn a_refused_configuration_is_told_with_the_reason() {
    let mut watcher = Watcher::new(Thresholds::new([]));
    let mut look = |refused, reason: Option<&str>| {
        let last_error = reason.map(Into::into);
        let configuration = ConfigurationStatus { refused, last_error, ..Default::default() };
        let events = watcher.compare(&Status { configuration, ..Status::default() }, at(0));
        events.into_iter().map(|event| (event.kind.name(), event.text)).collect::<Vec<_>>()
    };
    assert!(look(0, None).is_empty());
    assert_eq!(look(1, Some("line 3")), [("reload_refused", "line 3".to_owned())]);
    assert!(look(1, None).is_empty());
}

#[test]
fn losses_are_told_by_where_they_were() {
    let mut watcher = Watcher::new(Thresholds::new([]));
    let mut status = Status::default();
    status.balance.datagrams = DatagramBalance { dropped_no_batch: 4, ..Default::default() };
    status.balance.records.failed = 2;
    let events = watcher.compare(&status, at(0));
    let told: Vec<_> = events.iter().map(|it| (it.kind, it.text.as_str())).collect();
    let expected = [
        (EventKind::QueueFull, "4 lost: datagrams without a batch"),
        (EventKind::StoreFailed, "2 lost: records not written"),
    ];
    assert_eq!(told, expected);
    assert!(watcher.compare(&status, at(100)).is_empty());
}

/// Each of too many loses something all the time: all have their turn.
#[test]
fn those_in_front_do_not_keep_all_to_themselves() {
    let mut watcher = Watcher::new(Thresholds::new([]));
    let mut told = std::collections::HashSet::new();
    for minute in 0..6 {
        let missing = Some(1 + u64::try_from(minute).unwrap());
        let exporter = |number| ExporterReport {
            exporter: format!("{number}"),
            domains: vec![DomainReport { missing_datagrams: missing, ..Default::default() }],
            ..report(0)
        };
        let exporters = Arc::new((0..150).map(exporter).collect());
        let events = watcher.compare(&Status { exporters, ..Status::default() }, at(60 * minute));
        told.extend(events.into_iter().filter_map(|event| event.exporter));
    }
    assert_eq!(told.len(), 150);
}

#[test]
fn a_flood_of_new_exporters_is_told_bit_by_bit() {
    let mut watcher = Watcher::new(Thresholds::new([]));
    let exporter = |number| ExporterReport { exporter: format!("{number}"), ..report(0) };
    let status =
        Status { exporters: Arc::new((0..250).map(exporter).collect()), ..Status::default() };
    let mut told = || watcher.compare(&status, at(0)).len();
    assert_eq!([told(), told(), told(), told()], [EVENTS_MAX, EVENTS_MAX, 50, 0]);
}
