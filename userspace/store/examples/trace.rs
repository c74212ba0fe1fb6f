//! Makes a data directory of sessions by the store's own sealing, asks questions of which the model
//! knows the answers, checks each answer, and prints how long they took.
//!
//! ```text
//! trace DIR SESSIONS QUESTIONS [LOGWEIR]     LOGWEIR: asked as a new process as well
//! ```
#![expect(clippy::print_stdout, reason = "its output is read by the task")]

use logweir_decode::{
    batch::{Batch, Capacity},
    context::{Context, EventTime, Flags, Format},
    session::{Event, SessionRow},
    text::Text,
};
use logweir_store::{
    incoming::Incoming,
    index::Indexes,
    layout::Layout,
    lookup::{Answer, Asked, Clock, Held, Lookup},
    seal::Sealer,
};
use std::{
    collections::BTreeSet,
    env, fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// 2026-03-01T14:00:00 UTC, in seconds.
const BEGIN_S: u32 = 1_772_373_600;

/// Sessions that begin each second.
const RATE: u64 = 10_000;

/// Public addresses, and ports of each: every slot is used anew after 413 s.
const ADDRESSES: u64 = 64;
const PORTS: u64 = 64_512;
const SLOTS: u64 = ADDRESSES * PORTS;

/// The longest session, seconds.
const LONGEST: u64 = 300;

/// One in so many sessions has no end.
const OPEN: u64 = 1_000;

/// Events in a part.
const PART_EVENTS: u64 = 4_000_000;

const SECOND: i64 = 1_000_000_000;

/// A session of the model, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Session(u64);

impl Session {
    fn mixed(self) -> u64 {
        let mixed = (self.0 ^ 0x9e37_79b9).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ mixed >> 29
    }

    /// The sessions take the slots in a scattered order, each once before any is used again.
    fn slot(self) -> u64 {
        self.0 % SLOTS * 2_654_435_761 % SLOTS
    }

    fn public(self) -> (Ipv4Addr, u16) {
        let address = Ipv4Addr::from(0xcb00_7100 + (self.slot() / PORTS) as u32);
        (address, (1_024 + self.slot() % PORTS) as u16)
    }

    fn begin(self) -> u64 {
        self.0 / RATE
    }

    /// Most are short.
    fn duration(self) -> u64 {
        1 + (self.mixed() % LONGEST) * (self.mixed() / LONGEST % 64) / 64
    }

    fn end(self) -> Option<u64> {
        (self.0 % OPEN != 7).then(|| self.begin() + self.duration())
    }

    fn row(self, event: Event) -> SessionRow {
        let (nat, nat_port) = self.public();
        let seconds = |time: u64| BEGIN_S + time as u32;
        SessionRow {
            event: Some(event as u8),
            protocol: Some(if self.mixed().is_multiple_of(4) { 17 } else { 6 }),
            src_v4: Some(0x6440_0000 + (self.mixed() >> 40) as u32 % 100_000),
            src_port: Some(1_024 + (self.mixed() >> 20) as u16 % 60_000),
            dst_v4: Some(0xc633_6400 + (self.mixed() >> 8) as u32 % 256),
            dst_port: Some(443),
            nat_src_v4: Some(nat.into()),
            nat_src_port: Some(nat_port),
            start_s: Some(seconds(self.begin())),
            end_s: self.end().filter(|_| event == Event::End).map(seconds),
            ..SessionRow::default()
        }
    }

    /// The sessions of a slot that hold it at a time, of all that are stored.
    fn holders(self, at: u64, sessions: u64) -> BTreeSet<Session> {
        let slot = (self.0 % SLOTS..sessions).step_by(SLOTS as usize).map(Session);
        slot.filter(|own| own.begin() <= at && own.end().is_none_or(|end| at <= end)).collect()
    }
}

/// Writes the events in the order in which they arrive, a second after they happen.
struct Maker {
    incoming: Incoming,
    batch: Batch,
    sealer: Sealer,
    events: u64,
    parts: u64,
}

impl Maker {
    fn push(&mut self, session: Session, event: Event, second: u64) {
        let context = Context {
            exporter: [198, 51, 100, 7].into(),
            exporter_port: 4739,
            format: Format::Ipfix,
            observation_domain: Some(1),
            sequence: Some((self.events / 24) as u32),
            host: Text::EMPTY,
            received_at: (i64::from(BEGIN_S) + second as i64 + 1) * SECOND,
            event_time: EventTime::Record,
            flags: Flags::NONE,
        };
        if !self.batch.session.push(&context, &session.row(event)) {
            self.flush();
            assert!(self.batch.session.push(&context, &session.row(event)));
        }
        self.events += 1;
        if self.events.is_multiple_of(PART_EVENTS) {
            self.end_part();
        }
    }

    fn flush(&mut self) {
        self.sealer.push(&self.batch).expect("columns");
        self.batch.clear();
    }

    fn end_part(&mut self) {
        self.flush();
        let sealer = std::mem::take(&mut self.sealer);
        let name = format!("{:06}", self.parts);
        let sealed =
            sealer.finish(&name, &self.incoming, Layout::default(), &mut Indexes::default());
        sealed.expect("a part");
        self.parts += 1;
    }
}

fn make(data: &Path, sessions: u64) {
    let incoming = Incoming::open(data).expect("a data directory").0;
    let capacity = Capacity { session_rows: 1 << 16, unparsed_rows: 1, text_bytes: 1 };
    let (batch, sealer) = (Batch::new(capacity), Sealer::new());
    let mut maker = Maker { incoming, batch, sealer, events: 0, parts: 0 };
    let mut ends: Vec<Vec<Session>> = vec![Vec::new(); LONGEST as usize + 2];
    for second in 0..=sessions / RATE + LONGEST + 1 {
        let ring = ends.len();
        for session in std::mem::take(&mut ends[second as usize % ring]) {
            maker.push(session, Event::End, second);
        }
        for session in (second * RATE..((second + 1) * RATE).min(sessions)).map(Session) {
            maker.push(session, Event::Create, second);
            if let Some(end) = session.end() {
                ends[end as usize % ring].push(session);
            }
        }
    }
    maker.end_part();
}

/// A question and the sessions that answer it.
struct Question {
    lookup: Lookup,
    expected: BTreeSet<Session>,
}

/// Questions while a session lasts, and just before it begins.
fn questions(count: u64, sessions: u64) -> Vec<Question> {
    let question = |number: u64| {
        let session = Session(Session(number).mixed() % sessions);
        let at = match number % 3 {
            0 => session.begin().saturating_sub(2),
            _ => session.begin() + session.duration() / 2,
        };
        let (address, port) = session.public();
        let lookup = Lookup {
            asked: Asked::Public { address: address.into(), port: Some(port) },
            at: (i64::from(BEGIN_S) + at as i64) * SECOND,
            within: Duration::ZERO,
            protocol: None,
            clock: Clock::Device,
        };
        Question { lookup, expected: session.holders(at, sessions) }
    };
    (0..count).map(question).collect()
}

fn check(question: &Question, answer: &Answer) {
    let ends = |own: &logweir_store::lookup::Session| own.records[0].record.src_port;
    let found: BTreeSet<_> = answer.sessions.iter().map(ends).collect();
    let expected: BTreeSet<_> =
        question.expected.iter().map(|session| session.row(Event::Create).src_port).collect();
    assert_eq!(found, expected, "{:?}", question.lookup);
    let joined = answer.sessions.iter().all(|own| match own.held {
        Held::Throughout => own.records.len() == 2,
        _ => own.records.len() == 1,
    });
    assert!(joined && answer.without_index == 0, "{answer:?}");
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [data, sessions, count, logweir @ ..] = arguments.as_slice() else {
        panic!("arguments: DIR SESSIONS QUESTIONS [LOGWEIR]")
    };
    let data = PathBuf::from(data);
    let sessions: u64 = sessions.parse().expect("a number of sessions");
    let count: u64 = count.parse().expect("a number of questions");
    if !data.join("family=session").is_dir() {
        let begun = Instant::now();
        make(&data, sessions);
        println!("{sessions} sessions made in {:.1} s", begun.elapsed().as_secs_f64());
    }
    sizes(&data, sessions);
    let questions = questions(count, sessions);
    let ask = |question: &Question| {
        let begun = Instant::now();
        let answer = question.lookup.search(&data).expect("an answer");
        let took = begun.elapsed();
        check(question, &answer);
        took
    };
    for question in questions.iter().take(20) {
        ask(question);
    }
    report("warm, in process", questions.iter().map(ask).collect());
    let cold = questions.iter().take(COLD).map(|question| {
        forget(&data);
        ask(question)
    });
    report("cold, in process", cold.collect());
    let Some(logweir) = logweir.first() else { return };
    report("warm, new process", questions.iter().map(|own| run(logweir, &data, own)).collect());
    let cold = questions.iter().take(COLD).map(|question| {
        forget(&data);
        run(logweir, &data, question)
    });
    report("cold, new process", cold.collect());
}

/// Questions that are asked after the files were forgotten.
const COLD: usize = 200;

/// Drops the files' pages from the page cache.
fn forget(data: &Path) {
    for path in files(data) {
        let file = fs::File::open(path).expect("a file");
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("it is advice");
    }
}

/// The files of the sessions.
fn files(data: &Path) -> Vec<PathBuf> {
    let (mut files, mut directories) = (Vec::new(), vec![data.join("family=session")]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files
}

fn run(logweir: &str, data: &Path, question: &Question) -> Duration {
    let Asked::Public { address, port } = question.lookup.asked else { unreachable!() };
    let at = jiff::Timestamp::from_second(question.lookup.at / SECOND).expect("a time").to_string();
    let held = format!("{address}:{}", port.unwrap_or_default());
    let mut trace = Command::new(logweir);
    trace.args(["trace", &held, "--within", "0s", "--at", &at, "--data"]).arg(data);
    let begun = Instant::now();
    let ran = trace.output().expect("logweir starts");
    let took = begun.elapsed();
    let lines = ran.stdout.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, question.expected.len(), "{trace:?}");
    took
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| {
        times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3
    };
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", at(50), at(99), at(100));
}

fn sizes(data: &Path, sessions: u64) {
    let mut bytes = [0_u64; 2];
    for path in files(data) {
        let is_index = path.extension().is_some_and(|extension| extension == "trace");
        bytes[usize::from(is_index)] += fs::metadata(path).map_or(0, |metadata| metadata.len());
    }
    let [parts, indexes] = bytes.map(|bytes| bytes as f64 / (2.0 * sessions as f64));
    println!("{parts:.2} bytes a record in parts, {indexes:.2} in indexes");
}
