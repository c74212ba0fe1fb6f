use super::{
    account::{DOMAINS_MAX, GAPS_MAX, Gap, Numbers},
    files,
    statement::{Completeness, Evidence, Statement},
    *,
};
use crate::{
    incoming::Incoming,
    layout::Layout,
    testing::{HOUR_BEGIN, SECOND, context, seal, small_batch},
};
use logweir_decode::{note::Sequence, reason::Reason, session::SessionRow};

const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// A datagram of NetFlow v9 with one session.
fn v9(number: u32, received_at: UnixNanos) -> DatagramNote {
    let sequence = Sequence {
        version: 9,
        domain: 7,
        number,
        units: Some(1),
        uptime_ms: None,
        templates_only: false,
    };
    DatagramNote {
        exporter: EXPORTER,
        exporter_port: 9995,
        received_at,
        outcome: Outcome::Decoded,
        waited: false,
        records: 1,
        unparsed: 0,
        sequence: Some(sequence),
    }
}

/// A batch of these datagrams, with the sessions that they say they have.
fn batch(notes: &[DatagramNote]) -> Batch {
    let mut batch = small_batch();
    for note in notes {
        assert!(batch.notes.push(*note));
        for _ in 0..note.records {
            let of = Context { observation_domain: Some(7), ..context(note.received_at) };
            assert!(batch.session.push(&of, &SessionRow::default()));
        }
    }
    batch
}

fn hour() -> Hour {
    Hour::of(HOUR_BEGIN)
}

fn statement(books: HourBooks, rows: u64) -> Statement {
    let stored = BTreeMap::from([(Family::Session, rows)]);
    Statement::new(hour(), books, Evidence { stored, ..Evidence::default() })
}

#[test]
fn an_hour_without_gaps_is_complete_and_one_with_them_says_where() {
    let mut ledger = Ledger::default();
    ledger.take(&batch(&[v9(1, HOUR_BEGIN), v9(2, HOUR_BEGIN + 1)]));
    let (mut hours, _) = ledger.close();
    let said = statement(hours.remove(&hour()).unwrap(), 2);
    assert_eq!(said.completeness, Completeness::Complete);
    assert_eq!(said.sentence(), "complete");

    ledger.take(&batch(&[v9(6, HOUR_BEGIN + SECOND), v9(4, HOUR_BEGIN + SECOND + 1)]));
    let (mut hours, _) = ledger.close();
    let said = statement(hours.remove(&hour()).unwrap(), 2);
    assert_eq!(said.completeness, Completeness::Incomplete);
    let gap = Gap { after: HOUR_BEGIN + 1, before: HOUR_BEGIN + SECOND, missing: 3 };
    assert_eq!(
        (said.missing[0].count, &said.missing[0].gaps[..]),
        (2, &[gap][..]),
        "one came late"
    );
    assert!(said.sentence().contains("2 datagrams missing"), "{}", said.sentence());
}

#[test]
fn what_no_row_stands_for_is_unaccounted() {
    let mut ledger = Ledger::default();
    ledger.take(&batch(&[v9(1, HOUR_BEGIN), v9(2, HOUR_BEGIN)]));
    let said = statement(ledger.close().0.remove(&hour()).unwrap(), 1);
    assert_eq!((said.unaccounted, said.completeness), (1, Completeness::Incomplete));
}

#[test]
fn a_count_goes_on_behind_a_segment_and_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let mut ledger = Ledger::default();
    ledger.take(&batch(&[v9(1, HOUR_BEGIN)]));
    files::write_standing(&incoming, "a-1", ledger.close().1).unwrap();

    let mut later = Ledger::new(files::read_standing(data.path(), "a-1").unwrap());
    later.take(&batch(&[v9(12, HOUR_BEGIN + 60 * SECOND)]));
    let account = &later.close().0[&hour()].exporters[&EXPORTER];
    assert_eq!(account.numbers[0].missing, 10, "sent while nobody collected");
    assert_eq!(account.numbers[0].gaps[0].after, HOUR_BEGIN);
}

#[test]
fn a_datagram_that_waited_is_counted_once_and_drops_by_whose_they_were() {
    let waits = DatagramNote { outcome: Outcome::Waiting, records: 0, ..v9(1, HOUR_BEGIN) };
    let decoded = DatagramNote { waited: true, sequence: None, ..v9(1, HOUR_BEGIN) };
    let mut ledger = Ledger::default();
    ledger.take(&batch(&[waits]));
    let mut books = ledger.close().0.remove(&hour()).unwrap();
    assert_eq!(statement(books.clone(), 0).waiting, 1);
    ledger.take(&batch(&[decoded]));
    for (place, exporter, datagrams) in [("no_batch", Some(EXPORTER), 3), ("rx_ring_full", None, 4)]
    {
        ledger.take_drops(&Drops { at: HOUR_BEGIN, place: place.into(), exporter, datagrams });
    }
    books.add(&ledger.close().0[&hour()]);
    let said = statement(books, 1);
    assert_eq!((said.datagrams, said.waiting, said.unaccounted), (1, 0, 0));
    assert_eq!(said.dropped, BTreeMap::from([("no_batch".into(), 3), ("rx_ring_full".into(), 4)]));
    assert_eq!(said.completeness, Completeness::Incomplete);
}

