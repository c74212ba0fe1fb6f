//! What senders must not be able to do: end a worker, make bytes disappear, take the memory or the
//! templates of others. Memory is counted by a global allocator, so the tests take turns.

#[path = "support/books.rs"]
mod books;
#[path = "support/counting.rs"]
mod counting;
#[path = "support/ipfix.rs"]
mod ipfix;
#[path = "support/v9.rs"]
mod v9;

use books::{Books, datagram};
use ipfix::{Ipfix, options_template};
use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    reason::Reason,
    session::SessionTable,
    settings::{ImPolicy, Settings},
    text::TextArena,
    unparsed::Unparsed,
};
use proptest::{collection::vec, prelude::*};
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use v9::{V9, template};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// Memory that templates take, in bytes of their limit: the records themselves are counted by the
/// limit; the maps of the registry and those of one worker's cache come on top.
const TEMPLATE_MEMORY_FACTOR: usize = 4;
/// Memory that waiting datagrams take, in bytes of their limit: a queue that has grown keeps up to
/// half of its places free.
const WAITING_MEMORY_FACTOR: usize = 2;

const VICTIM: u8 = 1;
const ATTACKER: u8 = 66;
const SECOND_NS: i64 = 1_000_000_000;

fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    assert!(counting::allocations() > 0, "the allocator counts");
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The smallest batch that says that it has room for so many bytes.
fn tight(payload_bytes: usize) -> Capacity {
    let capacity = Capacity {
        session_rows: payload_bytes / SessionTable::BYTES_PER_RECORD_MIN + 1,
        unparsed_rows: payload_bytes / Unparsed::BYTES_PER_RECORD_MIN + 2,
        text_bytes: payload_bytes * TextArena::EXPANSION_MAX + 1,
    };
    assert!(Batch::new(capacity).has_room_for(payload_bytes));
    capacity
}

fn header(source_id: u32) -> V9 {
    V9::new(source_id, 1, 1_700_000_000, 1000)
}

// -------------------------------------------------------------------------------- any bytes

/// Decodes the payloads one after the other into tight batches, and into a large one: both must
/// hold the same records.
fn check_stream(payloads: &[Vec<u8>], format: FormatHint) {
    let longest = payloads.iter().map(Vec::len).max().unwrap_or(0);
    let mut books = Books::new(Limits::DEFAULT, tight(longest));
    let roomy = tight(4 * longest + 64);
    let mut decoder = Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::default());
    let mut batch = Batch::new(roomy);
    check_hashed(payloads, &tight(longest));
    for (index, payload) in payloads.iter().enumerate() {
        let received_at = 1_700_000_000 * SECOND_NS + index as i64 * SECOND_NS;
        let datagram = Datagram { received_at, format, ..datagram(VICTIM, payload) };
        let outcome = books.decode(&datagram);
        batch.clear();
        assert_eq!(decoder.decode(&datagram, &mut batch), outcome);
        assert_same(&books.batch, &batch);
        loop {
            batch.clear();
            let outcome = books.release(received_at);
            assert_eq!(decoder.release(received_at, &mut batch), outcome);
            if outcome.is_none() {
                break;
            }
            assert_same(&books.batch, &batch);
        }
    }
    books.close();
}

/// Where instant-messenger logs are recorded, hashes are the most text that a line makes.
fn check_hashed(payloads: &[Vec<u8>], capacity: &Capacity) {
    let settings = Settings { im: ImPolicy::Hashed([7; 32]), ..Settings::default() };
    let registry = Arc::new(Registry::new(Limits::DEFAULT));
    let mut decoder = Decoder::new(registry, Arc::new(settings));
    let mut batch = Batch::new(*capacity);
    for payload in payloads.iter().filter(|payload| !payload.starts_with(b"\0")) {
        batch.clear();
        decoder.decode(&datagram(VICTIM, payload), &mut batch);
        assert!(batch.text.len() <= payload.len() * TextArena::EXPANSION_MAX);
    }
}

