//! What is shown: lines of text made of two looks at a collector, and of nothing else.

use super::{
    exporters,
    rates::{Interval, flows, losses, seconds_between},
    words::{bytes, cut, fitting, grouped, span, wrapped},
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

/// From this width on they do; below it, and below them are those only that there are.
pub(super) const WIDE: usize = 80;

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
    lines.extend(fullest_ring(now, width));
    lines.extend(now.store.iter().flat_map(|store| journal(store, width)));
    lines.extend(disk_and_process(before, now, interval, width));
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
    let left = [format!("logweir {}  up {}", now.version, span(up)), now.at.clone()];
    // Live, it is also what is in flight between two counters.
    let right = match now.balance.unaccounted.total {
        0 => "unaccounted 0".to_owned(),
        total => format!("in flight or unaccounted {}", grouped(total)),
    };
    let [version, at] = &left;
    let whole = format!("{version}  {at}");
    let gap = width.saturating_sub(whole.chars().count());
    let heading = if right.len() < gap {
        vec![format!("{whole}{right:>gap$}")]
    } else {
        wrapped(&[version.clone(), at.clone(), right], "  ", width)
    };
    let bold = heading.into_iter().map(|line| Line::from(line).style(Modifier::BOLD));
    bold.chain([Line::from(cut(&now.description, width))]).collect()
}

fn flows_and_losses(
    before: &Status,
    now: &Status,
    interval: Interval,
    width: usize,
) -> Vec<Line<'static>> {
    let pairs = |of: fn(&crate::balance::Balance) -> Vec<(&'static str, u64)>| {
        let (before, now) = (of(&before.balance), of(&now.balance));
        // A place that was not there before has lost nothing then.
        now.into_iter().map(move |(name, total)| {
            let then = before.iter().find(|(known, _)| *known == name).map_or(0, |(_, then)| *then);
            (name, interval.rate(then, total), total)
        })
    };
    let flow = |(name, rate, total)| match name {
        "payload bytes" => row(name, &bytes(rate), &bytes(total)),
        _ => counts(name, rate, total),
    };
    let loss = |(name, rate, total)| {
        let style = if total > 0 { WRONG } else { Style::new() };
        Span::styled(counts(name, rate, total), style)
    };
    let head = row("FLOW", "a second", "total");
    let lost_head = row("LOST", "a second", "total");
    let (mut flows, mut losses) = (pairs(flows).map(flow), pairs(losses));
    if width < WIDE {
        let mut lines = vec![title(&head, width)];
        lines.extend(flows.map(Line::from));
        let mut lost = losses.filter(|(.., total)| *total > 0).map(loss).map(Line::from).peekable();
        let nothing = if lost.peek().is_none() { "LOST nothing" } else { &lost_head };
        lines.push(title(nothing, width));
        lines.extend(lost);
        return lines;
    }
    let mut lines = vec![title(&format!("{head:<FLOWS_WIDTH$}{lost_head}"), width)];
    loop {
        let (flow, loss) = (flows.next(), losses.next().map(loss));
        if flow.is_none() && loss.is_none() {
            return lines;
        }
        let mut line = Line::from(format!("{:<FLOWS_WIDTH$}", flow.unwrap_or_default()));
        loss.into_iter().for_each(|loss| line.push_span(loss));
        lines.push(line);
    }
}

/// A line of the flows or the losses.
fn row(name: &str, rate: &str, total: &str) -> String {
    format!("{name:<13}{rate:>11}{total:>14}")
}

fn counts(name: &str, rate: u64, total: u64) -> String {
    row(name, &fitting(rate, 11), &fitting(total, 14))
}

fn latencies(before: &Status, now: &Status, width: usize) -> Vec<Line<'static>> {
    let is_wide = width >= WIDE;
    let row = |name: &str, at: [String; 3]| {
        let [p50, p99, p999] = at;
        match is_wide {
            true => format!("{name:<20}{p50:>12}{p99:>12}{p999:>12}"),
            false => format!("{name:<13}{p50:>9}{p99:>9}{p999:>9}"),
        }
    };
    let [head, decoded, stored] = match is_wide {
        true => ["LATENCY, less than", "arrival to decoded", "arrival to stored"],
        false => ["LATENCY below", "until decoded", "until stored"],
    };
    let head = row(head, ["p50", "p99", "p99.9"].map(String::from));
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
        of(decoded, &before.arrival_to_decoded, &now.arrival_to_decoded),
        of(stored, &before.arrival_to_stored, &now.arrival_to_stored),
    ]
}

/// The ring that has the least room left.
fn fullest_ring(now: &Status, width: usize) -> Vec<Line<'static>> {
    let rings = now.rings.iter().enumerate().rev();
    let Some((queue, ring)) = rings.max_by_key(|(_, ring)| ring.fullest) else { return Vec::new() };
    let percent = ring.fullest * 100 / ring.frames.max(1);
    let (fullest, frames) = (grouped(ring.fullest), grouped(ring.frames));
    let text = [
        format!("fullest RX ring: queue {queue}"),
        format!("{fullest} of {frames} frames ({percent} %)"),
    ];
    let style = if percent >= 90 { WRONG } else { Style::new() };
    styled(wrapped(&text, ", ", width), style)
}

fn styled(lines: Vec<String>, style: Style) -> Vec<Line<'static>> {
    lines.into_iter().map(|line| Line::styled(line, style)).collect()
}

fn journal(store: &StoreStatus, width: usize) -> Vec<Line<'static>> {
    if let Some(fault) = &store.journal_fault {
        return vec![Line::styled(cut(&format!("journal: {fault}"), width), WRONG)];
    }
    let text = [
        format!("journal {} of {}", bytes(store.journal_bytes), bytes(store.journal_bytes_max)),
        format!("segments waiting {}", store.segments_waiting),
        format!("records sealed {}", grouped(store.sealed)),
    ];
    styled(wrapped(&text, ", ", width), Style::new())
}

fn disk_and_process(
    before: &Status,
    now: &Status,
    interval: Interval,
    width: usize,
) -> Vec<Line<'static>> {
    let process = [
        crate::counted(now.workers as u64, "worker") + ",",
        format!(
            "{:.2} processors,",
            interval.processors(before.process.cpu_ns, now.process.cpu_ns)
        ),
        format!("{} of memory", bytes(now.process.resident_bytes)),
    ];
    let disk = now.store.as_ref().filter(|store| store.disk_bytes > 0).map(|store| {
        let [free, all] = [store.disk_free_bytes, store.disk_bytes].map(bytes);
        format!("disk {free} of {all} free;")
    });
    let text: Vec<_> = disk.into_iter().chain(process).collect();
    styled(wrapped(&text, " ", width), Style::new())
}
