//! The ledger: what each exporter sent, what became of it, and what of it is missing.
//!
//! It is kept by the one thread that takes the batches of all workers, from the notes in them
//! ([`logweir_decode::note`]). What the workers count for all exporters together must come out the
//! same here, exporter by exporter; [`crate::balance`] checks it.

mod report;

pub use report::{DomainReport, ExporterReport, lines};

use hashbrown::HashMap;
use logweir_decode::{
    context::UnixNanos,
    decoder::Outcome,
    limits::Limits,
    note::{DatagramNote, Sequence},
    reason::ByReason,
    sequence::Tracker,
};
use std::net::IpAddr;

/// Observation domains whose numbers are followed, of all exporters; some kilobytes each.
const TRACKERS_MAX: usize = 8_192;

/// All exporters.
#[derive(Debug)]
pub struct Ledger {
    exporters: HashMap<IpAddr, Account>,
    /// Those that there was no room for.
    others: Account,
    limits: Limits,
    /// Trackers that may still be made.
    trackers_left: usize,
}

/// What is known of an exporter.
#[derive(Debug, Default)]
struct Account {
    datagrams: u64,
    decoded: u64,
    waiting: u64,
    rejected: ByReason<u64>,
    records: u64,
    unparsed: u64,
    arrivals: Option<(UnixNanos, UnixNanos)>,
    domains: HashMap<Domain, Tracker>,
    /// Datagrams with a number that is not followed, because there are too many domains.
    untracked: u64,
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
            trackers_left: TRACKERS_MAX,
        }
    }

    /// Takes what is known of a batch's datagrams.
    pub fn take(&mut self, notes: &[DatagramNote]) {
        for note in notes {
            self.note(note);
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
        let account = self.exporters.entry(note.exporter).or_default();
        account.count(note);
        if let Some(sequence) = &note.sequence {
            let room = self
                .limits
                .domains_per_exporter
                .min(account.domains.len().saturating_add(self.trackers_left));
            let tracked = account.domains.len();
            account.follow(sequence, note.received_at, room);
            self.trackers_left -= account.domains.len() - tracked;
        }
    }

    /// What is known of each exporter, by address, and then of all others.
    pub fn report(&self) -> Vec<ExporterReport> {
        let mut named: Vec<_> = self.exporters.iter().collect();
        named.sort_by_key(|(address, _)| **address);
        let named = named.into_iter().map(|(address, account)| (Some(*address), account));
        let others = Some((None, &self.others)).filter(|(_, others)| others.datagrams > 0);
        named.chain(others).map(|(address, account)| account.report(address)).collect()
    }
}

impl Account {
    fn count(&mut self, note: &DatagramNote) {
        if note.waited {
            self.waiting = self.waiting.saturating_sub(1);
        } else {
            self.datagrams += 1;
            let (first, last) = self.arrivals.unwrap_or((note.received_at, note.received_at));
            self.arrivals = Some((first.min(note.received_at), last.max(note.received_at)));
        }
        match note.outcome {
            Outcome::Decoded => self.decoded += 1,
            Outcome::Rejected(reason) => self.rejected[reason] += 1,
            Outcome::Waiting => self.waiting += 1,
        }
        self.records += u64::from(note.records);
        self.unparsed += u64::from(note.unparsed);
    }

    /// Follows a number, of so many domains at the most.
    fn follow(&mut self, sequence: &Sequence, at: UnixNanos, domains_max: usize) {
        let domain = Domain { version: sequence.version, domain: sequence.domain };
        if self.domains.len() >= domains_max && !self.domains.contains_key(&domain) {
            self.untracked += 1;
            return;
        }
        self.domains.entry(domain).or_default().take(sequence, at);
    }
}

#[cfg(test)]
mod tests;
