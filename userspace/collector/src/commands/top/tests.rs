use super::*;
use crate::{
    balance::{Balance, RingBalance, SocketBalance},
    counters::RingFill,
    latency::OctaveCounters,
    ledger::{DomainReport, ExporterReport},
    service::status::{ProcessStatus, StoreStatus},
};
use ratatui::{Terminal, backend::TestBackend, style::Color, text::Line};
use std::sync::Arc;

fn exporter(name: &str, datagrams: u64, last_arrival: &str) -> ExporterReport {
    ExporterReport {
        exporter: name.into(),
        datagrams,
        records: datagrams * 12,
        last_arrival: last_arrival.into(),
        domains: vec![DomainReport { version: 9, ..DomainReport::default() }],
        ..ExporterReport::default()
    }
}

fn collector(at: &str, datagrams: u64) -> Status {
    let mut balance = Balance {
        ring: Some(RingBalance { received: datagrams, ..RingBalance::default() }),
        socket: Some(SocketBalance::default()),
        ..Balance::default()
    };
    balance.datagrams.received = datagrams;
    balance.datagrams.received_bytes = datagrams * 1_400;
    balance.records.session = datagrams * 12;
    balance.records.stored = datagrams * 12;
    Status {
        version: "1.2.3".into(),
        description: "AF_XDP on eth0, 2 queues, XDP in native mode, zero-copy sockets".into(),
        started_at: "2026-01-01T00:00:00.000Z".into(),
        at: at.into(),
        balance,
        workers: 2,
        rings: [312, 3_900].map(|fullest| RingFill { frames: 4_096, fullest }).into(),
        process: ProcessStatus { cpu_ns: datagrams * 1_000, resident_bytes: 512_000_000 },
        store: Some(StoreStatus {
            data: "/data".into(),
            journal_bytes: 12_000_000,
            journal_bytes_max: 4_294_967_296,
            segments_waiting: 1,
            sealed: 11_000_000,
            disk_free_bytes: 30_000_000_000,
            disk_bytes: 100_000_000_000,
            ..StoreStatus::default()
        }),
        ..Status::default()
    }
}

/// Two seconds of a collector: an exporter that sends, one that is silent, one whose template is
/// missing, and a full ring.
fn two_looks() -> [Status; 2] {
    let mut before = collector("2026-01-01T02:00:00.000Z", 1_000_000);
    let mut now = collector("2026-01-01T02:00:02.000Z", 1_200_000);
    let (long_ago, at) = ("2026-01-01T01:00:02.000Z", "2026-01-01T02:00:01.900Z");
    before.exporters = Arc::new(vec![
        exporter("192.0.2.1", 300_000, at),
        exporter("192.0.2.2", 200_000, long_ago),
        exporter("2001:db8:1234:5678:9abc:def0:1234:5678", 500_000, at),
    ]);
    let mut waits = exporter("2001:db8:1234:5678:9abc:def0:1234:5678", 600_000, at);
    waits.waiting = 3;
    waits.rejected = [("template_missing".into(), 4)].into();
    let mut gaps = exporter("192.0.2.1", 400_002, at);
    gaps.domains[0].missing_datagrams = Some(17);
    now.exporters = Arc::new(vec![gaps, exporter("192.0.2.2", 200_000, long_ago), waits]);
    let ring = now.balance.ring.as_mut().unwrap();
    ring.rx_ring_full = 250;
    now.balance.datagrams.rejected = [("template_missing".into(), 4)].into();
    now.balance.unaccounted.total = 12;
    let latency = OctaveCounters::default();
    latency.add(3_000, 990);
    latency.add(90_000, 10);
    now.arrival_to_decoded.read(&latency);
    [before, now]
}

fn drawn(width: u16, height: u16) -> Terminal<TestBackend> {
    let [before, now] = two_looks();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| {
            let lines = frame::lines(&before, &now, frame.area().as_size());
            frame.render_widget(Text::from(lines), frame.area());
        })
        .unwrap();
    terminal
}

/// What is on the screen, without the blanks at the ends of lines and below them.
fn screen(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(buffer.area.width));
    let rows = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    let rows: Vec<_> = rows.map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n").trim_end().to_owned()
}

#[test]
fn it_fits_a_small_terminal() {
    assert_eq!(screen(&drawn(80, 24)), include_str!("tests/80x24.txt").trim_end());
}

#[test]
fn it_uses_a_large_terminal() {
    assert_eq!(screen(&drawn(120, 40)), include_str!("tests/120x40.txt").trim_end());
}

/// No number is cut at the right: what has no room beside the rest stands below it, or not at all.
#[test]
fn it_is_whole_in_a_narrow_terminal() {
    assert_eq!(screen(&drawn(40, 34)), include_str!("tests/40x34.txt").trim_end());
    for width in 40..=130 {
        let [before, now] = two_looks();
        let lines = frame::lines(&before, &now, Size { width, height: 60 });
        let is_beyond = |line: &&Line<'_>| line.width() > usize::from(width);
        assert_eq!(lines.iter().find(is_beyond), None, "{width}");
    }
}

/// Whatever the size, nothing is beyond it, and the exporters that have no room are counted.
#[test]
fn no_terminal_is_too_small() {
    for (width, height) in [(1, 1), (20, 5), (80, 15), (80, 16), (300, 100)] {
        let [before, now] = two_looks();
        let lines = frame::lines(&before, &now, Size { width, height });
        assert!(lines.len() <= usize::from(height), "{width}x{height}");
    }
    assert!(screen(&drawn(80, 19)).ends_with("and 2 more"), "{}", screen(&drawn(80, 19)));
}

#[test]
fn what_is_lost_is_red() {
    let terminal = drawn(80, 24);
    let buffer = terminal.backend().buffer();
    let text = screen(&terminal);
    let row = text.lines().position(|line| line.contains("RX ring full")).unwrap();
    let row = u16::try_from(row).unwrap();
    assert_eq!(buffer[(42, row)].fg, Color::Red);
    assert_eq!(buffer[(42, row + 1)].fg, Color::Reset, "nothing is lost there");
}

#[test]
fn a_look_that_brings_nothing_new_leaves_the_rates() {
    let [before, now] = two_looks();
    let mut seen = Seen::new(before.clone());
    seen.take(now.clone());
    seen.take(now.clone());
    assert_eq!((seen.before.at.as_str(), seen.now.at.as_str()), (&*before.at, &*now.at));
    // Another collector has begun to count anew.
    seen.take(Status { started_at: "2026-01-02T00:00:00.000Z".into(), ..before });
    assert_eq!(seen.before.at, seen.now.at);
}

#[test]
fn a_status_is_read_as_it_was_told() {
    let [_, now] = two_looks();
    let told = serde_json::to_value(&now).unwrap();
    let read: Status = serde_json::from_value(told.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), told);
}
