//! The table of exporters: those that send most come first, and of those that send nothing the ones
//! that have been silent longest come last.

use super::{
    frame::{self, WRONG, title},
    rates::{Interval, seconds_between},
    words::{cut, fitting, grouped, span},
};
use crate::{ledger::ExporterReport, service::status::Status};
use ratatui::{
    style::{Color, Style},
    text::{Line, Span},
};
use std::collections::HashMap;

/// A silence to look at, in seconds.
const SILENCE: u64 = 60;

/// From this width on an IPv6 address is shown whole.
const WIDE: usize = 100;

/// An exporter's line, before it is laid out.
struct Row<'a> {
    now: &'a ExporterReport,
    datagrams: u64,
    records: u64,
    silent: u64,
    templates: &'static str,
}

impl<'a> Row<'a> {
    fn new(before: Option<&ExporterReport>, now: &'a ExporterReport, interval: Interval) -> Self {
        let rate = |of: fn(&ExporterReport) -> u64| interval.rate(before.map_or(0, of), of(now));
        Self {
            now,
            datagrams: rate(|report| report.datagrams),
            records: rate(|report| report.records),
            silent: 0,
            templates: templates(before, now),
        }
    }

    fn line(&self, columns: Columns) -> Line<'static> {
        let now = self.now;
        let quiet = Style::new().fg(Color::Yellow);
        let marked = |is_marked, style| if is_marked { style } else { Style::new() };
        let missing = now.missing_datagrams().saturating_add(now.missing_records());
        let rejected: u64 = now.rejected.values().sum();
        let Columns { name, shown } = columns;
        let cells = [
            (fitting(self.datagrams, 10), Style::new()),
            (fitting(self.records, 11), Style::new()),
            (span(self.silent), marked(self.silent >= SILENCE, quiet)),
            (fitting(missing, 9), marked(missing > 0, WRONG)),
            (fitting(rejected, 9), marked(rejected > 0, quiet)),
            (self.templates.to_owned(), marked(self.templates == MISSING, WRONG)),
        ];
        let cells = COLUMNS.iter().zip(cells).filter(|(column, _)| column.rank < shown);
        let cells = cells.map(|(Column { width, .. }, (text, style))| {
            Span::styled(format!("{text:>width$}"), style)
        });
        let name = Span::raw(format!("{:<name$}", cut(&now.exporter, name - 1)));
        Line::from_iter([name].into_iter().chain(cells))
    }
}

const MISSING: &str = "missing";

/// What is known of its templates: data waits for some, or was given up for want of them, or all is
/// there; nothing where it sends none.
fn templates(before: Option<&ExporterReport>, now: &ExporterReport) -> &'static str {
    let given_up = |report: &ExporterReport| report.rejected.get("template_missing").copied();
    let has_templates = now.domains.iter().any(|domain| [9, 10].contains(&domain.version));
    if now.waiting > 0 || given_up(now) > before.and_then(given_up) {
        MISSING
    } else if has_templates {
        "known"
    } else {
        "-"
    }
}

/// A column behind the name.
struct Column {
    head: &'static str,
    width: usize,
    /// How many go before it where there is no room for all.
    rank: usize,
}

const COLUMNS: [Column; 6] = [
    Column { head: "datagr./s", width: 10, rank: 0 },
    Column { head: "records/s", width: 11, rank: 3 },
    Column { head: "silent", width: 9, rank: 1 },
    Column { head: "missing", width: 9, rank: 2 },
    Column { head: "rejected", width: 9, rank: 5 },
    Column { head: "templates", width: 10, rank: 4 },
];

/// What there is room for.
#[derive(Clone, Copy)]
struct Columns {
    name: usize,
    /// The columns below this rank.
    shown: usize,
}

impl Columns {
    fn of(width: usize) -> Self {
        let name = match width {
            WIDE.. => 41,
            frame::WIDE.. => 22,
            _ => 16,
        };
        let fits = |shown: &usize| {
            let columns = COLUMNS.iter().filter(|column| column.rank < *shown);
            name + columns.map(|column| column.width).sum::<usize>() <= width
        };
        Self { name, shown: (0..=COLUMNS.len()).rev().find(fits).unwrap_or(0) }
    }
}

/// The table, as long as there is room for.
pub(super) fn lines(
    before: &Status,
    now: &Status,
    interval: Interval,
    width: usize,
    room: usize,
) -> Vec<Line<'static>> {
    let columns = Columns::of(width);
    let Columns { name, shown } = columns;
    let mut head =
        format!("{:<name$}", format!("EXPORTERS {}", grouped(now.exporters.len() as u64)));
    for Column { head: title, width, .. } in COLUMNS.iter().filter(|column| column.rank < shown) {
        head += &format!("{title:>width$}");
    }
    let then: HashMap<_, _> =
        before.exporters.iter().map(|report| (&report.exporter, report)).collect();
    let mut rows: Vec<_> = now
        .exporters
        .iter()
        .map(|report| {
            let row = Row::new(then.get(&report.exporter).copied(), report, interval);
            Row { silent: seconds_between(&report.last_arrival, &now.at).unwrap_or(0), ..row }
        })
        .collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.datagrams), row.silent, &row.now.exporter));
    let shown = match room.saturating_sub(1) {
        room if rows.len() <= room => room,
        room => room.saturating_sub(1),
    };
    let more = rows.len().saturating_sub(shown);
    let mut lines = vec![title(&head, width)];
    lines.extend(rows.iter().take(shown).map(|row| row.line(columns)));
    lines.extend((more > 0).then(|| Line::from(format!("and {} more", grouped(more as u64)))));
    lines
}
