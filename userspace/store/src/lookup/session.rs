//! Which sessions held what is asked for.
//!
//! First the records that say so by themselves: those between whose begin and end the time is, and
//! those that began before and have no end. The end of the latter, if it is stored, is another
//! record of the same session, perhaps in the part of another hour; it is looked for then, and says
//! either that the session had ended before, or until when it lasted.

use super::{Answer, Found, Held, Lookup, judge::Verdict, parts::Parts};
use crate::{error::StoreError, found::StoredSession, session_key::SessionKey};
use logweir_decode::context::UnixNanos;
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

/// A session that answers the question, with all records of it that were found.
#[derive(Clone, Debug)]
pub struct Session {
    /// What the records say together.
    pub held: Held,
    /// When it began, by the device's clock, if a record tells.
    pub begin: Option<UnixNanos>,
    /// When it ended.
    pub end: Option<UnixNanos>,
    /// The evidence: the record that tells the most first.
    pub records: Vec<Found<StoredSession>>,
}

/// How far the begin that a session's end tells may be behind the one that its creation told.
const BEGINS_APART: i64 = 1_000_000_000;

type Record = Found<StoredSession>;

impl Lookup {
    /// Searches the sessions.
    pub(super) fn sessions(
        &self,
        directory: &Path,
        answer: &mut Answer,
    ) -> Result<Vec<Session>, StoreError> {
        let mut parts = Parts::sessions(self, directory, answer)?;
        let mut held = Vec::new();
        parts.that_may_be_held(answer, |record, file, row| {
            if !self.asks_for(&record) {
                return;
            }
            if let Verdict::Held(how) = self.judge(&record) {
                held.push(Found { held: how, record, file: file.to_owned(), row });
            }
        });
        let unended = held.iter().filter(|found| found.record.end().is_none());
        let unended: HashSet<_> = unended.map(|found| SessionKey::of(&found.record)).collect();
        let mut ends: HashMap<SessionKey, Vec<Record>> = HashMap::new();
        if !unended.is_empty() {
            let hashes: Vec<_> = unended.iter().map(SessionKey::hash).collect();
            parts.that_may_end(&hashes, answer, |record, file, row| {
                let key = SessionKey::of(&record);
                if record.end().is_some() && unended.contains(&key) && self.asks_for(&record) {
                    let found = Found { held: Held::Until, record, file: file.to_owned(), row };
                    ends.entry(key).or_default().push(found);
                }
            });
        }
        held.retain(|found| {
            let ends = ends.get(&SessionKey::of(&found.record));
            found.held != Held::Open
                || !ends.is_some_and(|ends| self.has_ended(&found.record, ends))
        });
        let mut sessions = self.join(held, &ends);
        self.sort_sessions(&mut sessions);
        Ok(sessions)
    }

    /// Whether the session of an open record ended before the time, as another record says.
    fn has_ended(&self, open: &StoredSession, ends: &[Record]) -> bool {
        ends.iter().any(|end| {
            matches!(self.judge(&end.record), Verdict::EndedBefore) && may_end(&end.record, open)
        })
    }

    /// Makes sessions of records.
    fn join(&self, held: Vec<Record>, ends: &HashMap<SessionKey, Vec<Record>>) -> Vec<Session> {
        let mut by_key: HashMap<SessionKey, Vec<Record>> = HashMap::new();
        for found in held {
            by_key.entry(SessionKey::of(&found.record)).or_default().push(found);
        }
        let mut sessions = Vec::new();
        for (key, records) in by_key {
            let ends = ends.get(&key).map_or(&[][..], Vec::as_slice);
            sessions.extend(join_records(records, ends).into_iter().map(|mut records| {
                sort_evidence(&mut records);
                self.session(records)
            }));
        }
        sessions
    }