#[test]
fn rejects_are_counted_by_reason_and_text_has_no_numbers() {
    let rejected = DatagramNote {
        outcome: Outcome::Rejected(Reason::Empty),
        records: 0,
        sequence: None,
        ..v9(0, HOUR_BEGIN)
    };
    let mut ledger = Ledger::default();
    ledger.take(&batch(&[rejected]));
    let said = statement(ledger.close().0.remove(&hour()).unwrap(), 0);
    assert_eq!(said.rejected, BTreeMap::from([("empty".into(), 1)]));
    for words in ["1 datagram not understood", "1 exporter sent 1 datagram without numbers"] {
        assert!(said.sentence().contains(words), "{}", said.sentence());
    }
}

/// Books of so many datagrams.
fn books(datagrams: u32) -> HourBooks {
    let mut ledger = Ledger::default();
    let notes: Vec<_> = (0..datagrams).map(|number| v9(number, HOUR_BEGIN)).collect();
    ledger.take(&batch(&notes));
    ledger.close().0.remove(&hour()).unwrap()
}

#[test]
fn a_segment_is_counted_once_however_often_it_is_written_and_closed() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let said = || files::read(data.path(), hour()).unwrap().statement(hour(), BTreeMap::new());
    for segment in 0..5 {
        for _ in 0..2 {
            files::write(&incoming, hour(), &format!("a-{segment}"), &books(10)).unwrap();
        }
    }
    assert_eq!((said().datagrams, said().completeness), (50, Completeness::Open));
    let single = data.path().join("ledger").join(hour().path()).join("a-3.json");
    let kept = std::fs::read(&single).unwrap();
    let close = |rows| {
        let stored = BTreeMap::from([(Family::Session, rows)]);
        let closed = files::close(&incoming, hour(), &stored).unwrap();
        closed.replaced.iter().for_each(|path| std::fs::remove_file(path).unwrap());
        closed.path
    };
    let first = close(50);
    assert_eq!((said().datagrams, said().completeness), (50, Completeness::Complete));
    // As a crash leaves it between the closing and the removal.
    std::fs::write(&single, kept).unwrap();
    assert_eq!((said().datagrams, said().completeness), (50, Completeness::Complete));
    assert_eq!(close(50), first, "nothing new");

    files::write(&incoming, hour(), "a-5", &books(10)).unwrap();
    assert_eq!((said().completeness, said().reopened), (Completeness::Open, 1));
    assert_ne!(close(60), first);
    assert_eq!((said().datagrams, said().reopened), (60, 1));
    assert_eq!(said().completeness, Completeness::Complete);
    assert_eq!(std::fs::read_dir(single.parent().unwrap()).unwrap().count(), 1);
    for range in [Hour::of(0)..=Hour::of(i64::MAX), hour()..=hour().next(), hour()..=hour()] {
        assert_eq!(files::hours(data.path(), range).unwrap(), [hour()]);
    }
    let next = hour().next();
    assert_eq!(files::hours(data.path(), next..=next).unwrap(), []);
    assert!(files::open_hours(data.path()).unwrap().is_empty());
}

#[test]
fn an_account_keeps_the_gaps_that_miss_most() {
    let mut ledger = Ledger::default();
    let notes = (0..200).map(|index| v9(index * (index + 3) / 2, HOUR_BEGIN + i64::from(index)));
    ledger.take(&batch(&notes.collect::<Vec<_>>()));
    let books = ledger.close().0.remove(&hour()).unwrap();
    let gaps = &books.exporters[&EXPORTER].numbers[0].gaps;
    assert_eq!(gaps.len(), GAPS_MAX);
    assert!(gaps.is_sorted_by_key(|gap| gap.after));
    assert!(gaps.iter().all(|gap| gap.missing > 100));
}

#[test]
fn what_is_missing_of_exporters_without_accounts_is_told_too() {
    let numbers = Numbers { version: 9, domain: 7, missing: 3, ..Numbers::default() };
    let missing = Account { numbers: vec![numbers], ..Account::default() };
    let said = statement(HourBooks { others: missing, ..HourBooks::default() }, 0);
    assert_eq!((said.missing_datagrams(), &*said.missing[0].exporter), (3, "others"));
    assert_eq!(said.completeness, Completeness::Incomplete);
    let dropped = Account { dropped: [("no_batch".to_owned(), 1)].into(), ..Account::default() };
    let said = statement(HourBooks { others: dropped, ..HourBooks::default() }, 0);
    assert_eq!(said.completeness, Completeness::Incomplete);
}

