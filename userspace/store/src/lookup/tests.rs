use super::*;
use crate::{
    files,
    index::{Builder, EXTENSION},
    layout::Layout,
    prune,
    schema::Family,
    testing::{HOUR_BEGIN, SECOND, context, seal, small_batch},
};
use logweir_decode::{
    batch::Batch,
    session::{Event, SessionRow},
};
use parquet::{
    arrow::arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
    },
    file::metadata::PageIndexPolicy,
};
use std::fs::{self, File};

/// Seconds since 1970 of the begin of the hour in which the tests take place.
pub(super) const BEGIN_S: u32 = (HOUR_BEGIN / SECOND) as u32;

fn session(event: Event, start: Option<u32>, end: Option<u32>) -> SessionRow {
    SessionRow {
        event: Some(event as u8),
        protocol: Some(6),
        src_v4: Some(0x0a00_0001),
        src_port: Some(40_000),
        dst_v4: Some(0x0808_0808),
        dst_port: Some(443),
        nat_src_v4: Some(0xcb00_7101),
        nat_src_port: Some(1_025),
        start_s: start.map(|s| BEGIN_S + s),
        end_s: end.map(|s| BEGIN_S + s),
        ..SessionRow::default()
    }
}

pub(super) fn lookup(at_s: i64) -> Lookup {
    Lookup {
        asked: public("203.0.113.1", Some(1_025)),
        at: HOUR_BEGIN + at_s * SECOND,
        within: Duration::from_secs(1),
        protocol: None,
        clock: Clock::Device,
    }
}

pub(super) fn public(address: &str, port: Option<u16>) -> Asked {
    Asked::Public { address: address.parse().unwrap(), port }
}

/// Writes the sessions, each with its index as sequence number.
fn store(directory: &Path, rows: &[SessionRow]) {
    let mut batch = small_batch();
    for (index, row) in rows.iter().enumerate() {
        let mut context = context(HOUR_BEGIN);
        context.sequence = Some(index as u32);
        assert!(batch.session.push(&context, row));
    }
    write(directory, &batch);
}

/// Small row groups and pages, so that there is something to skip.
pub(super) fn write(directory: &Path, batch: &Batch) {
    let layout = Layout { row_group_rows: 32, page_rows: 4, ..Layout::default() };
    assert_eq!(seal(directory, batch, layout), batch.records() as u64);
}

/// Gives each part an index that has none; its rows must be in the order of trace.
pub(super) fn index(directory: &Path) {
    for family in [Family::Session, Family::PortBlock] {
        for path in files::parquet_files(directory, family).unwrap() {
            let beside = path.with_extension(EXTENSION);
            if beside.exists() {
                continue;
            }
            let mut builder = Builder::new(family).unwrap();
            let file = File::open(&path).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            reader.for_each(|batch| builder.push(&batch.unwrap()).unwrap());
            builder.finish(&mut File::create(beside).unwrap()).unwrap();
        }
    }
}

fn found(directory: &Path, lookup: &Lookup) -> Vec<(u32, Held)> {
    let answer = lookup.search(directory).unwrap();
    assert!(answer.unreadable.is_empty(), "{:?}", answer.unreadable);
    evidence(&answer)
}

/// The records of all sessions, in their order.
pub(super) fn evidence(answer: &Answer) -> Vec<(u32, Held)> {
    let records = answer.sessions.iter().flat_map(|session| &session.records);
    records.map(|found| (found.record.sequence.unwrap(), found.held)).collect()
}

