//! Trace-back: which stored sessions and port blocks held a public address and port at a time.
//!
//! All hours are searched, because the time in a record is the device's and a session may begin
//! long before it is asked for; statistics and row filters keep most of the columns unread.

mod blocks;

use crate::{
    error::StoreError,
    found::{StoredPortBlock, StoredSession},
    prune::Wanted,
    scan::Scan,
    schema::Family,
    session_key::SessionKey,
};
use logweir_decode::context::UnixNanos;
use std::{
    collections::HashMap,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    /// The public address; an IPv4 address also in its form as an IPv6 address.
    pub nat_addr: IpAddr,
    /// The public port; any where it is not known. A session without a translated port has them
    /// all: the whole address was translated.
    pub port: Option<u16>,
    /// The time in question.
    pub at: UnixNanos,
    /// How far the clocks of the device and of who asks may be apart.
    pub within: Duration,
    /// IP protocol number; any where it is not known. A session without one may be of any.
    pub protocol: Option<u8>,
}

/// In what way a record says that the address was held, by a session or as a part of a port block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// It began before the time and lasted beyond it.
    Throughout,
    /// It began before the time; no record of its end before the time is stored.
    Open,
    /// It, or the event, is near the time, within the tolerance.
    Near,
    /// A record after the time says that it was held until then; nothing earlier is stored.
    Until,
}

/// A record that answers the question.
#[derive(Clone, Debug)]
pub struct Found<R> {
    /// What it says.
    pub held: Held,
    /// The record.
    pub record: R,
    /// The file that it is in.
    pub file: PathBuf,
    /// Its row in that file, from 0.
    pub row: u64,
}

/// What was found, and what it was found in.
#[derive(Debug, Default)]
pub struct Answer {
    /// The sessions: throughout, open, near; each kind by how close the begin is to the time.
    /// Those that lack the port or protocol that was asked for are behind all others.
    pub found: Vec<Found<StoredSession>>,
    /// The port blocks, in the same order, each once for a subscriber.
    pub blocks: Vec<Found<StoredPortBlock>>,
    /// Files that were searched.
    pub files: u64,
    /// Row groups of these files that were read.
    pub row_groups_read: u64,
    /// Row groups that could not hold an answer.
    pub row_groups_skipped: u64,
    /// Files that could not be read: the answer may lack what they hold.
    pub unreadable: Vec<StoreError>,
}

impl Lookup {
    /// Searches the sessions and port blocks of a data directory.
    ///
    /// # Errors
    /// If a directory cannot be listed.
    pub fn search(&self, directory: &Path) -> Result<Answer, StoreError> {
        let mut answer = Answer::default();
        answer.found = self.sessions(directory, &mut answer)?;
        answer.blocks = self.blocks(directory, &mut answer)?;
        Ok(answer)
    }

    fn sessions(
        &self,
        directory: &Path,
        answer: &mut Answer,
    ) -> Result<Vec<Found<StoredSession>>, StoreError> {
        let mut found = Vec::new();
        let mut ended = HashMap::new();
        let scan = Scan {
            address: self.wanted_address(["nat_src_addr_v4", "nat_src_addr_v6"]),
            further: self.wanted_further(),
            begin_max_micros: Some(self.begin_max_micros()),
        };
        let each = |session: StoredSession, path: &Path, row| match self.judge(&session) {
            Verdict::Held(held) => {
                found.push(Found { held, record: session, file: path.to_owned(), row });
            }
            Verdict::EndedBefore(end) => {
                let end = (end, session.start_time == Some(end));
                let latest = ended.entry(SessionKey::of(&session)).or_insert(end);
                *latest = end.max(*latest);
            }
            Verdict::Other => {}
        };
        scan.records((directory, Family::Session), answer, each)?;
        found.retain(|found| found.held != Held::Open || !has_ended(found, &ended));
        self.sort(&mut found, StoredSession::begin);
        found.sort_by_key(|found| self.is_vague(&found.record));
        Ok(found)
    }

    /// Whether the session lacks what was asked for.
    const fn is_vague(&self, session: &StoredSession) -> bool {
        self.port.is_some() && session.nat_src_port.is_none()
            || self.protocol.is_some() && session.protocol.is_none()
    }

    /// Throughout, open, near, until; each kind by how close it is to the time.
    fn sort<R>(&self, found: &mut [Found<R>], time: impl Fn(&R) -> Option<UnixNanos>) {
        found.sort_by_cached_key(|found| {
            let distance = time(&found.record).map(|time| time.abs_diff(self.at));
            (found.held, distance, found.file.clone(), found.row)
        });
    }

    fn wanted_address(&self, [v4, v6]: [&'static str; 2]) -> (&'static str, Wanted) {
        let address = self.nat_addr.to_canonical();
        (if address.is_ipv4() { v4 } else { v6 }, address.into())
    }

    fn wanted_further(&self) -> Vec<(&'static str, Wanted)> {
        let port = self.port.map(|port| ("nat_src_port", Wanted::Port(port)));
        let protocol = self.protocol.map(|protocol| ("protocol", Wanted::Protocol(protocol)));
        [port, protocol].into_iter().flatten().collect()
    }

    /// The time in question. Stored times are rounded down to microseconds, so it is as well.
    const fn at_micros(&self) -> UnixNanos {
        self.at.div_euclid(1_000).saturating_mul(1_000)
    }

    /// The times between which an event is near.
    fn tolerance(&self) -> [UnixNanos; 2] {
        let (at, within) = (self.at_micros(), self.within_nanos());
        [at.saturating_sub(within), at.saturating_add(within)]
    }

    fn within_nanos(&self) -> i64 {
        i64::try_from(self.within.as_nanos()).unwrap_or(i64::MAX)
    }

    fn begin_max_micros(&self) -> i64 {
        self.at.saturating_add(self.within_nanos()).div_euclid(1_000)
    }

    /// What a record of the right address, port and protocol says.
    fn judge(&self, session: &StoredSession) -> Verdict {
        let at = self.at_micros();
        let [first, last] = self.tolerance();
        let (Some(begin), Some(event_time)) = (session.begin(), session.event_time) else {
            return Verdict::Other;
        };
        let event = session.event.as_deref();
        if begin > last {
            return Verdict::Other;
        }
        let end = match (session.end_time, event) {
            (Some(end), _) => end,
            (None, Some("end" | "flow" | "deny")) => event_time,
            (None, _) if begin <= at => return Verdict::Held(Held::Open),
            (None, _) => return Verdict::Held(Held::Near),
        };
        if end < first {
            Verdict::EndedBefore(end)
        } else if begin <= at && at <= end && event != Some("deny") {
            Verdict::Held(Held::Throughout)
        } else {
            Verdict::Held(Held::Near)
        }
    }
}

enum Verdict {
    Held(Held),
    EndedBefore(UnixNanos),
    Other,
}

/// The latest end of a session before the time, and whether a record says that it began just then.
type Ended = (UnixNanos, bool);

/// Whether the session of an open record ended before the time, as another record says. What ended
/// when this one began was an earlier session with the same ports, unless it began then as well.
fn has_ended(found: &Found<StoredSession>, ended: &HashMap<SessionKey, Ended>) -> bool {
    let Some((end, began_then)) = ended.get(&SessionKey::of(&found.record)) else { return false };
    let begin = found.record.begin();
    begin.is_some_and(|begin| begin < *end || begin == *end && *began_then)
}

#[cfg(test)]
mod tests;
