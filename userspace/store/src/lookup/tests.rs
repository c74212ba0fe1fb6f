use super::*;
use crate::{
    files,
    part::Layout,
    prune,
    testing::{HOUR_BEGIN, Random, SECOND, context, small_batch},
    writer::{Writer, WriterConfig},
};
use logweir_decode::{
    batch::Batch,
    session::{Event, SessionRow},
};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    file::metadata::PageIndexPolicy,
};
use proptest::prelude::*;
use std::{
    collections::BTreeSet,
    fs::{self, File},
};

/// Seconds since 1970 of the begin of the hour in which the tests take place.
const BEGIN_S: u32 = (HOUR_BEGIN / SECOND) as u32;

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
        nat_addr: "203.0.113.1".parse().unwrap(),
        port: Some(1_025),
        at: HOUR_BEGIN + at_s * SECOND,
        within: Duration::from_secs(1),
        protocol: None,
    }
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
    let config = WriterConfig { layout, ..WriterConfig::new(directory) };
    let (mut writer, _) = Writer::open(config).unwrap();
    assert!(writer.append(batch, HOUR_BEGIN).outcome.failed.is_empty());
    assert!(writer.finish().0.failed.is_empty());
}

fn found(directory: &Path, lookup: Lookup) -> Vec<(u32, Held)> {
    let answer = lookup.search(directory).unwrap();
    assert!(answer.unreadable.is_empty(), "{:?}", answer.unreadable);
    answer.found.iter().map(|found| (found.record.sequence.unwrap(), found.held)).collect()
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
    assert_eq!(found(data.path(), lookup(150)), [(0, throughout), (4, throughout)]);
    let udp = Lookup { protocol: Some(17), ..lookup(150) };
    assert_eq!(found(data.path(), udp), [(4, throughout)]);
    let any_port = Lookup { port: None, protocol: Some(6), ..lookup(150) };
    assert_eq!(found(data.path(), any_port), [(0, throughout), (2, throughout)]);

    let answer = lookup(350).search(data.path()).unwrap();
    let found = &answer.found[0];
    assert_eq!((answer.found.len(), found.row), (1, 1));
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
    let held = |at_s| found(data.path(), lookup(at_s)).first().map(|(_, held)| *held);
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
    assert_eq!(found(data.path(), lookup(150)), [(0, Held::Open)]);
    assert_eq!(found(data.path(), lookup(98)), []);
    store(data.path(), &[session(Event::End, Some(100), Some(130))]);
    assert_eq!(found(data.path(), lookup(150)), []);
    let both = [(0, Held::Throughout), (0, Held::Open)];
    assert_eq!(found(data.path(), lookup(125)), both);
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
    assert_eq!(found(data.path(), lookup(200)), [(2, Held::Open)]);
    assert_eq!(found(data.path(), lookup(400)), []);
    store(data.path(), &[session(Event::End, Some(100), Some(100))]);
    assert_eq!(found(data.path(), lookup(200)), []);
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
    let found = found(data.path(), lookup);
    assert_eq!(found.len(), 65);
    assert_eq!(found[..2], [(64, Held::Open), (0, Held::Throughout)]);
}

#[test]
fn an_ipv4_address_may_be_asked_for_in_its_ipv6_form() {
    let data = tempfile::tempdir().unwrap();
    store(data.path(), &[session(Event::End, Some(100), Some(200))]);
    let lookup = Lookup { nat_addr: "::ffff:203.0.113.1".parse().unwrap(), ..lookup(150) };
    assert_eq!(found(data.path(), lookup), [(0, Held::Throughout)]);
}

#[test]
fn a_refused_session_never_held_the_address() {
    let data = tempfile::tempdir().unwrap();
    store(data.path(), &[session(Event::Deny, Some(100), None)]);
    assert_eq!(found(data.path(), lookup(100)), [(0, Held::Near)]);
    assert_eq!(found(data.path(), lookup(150)), []);
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_are_searched() {
    let data = tempfile::tempdir().unwrap();
    store(data.path(), &[session(Event::End, Some(100), Some(200))]);
    let broken = data.path().join("family=session/date=2026-03-01/hour=00/part-x.parquet");
    fs::create_dir_all(broken.parent().unwrap()).unwrap();
    fs::write(&broken, b"PAR1 no more").unwrap();
    let answer = lookup(150).search(data.path()).unwrap();
    assert_eq!((answer.found.len(), answer.files), (1, 1));
    assert!(answer.unreadable[0].to_string().contains("part-x.parquet"));
    assert!(files::count_rows(data.path(), Family::Session).is_err());
}

#[test]
fn an_empty_directory_holds_no_answer() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(found(&data.path().join("none"), lookup(150)), []);
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
    assert_eq!(answer.found.len(), 32);
    assert_eq!((answer.row_groups_read, answer.row_groups_skipped), (1, 9));
    let early = lookup(50).search(data.path()).unwrap();
    assert_eq!((early.row_groups_read, early.row_groups_skipped), (0, 10));
    let port = Lookup { port: Some(9), ..lookup(150) };
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
    assert_eq!(found(data.path(), lookup(150)).len(), 8);
}

