use super::{postings::GRANULE_ROWS, *};
use crate::{
    convert,
    schema::Family,
    testing::{HOUR_BEGIN, Random, SECOND, context},
};
use arrow_array::RecordBatch;
use logweir_decode::{
    batch::{Batch, Capacity},
    session::{Event, SessionRow},
};
use std::{collections::BTreeSet, fs, net::IpAddr, path::Path};

const BEGIN_S: u32 = (HOUR_BEGIN / SECOND) as u32;

/// More than two blocks.
const ROWS: usize = 10_000;

fn random_rows(seed: u64) -> Vec<SessionRow> {
    let mut random = Random::new(seed);
    let mut rows = Vec::new();
    while rows.len() < ROWS {
        let row = random_row(&mut random);
        rows.push(row);
        if row.end_s.is_none() && random.below(3) > 0 {
            let end_s = row.start_s.map(|start| start + random.below(300) as u32);
            let start_s = row.start_s.filter(|_| random.below(2) == 0);
            rows.push(SessionRow { event: Some(Event::End as u8), start_s, end_s, ..row });
        }
    }
    rows.truncate(ROWS);
    let begin = |row: &SessionRow| row.start_s.or(row.end_s);
    rows.sort_by_key(|row| (key(row), row.protocol, begin(row)));
    rows
}

fn random_row(random: &mut Random) -> SessionRow {
    let start = random.below(3_000) as u32;
    let end = start + random.below(300) as u32;
    let ends = random.below(2) == 0;
    let v6 = |number: u64| u128::from(number).to_be_bytes();
    SessionRow {
        event: Some(if ends { Event::End } else { Event::Create } as u8),
        protocol: Some([6, 17][random.below(2) as usize]),
        src_v4: Some(0x0a00_0001 + random.below(200) as u32),
        src_v6: (random.below(9) == 0).then(|| v6(1 + random.below(40))),
        src_port: Some(1 + random.below(4) as u16),
        dst_v4: Some(0xc633_6401),
        dst_port: Some(443),
        nat_src_v4: (random.below(9) > 0).then(|| 0xcb00_7101 + random.below(3) as u32),
        nat_src_v6: (random.below(9) == 0).then(|| v6(7)),
        nat_src_port: (random.below(20) > 0).then(|| 1 + random.below(800) as u16),
        start_s: (!ends || random.below(3) > 0).then_some(BEGIN_S + start),
        end_s: ends.then_some(BEGIN_S + end),
        ..SessionRow::default()
    }
}

fn public(row: &SessionRow) -> Option<IpAddr> {
    let v4 = row.nat_src_v4.map(|v4| IpAddr::from(v4.to_be_bytes()));
    v4.or_else(|| row.nat_src_v6.map(IpAddr::from))
}

fn key(row: &SessionRow) -> Key {
    Key::new(public(row), row.nat_src_port)
}

fn columns(rows: &[SessionRow]) -> RecordBatch {
    let capacity = Capacity { session_rows: ROWS, unparsed_rows: 1, text_bytes: 1 };
    let mut batch = Batch::new(capacity);
    rows.iter().for_each(|row| assert!(batch.session.push(&context(HOUR_BEGIN), row)));
    let runs: Vec<_> = batch.session.runs().collect();
    convert::session(&batch, &runs).unwrap()
}

/// Writes the index of a part of these rows, which come a thousand at a time.
fn build(directory: &Path, rows: &[SessionRow]) -> std::path::PathBuf {
    let mut builder = Builder::new(Family::Session).unwrap();
    rows.chunks(1_000).for_each(|rows| builder.push(&columns(rows)).unwrap());
    let part = directory.join("part.parquet");
    builder.finish(&mut fs::File::create(part.with_extension(EXTENSION)).unwrap()).unwrap();
    part
}

fn rows_of(entries: &[Entry]) -> BTreeSet<usize> {
    entries.iter().map(|entry| entry.row as usize).collect()
}

fn rows_that(rows: &[SessionRow], meets: impl Fn(&SessionRow) -> bool) -> BTreeSet<usize> {
    (0..rows.len()).filter(|index| meets(&rows[*index])).collect()
}

#[test]
fn the_rows_of_a_key_are_found_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let rows = random_rows(1);
    let index = Index::open(&build(directory.path(), &rows)).unwrap().unwrap();
    assert_eq!(index.summary().rows, ROWS as u64);
    assert!(index.summary().has_other_public);
    let mut random = Random::new(2);
    for _ in 0..300 {
        let wanted = key(&rows[random.below(ROWS as u64) as usize]);
        let found = index.rows_of([wanted; 2]).unwrap();
        assert_eq!(rows_of(&found), rows_that(&rows, |row| key(row) == wanted));
    }
    for address in ["203.0.113.1", "203.0.113.3", "::7", "203.0.113.9", "0.0.0.1"] {
        let address: IpAddr = address.parse().unwrap();
        let all = [Key::new(Some(address), None), Key::new(Some(address), Some(u16::MAX))];
        let found = index.rows_of(all).unwrap();
        assert_eq!(rows_of(&found), rows_that(&rows, |row| public(row) == Some(address)));
    }
}

