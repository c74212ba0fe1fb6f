//! Which sessions held what is asked for.
//!
//! First the records that say so by themselves: those between whose begin and end the time is, and
//! those that began before and have no end. The end of the latter, if it is stored, is another
//! record of the same session, perhaps in the part of another hour; it is looked for then, and says
//! either that the session had ended before, or until when it lasted.

use super::{Answer, Asked, Found, Held, Lookup, judge::Verdict, parts::Parts};
use crate::{error::StoreError, found::StoredSession, index::Sessions, session_key::SessionKey};
use logweir_decode::context::UnixNanos;
use std::{
    collections::{HashMap, HashSet},
    iter,
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
            let hashes = Sessions::of(unended.iter().map(SessionKey::hash));
            let asked = self.asked_of_ends(&unended);
            parts.that_may_end(&hashes, &asked, answer, |record, file, row| {
                let key = SessionKey::of(&record);
                if record.end().is_some() && unended.contains(&key) {
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

    /// By what the ends of these sessions are found. The record of an end need not name the user, so
    /// those of a user are found by their inside addresses.
    fn asked_of_ends(&self, unended: &HashSet<SessionKey>) -> Vec<Asked> {
        let mut asked = vec![self.asked.clone()];
        if matches!(self.asked, Asked::User(_)) {
            let inside: HashSet<_> = unended.iter().filter_map(SessionKey::inside).collect();
            let inside = inside.into_iter();
            asked.extend(inside.map(|address| Asked::Inside { address, port: None }));
        }
        asked
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
            sessions.extend(join_records(&records, ends).into_iter().map(|mut records| {
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
                .filter_map(|found| Some(begins(found)?.saturating_add(self.shift(&found.record))))
                .min(),
            records
                .iter()
                .filter_map(|found| {
                    Some(found.record.end()?.saturating_add(self.shift(&found.record)))
                })
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

/// Records of one session, each place in a file once.
struct Joined<'a> {
    records: Vec<&'a Record>,
    places: HashSet<(&'a Path, u64)>,
}

impl<'a> Joined<'a> {
    fn of(first: &'a Record) -> Self {
        let mut joined = Self { records: Vec::new(), places: HashSet::new() };
        joined.add(first);
        joined
    }

    fn add(&mut self, record: &'a Record) {
        if self.places.insert((&record.file, record.row)) {
            self.records.push(record);
        }
    }
}

/// Puts records of one key together that are of one session.
fn join_records(records: &[Record], ends: &[Record]) -> Vec<Vec<Record>> {
    let (closed, mut open): (Vec<_>, Vec<_>) =
        records.iter().partition(|found| found.record.end().is_some());
    let times = |found: &Record| (found.record.start_time, found.record.end());
    let mut sessions: Vec<Joined> = Vec::new();
    for found in closed {
        let same =
            |session: &&mut Joined| session.records.iter().any(|own| times(own) == times(found));
        match sessions.iter_mut().find(same) {
            Some(session) => session.add(found),
            None => sessions.push(Joined::of(found)),
        }
    }
    open.sort_by_key(|found| found.record.begin());
    for found in open {
        let own = ends_of(&found.record, ends);
        let is_of = |session: &&mut Joined| match own.first() {
            Some(end) => session.records.iter().any(|other| times(other) == times(end)),
            None => session.records.iter().all(|one| goes_on(&one.record, &found.record)),
        };
        // An update is of the session that began last.
        match sessions.iter_mut().rev().find(is_of) {
            Some(session) => iter::once(found).chain(own).for_each(|record| session.add(record)),
            None => {
                let mut session = Joined::of(found);
                own.into_iter().for_each(|end| session.add(end));
                sessions.push(session);
            }
        }
    }
    let cloned = |session: Joined| session.records.into_iter().cloned().collect();
    sessions.into_iter().map(cloned).collect()
}

/// The records of the end of a session that began so: the first end after that, unless it says that
/// its session began later.
fn ends_of<'a>(open: &StoredSession, ends: &'a [Record]) -> Vec<&'a Record> {
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
    own.filter(|end| Some(end.record.start_time) == start).collect()
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
