//! The ledger: what each exporter sent, what became of it, and what of it is missing.
//!
//! It is kept by the one thread that takes the batches of all workers, from the notes in them
//! ([`logweir_decode::note`]). What the workers count for all exporters together must come out the
//! same here, exporter by exporter; [`crate::balance`] checks it.
//!
//! Numbers are followed by version and observation domain, whichever the UDP source port
//! ([`logweir_decode::sequence`] says what that cannot tell). Where there are too many domains, those
//! idle longest are not followed any longer, so that nobody can use up the room for good.

mod report;

pub use report::{DomainReport, ExporterReport, lines};

use crate::notice::Reader;
use hashbrown::HashMap;
use logweir_decode::{
    context::UnixNanos,
    decoder::Outcome,
    limits::Limits,
    note::{DatagramNote, Sequence},
    reason::ByReason,
    sequence::{Found, Tracker},
};
use logweir_store::journal::Drops;
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Observation domains whose numbers are followed, of all exporters; some kilobytes each.
const TRACKERS_MAX: usize = 8_192;

/// How often the ledger is published, in nanoseconds.
const PUBLISH_EVERY_NS: i64 = 1_000_000_000;

/// What the ledger said last, for those who look on.
#[derive(Clone, Debug, Default)]
pub struct Published(Arc<Mutex<Arc<Vec<ExporterReport>>>>);

impl Published {
    /// The last reports.
    pub fn read(&self) -> Arc<Vec<ExporterReport>> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, reports: Vec<ExporterReport>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(reports);
    }
}

/// All exporters.
#[derive(Debug)]
pub struct Ledger {
    exporters: HashMap<IpAddr, Account>,
    /// Those that there was no room for.
    others: Account,
    limits: Limits,
    /// Where other limits would be told.
    told: Option<Reader<Limits>>,
    /// Domains that are followed, of all exporters.
    followed: usize,
    /// Numbers that were followed so far: the clock by which domains are idle.
    ticks: u64,
    published: Published,
    published_at: UnixNanos,
}

/// What is known of an exporter.
#[derive(Debug, Default)]
struct Account {
    datagrams: u64,
    dropped: u64,
    decoded: u64,
    waiting: u64,
    rejected: ByReason<u64>,
    records: u64,
    unparsed: u64,
    arrivals: Option<(UnixNanos, UnixNanos)>,
    domains: HashMap<Domain, Followed>,
    given_up: GivenUp,
    /// Datagrams with a number that is not followed.
    untracked: u64,
}

/// A domain that is followed.
#[derive(Debug, Default)]
struct Followed {
    tracker: Tracker,
    /// When it was last used, by [`Ledger::ticks`].
    used: u64,
}

/// What was found in domains that were given up.
#[derive(Debug, Default)]
struct GivenUp {
    domains: u64,
    datagrams: Found,
    records: Found,
}

/// What has numbers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Domain {
    version: u16,
    domain: u32,
}

impl Ledger {
    /// An empty one.
    pub fn new(limits: &Limits) -> Self {
        Self {
            exporters: HashMap::new(),
            others: Account::default(),
            limits: *limits,
            told: None,
            followed: 0,
            ticks: 0,
            published: Published::default(),
            published_at: UnixNanos::MIN,
        }
    }

    /// Goes by these limits, also when they become others.
    #[must_use]
    pub fn following(self, limits: Reader<Limits>) -> Self {
        Self { limits: *limits.get(), told: Some(limits), ..self }
    }

    /// Where it is published.
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// Publishes what is known, if it is time.
    pub fn publish(&mut self, now: UnixNanos) {
        if let Some(told) = &mut self.told
            && told.refresh()
        {
            self.limits = *told.get();
        }
        if !(0..PUBLISH_EVERY_NS).contains(&now.saturating_sub(self.published_at)) {
            self.published.replace(self.report());
            self.published_at = now;
        }
    }

    /// Takes what is known of a batch's datagrams.
    pub fn take(&mut self, notes: impl IntoIterator<Item = DatagramNote>) {
        for note in notes {
            self.note(&note);
        }
    }

