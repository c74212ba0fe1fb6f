//! Retention: which parts are too old or too many, and their deletion.
//!
//! [`plan`] decides and does nothing; [`Retention::apply`] writes to the manifest what is deleted
//! and then unlinks it, so that a crash in between leaves files that the next start removes
//! ([`Manifest::sweep`]). Parts that a legal hold concerns stay, whatever the policy says.

mod address;

use crate::{
    error::StoreError,
    manifest::{Entry, Hold, Manifest, Part, PartPath, State, Why},
    schema::Family,
};
use logweir_decode::context::UnixNanos;
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    path::Path,
    time::Duration,
};

/// How long parts are kept, and how much of them. What is not said has no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How long after the end of its hour a part of each family is kept.
    pub age_max: [Option<Duration>; Family::ALL.len()],
    /// Bytes of each family, indices included.
    pub bytes_max: [Option<u64>; Family::ALL.len()],
    /// Bytes of all families together.
    pub total_bytes_max: Option<u64>,
}

/// A part that is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due<'a> {
    /// Which.
    pub part: &'a Part,
    /// Why.
    pub why: Why,
}

/// The parts that are to go, each once: first those that are too old, then, oldest hour first, as
/// many as are too much. `held` is asked only about parts that would go.
pub fn plan<'a>(
    parts: impl IntoIterator<Item = &'a Part>,
    policy: &Policy,
    mut held: impl FnMut(&Part) -> bool,
    now: UnixNanos,
) -> Vec<Due<'a>> {
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|part| (part.hour, &part.path));
    let mut room = Room::new(policy, &parts);
    let mut due = Vec::new();
    let is_old = |part: &Part| {
        let age = policy.age_max[part.family as usize];
        let age = age.map(|age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
        age.is_some_and(|age| part.hour.end().saturating_add(age) <= now)
    };
    let mut young = Vec::new();
    for part in parts {
        if !is_old(part) {
            young.push(part);
        } else if !held(part) {
            room.free(part);
            due.push(Due { part, why: Why::Age });
        }
    }
    for part in young {
        if room.is_exceeded(part.family) && !held(part) {
            room.free(part);
            due.push(Due { part, why: Why::Size });
        }
    }
    due
}

/// How many bytes there are, of how many.
struct Room<'a> {
    policy: &'a Policy,
    bytes: [u64; Family::ALL.len()],
}

impl<'a> Room<'a> {
    fn new(policy: &'a Policy, parts: &[&Part]) -> Self {
        let mut bytes = [0; Family::ALL.len()];
        for part in parts {
            bytes[part.family as usize] += part.bytes_in_all();
        }
        Self { policy, bytes }
    }

    fn is_exceeded(&self, family: Family) -> bool {
        let family = family as usize;
        self.policy.bytes_max[family].is_some_and(|max| self.bytes[family] > max)
            || self.policy.total_bytes_max.is_some_and(|max| self.bytes.iter().sum::<u64>() > max)
    }

    fn free(&mut self, part: &Part) {
        self.bytes[part.family as usize] -= part.bytes_in_all();
    }
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Parts.
    pub parts: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes, indices included.
    pub bytes: u64,
}

impl Deleted {
    fn add(&mut self, part: &Part) {
        self.parts += 1;
        self.rows += part.rows;
        self.bytes += part.bytes_in_all();
    }
}

/// Applies a policy again and again, and remembers what it had to read for that.
#[derive(Debug, Default)]
pub struct Retention {
    policy: Policy,
    /// Whether a part names an address, as its rows told.
    named: HashMap<(PartPath, IpAddr), bool>,
}

impl Retention {
    /// For a policy.
    pub fn new(policy: Policy) -> Self {
        Self { policy, named: HashMap::new() }
    }

    /// What is to go by now.
    pub fn plan<'a>(&mut self, data: &Path, state: &'a State, now: UnixNanos) -> Vec<Due<'a>> {
        let Retention { policy, named } = self;
        named.retain(|(path, _), _| state.part(path).is_some());
        plan(state.parts(), policy, |part| is_held(data, part, state.holds(), named), now)
    }

    /// Deletes what is to go by now. Whoever calls it holds the lock of `.incoming`.
    ///
    /// # Errors
    /// If the manifest cannot be written: then nothing more is deleted; or if a file cannot be
    /// removed: then the next start will try again.
    pub fn apply(
        &mut self,
        manifest: &mut Manifest,
        now: UnixNanos,
    ) -> Result<Deleted, StoreError> {
        manifest.refresh()?;
        let data = manifest.data().to_owned();
        let holds = manifest.state().holds().to_vec();
        let due = self.plan(&data, manifest.state(), now);
        let due: Vec<_> = due.into_iter().map(|due| (due.part.clone(), due.why)).collect();
        let mut deleted = Deleted::default();
        for same in due.chunk_by(|(_, one), (_, other)| one == other) {
            for chunk in same.chunks(PARTS_PER_ENTRY) {
                let Some((_, why)) = chunk.first() else { continue };
                let parts: Vec<_> = chunk.iter().map(|(part, _)| part.path.clone()).collect();
                let entry = Entry::Deleted { parts: parts.clone(), why: *why };
                // Who places a hold meanwhile may rely on it: the rest has to be planned anew.
                let entry = |state: &State| (state.holds() == holds).then_some(entry);
                if manifest.append_with(now, entry)?.is_none() {
                    return Ok(deleted);
                }
                manifest.unlink(&parts)?;
                chunk.iter().for_each(|(part, _)| deleted.add(part));
            }
        }
        Ok(deleted)
    }
}

/// Parts that one entry tells to be deleted: it is read as one line.
const PARTS_PER_ENTRY: usize = 1_000;

/// Whether a hold concerns a part. A part that cannot be read is held by each that names an
/// address.
fn is_held(
    data: &Path,
    part: &Part,
    holds: &[Hold],
    named: &mut HashMap<(PartPath, IpAddr), bool>,
) -> bool {
    let (by_address, plain): (Vec<_>, Vec<_>) = holds
        .iter()
        .filter(|hold| hold.concerns(part))
        .map(|hold| hold.address)
        .partition(Option::is_some);
    let addresses: HashSet<IpAddr> = by_address.into_iter().flatten().collect();
    !plain.is_empty()
        || addresses.into_iter().any(|address| {
            *named
                .entry((part.path.clone(), address))
                .or_insert_with(|| address::names(&data.join(part.path.as_str()), address))
        })
}

#[cfg(test)]
mod tests;