#[test]
fn a_session_around_the_time_is_found_with_its_evidence() {
    let data = tempfile::tempdir().unwrap();
    let rows = [
        session(Event::End, Some(100), Some(200)),
        session(Event::End, Some(300), Some(400)),
        SessionRow { nat_src_port: Some(1_026), ..session(Event::End, Some(100), Some(200)) },
        SessionRow { nat_src_v4: Some(1), ..session(Event::End, Some(100), Some(200)) },
        SessionRow { protocol: Some(17), ..session(Event::End, Some(90), Some(200)) },
    ];
    store(data.path(), &rows);
    let throughout = Held::Throughout;
    assert_eq!(found(data.path(), &lookup(150)), [(0, throughout), (4, throughout)]);
    let udp = Lookup { protocol: Some(17), ..lookup(150) };
    assert_eq!(found(data.path(), &udp), [(4, throughout)]);
    let any_port = Lookup { asked: public("203.0.113.1", None), protocol: Some(6), ..lookup(150) };
    assert_eq!(found(data.path(), &any_port), [(0, throughout), (2, throughout)]);

    let answer = lookup(350).search(data.path()).unwrap();
    let found = &answer.sessions[0].records[0];
    // By address, port, protocol and begin: behind the row of another address, and the first one.
    assert_eq!((evidence(&answer).len(), found.row), (1, 2));
    assert!(found.file.exists());
    assert_eq!(found.record.src_addr, Some("10.0.0.1".parse().unwrap()));
    assert_eq!(found.record.end_time, Some(HOUR_BEGIN + 400 * SECOND));
    assert_eq!(found.record.exporter, Some("192.0.2.1".parse().unwrap()));
    assert_eq!(found.record.format.as_deref(), Some("huawei-usg-netflow"));
}

#[test]
fn the_tolerance_is_on_both_sides() {
    let data = tempfile::tempdir().unwrap();
    store(data.path(), &[session(Event::End, Some(100), Some(200))]);
    let held = |at_s| found(data.path(), &lookup(at_s)).first().map(|(_, held)| *held);
    let expected = [
        (98, None),
        (99, Some(Held::Near)),
        (100, Some(Held::Throughout)),
        (200, Some(Held::Throughout)),
        (201, Some(Held::Near)),
        (202, None),
    ];
    for (at_s, expected) in expected {
        assert_eq!(held(at_s), expected, "{at_s}");
    }
}

#[test]
fn a_created_session_is_open_until_a_record_says_that_it_ended() {
    let data = tempfile::tempdir().unwrap();
    let other = SessionRow { src_port: Some(1), ..session(Event::End, Some(110), Some(120)) };
    let earlier = session(Event::End, Some(10), Some(20));
    store(data.path(), &[session(Event::Create, Some(100), None), other, earlier]);
    assert_eq!(found(data.path(), &lookup(150)), [(0, Held::Open)]);
    assert_eq!(found(data.path(), &lookup(98)), []);
    store(data.path(), &[session(Event::End, Some(100), Some(130))]);
    assert_eq!(found(data.path(), &lookup(150)), []);
    let both = [(0, Held::Throughout), (0, Held::Open)];
    assert_eq!(found(data.path(), &lookup(125)), both);
}

#[test]
fn a_session_that_begins_when_the_one_before_ends_is_open() {
    let data = tempfile::tempdir().unwrap();
    let rows = [
        session(Event::Create, Some(0), None),
        session(Event::End, None, Some(100)),
        session(Event::Create, Some(100), None),
        session(Event::End, None, Some(300)),
    ];
    store(data.path(), &rows);
    // The end that tells no begin is that of the later session.
    assert_eq!(found(data.path(), &lookup(200)), [(2, Held::Open), (3, Held::Until)]);
    assert_eq!(found(data.path(), &lookup(400)), []);
    store(data.path(), &[session(Event::End, Some(100), Some(100))]);
    assert_eq!(found(data.path(), &lookup(200)), []);
}