    /// Takes what was dropped.
    pub fn take_drops(&mut self, drops: &[Drops]) {
        for Drops { at, exporter, datagrams, .. } in drops {
            let has_room = self.exporters.len() < self.limits.exporters;
            let account = match exporter {
                Some(known) if has_room || self.exporters.contains_key(known) => {
                    self.exporters.entry(*known).or_default()
                }
                _ => &mut self.others,
            };
            account.dropped += datagrams;
            account.arrived(*at);
        }
    }

    fn note(&mut self, note: &DatagramNote) {
        let has_room = self.exporters.len() < self.limits.exporters;
        if !has_room && !self.exporters.contains_key(&note.exporter) {
            // Their numbers have nothing to do with each other.
            self.others.count(note);
            self.others.untracked += u64::from(note.sequence.is_some());
            return;
        }
        self.exporters.entry(note.exporter).or_default().count(note);
        if let Some(sequence) = &note.sequence {
            self.follow(note, sequence);
        }
    }

    fn follow(&mut self, note: &DatagramNote, sequence: &Sequence) {
        let domain = Domain { version: sequence.version, domain: sequence.domain };
        let account = self.exporters.entry(note.exporter).or_default();
        if !account.domains.contains_key(&domain) {
            if !holds_something(note, sequence) {
                account.untracked += 1;
                return;
            }
            if account.domains.len() >= self.limits.domains_per_exporter {
                let idle = idle_longest(account.domains.values());
                self.followed -= account.give_up(idle);
            }
            if self.followed >= TRACKERS_MAX {
                let all = self.exporters.values().flat_map(|account| account.domains.values());
                let idle = idle_longest(all);
                self.followed -=
                    self.exporters.values_mut().map(|account| account.give_up(idle)).sum::<usize>();
            }
            self.followed += 1;
        }
        self.ticks += 1;
        let account = self.exporters.entry(note.exporter).or_default();
        let followed = account.domains.entry(domain).or_default();
        followed.used = self.ticks;
        followed.tracker.take(sequence, note.received_at);
    }

    /// What is known of each exporter, by address, and then of all others.
    pub fn report(&self) -> Vec<ExporterReport> {
        let mut named: Vec<_> = self.exporters.iter().collect();
        named.sort_by_key(|(address, _)| **address);
        let named = named.into_iter().map(|(address, account)| (Some(*address), account));
        let others =
            Some((None, &self.others)).filter(|(_, others)| others.datagrams + others.dropped > 0);
        named.chain(others).map(|(address, account)| account.report(address)).collect()
    }
}

impl Account {
    fn count(&mut self, note: &DatagramNote) {
        if note.waited {
            self.waiting = self.waiting.saturating_sub(1);
        } else {
            self.datagrams += 1;
            self.arrived(note.received_at);
        }
        match note.outcome {
            Outcome::Decoded => self.decoded += 1,
            Outcome::Rejected(reason) => self.rejected[reason] += 1,
            Outcome::Waiting => self.waiting += 1,
        }
        self.records += u64::from(note.records);
        self.unparsed += u64::from(note.unparsed);
    }

    fn arrived(&mut self, at: UnixNanos) {
        let (first, last) = self.arrivals.unwrap_or((at, at));
        self.arrivals = Some((first.min(at), last.max(at)));
    }

    /// Gives up the domains that were not used after this time, and says how many.
    fn give_up(&mut self, until: u64) -> usize {
        let idle = self.domains.extract_if(|_, followed| followed.used <= until);
        idle.map(|(domain, followed)| self.given_up.add(domain, &followed.tracker)).count()
    }
}

impl GivenUp {
    fn add(&mut self, domain: Domain, tracker: &Tracker) {
        self.domains += 1;
        let found = if domain.counts_records() { &mut self.records } else { &mut self.datagrams };
        *found = found.and(tracker.found());
    }
}

/// Whether it is worth to follow a domain for this datagram: a bare header can be made by anybody.
fn holds_something(note: &DatagramNote, sequence: &Sequence) -> bool {
    note.records > 0 || sequence.templates_only || note.outcome == Outcome::Waiting
}

/// When the last of the eighth was used that is idle longest: to look through all for a single one
/// would take long.
fn idle_longest<'a>(followed: impl Iterator<Item = &'a Followed>) -> u64 {
    let mut used: Vec<_> = followed.map(|followed| followed.used).collect();
    let eighth = used.len() / 8;
    if eighth < used.len() { *used.select_nth_unstable(eighth).1 } else { 0 }
}

#[cfg(test)]
mod tests;
