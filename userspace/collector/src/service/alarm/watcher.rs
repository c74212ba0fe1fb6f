//! Finds events by comparing what the collector tells of itself from one second to the next.
//!
//! What grows is told when it grows, with its sum since it was told last, at most once a minute; what
//! holds or does not is told when it begins to hold, and then not before it has ceased.

use super::{
    event::{Event, EventKind},
    known::Known,
};
use crate::{
    clock::Moment,
    ledger::ExporterReport,
    service::status::{ConfigurationStatus, Status, StoreStatus},
};
use logweir_decode::context::UnixNanos;
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

/// How long growth is summed up before it is told again, in nanoseconds.
const TOLD_EVERY_NS: i64 = 60_000_000_000;

/// Events told at once; those beyond are told the next time, if they still are.
const EVENTS_MAX: usize = 100;

/// By how many hundredths a share has to leave its threshold until it has ceased to hold: sealing
/// takes room and gives it back every few seconds.
const SLACK: u64 = 2;

const SECOND_NS: i64 = 1_000_000_000;

/// From where on something is an event: all that rules want, or the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds(HashMap<EventKind, Vec<u64>>);

impl Thresholds {
    /// Those of such pairs of kind and threshold; the default of a kind that has none.
    pub fn new(wanted: impl IntoIterator<Item = (EventKind, u64)>) -> Self {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for (kind, threshold) in wanted {
            let of_kind = all.entry(kind).or_default();
            if !of_kind.contains(&threshold) {
                of_kind.push(threshold);
            }
        }
        for kind in EventKind::ALL {
            if let Some((threshold, _)) = kind.default_threshold() {
                all.entry(*kind).or_insert_with(|| vec![threshold]);
            }
        }
        Self(all)
    }

    fn of(&self, kind: EventKind) -> &[u64] {
        self.0.get(&kind).map_or(&[], Vec::as_slice)
    }
}

/// What was seen so far.
#[derive(Debug)]
pub struct Watcher {
    thresholds: Thresholds,
    exporters: HashMap<String, Seen>,
    /// Those that have sent to a collector before this one, and not to this one.
    awaited: HashMap<String, Seen>,
    lost: HashMap<Cow<'static, str>, Growth>,
    refused: Growth,
    sealing: Sealing,
    holding: Holding,
    events: Vec<Event>,
    /// The place of the exporter that is looked at first.
    next: usize,
}

/// What was seen of an exporter.
#[derive(Debug, Default)]
struct Seen {
    missing: Growth,
    restarts: Growth,
    template_missing: Growth,
    /// Since when data waits for templates, by the clock that nobody sets.
    waiting_since: Option<i64>,
    /// When it sent last, as it is told, and by that clock.
    arrival: Option<(String, i64)>,
    holding: Holding,
}

/// A count that grows.
#[derive(Debug, Default)]
struct Growth {
    told: u64,
    /// By the clock that nobody sets.
    told_at: Option<i64>,
}

impl Growth {
    /// By how much it has grown, if that is to be told now.
    fn news(&mut self, count: u64, now: Moment) -> Option<u64> {
        let grown = count.checked_sub(self.told).filter(|grown| *grown > 0)?;
        let is_due = self.told_at.is_none_or(|at| now.steady - at >= TOLD_EVERY_NS);
        is_due.then(|| {
            *self = Self { told: count, told_at: Some(now.steady) };
            grown
        })
    }
}

/// How far the sealer was, and since when.
#[derive(Debug, Default)]
struct Sealing {
    sealed: u64,
    since: i64,
}

impl Sealing {
    /// Since when it stands still, while something waits.
    fn since(&mut self, waiting: u64, sealed: u64, now: Moment) -> i64 {
        if waiting == 0 || sealed != self.sealed {
            *self = Self { sealed, since: now.steady };
        }
        self.since
    }
}

/// The thresholds that are crossed.
#[derive(Debug, Default)]
struct Holding(HashSet<(EventKind, u64)>);

impl Holding {
    /// Whether it has just begun to hold.
    fn begins(&mut self, kind: EventKind, threshold: u64, holds: bool) -> bool {
        if holds {
            self.0.insert((kind, threshold))
        } else {
            self.0.remove(&(kind, threshold));
            false
        }
    }

    fn has(&self, kind: EventKind, threshold: u64) -> bool {
        self.0.contains(&(kind, threshold))
    }

    fn any(&self, kind: EventKind) -> bool {
        self.0.iter().any(|(holding, _)| *holding == kind)
    }
}