/// One session, as the naive search sees it.
#[derive(Clone, Copy, Debug)]
struct Sample {
    event: Event,
    start: Option<u32>,
    end: Option<u32>,
    host: u32,
    nat_v6: bool,
    nat: u32,
    port: Option<u16>,
    protocol: Option<u8>,
}

impl Sample {
    fn random(random: &mut Random) -> Sample {
        let event = 1 + random.below(5) as u8;
        Sample {
            event: Event::from_code(event).unwrap(),
            start: (random.below(4) > 0).then(|| random.below(40) as u32),
            end: (random.below(2) > 0).then(|| random.below(60) as u32),
            host: 1 + random.below(2) as u32,
            nat_v6: random.below(3) == 0,
            nat: 1 + random.below(3) as u32,
            port: [None, Some(1_024), Some(1_025), Some(1_026)][random.below(4) as usize],
            protocol: [None, Some(6), Some(17)][random.below(3) as usize],
        }
    }

    fn row(self) -> SessionRow {
        let v6 = u128::from(self.nat).to_be_bytes();
        SessionRow {
            event: Some(self.event as u8),
            protocol: self.protocol,
            src_v4: Some(self.host),
            nat_src_v4: (!self.nat_v6).then_some(self.nat),
            nat_src_v6: self.nat_v6.then_some(v6),
            nat_src_port: self.port,
            start_s: self.start.map(|s| BEGIN_S + s),
            end_s: self.end.map(|s| BEGIN_S + s),
            ..SessionRow::default()
        }
    }

    fn nat_addr(self) -> IpAddr {
        match self.nat_v6 {
            true => std::net::Ipv6Addr::from(u128::from(self.nat)).into(),
            false => std::net::Ipv4Addr::from(self.nat).into(),
        }
    }

    /// Seconds; a record without a time of its own happened at its arrival, second 0.
    fn event_time(self) -> u32 {
        let (own, other) = match self.event {
            Event::Create => (self.start, self.end),
            _ => (self.end, self.start),
        };
        own.or(other).unwrap_or(0)
    }

    fn begin(self) -> u32 {
        self.start.unwrap_or(self.event_time())
    }

    fn known_end(self) -> Option<u32> {
        let at_event = matches!(self.event, Event::End | Event::Flow | Event::Deny);
        self.end.or(at_event.then(|| self.event_time()))
    }

    fn same_session(self, other: Sample) -> bool {
        (self.host, self.port, self.protocol) == (other.host, other.port, other.protocol)
            && self.nat_addr() == other.nat_addr()
    }
}

/// Every record against every other.
fn naive(samples: &[Sample], lookup: Lookup, at: u32, within: u32) -> BTreeSet<(u32, Held)> {
    let mut held = BTreeSet::new();
    for (index, sample) in samples.iter().enumerate() {
        let asked = sample.nat_addr() == lookup.nat_addr
            && lookup.port.is_none_or(|port| sample.port.is_none_or(|own| own == port))
            && lookup.protocol.is_none_or(|asked| sample.protocol.is_none_or(|own| own == asked));
        if !asked || sample.begin() > at + within {
            continue;
        }
        let answer = match sample.known_end() {
            Some(end) if end + within < at => None,
            Some(end) if sample.begin() <= at && at <= end && sample.event != Event::Deny => {
                Some(Held::Throughout)
            }
            Some(_) => Some(Held::Near),
            None if sample.begin() > at => Some(Held::Near),
            None => {
                let ended = samples.iter().any(|other| {
                    let end = other.known_end().filter(|end| *end + within < at);
                    let end = end.filter(|_| other.begin() <= at + within);
                    // On a tie it is another one that ended, unless it says that it began then.
                    let ended = |end| {
                        end > sample.begin() || end == sample.begin() && other.start == Some(end)
                    };
                    other.same_session(*sample) && end.is_some_and(ended)
                });
                (!ended).then_some(Held::Open)
            }
        };
        held.extend(answer.map(|answer| (index as u32, answer)));
    }
    held
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn lookup_finds_what_a_naive_scan_finds(seed: u64, count in 1..200usize) {
        let mut random = Random::new(seed);
        let samples: Vec<_> = (0..count).map(|_| Sample::random(&mut random)).collect();
        let data = tempfile::tempdir().unwrap();
        store(data.path(), &samples.iter().map(|sample| sample.row()).collect::<Vec<_>>());
        for _ in 0..8 {
            let (at, within) = (random.below(70) as u32, random.below(4) as u32);
            let wanted = samples[random.below(count as u64) as usize];
            let lookup = Lookup {
                nat_addr: wanted.nat_addr(),
                port: wanted.port.filter(|_| random.below(2) == 0),
                at: HOUR_BEGIN + i64::from(at) * SECOND,
                within: Duration::from_secs(within.into()),
                protocol: wanted.protocol.filter(|_| random.below(2) == 0),
            };
            let found: BTreeSet<_> = found(data.path(), lookup).into_iter().collect();
            prop_assert_eq!(found, naive(&samples, lookup, at, within), "{:?}", lookup);
        }
    }
}