fn assert_same(tight: &Batch, roomy: &Batch) {
    let records = logweir_decode::record::records;
    assert_eq!(tight.records(), roomy.records());
    assert!(records(tight).eq(records(roomy)));
}

fn format() -> impl Strategy<Value = FormatHint> {
    let all: Vec<_> = FormatHint::NAMES.iter().map(|(_, hint)| *hint).collect();
    prop_oneof![2 => Just(FormatHint::Auto), 1 => proptest::sample::select(all)]
}

/// Logs of a USG that are no session logs.
const USG: &[&str] = &[
    "<190>Oct  5 2018 10:52:19 F %%01POLICY/6/POLICYPERMIT(l):vsys=a, protocol=17, source-ip=1::, \
     source-port=24, time=2018/10/5 09:52:19, x=1, y=2, rule-name=Internet Access.",
    "<190>2016-01-08 10:21:48 F %%01SECLOG/6/IM_ONLINE(l):QQ=1,A1=2,Ab=3,SourceIP=1::,A2=4.",
];

/// CGNAT logs of every dialect.
const CGN: &[&str] = &[
    "<134> 1 2010 Nov 28 18:45:18 192.0.2.9 h - NAT444:UserbasedA [ - 10.1.1.4  192.0.2.4  1 2 ]",
    "<134>1 May 9 01:02:03 fw - - DSLITE:SessionA [6 10.1.2.3 2001:db8::7 192.0.2.1 1 2 3 -]",
    "<134>1 2011 May 31 10:30:45 192.0.2.9 a b NAT44 - [UserbasedA - 10.1.3.4 V - 192.0.2.2 - 1 2]\
     [SessionAD 6 1:: 7 - 2:: 80 1 - 3:: 443][x 1:: 1:: 1 2][x 1:: 1:: 1 2]",
    "<142> 1 <2010> <Nov> <28> <18:52:27> 192.0.2.9 h - <NAT444>:<PortA> 1|10.1.2.3|192.0.2.1|1|2",
    "1 192.0.2.9 2013 Nov 26 11:43:16 F 1 NAT444:SessionW 1|2|1::|2::|1|3::|80|x|http://h/",
    "<134> 2016 January 18 14 09 22 192.0.2.9 c DSLITE 17 2001:db8::1:1 192.0.2.1 1052 2000",
    "<134> 1 2010-11-28T18:52:12.33Z 192.0.2.9 a - NAT444userbased - %%01SEC/6/BIND(l): A portrange \
     is free. sequence='0x1' sessionid='0x5' privateip='1::' srcvrfid='0' publicip='2::' \
     publicportrange='1~2' time='2010-11-28 18:52:12' a='b' c='d'",
];

/// Valid datagrams to begin with.
fn valid() -> Vec<Vec<u8>> {
    let lines = include_bytes!("../testdata/huawei_usg_session_document.log");
    let wrapped = include_bytes!("../testdata/huawei_usg_session_document_wrapped.log");
    let mut all: Vec<Vec<u8>> =
        lines.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).filter(|l| !l.is_empty()).collect();
    let firebrick = include_str!("../testdata/CONSTRUCTED_firebrick.log");
    all.extend(firebrick.lines().map(|line| line.as_bytes().to_vec()));
    all.extend(CGN.iter().chain(USG).map(|line| line.as_bytes().to_vec()));
    all.push(wrapped[..1400].to_vec());
    all.push(lines[..1400].to_vec());
    all.push(include_bytes!("../testdata/doc_nf9_ipv4_create.bin").to_vec());
    all.push(include_bytes!("../testdata/doc_nf9_ipv6_nat64_aging.bin").to_vec());
    all.push(include_bytes!("../testdata/NEGATIVE_doc_nf9_ipv4_firstcopy.bin").to_vec());
    all.push(include_bytes!("../testdata/CONSTRUCTED_h3c_userlog_v3.bin").to_vec());
    all.push(include_bytes!("../testdata/CONSTRUCTED_huawei_ne_elog_v1.bin").to_vec());
    // As many records as there may be, of the shortest kind, with a code that no layout lists.
    let shortest = [7; 24];
    all.push([vec![1, 4, 0, 100], vec![0x65; 12], shortest.repeat(100)].concat());
    // Elements without columns, of one byte and long numbers: the most text that there can be.
    let fields: Vec<_> = (0..40).map(|field| (60_000 + field, 1)).collect();
    let body: Vec<u8> = (1..=200).collect();
    all.push(header(7).flowset(0, &template(300, &fields)).flowset(300, &body).bytes());
    all.push(header(7).flowset(300, &body).flowset(0, &template(300, &fields)).bytes());
    all.extend(valid_ipfix());
    let flows: Vec<u8> = (0..3 * 48).map(|byte| byte as u8).collect();
    let head = [0, 5, 0, 3, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x40, 9];
    all.push([&head[..], &flows].concat());
    all
}