    fn session(&self, records: Vec<Record>) -> Session {
        let begins = |found: &Record| match found.record.end() {
            Some(_) => found.record.start_time,
            None => found.record.begin(),
        };
        let begin = records.iter().filter_map(begins).min();
        let end = records.iter().filter_map(|found| found.record.end()).max();
        let [begin_shifted, end_shifted] = [
            records
                .iter()
                .filter_map(|found| Some(begins(found)? + self.shift(&found.record)))
                .min(),
            records
                .iter()
                .filter_map(|found| Some(found.record.end()? + self.shift(&found.record)))
                .max(),
        ];
        let alone = records.iter().map(|found| found.held).min().unwrap_or(Held::Near);
        let at = self.at_micros();
        let held = match end_shifted {
            None => alone,
            Some(end) => {
                let is_within = begin_shifted.unwrap_or(end) <= at && at <= end;
                let is_refused = records.iter().any(|found| found.record.is_refused());
                if is_within && !is_refused { Held::Throughout } else { Held::Near }
            }
        };
        Session { held, begin, end, records }
    }

    /// Throughout, open, near; each kind by how close its begin is to the time.
    fn sort_sessions(&self, sessions: &mut [Session]) {
        sessions.sort_by_cached_key(|session| {
            let first = session.records.first();
            let is_vague = first.is_some_and(|first| self.is_vague(&first.record));
            let distance = session.begin.or(session.end).map(|begin| begin.abs_diff(self.at));
            let place = first.map(|first| (first.file.clone(), first.row));
            (is_vague, session.held, distance, place)
        });
    }
}

/// Whether this end is that of a session that began so, or of one that began later with the same
/// ports; not of one that ended before. What ended just when it began was an earlier session, unless
/// it began then as well.
fn may_end(end: &StoredSession, open: &StoredSession) -> bool {
    let (Some(ended), Some(began)) = (end.end(), open.begin()) else { return false };
    began < ended || began == ended && end.start_time == Some(ended)
}

/// Puts records of one key together that are of one session.
fn join_records(records: Vec<Record>, ends: &[Record]) -> Vec<Vec<Record>> {
    let (closed, mut open): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|found| found.record.end().is_some());
    let times = |found: &Record| (found.record.start_time, found.record.end());
    let mut sessions: Vec<Vec<Record>> = Vec::new();
    for found in closed {
        let same =
            |session: &&mut Vec<Record>| session.iter().any(|own| times(own) == times(&found));
        match sessions.iter_mut().find(same) {
            Some(session) => session.push(found),
            None => sessions.push(vec![found]),
        }
    }
    open.sort_by_key(|found| found.record.begin());
    for found in open {
        let own = ends_of(&found.record, ends);
        let is_of = |session: &&mut Vec<Record>| match own.first() {
            Some(end) => session.iter().any(|other| times(other) == times(end)),
            None => session.iter().all(|one| goes_on(&one.record, &found.record)),
        };
        let session = sessions.iter_mut().find(is_of);
        let mut added = vec![found.clone()];
        match session {
            Some(session) => {
                let place = |record: &Record| (record.file.clone(), record.row);
                let own = own.into_iter();
                added.extend(own.filter(|end| session.iter().all(|one| place(one) != place(end))));
                session.extend(added);
            }
            None => {
                added.extend(own);
                sessions.push(added);
            }
        }
    }
    sessions
}

/// The records of the end of a session that began so: the first end after that, unless it says that
/// its session began later.
fn ends_of(open: &StoredSession, ends: &[Record]) -> Vec<Record> {
    let later = ends.iter().filter(|end| may_end(&end.record, open));
    let Some(first) = later.clone().filter_map(|end| end.record.end()).min() else {
        return Vec::new();
    };
    let begins_by = open.begin().map(|begin| begin.saturating_add(BEGINS_APART));
    let is_own = |end: &&Record| {
        end.record.end() == Some(first)
            && end.record.start_time.is_none_or(|start| Some(start) <= begins_by)
    };
    let own = later.filter(is_own);
    let start = own.clone().map(|end| end.record.start_time).min();
    own.filter(|end| Some(end.record.start_time) == start).cloned().collect()
}

/// Whether a record without an end is of the session of the one before, which has no end either.
fn goes_on(before: &StoredSession, record: &StoredSession) -> bool {
    let is_near = match (before.begin(), record.begin()) {
        (Some(before), Some(begin)) => begin.saturating_sub(before) <= BEGINS_APART,
        _ => false,
    };
    before.end().is_none() && (is_near || record.event.as_deref() == Some("update"))
}

/// Those that say the most by themselves first, then in the order of time.
fn sort_evidence(records: &mut [Record]) {
    records.sort_by_cached_key(|found| {
        (found.held, found.record.event_time, found.file.clone(), found.row)
    });
}
