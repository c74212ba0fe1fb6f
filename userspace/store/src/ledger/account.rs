//! What is counted of an exporter in an hour. Counts are those of one segment, or sums of such:
//! adding is all that is ever done with them. A count that another segment corrects (a datagram that
//! no longer waits, a number that came late) is negative in that one.

use super::{ACCOUNTS_MAX, follow::Counted};
use crate::schema::Family;
use logweir_decode::context::UnixNanos;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr};

/// Gaps that an account tells the times of; of more, the ones that miss most.
pub const GAPS_MAX: usize = 64;

/// Observation domains that an account tells apart; what comes beyond is counted in the last.
pub const DOMAINS_MAX: usize = 256;

/// An hour's accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourBooks {
    /// Those of exporters.
    pub exporters: BTreeMap<IpAddr, Account>,
    /// That of all exporters for which there was no room.
    #[serde(default, skip_serializing_if = "Account::is_empty")]
    pub others: Account,
    /// Datagrams dropped where it is not known whose they were, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
}

/// An exporter's hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Datagrams that the decoders took.
    pub datagrams: u64,
    /// Of these, all of it decoded.
    pub decoded: u64,
    /// Of these, something of it rejected, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<String, u64>,
    /// Of these, waiting for a template.
    #[serde(default)]
    pub waiting: i64,
    /// Datagrams dropped before they were decoded, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
    /// Datagrams without a number.
    #[serde(default)]
    pub unnumbered: u64,
    /// Datagrams with a number that was not followed, and domains that were given up because there
    /// are too many: what is missing of them is not known.
    #[serde(default)]
    pub untracked: u64,
    /// Arrival of the first and the last datagram.
    pub arrivals: Option<(UnixNanos, UnixNanos)>,
    /// Records, by family and observation domain.
    #[serde(default)]
    pub records: Vec<Records>,
    /// What the exporter's own numbers tell, by version and domain.
    #[serde(default)]
    pub numbers: Vec<Numbers>,
}

/// Records of a family from an observation domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The family.
    pub family: Family,
    /// Source ID or Observation Domain ID; none in text.
    pub domain: Option<u32>,
    /// How many.
    pub rows: u64,
}

/// What the numbers of an observation domain tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// See [`logweir_decode::note::Sequence::version`].
    pub version: u16,
    /// See [`logweir_decode::note::Sequence::domain`].
    pub domain: u32,
    /// Datagrams (v9, binary logs) or records (v5, IPFIX) that were sent and did not come.
    pub missing: i64,
    /// How often the exporter began to count anew.
    pub restarts: i64,
    /// Between which arrivals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// Numbers that are missing between two arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The arrival before.
    pub after: UnixNanos,
    /// The arrival behind.
    pub before: UnixNanos,
    /// How many; a late datagram may have filled some since.
    pub missing: u64,
}

impl HourBooks {
    /// The account of an exporter, or the common one where there is no room for more.
    pub fn account(&mut self, exporter: IpAddr) -> &mut Account {
        if self.exporters.len() >= ACCOUNTS_MAX && !self.exporters.contains_key(&exporter) {
            return &mut self.others;
        }
        self.exporters.entry(exporter).or_default()
    }

    /// Adds another segment's.
    pub fn add(&mut self, other: &HourBooks) {
        for (exporter, account) in &other.exporters {
            self.account(*exporter).add(account);
        }
        self.others.add(&other.others);
        add_named(&mut self.dropped, &other.dropped);
    }
}

impl Account {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Notes an arrival.
    pub(super) fn arrived(&mut self, at: UnixNanos) {
        let (first, last) = self.arrivals.unwrap_or((at, at));
        self.arrivals = Some((first.min(at), last.max(at)));
    }

    /// Notes what a number told.
    pub(super) fn numbered(&mut self, counted: &Counted) {
        let Counted { version, domain, missing, restarts, since, at } = *counted;
        let gap = u64::try_from(missing).ok().filter(|missing| *missing > 0);
        let gap = gap.map(|missing| Gap { after: since, before: at, missing });
        self.add_numbers(&Numbers {
            version,
            domain,
            missing,
            restarts,
            gaps: gap.into_iter().collect(),
        });
    }

    /// Adds records of a family and domain.
    pub(super) fn add_records(&mut self, family: Family, domain: Option<u32>, rows: u64) {
        let is_same = |known: &&mut Records| (known.family, known.domain) == (family, domain);
        if let Some(known) = self.records.iter_mut().find(is_same) {
            known.rows += rows;
            return;
        }
        let is_full = self.records.len() >= DOMAINS_MAX;
        let last = self.records.iter_mut().rev().find(|known| is_full && known.family == family);
        match last {
            Some(last) => last.rows += rows,
            None => self.records.push(Records { family, domain, rows }),
        }
    }

    fn add_numbers(&mut self, other: &Numbers) {
        let same = |known: &Numbers| (known.version, known.domain) == (other.version, other.domain);
        let last = self.numbers.len().checked_sub(1).filter(|last| last + 1 >= DOMAINS_MAX);
        let place = self.numbers.iter().position(same).or(last);
        let Some(known) = place.and_then(|place| self.numbers.get_mut(place)) else {
            self.numbers.push(other.clone());
            return;
        };
        known.missing += other.missing;
        known.restarts += other.restarts;
        known.gaps.extend(&other.gaps);
        if known.gaps.len() > GAPS_MAX {
            known.gaps.sort_unstable_by_key(|gap| std::cmp::Reverse(gap.missing));
            known.gaps.truncate(GAPS_MAX);
            known.gaps.sort_unstable_by_key(|gap| gap.after);
        }
    }

    /// Adds another segment's.
    pub fn add(&mut self, other: &Account) {
        self.datagrams += other.datagrams;
        self.decoded += other.decoded;
        self.waiting += other.waiting;
        self.unnumbered += other.unnumbered;
        self.untracked += other.untracked;
        add_named(&mut self.rejected, &other.rejected);
        add_named(&mut self.dropped, &other.dropped);
        if let Some((first, last)) = other.arrivals {
            self.arrived(first);
            self.arrived(last);
        }
        for Records { family, domain, rows } in &other.records {
            self.add_records(*family, *domain, *rows);
        }
        other.numbers.iter().for_each(|numbers| self.add_numbers(numbers));
    }
}

fn add_named(sum: &mut BTreeMap<String, u64>, other: &BTreeMap<String, u64>) {
    for (name, count) in other {
        *sum.entry(name.clone()).or_default() += count;
    }
}
