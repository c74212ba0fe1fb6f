use super::{report::GivenUpReport, *};
use logweir_decode::{note::Sequence, reason::Reason};

fn note(last: u8, outcome: Outcome) -> DatagramNote {
    DatagramNote {
        exporter: [192, 0, 2, last].into(),
        exporter_port: 4000,
        received_at: 1_767_225_600_000_000_000,
        outcome,
        waited: false,
        records: 0,
        unparsed: 0,
        sequence: None,
    }
}

fn v9(last: u8, domain: u32, number: u32) -> DatagramNote {
    let sequence = Sequence {
        version: 9,
        domain,
        number,
        units: Some(1),
        uptime_ms: None,
        templates_only: false,
    };
    DatagramNote { records: 3, sequence: Some(sequence), ..note(last, Outcome::Decoded) }
}

fn report(limits: Limits, notes: &[DatagramNote]) -> Vec<ExporterReport> {
    let mut ledger = Ledger::new(&limits);
    ledger.take(notes.iter().copied());
    ledger.report()
}

#[test]
fn each_exporter_has_its_own_account() {
    let rejected = |reason| note(2, Outcome::Rejected(reason));
    let found = report(
        Limits::DEFAULT,
        &[
            rejected(Reason::Sflow),
            v9(1, 7, 1),
            rejected(Reason::Empty),
            v9(1, 7, 4),
            DatagramNote { unparsed: 2, ..rejected(Reason::Sflow) },
        ],
    );
    let [first, second] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((first.datagrams, first.decoded, first.records), (2, 2, 6));
    assert_eq!(first.first_arrival, "2026-01-01T00:00:00.000Z");
    assert_eq!((second.datagrams, second.decoded, second.unparsed), (3, 0, 2));
    assert_eq!(
        lines(&found),
        [
            "192.0.2.1: 2 datagrams, 2 decoded; 2 datagrams missing in domain 0x7 of NetFlow v9",
            "192.0.2.2: 3 datagrams, 0 decoded, 3 rejected (empty 1, sflow 2)",
        ]
    );
    assert!(lines(&report(Limits::DEFAULT, &[v9(1, 7, 1), v9(1, 7, 2)])).is_empty());
}

#[test]
fn a_datagram_that_waited_is_one_datagram() {
    let waited = |outcome| DatagramNote { waited: true, records: 5, ..note(1, outcome) };
    let waits = note(1, Outcome::Waiting);
    let missing = Outcome::Rejected(Reason::TemplateMissing);
    let found = report(Limits::DEFAULT, &[waits, waits, waits, waited(Outcome::Decoded)]);
    assert_eq!((found[0].datagrams, found[0].waiting, found[0].decoded), (3, 2, 1));
    assert_eq!(found[0].records, 5);
    let found = report(Limits::DEFAULT, &[waits, waited(missing)]);
    assert_eq!((found[0].datagrams, found[0].waiting), (1, 0));
    assert_eq!(found[0].rejected["template_missing"], 1);
}

#[test]
fn exporters_and_domains_beyond_the_limit_are_still_counted() {
    let limits = Limits { exporters: 2, domains_per_exporter: 2, ..Limits::DEFAULT };
    let found = report(
        limits,
        &[
            v9(1, 1, 1),
            v9(2, 1, 1),
            v9(3, 1, 1),
            v9(4, 1, 900),
            v9(1, 2, 1),
            v9(1, 3, 1),
            v9(1, 1, 3),
        ],
    );
    let names: Vec<_> = found.iter().map(|one| one.exporter.as_str()).collect();
    assert_eq!(names, ["192.0.2.1", "192.0.2.2", "others"]);
    assert_eq!(found.iter().map(|one| one.datagrams).sum::<u64>(), 7);
    let followed: Vec<_> = found[0].domains.iter().map(|domain| domain.domain).collect();
    assert_eq!((followed, found[0].untracked), (vec![1, 3], 0));
    assert_eq!((found[2].domains.len(), found[2].untracked), (0, 2));
}