impl Watcher {
    /// One that has seen nothing.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            exporters: HashMap::new(),
            awaited: HashMap::new(),
            lost: HashMap::new(),
            refused: Growth::default(),
            sealing: Sealing::default(),
            holding: Holding::default(),
            events: Vec::new(),
            next: 0,
        }
    }

    /// The same, waiting for these exporters from now on: nobody could hear them before.
    pub fn awaiting(mut self, known: &[Known], now: Moment) -> Self {
        self.awaited = known
            .iter()
            .map(|one| {
                let told = one.last_arrival.to_string();
                (
                    one.exporter.to_string(),
                    Seen { arrival: Some((told, now.steady)), ..Seen::default() },
                )
            })
            .collect();
        self
    }

    /// Goes by other thresholds from now on.
    pub fn set_thresholds(&mut self, thresholds: Thresholds) {
        let is_gone =
            |(kind, threshold): &(EventKind, u64)| !thresholds.of(*kind).contains(threshold);
        // Nobody looks any more whether these still hold.
        let seen = self.exporters.values_mut().chain(self.awaited.values_mut());
        let all = seen.map(|seen| &mut seen.holding);
        all.chain([&mut self.holding]).for_each(|holding| holding.0.retain(|it| !is_gone(it)));
        self.thresholds = thresholds;
    }

    /// What is new in a status.
    pub fn compare(&mut self, status: &Status, now: Moment) -> Vec<Event> {
        self.losses(status, now);
        if let Some(store) = &status.store {
            self.room(store, now);
            self.journal(store, now);
            self.sealing(store, now);
        }
        self.reloads(&status.configuration, now);
        let exporters = status.exporters.as_slice();
        // Where it had to leave off the last time: those in front must not keep all to themselves.
        let (first, rest) = exporters.split_at(self.next.min(exporters.len()));
        for report in rest.iter().chain(first) {
            if self.events.len() >= EVENTS_MAX {
                break;
            }
            self.exporter(report, now);
            self.next = (self.next + 1) % exporters.len();
        }
        self.await_others(now);
        std::mem::take(&mut self.events)
    }

    fn losses(&mut self, status: &Status, now: Moment) {
        for (place, count) in status.balance.lost() {
            let Some(grown) = self.lost.entry(place.clone()).or_default().news(count, now) else {
                continue;
            };
            let kind = match place.as_ref() {
                "datagrams without a batch" => EventKind::QueueFull,
                "records without a writer" | "records not written" => EventKind::StoreFailed,
                _ => EventKind::ReceiveLoss,
            };
            self.tell(kind, None, now, None, format!("{grown} lost: {place}"));
        }
    }

    fn room(&mut self, store: &StoreStatus, now: Moment) {
        let hundredths = |part: u64, all: u64| part.saturating_mul(100).checked_div(all);
        if let Some(free) = hundredths(store.disk_free_bytes, store.disk_bytes) {
            let text = format!("{free} % of the store's disk is free");
            self.hundredths(EventKind::DiskLow, |at, slack| free < at + slack, now, &text);
        }
        if let Some(used) = hundredths(store.journal_bytes, store.journal_bytes_max) {
            let text = format!("{used} % of the journal's room is taken");
            self.hundredths(EventKind::JournalFull, |at, slack| used + slack > at, now, &text);
        }
    }

    fn hundredths(
        &mut self,
        kind: EventKind,
        holds: impl Fn(u64, u64) -> bool,
        now: Moment,
        text: &str,
    ) {
        for threshold in self.thresholds.of(kind).to_vec() {
            let slack = if self.holding.has(kind, threshold) { SLACK } else { 0 };
            if self.holding.begins(kind, threshold, holds(threshold, slack)) {
                self.tell(kind, Some(threshold), now, None, text.to_owned());
            }
        }
    }

    fn journal(&mut self, store: &StoreStatus, now: Moment) {
        let fault = store.journal_fault.as_ref();
        if self.holding.begins(EventKind::JournalStuck, 0, fault.is_some()) {
            let text = fault.cloned().unwrap_or_default();
            self.tell(EventKind::JournalStuck, None, now, None, text);
        }
    }

    fn sealing(&mut self, store: &StoreStatus, now: Moment) {
        const KIND: EventKind = EventKind::SealingStuck;
        let waiting = store.segments_waiting;
        let since = self.sealing.since(waiting, store.sealed + store.recovered, now);
        for threshold in self.thresholds.of(KIND).to_vec() {
            if self.holding.begins(KIND, threshold, is_so_long(since, now, threshold)) {
                let wait = if waiting == 1 { "segment waits" } else { "segments wait" };
                let text = format!("{waiting} {wait}, and none was sealed for {threshold} s");
                self.tell(KIND, Some(threshold), now, None, text);
            }
        }
    }

    fn reloads(&mut self, configuration: &ConfigurationStatus, now: Moment) {
        if self.refused.news(configuration.refused, now).is_some() {
            let text = configuration.last_error.clone();
            let text = text.unwrap_or_else(|| "another one is in force by now".into());
            self.tell(EventKind::ReloadRefused, None, now, None, text);
        }
    }

    fn exporter(&mut self, report: &ExporterReport, now: Moment) {
        let name = &report.exporter;
        let is_new = !self.exporters.contains_key(name);
        let awaited = &mut self.awaited;
        let seen = self
            .exporters
            .entry(name.clone())
            .or_insert_with(|| awaited.remove(name).unwrap_or_default());
        let mut events = Vec::new();
        if is_new {
            events.push((EventKind::ExporterNew, None, "first datagram since the start".into()));
        }
        let missing = missing(report);
        if let Some(grown) = seen.missing.news(missing.0, now) {
            let text = format!("{grown} more datagrams or records are missing by its numbers");
            events.push((EventKind::SequenceGap, None, text));
        }
        if let Some(grown) = seen.restarts.news(missing.1, now) {
            let text = match grown {
                1 => "began to count anew".into(),
                _ => format!("began to count anew, {grown} times"),
            };
            events.push((EventKind::ExporterRestarted, None, text));
        }
        seen.templates(report, self.thresholds.of(EventKind::TemplateMissing), now, &mut events);
        seen.silence(
            &report.last_arrival,
            self.thresholds.of(EventKind::ExporterSilent),
            now,
            &mut events,
        );
        for (kind, threshold, text) in events {
            self.tell(kind, threshold, now, Some(name), text);
        }
    }

    fn await_others(&mut self, now: Moment) {
        let after = self.thresholds.of(EventKind::ExporterSilent).to_vec();
        let mut events = Vec::new();
        for (name, seen) in &mut self.awaited {
            if self.events.len() + events.len() >= EVENTS_MAX {
                break;
            }
            let Some((told, _)) = seen.arrival.clone() else { continue };
            let mut found = Vec::new();
            seen.silence(&told, &after, now, &mut found);
            events.extend(found.into_iter().map(|found| (name.clone(), found)));
        }
        for (name, (kind, threshold, text)) in events {
            self.tell(kind, threshold, now, Some(&name), text);
        }
    }

    fn tell(
        &mut self,
        kind: EventKind,
        threshold: Option<u64>,
        at: Moment,
        exporter: Option<&str>,
        text: String,
    ) {
        self.events.push(Event {
            kind,
            threshold,
            at: at.at,
            exporter: exporter.map(Into::into),
            text,
        });
    }
}