#[test]
fn the_rows_of_an_inside_address_are_among_those_found() {
    let directory = tempfile::tempdir().unwrap();
    let rows = random_rows(3);
    let index = Index::open(&build(directory.path(), &rows)).unwrap().unwrap();
    for host in 0..200 {
        let v4: u32 = 0x0a00_0001 + host;
        let found = rows_of(&index.rows_with(address_term(v4.to_be_bytes().into())).unwrap());
        let wanted = rows_that(&rows, |row| row.src_v4 == Some(v4));
        assert!(found.is_superset(&wanted));
        assert!(found.len() <= GRANULE_ROWS as usize * wanted.len());
    }
    let tunnel = index.rows_with(address_term("::5".parse().unwrap())).unwrap();
    let five = Some(5_u128.to_be_bytes());
    assert!(rows_of(&tunnel).is_superset(&rows_that(&rows, |row| row.src_v6 == five)));
    let nobody = index.rows_with(address_term("192.0.2.1".parse().unwrap())).unwrap();
    assert!(nobody.is_empty());
}

#[test]
fn bounds_hold_the_times_and_an_end_in_the_block_ends_its_session() {
    let directory = tempfile::tempdir().unwrap();
    let rows = random_rows(4);
    let index = Index::open(&build(directory.path(), &rows)).unwrap().unwrap();
    let all = [Key::new(Some([0; 4].into()), None), Key::new(None, Some(u16::MAX))];
    let entries = index.rows_of(all).unwrap();
    assert_eq!(entries.len(), ROWS);
    let micros = |seconds: u32| i64::from(seconds) * 1_000_000;
    let holds = |bounds: [i64; 2], time: i64| bounds[0] <= time && time <= bounds[1];
    let mut ended = 0;
    for (row, entry) in rows.iter().zip(&entries) {
        let begin = micros(row.start_s.or(row.end_s).unwrap());
        assert!(holds(entry.begin, begin));
        assert!(holds(
            entry.delay,
            HOUR_BEGIN / 1_000 - row.end_s.or(row.start_s).map(micros).unwrap()
        ));
        assert_eq!(entry.kind.is_end(), row.end_s.is_some());
        let end = match entry.kind {
            Kind::Open => continue,
            Kind::Ended => {
                ended += 1;
                let same = |other: &&SessionRow| {
                    let session = |row: &SessionRow| {
                        (key(row), row.protocol, row.src_v4, row.src_v6, row.src_port)
                    };
                    let end = other.end_s.map(micros);
                    let began_then = other.start_s == other.end_s;
                    session(other) == session(row)
                        && end.is_some_and(|end| end > begin || end == begin && began_then)
                };
                rows.iter().filter(same).filter_map(|other| other.end_s).min().unwrap()
            }
            Kind::Ending | Kind::Lone => row.end_s.unwrap(),
        };
        assert!(holds(entry.end.unwrap(), micros(end)), "{row:?} {entry:?}");
    }
    assert!(ended > 100, "{ended}");
}

#[test]
fn an_index_is_about_two_bytes_a_row() {
    let directory = tempfile::tempdir().unwrap();
    // Sessions of 500 hosts, of which each has a block of ports.
    let session = |index: usize| {
        let create = SessionRow {
            event: Some(Event::Create as u8),
            protocol: Some(6),
            src_v4: Some(0x0a00_0001 + index as u32 / 10),
            src_port: Some(40_000),
            nat_src_v4: Some(0xcb00_7101),
            nat_src_port: Some(1_024 + 3 * index as u16),
            start_s: Some(BEGIN_S + (index * 7_919 % 3_000) as u32),
            ..SessionRow::default()
        };
        let end_s = create.start_s.map(|start| start + 20);
        [create, SessionRow { event: Some(Event::End as u8), end_s, ..create }]
    };
    let rows: Vec<_> = (0..ROWS / 2).flat_map(session).collect();
    let part = build(directory.path(), &rows);
    let bytes = fs::metadata(part.with_extension(EXTENSION)).unwrap().len();
    // Pages that are not full, and a directory of few terms.
    let overhead = 2 * 4_096 + 8 * 500;
    assert!(bytes < 2 * ROWS as u64 + overhead + 2_000, "{bytes}");
}

#[test]
fn rows_in_another_order_are_refused() {
    let mut rows = random_rows(6);
    rows.swap(0, ROWS - 1);
    let mut builder = Builder::new(Family::Session).unwrap();
    let error = builder.push(&columns(&rows)).unwrap_err();
    assert!(error.to_string().contains("order of trace"), "{error}");
}

#[test]
fn what_is_damaged_is_noticed_and_nothing_else_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let rows = random_rows(7);
    let part = build(directory.path(), &rows);
    let path = part.with_extension(EXTENSION);
    let sound = fs::read(&path).unwrap();
    let wanted = key(&rows[ROWS / 2]);
    let term = address_term([10, 0, 0, 9].into());
    let ask = || -> Result<_, crate::error::StoreError> {
        let index = Index::open(&part)?.unwrap();
        Ok((index.rows_of([wanted; 2])?, index.rows_with(term)?))
    };
    let expected = ask().unwrap();
    let mut random = Random::new(8);
    let mut noticed = 0;
    for _ in 0..400 {
        let mut damaged = sound.clone();
        let place = random.below(sound.len() as u64) as usize;
        damaged[place] ^= 1 << random.below(8);
        fs::write(&path, &damaged).unwrap();
        match ask() {
            Ok(answer) => assert_eq!(answer, expected),
            Err(error) => {
                assert!(error.to_string().contains("part.trace"), "{error}");
                noticed += 1;
            }
        }
    }
    assert!(noticed > 50, "{noticed}");
    for len in [0, 20, 500, sound.len() / 2] {
        fs::write(&path, &sound[..len]).unwrap();
        assert!(ask().is_err(), "{len}");
    }
    fs::remove_file(&path).unwrap();
    assert!(Index::open(&part).unwrap().is_none());
}
