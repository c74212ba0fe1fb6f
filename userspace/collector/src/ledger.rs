//! The ledger: what each exporter sent, what became of it, and what of it is missing.
//!
//! It is kept by the one thread that takes the batches of all workers, from the notes in them
//! ([`logweir_decode::note`]). What the workers count for all exporters together must come out the
//! same here, exporter by exporter; [`crate::balance`] checks it.
//!
//! Numbers are followed by version and observation domain, whichever the UDP source port
//! ([`logweir_decode::sequence`] says what that cannot tell), by the [`Followers`] that the store's
//! ledger has as well.

mod report;

pub use report::{DomainReport, ExporterReport, lines};

use crate::notice::Reader;
use hashbrown::HashMap;
use logweir_decode::{
    context::UnixNanos, decoder::Outcome, limits::Limits, note::DatagramNote, reason::ByReason,
    sequence::Found,
};
use logweir_store::{
    journal::Drops,
    ledger::follow::{Counted, Followers, Source, Step, counts_records},
};
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Observation domains whose numbers are followed, of all exporters; some kilobytes each.
const FOLLOWED_MAX: usize = 8_192;

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
    followers: Followers,
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
    /// What was found in the domains that are followed.
    domains: HashMap<Domain, Found>,
    given_up: GivenUp,
    /// Datagrams with a number that is not followed.
    untracked: u64,
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
            followers: Followers::new(FOLLOWED_MAX, limits.domains_per_exporter),
            published: Published::default(),
            published_at: UnixNanos::MIN,
        }
    }

    /// Goes by these limits, also when they become others.
    #[must_use]
    pub fn following(self, limits: Reader<Limits>) -> Self {
        let mut ledger = Self { limits: *limits.get(), told: Some(limits), ..self };
        ledger.followers.limit(ledger.limits.domains_per_exporter);
        ledger
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
            self.followers.limit(self.limits.domains_per_exporter);
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
        let (step, given_up) = self.followers.take(note);
        for Source { exporter, version, domain } in given_up {
            self.exporters.entry(exporter).or_default().give_up(Domain { version, domain });
        }
        let account = self.exporters.entry(note.exporter).or_default();
        account.count(note);
        match step {
            Step::Uncounted => {}
            Step::NotFollowed => account.untracked += 1,
            Step::Taken(counted) => account.numbered(&counted),
        }
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

    fn numbered(&mut self, counted: &Counted) {
        let Counted { version, domain, missing, restarts, .. } = *counted;
        let found = self.domains.entry(Domain { version, domain }).or_default();
        found.missing = found.missing.saturating_add_signed(missing);
        found.restarts = found.restarts.saturating_add_signed(restarts);
    }

    fn give_up(&mut self, domain: Domain) {
        let Some(found) = self.domains.remove(&domain) else { return };
        let given_up = &mut self.given_up;
        given_up.domains += 1;
        let counts_records = counts_records(domain.version);
        let sum = if counts_records { &mut given_up.records } else { &mut given_up.datagrams };
        *sum = sum.and(found);
    }
}

#[cfg(test)]
mod tests;
