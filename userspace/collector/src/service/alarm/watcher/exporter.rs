//! What was seen of an exporter, and what is new of it.

use super::{
    growth::Growth,
    thresholds::{Holding, Thresholds, is_so_long},
};
use crate::{clock::Moment, ledger::ExporterReport, service::alarm::event::EventKind};
use logweir_decode::context::UnixNanos;

/// What was seen of an exporter.
#[derive(Debug, Default)]
pub(super) struct Seen {
    missing: Growth,
    restarts: Growth,
    template_missing: Growth,
    /// Since when data waits for templates, by the clock that nobody sets.
    waiting_since: Option<i64>,
    /// When it sent last, as it is told, and by that clock.
    arrival: Option<(String, i64)>,
    holding: Holding,
}

/// Kind, threshold and words.
pub(super) type Found = (EventKind, Option<u64>, String);

impl Seen {
    /// Of one that has sent to a collector before this one: it is awaited from now on, since nobody
    /// could hear it before.
    pub fn before(last_arrival: String, now: Moment) -> Self {
        Self { arrival: Some((last_arrival, now.steady)), ..Self::default() }
    }

    /// What is new of it.
    pub fn compare(
        &mut self,
        report: &ExporterReport,
        thresholds: &Thresholds,
        now: Moment,
    ) -> Vec<Found> {
        let mut events = Vec::new();
        let (missing, restarts) = missing(report);
        if let Some(grown) = self.missing.news(missing, now) {
            let text = format!("{grown} more datagrams or records are missing by its numbers");
            events.push((EventKind::SequenceGap, None, text));
        }
        if let Some(grown) = self.restarts.news(restarts, now) {
            let text = match grown {
                1 => "began to count anew".into(),
                _ => format!("began to count anew, {grown} times"),
            };
            events.push((EventKind::ExporterRestarted, None, text));
        }
        self.templates(report, thresholds.of(EventKind::TemplateMissing), now, &mut events);
        self.silence(&report.last_arrival, thresholds, now, &mut events);
        events
    }

    /// What is new of it where it has sent nothing to this collector.
    pub fn await_it(&mut self, thresholds: &Thresholds, now: Moment) -> Vec<Found> {
        let mut events = Vec::new();
        if let Some((told, _)) = self.arrival.clone() {
            self.silence(&told, thresholds, now, &mut events);
        }
        events
    }

    /// Goes by other thresholds from now on.
    pub fn forget_others(&mut self, thresholds: &Thresholds) {
        self.holding.forget_others(thresholds);
    }

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

    fn silence(
        &mut self,
        told: &str,
        thresholds: &Thresholds,
        now: Moment,
        events: &mut Vec<Found>,
    ) {
        const KIND: EventKind = EventKind::ExporterSilent;
        let Some(last) = self.last_arrival(told, now) else { return };
        let was_silent = self.holding.any(KIND);
        for &after in thresholds.of(KIND) {
            let holds = is_so_long(last, now, after);
            if self.holding.begins(KIND, Some(after), holds) {
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
            if self.holding.begins(KIND, Some(after), holds) {
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
