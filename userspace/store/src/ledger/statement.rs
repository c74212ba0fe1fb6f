//! What can be said of an hour: complete, or what is missing, and who lost it.

use super::{
    account::{Account, Gap, HourBooks},
    follow::counts_records,
};
use crate::{partition::Hour, schema::Family};
use serde::Serialize;
use std::collections::BTreeMap;

const DATAGRAMS: &str = "datagrams";
const RECORDS: &str = "records";

/// What an hour's statement rests on beside its books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Whether more may come: the hour is not over, or a part of the journal is not sealed yet.
    pub is_open: bool,
    /// Rows of each family in sealed parts, those that were deleted since included.
    pub stored: BTreeMap<Family, u64>,
    /// Rows of each family that are no longer there, or cannot be read.
    pub deleted: BTreeMap<Family, u64>,
    /// How often something came after the hour had been closed.
    pub reopened: u64,
}

/// Whether an hour's data is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// More may come.
    Open,
    /// All that was sent, as far as the exporters number it, is stored.
    Complete,
    /// It was, and rows were deleted since.
    Deleted,
    /// Something is missing.
    Incomplete,
}

/// What can be said of an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Its begin, RFC 3339.
    pub hour: String,
    /// Whether its data is complete.
    pub completeness: Completeness,
    /// Datagrams that the decoders took.
    pub datagrams: u64,
    /// Of these, with something rejected, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Records decoded, by family.
    pub records: BTreeMap<Family, u64>,
    /// Rows stored, by family.
    pub stored: BTreeMap<Family, u64>,
    /// Of these, rows deleted since, by family.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub deleted: BTreeMap<Family, u64>,
    /// Records that are not stored, of all families; negative where rows have no record. It is 0.
    pub unaccounted: i64,
    /// Datagrams that arrived at this host and were lost here, by place.
    pub dropped: BTreeMap<String, u64>,
    /// Datagrams that wait for their template.
    pub waiting: u64,
    /// How often something came after the hour had been closed.
    pub reopened: u64,
    /// What is missing, by exporter and observation domain.
    pub missing: Vec<Missing>,
    /// Exporters that sent logs without numbers: what the network lost of these nobody can know.
    pub unnumbered: u64,
    /// The same by exporter.
    pub exporters: BTreeMap<String, Account>,
}

/// What is missing of an observation domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Whose it is: an address, or `others` for those who have no accounts of their own.
    pub exporter: String,
    /// 5, 9 or 10; of binary logs 256 times the type, and the version.
    pub version: u16,
    /// The observation domain.
    pub domain: u32,
    /// What is counted: `datagrams` or `records`.
    pub unit: &'static str,
    /// How many.
    pub count: u64,
    /// Datagrams of this exporter that were dropped here, which may be the same.
    pub dropped_here: u64,
    /// Between which arrivals, the first ones.
    pub gaps: Vec<Gap>,
}

impl Statement {
    /// What these books and this evidence say.
    pub fn new(hour: Hour, books: HourBooks, evidence: Evidence) -> Self {
        let mut statement = Self {
            hour: hour.to_string(),
            completeness: Completeness::Open,
            datagrams: 0,
            rejected: BTreeMap::new(),
            records: BTreeMap::new(),
            stored: evidence.stored,
            deleted: evidence.deleted,
            unaccounted: 0,
            dropped: books.dropped,
            waiting: 0,
            reopened: evidence.reopened,
            missing: Vec::new(),
            unnumbered: 0,
            exporters: BTreeMap::new(),
        };
        let others = Some(("others".to_owned(), books.others));
        let others = others.filter(|(_, of)| *of != Account::default());
        let mut waiting = 0;
        let named = books.exporters.into_iter().map(|(exporter, of)| (exporter.to_string(), of));
        for (exporter, account) in named.chain(others) {
            statement.missing.extend(missing(&exporter, &account));
            statement.add(&account);
            waiting += account.waiting;
            statement.exporters.insert(exporter, account);
        }
        statement.waiting = u64::try_from(waiting).unwrap_or(0);
        let sum = |of: &BTreeMap<Family, u64>| of.values().sum::<u64>().cast_signed();
        // While more may come, it is not known yet what is stored.
        if !evidence.is_open {
            statement.unaccounted = sum(&statement.records) - sum(&statement.stored);
        }
        statement.completeness = match evidence.is_open {
            true => Completeness::Open,
            false if !statement.lacks_nothing() => Completeness::Incomplete,
            false if statement.deleted.is_empty() => Completeness::Complete,
            false => Completeness::Deleted,
        };
        statement
    }