#[test]
fn a_session_of_a_whole_address_has_each_port_and_is_behind_those_that_name_it() {
    let data = tempfile::tempdir().unwrap();
    let whole = SessionRow {
        nat_src_port: None,
        protocol: None,
        ..session(Event::End, Some(149), Some(200))
    };
    let exact = session(Event::Create, Some(100), None);
    let other = SessionRow { nat_src_port: Some(9), ..exact };
    let rows: Vec<_> = (0..64).map(|_| whole).chain([exact, other]).collect();
    store(data.path(), &rows);
    let lookup = Lookup { protocol: Some(6), ..lookup(150) };
    let found = found(data.path(), &lookup);
    assert_eq!(found.len(), 65);
    assert_eq!(found[..2], [(64, Held::Open), (0, Held::Throughout)]);
}

#[test]
fn an_ipv4_address_may_be_asked_for_in_its_ipv6_form() {
    let data = tempfile::tempdir().unwrap();
    store(data.path(), &[session(Event::End, Some(100), Some(200))]);
    let asked = public("::ffff:203.0.113.1", Some(1_025));
    let lookup = Lookup { asked, ..lookup(150) };
    assert_eq!(found(data.path(), &lookup), [(0, Held::Throughout)]);
}

#[test]
fn a_refused_session_never_held_the_address() {
    let data = tempfile::tempdir().unwrap();
    store(data.path(), &[session(Event::Deny, Some(100), None)]);
    assert_eq!(found(data.path(), &lookup(100)), [(0, Held::Near)]);
    assert_eq!(found(data.path(), &lookup(150)), []);
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_are_searched() {
    let data = tempfile::tempdir().unwrap();
    store(data.path(), &[session(Event::End, Some(100), Some(200))]);
    let broken = data.path().join("family=session/date=2026-03-01/hour=00/part-x.parquet");
    fs::create_dir_all(broken.parent().unwrap()).unwrap();
    fs::write(&broken, b"PAR1 no more").unwrap();
    let answer = lookup(150).search(data.path()).unwrap();
    assert_eq!((answer.sessions.len(), answer.files), (1, 1));
    assert!(answer.unreadable[0].to_string().contains("part-x.parquet"));
    assert!(files::count_rows(data.path(), Family::Session).is_err());
}

#[test]
fn an_empty_directory_holds_no_answer() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(found(&data.path().join("none"), &lookup(150)), []);
}

#[test]
fn row_groups_that_cannot_hold_an_answer_are_skipped() {
    let data = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..320)
        .map(|index| SessionRow {
            nat_src_v4: Some(0xcb00_7101 + index / 32),
            ..session(Event::End, Some(100), Some(200))
        })
        .collect();
    store(data.path(), &rows);
    let answer = lookup(150).search(data.path()).unwrap();
    assert_eq!(evidence(&answer).len(), 32);
    assert_eq!((answer.row_groups_read, answer.row_groups_skipped), (1, 9));
    let early = lookup(50).search(data.path()).unwrap();
    assert_eq!((early.row_groups_read, early.row_groups_skipped), (0, 10));
    let port = Lookup { asked: public("203.0.113.1", Some(9)), ..lookup(150) };
    assert_eq!(port.search(data.path()).unwrap().row_groups_read, 0);
}

#[test]
fn pages_that_cannot_hold_an_answer_are_skipped() {
    let data = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..32)
        .map(|index| SessionRow {
            nat_src_v4: (index >= 4).then_some(0xcb00_7100 + index / 8),
            ..session(Event::End, Some(100), Some(200))
        })
        .collect();
    store(data.path(), &rows);
    let path = files::parquet_files(data.path(), Family::Session).unwrap().remove(0);
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(&File::open(path).unwrap(), options).unwrap();
    let rows_read = |address: &str| {
        let wanted: IpAddr = address.parse().unwrap();
        let pages = prune::pages(&metadata, &[0], ("nat_src_addr_v4", wanted.into())).unwrap();
        pages.map(|pages| pages.row_count())
    };
    assert_eq!(rows_read("203.0.113.0"), Some(4));
    assert_eq!(rows_read("203.0.113.1"), Some(8));
    assert_eq!(rows_read("203.0.113.9"), Some(0));
    assert_eq!(found(data.path(), &lookup(150)).len(), 8);
}