/// Enterprises' elements, fields of variable length, blocks of ports, options, withdrawals.
fn valid_ipfix() -> Vec<Vec<u8>> {
    let header = || Ipfix::new(7, 1, 1_700_000_000);
    let fields = [(0, 8, 4), (0, 10, 1), (637, 93, 65_535), (4_000_000_000, 9, 1), (0, 230, 1)];
    let block = [(0, 8, 4), (0, 225, 4), (0, 361, 2), (0, 363, 2), (0, 364, 2), (0, 230, 1)];
    let options = [(0, 10, 4), (0, 82, 65_535), (0, 34, 4), (0, 160, 8)];
    let flows: Vec<u8> = (0..9u8)
        .flat_map(|n| [&[10, 0, 0, n, n % 3, 10][..], b"u@10.0.0.1", &[n, n]].concat())
        .collect();
    let told = [&[0, 0, 0, 1, 2, b'g', b'e', 0, 0, 0, 9][..], &[0, 0, 1, 0, 0, 0, 0, 0]].concat();
    let templates =
        header().set(2, &ipfix::template(300, &fields)).set(2, &ipfix::template(301, &block));
    let data = |message: Ipfix| {
        message.set(400, &told).set(300, &flows).set(301, &[198, 51, 100, 9].repeat(13)).bytes()
    };
    let options = options_template(400, 1, &options);
    vec![
        data(templates.clone().set(3, &options)),
        data(header().set(3, &options)),
        templates.set(3, &options).bytes(),
        header().set(2, &ipfix::template(2, &[])).bytes(),
    ]
}

#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Truncate(usize),
    Double,
}

fn changed(mut payload: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let at = |at: usize| at % payload.len().max(1);
        match change {
            Change::Set(to, byte) => {
                let to = at(*to);
                if let Some(cell) = payload.get_mut(to) {
                    *cell = *byte;
                }
            }
            Change::Insert(to, bytes) => {
                let to = at(*to).min(payload.len());
                payload.splice(to..to, bytes.iter().copied());
            }
            Change::Remove(from, len) => {
                let from = at(*from).min(payload.len());
                let end = (from + len).min(payload.len());
                payload.drain(from..end);
            }
            Change::Truncate(len) => payload.truncate(at(*len)),
            Change::Double => payload.extend_from_within(..),
        }
    }
    payload
}