    fn add(&mut self, account: &Account) {
        self.datagrams += account.datagrams;
        for (sum, of) in
            [(&mut self.rejected, &account.rejected), (&mut self.dropped, &account.dropped)]
        {
            for (name, count) in of {
                *sum.entry(name.clone()).or_default() += count;
            }
        }
        for of in &account.records {
            *self.records.entry(of.family).or_default() += of.rows;
        }
        self.unnumbered += u64::from(account.unnumbered > 0);
    }

    fn lacks_nothing(&self) -> bool {
        self.missing.is_empty()
            && self.dropped.is_empty()
            && self.waiting == 0
            && self.unaccounted == 0
            && self.exporters.values().all(|account| account.untracked == 0)
    }

    /// Datagrams that are missing by their numbers.
    pub fn missing_datagrams(&self) -> u64 {
        self.missing.iter().filter(|of| of.unit == DATAGRAMS).map(|of| of.count).sum()
    }

    /// One sentence.
    pub fn sentence(&self) -> String {
        let mut said = match self.completeness {
            Completeness::Complete => vec!["complete".to_owned()],
            Completeness::Deleted => vec!["was complete when it was closed".to_owned()],
            Completeness::Open => vec!["open: more may come".to_owned()],
            Completeness::Incomplete => vec!["not complete".to_owned()],
        };
        for unit in [DATAGRAMS, RECORDS] {
            let of_unit = self.missing.iter().filter(|missing| missing.unit == unit);
            let count: u64 = of_unit.map(|missing| missing.count).sum();
            if count > 0 {
                said.push(format!("{count} {unit} missing by the exporters' numbers"));
            }
        }
        let dropped: u64 = self.dropped.values().sum();
        if dropped > 0 {
            let places = self.dropped.iter().map(|(place, count)| format!("{place} {count}"));
            let places = places.collect::<Vec<_>>().join(", ");
            said.push(format!("{} dropped on this host ({places})", counted(dropped, "datagram")));
        }
        if self.waiting > 0 {
            said.push(format!("{} datagrams wait for their template", self.waiting));
        }
        if self.unaccounted != 0 {
            said.push(format!("{} records unaccounted for", self.unaccounted));
        }
        let untracked: u64 = self.exporters.values().map(|account| account.untracked).sum();
        if untracked > 0 {
            said.push(format!("the numbers of {untracked} datagrams or domains were not followed"));
        }
        let rejected: u64 = self.rejected.values().sum();
        if rejected > 0 {
            let rejected = counted(rejected, "datagram");
            said.push(format!("{rejected} not understood (in `unparsed`)"));
        }
        let deleted: u64 = self.deleted.values().sum();
        if deleted > 0 {
            let deleted = counted(deleted, "record");
            said.push(format!("{deleted} deleted since, or not readable"));
        }
        if self.unnumbered > 0 {
            said.push(format!(
                "{} sent {} without numbers: what the network lost of such is not known",
                counted(self.unnumbered, "exporter"),
                counted(
                    self.exporters.values().map(|account| account.unnumbered).sum(),
                    "datagram"
                )
            ));
        }
        if self.reopened > 0 {
            said.push(format!("reopened {}", counted(self.reopened, "time")));
        }
        said.join("; ")
    }
}

/// So many of a thing.
fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn missing(exporter: &str, account: &Account) -> impl Iterator<Item = Missing> {
    let dropped_here = account.dropped.values().sum();
    account.numbers.iter().filter(|numbers| numbers.missing > 0).map(move |numbers| Missing {
        exporter: exporter.to_owned(),
        version: numbers.version,
        domain: numbers.domain,
        unit: if counts_records(numbers.version) { RECORDS } else { DATAGRAMS },
        count: numbers.missing.cast_unsigned(),
        dropped_here,
        gaps: numbers.gaps.clone(),
    })
}