/// A session that was created in one part, of which others know nothing, and ended in a third.
fn store_in_parts(directory: &Path) {
    store(directory, &[session(Event::Create, Some(100), None)]);
    for other in [1, 2] {
        let other = SessionRow { src_v4: Some(other), ..session(Event::End, Some(120), Some(130)) };
        store(directory, &[other]);
    }
    store(directory, &[session(Event::End, None, Some(300))]);
    index(directory);
}

#[test]
fn create_and_end_in_different_parts_are_one_answer_with_both_as_evidence() {
    let data = tempfile::tempdir().unwrap();
    store_in_parts(data.path());
    let answer = lookup(200).search(data.path()).unwrap();
    assert_eq!((answer.sessions.len(), answer.files, answer.without_index), (1, 4, 0));
    let session = &answer.sessions[0];
    assert_eq!(session.held, Held::Throughout);
    assert_eq!(session.begin, Some(HOUR_BEGIN + 100 * SECOND));
    assert_eq!(session.end, Some(HOUR_BEGIN + 300 * SECOND));
    let held: Vec<_> = session.records.iter().map(|found| found.held).collect();
    assert_eq!(held, [Held::Open, Held::Until]);
    assert_ne!(session.records[0].file, session.records[1].file);
}

#[test]
fn what_had_ended_in_another_part_is_known_without_reading_a_part() {
    let data = tempfile::tempdir().unwrap();
    store_in_parts(data.path());
    let answer = lookup(400).search(data.path()).unwrap();
    assert_eq!((answer.sessions.len(), answer.files), (0, 4));
    assert_eq!((answer.rows_read, answer.row_groups_read), (0, 0));
}

#[test]
fn a_part_with_a_damaged_index_is_searched_without_it() {
    let data = tempfile::tempdir().unwrap();
    store_in_parts(data.path());
    let parts = files::parquet_files(data.path(), Family::Session).unwrap();
    let expected = found(data.path(), &lookup(200));
    fs::write(parts[0].with_extension(EXTENSION), b"no index").unwrap();
    let cut = fs::read(parts[3].with_extension(EXTENSION)).unwrap();
    fs::write(parts[3].with_extension(EXTENSION), &cut[..200]).unwrap();
    fs::remove_file(parts[1].with_extension(EXTENSION)).unwrap();
    let answer = lookup(200).search(data.path()).unwrap();
    assert_eq!(evidence(&answer), expected);
    assert!(answer.damaged[0].to_string().contains(".trace"), "{:?}", answer.damaged);
    assert_eq!((answer.without_index, answer.damaged.len()), (3, 2));
    assert!(answer.unreadable.is_empty(), "{:?}", answer.unreadable);
}

