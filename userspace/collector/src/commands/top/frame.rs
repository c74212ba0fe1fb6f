//! What is shown: lines of text made of two looks at a collector, and of nothing else.

use super::{
    exporters,
    rates::{Interval, flows, losses, seconds_between},
    words::{bytes, cut, grouped, span},
};
use crate::{
    latency::{Octaves, duration},
    service::status::{Status, StoreStatus},
};
use ratatui::{
    layout::Size,
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

/// Width of the flows; the losses stand beside them.
const FLOWS_WIDTH: usize = 42;

/// For what is wrong.
pub(super) const WRONG: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);

/// For titles.
pub(super) const TITLE: Style = Style::new().add_modifier(Modifier::REVERSED);

/// All lines that there is room for.
pub(super) fn lines(before: &Status, now: &Status, size: Size) -> Vec<Line<'static>> {
    let (width, height) = (usize::from(size.width), usize::from(size.height));
    let interval = Interval::between(before, now);
    let mut lines = heading(now, width);
    lines.extend(flows_and_losses(before, now, interval, width));
    lines.extend(latencies(before, now, width));
    lines.extend(fullest_ring(now));
    lines.extend(now.store.as_ref().map(|store| journal(store)));
    lines.push(disk_and_process(before, now, interval));
    let room = height.saturating_sub(lines.len());
    lines.extend(exporters::lines(before, now, interval, width, room));
    lines.truncate(height);
    lines
}

/// A title as wide as the terminal.
pub(super) fn title(text: &str, width: usize) -> Line<'static> {
    Line::styled(format!("{text:width$.width$}"), TITLE)
}

fn heading(now: &Status, width: usize) -> Vec<Line<'static>> {
    let up = seconds_between(&now.started_at, &now.at).unwrap_or(0);
    let left = format!("logweir {}  up {}  {}", now.version, span(up), now.at);
    // Live, it is also what is in flight between two counters.
    let right = match now.balance.unaccounted.total {
        0 => "unaccounted 0".to_owned(),
        total => format!("in flight or unaccounted {}", grouped(total)),
    };
    let gap = width.saturating_sub(left.chars().count());
    vec![
        Line::from(format!("{left}{right:>gap$}")).style(Modifier::BOLD),
        Line::from(cut(&now.description, width)),
    ]
}

fn flows_and_losses(
    before: &Status,
    now: &Status,
    interval: Interval,
    width: usize,
) -> Vec<Line<'static>> {
    let row = |name: &str, rate: &str, total: &str| format!("{name:<13}{rate:>11}{total:>14}");
    let head = row("FLOW", "a second", "total");
    let lost_head = row("LOST", "a second", "total");
    let mut lines = vec![title(&format!("{head:<FLOWS_WIDTH$}{lost_head}"), width)];
    let pairs = |of: fn(&crate::balance::Balance) -> Vec<(&'static str, u64)>| {
        let (before, now) = (of(&before.balance), of(&now.balance));
        // A place that was not there before has lost nothing then.
        now.into_iter().map(move |(name, total)| {
            let then = before.iter().find(|(known, _)| *known == name).map_or(0, |(_, then)| *then);
            (name, interval.rate(then, total), total)
        })
    };
    let mut flows = pairs(flows);
    let mut losses = pairs(losses);
    loop {
        let (flow, loss) = (flows.next(), losses.next());
        if flow.is_none() && loss.is_none() {
            return lines;
        }
        let flow = flow.map_or(String::new(), |(name, rate, total)| match name {
            "payload bytes" => row(name, &bytes(rate), &bytes(total)),
            _ => row(name, &grouped(rate), &grouped(total)),
        });
        let mut line = Line::from(format!("{flow:<FLOWS_WIDTH$}"));
        if let Some((name, rate, total)) = loss {
            let text = row(name, &grouped(rate), &grouped(total));
            line.push_span(Span::styled(text, if total > 0 { WRONG } else { Style::new() }));
        }
        lines.push(line);
    }
}

fn latencies(before: &Status, now: &Status, width: usize) -> Vec<Line<'static>> {
    let row = |name: &str, at: [String; 3]| {
        let [p50, p99, p999] = at;
        format!("{name:<20}{p50:>12}{p99:>12}{p999:>12}")
    };
    let head = row("LATENCY, less than", ["p50", "p99", "p99.9"].map(String::from));
    let of = |name, before: &Octaves, now: &Octaves| {
        let since = now.since(before);
        let at = [0.5, 0.99, 0.999].map(|quantile| match since.quantile_ns(quantile) {
            None => "-".to_owned(),
            Some(u64::MAX) => "minutes".to_owned(),
            Some(nanos) => duration(nanos),
        });
        Line::from(row(name, at))
    };
    vec![
        title(&head, width),
        of("arrival to decoded", &before.arrival_to_decoded, &now.arrival_to_decoded),
        of("arrival to stored", &before.arrival_to_stored, &now.arrival_to_stored),
    ]
}

/// The ring that has the least room left.
fn fullest_ring(now: &Status) -> Option<Line<'static>> {
    let rings = now.rings.iter().enumerate().rev();
    let (queue, ring) = rings.max_by_key(|(_, ring)| ring.fullest)?;
    let percent = ring.fullest * 100 / ring.frames.max(1);
    let text = format!(
        "fullest RX ring: queue {queue}, {} of {} frames ({percent} %)",
        grouped(ring.fullest),
        grouped(ring.frames)
    );
    Some(Line::styled(text, if percent >= 90 { WRONG } else { Style::new() }))
}

fn journal(store: &StoreStatus) -> Line<'static> {
    let text = format!(
        "journal {} of {}, segments waiting {}, records sealed {}",
        bytes(store.journal_bytes),
        bytes(store.journal_bytes_max),
        store.segments_waiting,
        grouped(store.sealed)
    );
    match &store.journal_fault {
        None => Line::from(text),
        Some(fault) => Line::styled(format!("journal: {fault}"), WRONG),
    }
}

fn disk_and_process(before: &Status, now: &Status, interval: Interval) -> Line<'static> {
    let process = format!(
        "{}, {:.2} processors, {} of memory",
        crate::counted(now.workers as u64, "worker"),
        interval.processors(before.process.cpu_ns, now.process.cpu_ns),
        bytes(now.process.resident_bytes)
    );
    match now.store.as_ref().filter(|store| store.disk_bytes > 0) {
        None => Line::from(process),
        Some(store) => {
            let [free, all] = [store.disk_free_bytes, store.disk_bytes].map(bytes);
            Line::from(format!("disk {free} of {all} free; {process}"))
        }
    }
}