fn change() -> impl Strategy<Value = Change> {
    let telling = proptest::sample::select(&b"\0\x01\x04\xff<>.,=%:[]() \n\r\t19A"[..]);
    let byte = || prop_oneof![any::<u8>(), telling.clone()];
    prop_oneof![
        6 => (any::<usize>(), byte()).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => (any::<usize>(), vec(byte(), 1..12)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (any::<usize>(), 1..40usize).prop_map(|(at, len)| Change::Remove(at, len)),
        1 => any::<usize>().prop_map(Change::Truncate),
        1 => Just(Change::Double),
    ]
}

#[test]
fn random_bytes_keep_the_books() {
    let _turn = alone();
    let bytes = vec(any::<u8>(), 0..300);
    let netflow = vec(any::<u8>(), 0..300).prop_map(|rest| [vec![0, 9], rest].concat());
    let v5 = vec(any::<u8>(), 0..300).prop_map(|rest| [vec![0, 5], rest].concat());
    let ipfix = vec(any::<u8>(), 0..300).prop_map(|rest| {
        let len = rest.len() as u8;
        [vec![0, 10, 0, len.saturating_add(4)], rest].concat()
    });
    let text = "[<>.,=%:/()\\[\\]A-C0-2 \n\r\t\0]{0,200}".prop_map(String::into_bytes);
    let payloads = vec(prop_oneof![bytes, netflow, v5, ipfix, text], 1..4);
    proptest!(ProptestConfig::with_cases(4000), |(payloads in payloads, format in format())| {
        check_stream(&payloads, format);
    });
}

#[test]
fn changed_datagrams_keep_the_books() {
    let _turn = alone();
    let payload = (proptest::sample::select(valid()), vec(change(), 0..5))
        .prop_map(|(payload, changes)| changed(payload, &changes));
    let payloads = vec(payload, 1..6);
    proptest!(ProptestConfig::with_cases(4000), |(payloads in payloads, format in format())| {
        check_stream(&payloads, format);
    });
}

#[test]
fn datagrams_cut_anywhere_keep_the_books() {
    let _turn = alone();
    for payload in valid() {
        let cuts: Vec<_> = (0..=payload.len()).map(|len| payload[..len].to_vec()).collect();
        check_stream(&cuts, FormatHint::Auto);
    }
}

#[test]
fn the_most_records_and_the_most_text_fit_a_tight_batch() {
    let _turn = alone();
    let one_byte = |element| template(300, &[(element, 1)]);
    let mut payloads = Vec::new();
    for element in [4, 61, 60_000] {
        let datagram = header(7).flowset(0, &one_byte(element));
        payloads.push(datagram.flowset(300, &[255; 60_000]).bytes());
    }
    // Blocks of ports, and records of variable length with nothing in them.
    let blocks = ipfix::template(300, &[(0, 361, 2), (4_000_000_000, 9, 1), (0, 4, 1)]);
    let empty = ipfix::template(300, &[(4_000_000_000, 9, 65_535); 4]);
    let short = ipfix::template(300, &[(4_000_000_000, 9, 1); 4]);
    for (template, byte) in [(blocks, 255), (empty.clone(), 0), (empty, 1), (short, 255)] {
        let message = Ipfix::new(7, 1, 1).set(2, &template);
        payloads.push(message.set(300, &vec![byte; 60_000]).bytes());
    }
    payloads.push(b".\n".repeat(700));
    payloads.push(b"\0a".repeat(700));
    for payload in payloads {
        check_stream(&[payload], FormatHint::Auto);
    }
}

// ----------------------------------------------------------------------------------- floods

/// An exporter in good order, whose data must be decoded whatever others do.
fn well_behaved(books: &mut Books, exporter: u8, with_template: bool) {
    let mut datagram_bytes = header(7);
    if with_template {
        datagram_bytes = datagram_bytes.flowset(0, &template(300, &[(8, 4), (7, 2)]));
    }
    let payload = datagram_bytes.flowset(300, &[192, 0, 2, 7, 0, 53]).bytes();
    assert_eq!(books.decode(&datagram(exporter, &payload)), Outcome::Decoded);
    assert_eq!(books.batch.session.rows(), 1);
}

/// The fields of a template by its number: usable ones, short and long, and such that cannot be.
fn bomb_fields(number: u32) -> Vec<(u16, u16)> {
    match number % 8 {
        0 => vec![(8, 0); 200],
        1 => vec![(8, u16::MAX)],
        2 => vec![(8, u16::MAX - 1), (12, 2)],
        3 => [vec![(60_000, 0); 300], vec![(8, 4)]].concat(),
        4 => (0..300).map(|field| (60_000 + field, 1)).collect(),
        _ => vec![(8, 4)],
    }
}

#[test]
fn a_bomb_of_templates_takes_neither_the_memory_nor_the_templates_of_others() {
    let _turn = alone();
    let mut books = Books::new(Limits::DEFAULT, tight(65_535));
    well_behaved(&mut books, VICTIM, true);
    let (before, mut peak) = (counting::held(), 0);
    let mut templates = 0;
    for domain in 0..1000 {
        for group in 0..40 {
            let body: Vec<u8> = (0..25)
                .flat_map(|number| {
                    let id = 256 + group * 25 + number;
                    template(id as u16, &bomb_fields(id + domain))
                })
                .collect();
            templates += 25;
            let payload = header(domain).flowset(0, &body).bytes();
            books.decode(&datagram(ATTACKER, &payload));
            peak = peak.max(counting::held() - before);
        }
        well_behaved(&mut books, VICTIM, domain % 2 == 0);
    }
    assert_eq!(templates, 1_000_000);
    let limit = TEMPLATE_MEMORY_FACTOR * Limits::DEFAULT.template_bytes_per_exporter;
    assert!(peak < limit, "{peak} of {limit} bytes");
    well_behaved(&mut books, VICTIM + 1, true);
    books.close();
}

#[test]
fn the_templates_of_all_exporters_together_stay_within_their_memory() {
    let _turn = alone();
    let limits = Limits { template_bytes: 2 << 20, ..Limits::DEFAULT };
    let mut decoder =
        Decoder::new(Arc::new(Registry::new(limits)), Arc::new(Settings::with_limits(limits)));
    let mut batch = Batch::new(tight(1500));
    let before = counting::held();
    let mut refused = 0;
    // One template a domain: the maps take the most beside it.
    for exporter in 0..1000u32 {
        for source_id in 0..64 {
            let payload = header(source_id).flowset(0, &template(300, &[(8, 4)])).bytes();
            let exporter = IpAddr::from((0x0a00_0000 + exporter).to_be_bytes());
            batch.clear();
            let outcome =
                decoder.decode(&Datagram { exporter, ..datagram(0, &payload) }, &mut batch);
            refused += usize::from(outcome == Outcome::Rejected(Reason::TemplateLimit));
        }
    }
    assert!(refused > 0);
    let (held, limit) = (counting::held() - before, TEMPLATE_MEMORY_FACTOR * limits.template_bytes);
    assert!(held < limit, "{held} of {limit} bytes");
}

/// Names of interfaces without end, in all the domains that an exporter may have.
#[test]
fn what_an_exporter_tells_about_itself_stays_within_its_memory() {
    let _turn = alone();
    let mut books = Books::new(Limits::DEFAULT, tight(65_535));
    well_behaved(&mut books, VICTIM, true);
    let before = counting::held();
    let (mut peak, mut refused) = (0, 0);
    let template = options_template(400, 1, &[(0, 10, 4), (0, 82, 65_535)]);
    for domain in 0..200 {
        let message = || Ipfix::new(domain, 1, 1_700_000_000);
        books.decode(&datagram(ATTACKER, &message().set(3, &template).bytes()));
        for group in 0..10u32 {
            let told: Vec<u8> = (group * 500..(group + 1) * 500)
                .flat_map(|interface| [&interface.to_be_bytes()[..], &[7], b"ge-0/1/"].concat())
                .collect();
            let outcome = books.decode(&datagram(ATTACKER, &message().set(400, &told).bytes()));
            refused += usize::from(outcome == Outcome::Rejected(Reason::OptionsLimit));
            peak = peak.max(counting::held() - before);
        }
        well_behaved(&mut books, VICTIM, domain % 2 == 0);
    }
    assert!(refused > 1000);
    let limit = TEMPLATE_MEMORY_FACTOR * Limits::DEFAULT.options_bytes_per_exporter;
    assert!(peak < limit, "{peak} of {limit} bytes");
    books.close();
}

#[test]
fn templates_that_change_all_the_time_take_no_more_memory_and_hold_nobody_up() {
    let _turn = alone();
    let mut books = Books::new(Limits::DEFAULT, tight(65_535));
    let mut held = Vec::new();
    for number in 0..60_000u16 {
        let fields = [(number, 2), (7, 2), (11, 1 + number % 2)];
        let body = vec![1; 5 + usize::from(number % 2)];
        let payload = header(9).flowset(0, &template(300, &fields)).flowset(300, &body).bytes();
        assert_eq!(books.decode(&datagram(ATTACKER, &payload)), Outcome::Decoded);
        assert_eq!(books.batch.decoded_records(), 1);
        if number % 1000 == 0 {
            well_behaved(&mut books, VICTIM, true);
            held.push(counting::held());
        }
    }
    let growth = held[held.len() - 1].saturating_sub(held[1]);
    assert!(growth < 16 << 10, "{growth} bytes");
    books.close();
}

#[test]
fn data_without_templates_waits_within_limits_and_in_nobodys_way() {
    let _turn = alone();
    let limits = Limits::DEFAULT;
    let mut books = Books::new(limits, tight(65_535));
    let early = header(7).flowset(300, &[192, 0, 2, 7, 0, 53]).bytes();
    let (before, mut peak) = (counting::held(), 0);
    let mut refused = 0;
    for number in 0..50_000u32 {
        let body = vec![7; 4 + number as usize % 1400];
        let payload = header(number).flowset(256 + number as u16 % 999, &body).bytes();
        match books.decode(&datagram(ATTACKER, &payload)) {
            Outcome::Waiting => {}
            outcome => {
                assert_eq!(outcome, Outcome::Rejected(Reason::TemplateMissing));
                refused += 1;
            }
        }
        peak = peak.max(counting::held() - before);
        if number == 40_000 {
            assert_eq!(books.decode(&datagram(VICTIM, &early)), Outcome::Waiting);
        }
    }
    assert!(refused > 40_000);
    let limit = WAITING_MEMORY_FACTOR * limits.waiting_bytes_per_exporter;
    assert!(peak < limit, "{peak} of {limit} bytes");
    well_behaved(&mut books, VICTIM, true);
    let now = datagram(VICTIM, &early).received_at + SECOND_NS;
    assert_eq!(books.release(now), Some(Outcome::Decoded));
    assert_eq!(books.batch.session.rows(), 1);
    books.close();
}

/// Many senders, so that no share of one exporter stops them: then the limits of all do.
#[test]
fn data_without_templates_of_many_exporters_waits_within_limits() {
    let _turn = alone();
    let limits = Limits { waiting_bytes: 1 << 20, ..Limits::DEFAULT };
    let mut decoder =
        Decoder::new(Arc::new(Registry::new(limits)), Arc::new(Settings::with_limits(limits)));
    let mut batch = Batch::new(tight(1500));
    let before = counting::held();
    for number in 0..20_000u32 {
        let payload = header(7).flowset(300, &vec![7; 4 + number as usize % 300]).bytes();
        let exporter = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
        batch.clear();
        decoder.decode(&Datagram { exporter, ..datagram(0, &payload) }, &mut batch);
        assert!(decoder.waiting() <= limits.waiting_datagrams);
    }
    let (held, limit) = (counting::held() - before, WAITING_MEMORY_FACTOR * limits.waiting_bytes);
    assert!(held < limit, "{held} of {limit} bytes");
    while decoder.abandon(&mut batch).is_some() {
        batch.clear();
    }
}