/// Two workers hand over their batches in turn while one hour goes into the next.
#[test]
fn what_is_lost_in_an_hour_is_missing_in_that_hour_however_workers_take_turns() {
    let next_hour = hour().next();
    let lost = 1_500..1_520;
    let arrival = |number: u32| next_hour.begin() + i64::from(number) * 1_000 - 1_000_000;
    let sent = (0..2_000).filter(|number| !lost.contains(number));
    let (one, other): (Vec<_>, Vec<_>) =
        sent.map(|number| v9(number, arrival(number))).partition(|note| {
            let run = note.sequence.unwrap().number / 64;
            run.is_multiple_of(2)
        });
    let mut ledger = Ledger::default();
    for (one, other) in one.chunks(256).zip(other.chunks(256)) {
        ledger.take(&batch(other));
        ledger.take(&batch(one));
    }
    let (hours, _) = ledger.close();
    let missing = |hour: &Hour| hours[hour].exporters[&EXPORTER].numbers[0].missing;
    assert_eq!((missing(&hour()), missing(&next_hour)), (0, 20));
}

/// An exporter may number its flows, and send text as well.
#[test]
fn datagrams_without_numbers_are_told_beside_those_that_have_them() {
    let mut ledger = Ledger::default();
    let text = DatagramNote { sequence: None, ..v9(0, HOUR_BEGIN) };
    ledger.take(&batch(&[v9(1, HOUR_BEGIN), text]));
    let said = statement(ledger.close().0.remove(&hour()).unwrap(), 2);
    assert_eq!((said.completeness, said.unnumbered), (Completeness::Complete, 1));
}

#[test]
fn an_hour_of_which_a_part_was_deleted_is_no_longer_complete() {
    let data = tempfile::tempdir().unwrap();
    let one_of_two = batch(&[v9(1, HOUR_BEGIN)]);
    assert_eq!(seal(data.path(), &one_of_two, Layout::default()), 1);
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    files::write(&incoming, hour(), "a-1", &books(2)).unwrap();
    files::close(&incoming, hour(), &BTreeMap::from([(Family::Session, 2)])).unwrap();
    let said = statement_of(data.path(), hour()).unwrap();
    assert_eq!(said.completeness, Completeness::Deleted);
    assert_eq!(said.deleted, BTreeMap::from([(Family::Session, 1)]));
    assert!(said.sentence().starts_with("was complete"), "{}", said.sentence());
}

/// Of more domains than an account has room for, those that it knows stay apart.
#[test]
fn a_full_account_still_knows_its_domains() {
    let mut account = Account::default();
    for domain in (0..300).chain([0]) {
        account.add_records(Family::Session, Some(domain), 1);
        let numbers = Numbers { version: 9, domain, missing: 1, ..Numbers::default() };
        account.add(&Account { numbers: vec![numbers], ..Account::default() });
    }
    assert_eq!((account.numbers[0].missing, account.records[0].rows), (2, 2));
    assert_eq!((account.numbers.len(), account.records.len()), (DOMAINS_MAX, DOMAINS_MAX));
}

/// What is heard again after it was given up may have lost something meanwhile.
#[test]
fn domains_that_are_given_up_make_the_hour_incomplete_and_those_heard_last_stay() {
    let data = tempfile::tempdir().unwrap();
    let (incoming, _) = Incoming::open(data.path()).unwrap();
    let of_domain = |domain: u32, at| {
        let mut note = v9(1, at);
        note.sequence.as_mut().unwrap().domain = domain;
        note
    };
    // The higher a domain, the earlier it was heard.
    let heard = |domain: u32| HOUR_BEGIN + i64::from(256 - domain);
    let mut ledger = Ledger::default();
    let notes: Vec<_> = (0..256).map(|domain| of_domain(domain, heard(domain))).collect();
    ledger.take(&batch(&notes));
    files::write_standing(&incoming, "a-1", ledger.close().1).unwrap();

    let mut later = Ledger::new(files::read_standing(data.path(), "a-1").unwrap());
    later.take(&batch(&[of_domain(1_000, HOUR_BEGIN + SECOND), of_domain(0, HOUR_BEGIN + SECOND)]));
    let (mut hours, followers) = later.close();
    assert_eq!(followers.marks().len(), 256 - 33 + 1, "an eighth, and the one beside it");
    let books = hours.remove(&hour()).unwrap();
    assert_eq!(books.exporters[&EXPORTER].untracked, 33);
    let said = statement(books, 2);
    assert_eq!(said.completeness, Completeness::Incomplete, "{}", said.sentence());
}