#[test]
fn an_address_without_translation_is_public_and_a_tunnel_is_inside() {
    let data = tempfile::tempdir().unwrap();
    let v6 = |last: u8| Some([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    let plain = session(Event::End, Some(100), Some(200));
    let rows = [
        // DS-Lite, NAT64, and IPv6 as it is.
        SessionRow { src_v6: v6(1), ..plain },
        SessionRow { src_v4: None, src_v6: v6(2), ..plain },
        SessionRow { src_v4: None, src_v6: v6(3), nat_src_v4: None, nat_src_port: None, ..plain },
    ];
    store(data.path(), &rows);
    let inside = |address: &str, port| Asked::Inside { address: address.parse().unwrap(), port };
    let questions = [
        (public("203.0.113.1", Some(1_025)), vec![0, 1]),
        (inside("2001:db8::1", Some(9)), vec![0]),
        (inside("10.0.0.1", Some(40_000)), vec![0]),
        (inside("10.0.0.1", Some(9)), vec![]),
        (inside("2001:db8::2", None), vec![1]),
        (public("2001:db8::3", Some(40_000)), vec![2]),
        (public("2001:db8::3", Some(9)), vec![]),
        (public("2001:db8::2", None), vec![]),
    ];
    for is_indexed in [false, true] {
        for (asked, expected) in &questions {
            let lookup = Lookup { asked: asked.clone(), ..lookup(150) };
            let found = found(data.path(), &lookup).into_iter().map(|(index, _)| index);
            assert_eq!(found.collect::<Vec<_>>(), *expected, "{asked:?} {is_indexed}");
        }
        index(data.path());
    }
}

#[test]
fn a_user_is_found_by_name() {
    let data = tempfile::tempdir().unwrap();
    let mut batch = small_batch();
    for (index, user) in ["alice", "bob", "alice"].into_iter().enumerate() {
        let mut context = context(HOUR_BEGIN);
        context.sequence = Some(index as u32);
        let user = batch.text.push(user.as_bytes());
        let row = SessionRow { user, ..session(Event::End, Some(100), Some(200)) };
        assert!(batch.session.push(&context, &row));
    }
    write(data.path(), &batch);
    for _ in [false, true] {
        let lookup = Lookup { asked: Asked::User("alice".into()), ..lookup(150) };
        assert_eq!(found(data.path(), &lookup).len(), 2);
        index(data.path());
    }
}

/// Writes a session of this user.
fn store_of_user(directory: &Path, user: &str, row: SessionRow) {
    let mut batch = small_batch();
    let mut context = context(HOUR_BEGIN);
    context.sequence = Some(0);
    let user = batch.text.push(user.as_bytes());
    assert!(batch.session.push(&context, &SessionRow { user, ..row }));
    write(directory, &batch);
}

#[test]
fn the_end_of_a_users_session_need_not_name_the_user() {
    let data = tempfile::tempdir().unwrap();
    store_of_user(data.path(), "alice", session(Event::Create, Some(100), None));
    store(data.path(), &[session(Event::End, None, Some(300))]);
    for _ in [false, true] {
        let asked = |at_s| Lookup { asked: Asked::User("alice".into()), ..lookup(at_s) };
        assert_eq!(found(data.path(), &asked(200)), [(0, Held::Open), (0, Held::Until)]);
        assert_eq!(found(data.path(), &asked(400)), []);
        index(data.path());
    }
}

#[test]
fn an_update_is_of_the_session_that_began_last() {
    let data = tempfile::tempdir().unwrap();
    let open = |event, at_s| session(event, Some(at_s), None);
    let rows = [(Event::Create, 100), (Event::Create, 110), (Event::Update, 120)];
    store(data.path(), &rows.map(|(event, at_s)| open(event, at_s)));
    let answer = lookup(150).search(data.path()).unwrap();
    let records: Vec<_> = answer.sessions.iter().map(|session| session.records.len()).collect();
    assert_eq!(records, [2, 1]);
    assert_eq!(answer.sessions[0].begin, Some(HOUR_BEGIN + 110 * SECOND));
}

#[test]
fn files_that_are_gone_in_each_search_are_told() {
    let data = tempfile::tempdir().unwrap();
    store(data.path(), &[session(Event::End, Some(100), Some(200))]);
    let part = files::parquet_files(data.path(), Family::Session).unwrap().remove(0);
    std::os::unix::fs::symlink("nowhere", part.with_file_name("part-gone.parquet")).unwrap();
    let answer = lookup(150).search(data.path()).unwrap();
    assert_eq!(answer.sessions.len(), 1);
    assert!(answer.unreadable[0].to_string().contains("all files"), "{:?}", answer.unreadable);
}

#[test]
fn no_file_of_a_part_is_open_that_is_not_being_read() {
    let data = tempfile::tempdir().unwrap();
    store_in_parts(data.path());
    let lookup = lookup(200);
    let parts = parts::Parts::sessions(&lookup, data.path(), &mut Answer::default()).unwrap();
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let mut open = open.filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok());
    assert!(open.all(|path| !path.starts_with(data.path())));
    drop(parts);
}
