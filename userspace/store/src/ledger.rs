//! The ledger: for each hour of arrival and exporter what was received, decoded, rejected, dropped
//! and missing, so that it can be said of an hour whether its data is complete.
//!
//! It is made of the journal, segment by segment: each batch has a note of every datagram
//! ([`logweir_decode::note`]), each `Drops` frame what was lost before it could be decoded. What a
//! segment adds to the hours is a file for each of them ([`files`]), named by the segment, so that a
//! segment that is read again after a crash adds nothing twice. Between segments only the places in
//! the exporters' counts are kept ([`follow`]); they are a file too, so that what was sent while no
//! collector ran is missing afterwards. Workers' batches come as each is full, so numbers are followed
//! in the order of arrival only when a segment ends: else what one worker's batch is ahead of
//! another's would be a gap in one hour and its end in another.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`account`] | what is counted of an exporter in an hour |
//! | [`follow`] | the exporters' counts |
//! | [`files`] | the ledger on disk |
//! | [`statement`] | what is said of an hour |

pub mod account;
pub mod files;
pub mod follow;
pub mod statement;

use crate::{error::StoreError, journal::Drops, partition::Hour, schema::Family};
use account::{Account, HourBooks};
use follow::{Followers, Step};
use logweir_decode::{
    batch::Batch,
    context::{Context, UnixNanos},
    decoder::Outcome,
    note::DatagramNote,
};
use statement::Statement;
use std::{collections::BTreeMap, net::IpAddr, path::Path};

/// Exporters that an hour has accounts for; the others are counted together.
pub const ACCOUNTS_MAX: usize = 16_384;

/// Notes that wait to be put in order; of more, the earlier half is followed at once. No worker is
/// that far behind another.
const TO_FOLLOW_MAX: usize = 1 << 20;

/// Makes the books of segments, one after the other.
#[derive(Debug, Default)]
pub struct Ledger {
    followers: Followers,
    /// Notes with a number that was not followed yet.
    to_follow: Vec<DatagramNote>,
    hours: BTreeMap<Hour, HourBooks>,
}

impl Ledger {
    /// One that goes on where the exporters' counts stood.
    pub fn new(followers: Followers) -> Self {
        Self { followers, ..Self::default() }
    }

    /// Takes the notes of a batch, and counts its records.
    pub fn take(&mut self, batch: &Batch) {
        batch.notes.iter().for_each(|note| self.note(&note));
        for run in batch.session.runs() {
            self.records(&run.context, Family::Session, run.rows.into());
        }
        batch.port_block.iter().for_each(|(of, _)| self.records(&of, Family::PortBlock, 1));
        batch.im.iter().for_each(|(of, _)| self.records(&of, Family::Im, 1));
        batch.filter.iter().for_each(|(of, _)| self.records(&of, Family::Filter, 1));
        batch.unparsed.iter().for_each(|(of, _)| self.records(&of, Family::Unparsed, 1));
    }

    /// Takes what was dropped before it could be decoded.
    pub fn take_drops(&mut self, drops: &Drops) {
        let Drops { at, place, exporter, datagrams } = drops;
        let hour = self.hour(*at);
        let dropped = match exporter {
            Some(exporter) => &mut hour.account(*exporter).dropped,
            None => &mut hour.dropped,
        };
        *dropped.entry(place.clone()).or_default() += datagrams;
    }

    /// What the segment adds to the hours, and where the counts stand after it.
    pub fn close(&mut self) -> (BTreeMap<Hour, HourBooks>, &Followers) {
        self.follow(0);
        (std::mem::take(&mut self.hours), &self.followers)
    }

    fn hour(&mut self, at: UnixNanos) -> &mut HourBooks {
        self.hours.entry(Hour::of(at)).or_default()
    }

    fn account(&mut self, at: UnixNanos, exporter: IpAddr) -> &mut Account {
        self.hour(at).account(exporter)
    }

    fn note(&mut self, note: &DatagramNote) {
        let account = self.account(note.received_at, note.exporter);
        if note.waited {
            account.waiting -= 1;
        } else {
            account.datagrams += 1;
            account.arrived(note.received_at);
        }
        match note.outcome {
            Outcome::Decoded => account.decoded += 1,
            Outcome::Rejected(reason) => {
                *account.rejected.entry(reason.name().into()).or_default() += 1;
            }
            Outcome::Waiting => account.waiting += 1,
        }
        if note.sequence.is_none() {
            self.account(note.received_at, note.exporter).unnumbered += u64::from(!note.waited);
        } else {
            self.to_follow.push(*note);
            if self.to_follow.len() >= TO_FOLLOW_MAX {
                self.follow(TO_FOLLOW_MAX / 2);
            }
        }
    }

    /// Follows the numbers in the order of arrival, but for so many of the latest.
    fn follow(&mut self, but: usize) {
        self.to_follow.sort_by_key(|note| note.received_at);
        let later = self.to_follow.split_off(self.to_follow.len().saturating_sub(but));
        for note in std::mem::replace(&mut self.to_follow, later) {
            let (step, given_up) = self.followers.take(&note);
            for source in given_up {
                self.account(note.received_at, source.exporter).untracked += 1;
            }
            match step {
                Step::Uncounted => {}
                Step::NotFollowed => self.account(note.received_at, note.exporter).untracked += 1,
                Step::Taken(counted) => {
                    self.account(counted.at, note.exporter).numbered(&counted);
                }
            }
        }
    }

    fn records(&mut self, of: &Context, family: Family, rows: u64) {
        let account = self.account(of.received_at, of.exporter);
        account.add_records(family, of.observation_domain, rows);
    }
}

/// What can be said of an hour of a data directory.
///
/// # Errors
/// If the ledger cannot be read.
pub fn statement_of(data: &Path, hour: Hour) -> Result<Statement, StoreError> {
    let ledger = files::read(data, hour)?;
    let mut deleted = BTreeMap::new();
    for (family, rows) in ledger.stored() {
        let gone = rows.saturating_sub(crate::files::rows_of_hour(data, *family, hour)?);
        if gone > 0 {
            deleted.insert(*family, gone);
        }
    }
    Ok(ledger.statement(hour, deleted))
}

#[cfg(test)]
mod tests;