/// Kind, threshold and words.
type Found = (EventKind, Option<u64>, String);

impl Seen {
    /// When it sent last, by the clock that nobody sets: when that was seen first, and before that as
    /// far as the time that is told is in the past.
    fn last_arrival(&mut self, told: &str, now: Moment) -> Option<i64> {
        if self.arrival.as_ref().is_none_or(|(before, _)| before != told) {
            let is_new = self.arrival.is_none();
            let ago = if is_new { now.at.saturating_sub(nanos(told)?).max(0) } else { 0 };
            self.arrival = Some((told.to_owned(), now.steady.saturating_sub(ago)));
        }
        self.arrival.as_ref().map(|(_, steady)| *steady)
    }

    fn silence(&mut self, told: &str, after: &[u64], now: Moment, events: &mut Vec<Found>) {
        const KIND: EventKind = EventKind::ExporterSilent;
        let Some(last) = self.last_arrival(told, now) else { return };
        let was_silent = self.holding.any(KIND);
        for &after in after {
            let holds = is_so_long(last, now, after);
            if self.holding.begins(KIND, after, holds) {
                let text = format!("nothing since {told}");
                events.push((KIND, Some(after), text));
            }
        }
        if was_silent && !self.holding.any(KIND) {
            events.push((EventKind::ExporterBack, None, "sends again".into()));
        }
    }

    fn templates(
        &mut self,
        report: &ExporterReport,
        after: &[u64],
        now: Moment,
        events: &mut Vec<Found>,
    ) {
        const KIND: EventKind = EventKind::TemplateMissing;
        self.waiting_since = match report.waiting {
            0 => None,
            _ => Some(self.waiting_since.unwrap_or(now.steady)),
        };
        let waiting = report.waiting;
        for &after in after {
            let holds = self.waiting_since.is_some_and(|since| is_so_long(since, now, after));
            if self.holding.begins(KIND, after, holds) {
                let text = format!("{waiting} datagrams wait for their templates");
                events.push((KIND, Some(after), text));
            }
        }
        let given_up = report.rejected.get("template_missing").copied().unwrap_or(0);
        if let Some(grown) = self.template_missing.news(given_up, now) {
            let text = format!("{grown} datagrams were given up: their templates did not come");
            events.extend(after.iter().map(|after| (KIND, Some(*after), text.clone())));
        }
    }
}

fn is_so_long(since: i64, now: Moment, seconds: u64) -> bool {
    let passed = (now.steady - since) / SECOND_NS;
    u64::try_from(passed).is_ok_and(|passed| passed >= seconds)
}

/// What an exporter's numbers say is missing, and how often they began anew.
fn missing(report: &ExporterReport) -> (u64, u64) {
    let domains = report.domains.iter().map(|domain| {
        let missing = domain.missing_datagrams.or(domain.missing_records).unwrap_or(0);
        (missing, domain.restarts)
    });
    let given_up = report.given_up.iter().map(|given_up| {
        (given_up.missing_datagrams.saturating_add(given_up.missing_records), given_up.restarts)
    });
    domains.chain(given_up).fold((0, 0), |(missing, restarts): (u64, u64), of| {
        (missing.saturating_add(of.0), restarts.saturating_add(of.1))
    })
}

fn nanos(text: &str) -> Option<UnixNanos> {
    let time: jiff::Timestamp = text.parse().ok()?;
    time.as_nanosecond().try_into().ok()
}

#[cfg(test)]
mod tests;