#[test]
fn versions_say_what_their_numbers_count() {
    let mut ipfix = [v9(1, 1, 10), v9(1, 1, 40)];
    for note in &mut ipfix {
        let sequence = note.sequence.as_mut().unwrap();
        (sequence.version, sequence.units) = (10, Some(20));
    }
    let found = report(Limits::DEFAULT, &[ipfix[0], ipfix[1], v9(1, 1, 10)]);
    let of_domain = |index: usize| &found[0].domains[index];
    assert_eq!((of_domain(0).version, of_domain(0).missing_datagrams), (9, Some(0)));
    assert_eq!((of_domain(1).version, of_domain(1).missing_records), (10, Some(10)));
    assert_eq!(
        lines(&found),
        ["192.0.2.1: 3 datagrams, 3 decoded; 10 records missing in domain 0x1 of IPFIX"]
    );
    let binary = |number| {
        let mut note = v9(1, 1, number);
        note.sequence.as_mut().unwrap().version = 0x0310;
        note
    };
    let lost = lines(&report(Limits::DEFAULT, &[binary(1), binary(3)]));
    assert!(lost[0].ends_with("1 datagrams missing in domain 0x1 of binary version 16, type 3"));
    let json = serde_json::to_value(&found[0]).unwrap();
    assert!(json["domains"][0].get("missing_records").is_none());
}

/// A domain that is given up stays in the exporter's totals.
#[test]
fn the_domain_idle_longest_is_given_up() {
    let limits = Limits { domains_per_exporter: 2, ..Limits::DEFAULT };
    let notes = [v9(1, 1, 1), v9(1, 1, 5), v9(1, 2, 1), v9(1, 1, 6), v9(1, 3, 1), v9(1, 4, 1)];
    let found = report(limits, &notes);
    let followed: Vec<_> = found[0].domains.iter().map(|domain| domain.domain).collect();
    assert_eq!(followed, [3, 4]);
    let expected = GivenUpReport { domains: 2, missing_datagrams: 3, ..Default::default() };
    assert_eq!(found[0].given_up, Some(expected));
    assert_eq!(
        lines(&found),
        ["192.0.2.1: 6 datagrams, 6 decoded; 3 datagrams and 0 records missing in 2 domains that \
          were given up, being too many"]
    );
}

/// A bare header begins nothing, but counts where its domain is followed.
#[test]
fn bare_headers_use_up_nothing() {
    let bare = |domain, number| DatagramNote { records: 0, ..v9(1, domain, number) };
    let mut ledger = Ledger::new(&Limits::DEFAULT);
    for domain in 0..1_000 {
        ledger.take([bare(domain, 1)]);
    }
    ledger.take([v9(1, 7, 1), bare(7, 3)]);
    let found = ledger.report();
    assert_eq!((found[0].domains.len(), found[0].untracked), (1, 1_000));
    assert_eq!(found[0].domains[0].missing_datagrams, Some(1));
    let said = lines(&found);
    assert!(said[0].ends_with("; the numbers of 1000 datagrams were not followed"), "{said:?}");
    let waits = DatagramNote { outcome: Outcome::Waiting, ..bare(1, 1) };
    let mut templates = bare(2, 1);
    templates.sequence.as_mut().unwrap().templates_only = true;
    assert_eq!(report(Limits::DEFAULT, &[waits, templates])[0].domains.len(), 2);
}

/// However many domains there are, memory has an end, and who sends all the time is followed.
#[test]
fn trackers_are_bounded_over_all_exporters() {
    let mut ledger = Ledger::new(&Limits::DEFAULT);
    for exporter in 0..40 {
        for domain in 0..250 {
            let number = u32::from(exporter) * 250 + domain;
            ledger.take([v9(exporter, domain, 1), v9(200, 1, 2 * number)]);
        }
    }
    let report = ledger.report();
    let tracked: usize = report.iter().map(|one| one.domains.len()).sum();
    let given_up: u64 = report.iter().flat_map(|one| &one.given_up).map(|one| one.domains).sum();
    assert!(tracked <= FOLLOWED_MAX && tracked > FOLLOWED_MAX * 3 / 4, "{tracked}");
    assert_eq!(tracked as u64 + given_up, 10_001);
    assert_eq!(report.last().unwrap().domains[0].missing_datagrams, Some(9_999));
}
