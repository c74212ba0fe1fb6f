//! The exporters' counts, followed from segment to segment.
//!
//! As many domains as fit are followed; where there are too many, those idle longest make room, so
//! that nobody can use it up for good. Who follows is told which, since one that is heard again is
//! followed anew, and what lies between is not missed.

use hashbrown::HashMap;
use logweir_decode::{
    context::UnixNanos,
    decoder::Outcome,
    note::{DatagramNote, Sequence},
    sequence::{Found, Mark, Marks, Tracker},
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Domains that are followed, of all exporters; some kilobytes each.
const FOLLOWED_MAX: usize = 8_192;
/// Domains that are followed, of an exporter.
const FOLLOWED_PER_EXPORTER_MAX: usize = 256;

/// What has numbers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// Who sends.
    pub exporter: IpAddr,
    /// See [`Sequence::version`].
    pub version: u16,
    /// See [`Sequence::domain`].
    pub domain: u32,
}

/// Whether the numbers of a version count records, as those of NetFlow v5 and IPFIX do, and not
/// datagrams.
pub const fn counts_records(version: u16) -> bool {
    matches!(version, 5 | 10)
}

/// A domain that is followed.
#[derive(Debug, Default)]
struct Followed {
    tracker: Tracker,
    told: Found,
    /// Arrival of the datagram before.
    last_at: UnixNanos,
    /// Arrival behind the last gap: a late datagram that fills it belongs to that hour.
    gap_at: UnixNanos,
    used: u64,
}

/// All domains that are followed.
#[derive(Debug)]
pub struct Followers {
    max: usize,
    per_exporter_max: usize,
    followed: HashMap<Source, Followed>,
    of_exporter: HashMap<IpAddr, usize>,
    /// Numbers taken so far: the clock by which domains are idle.
    ticks: u64,
}

/// What became of a datagram's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has none.
    Uncounted,
    /// It has one in a domain that is not worth following: a bare header can be made by anybody.
    NotFollowed,
    /// It was taken.
    Taken(Counted),
}

/// What a number told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// See [`Sequence::version`].
    pub version: u16,
    /// See [`Sequence::domain`].
    pub domain: u32,
    /// How many more are missing; negative where a late one filled a gap.
    pub missing: i64,
    /// Whether the exporter began to count anew; negative where that turned out wrong.
    pub restarts: i64,
    /// Arrival of the datagram before.
    pub since: UnixNanos,
    /// The arrival that it belongs to: its own, or that of the gap that it filled.
    pub at: UnixNanos,
}

impl Default for Followers {
    fn default() -> Self {
        Self::new(FOLLOWED_MAX, FOLLOWED_PER_EXPORTER_MAX)
    }
}

impl Followers {
    /// Followers of so many domains at most, of all exporters and of each.
    pub fn new(max: usize, per_exporter_max: usize) -> Self {
        let (followed, of_exporter) = (HashMap::new(), HashMap::new());
        Self { max, per_exporter_max, followed, of_exporter, ticks: 0 }
    }

    /// Follows so many domains of an exporter from now on; of those beyond, an eighth goes with each
    /// new one.
    pub fn limit(&mut self, per_exporter_max: usize) {
        self.per_exporter_max = per_exporter_max;
    }

    /// Takes a datagram's number. Also tells which domains were given up to make room for its own.
    pub fn take(&mut self, note: &DatagramNote) -> (Step, Vec<Source>) {
        let mut given_up = Vec::new();
        let Some(sequence) = &note.sequence else { return (Step::Uncounted, given_up) };
        let Sequence { version, domain, .. } = *sequence;
        let source = Source { exporter: note.exporter, version, domain };
        if !self.followed.contains_key(&source) {
            let holds_something =
                note.records > 0 || sequence.templates_only || note.outcome == Outcome::Waiting;
            if !holds_something {
                return (Step::NotFollowed, given_up);
            }
            given_up = self.make_room(note.exporter);
            *self.of_exporter.entry(note.exporter).or_default() += 1;
        }
        self.ticks += 1;
        let first = Followed { last_at: note.received_at, ..Followed::default() };
        let followed = self.followed.entry(source).or_insert(first);
        followed.used = self.ticks;
        (Step::Taken(followed.take(sequence, note.received_at)), given_up)
    }

    fn make_room(&mut self, exporter: IpAddr) -> Vec<Source> {
        let mut given_up = Vec::new();
        if self.of_exporter.get(&exporter).is_some_and(|own| *own >= self.per_exporter_max) {
            given_up.extend(self.give_up_idle(|source| source.exporter == exporter));
        }
        if self.followed.len() >= self.max {
            given_up.extend(self.give_up_idle(|_| true));
        }
        given_up
    }

    /// Gives up the eighth that is idle longest: to look through all for a single one would take
    /// long.
    fn give_up_idle(&mut self, among: impl Fn(&Source) -> bool) -> Vec<Source> {
        let mut used: Vec<_> =
            self.followed.iter().filter(|(of, _)| among(of)).map(|(_, one)| one.used).collect();
        let eighth = used.len() / 8;
        if used.is_empty() {
            return Vec::new();
        }
        let until = *used.select_nth_unstable(eighth).1;
        let idle = |source: &Source, one: &mut Followed| one.used <= until && among(source);
        let given_up: Vec<_> =
            self.followed.extract_if(|source, one| idle(source, one)).map(|(of, _)| of).collect();
        for source in &given_up {
            if let Some(own) = self.of_exporter.get_mut(&source.exporter) {
                *own -= 1;
            }
        }
        self.of_exporter.retain(|_, own| *own > 0);
        given_up
    }

    /// Where all counts stand, in order.
    pub fn marks(&self) -> Vec<Standing> {
        let mut marks: Vec<_> = self.followed.iter().map(Standing::of).collect();
        marks.sort_unstable_by_key(|one| (one.exporter, one.version, one.domain));
        marks
    }

    /// Followers that go on where counts stood.
    pub fn resumed(marks: &[Standing]) -> Self {
        let mut followers = Self::default();
        let mut marks: Vec<_> = marks.iter().take(FOLLOWED_MAX).collect();
        // Those that were heard first are idle longest.
        marks.sort_by_key(|standing| standing.last_at);
        for standing in marks {
            *followers.of_exporter.entry(standing.exporter).or_default() += 1;
            followers.ticks += 1;
            let (source, followed) = standing.resumed();
            followers.followed.insert(source, Followed { used: followers.ticks, ..followed });
        }
        followers
    }
}

impl Followed {
    fn take(&mut self, sequence: &Sequence, at: UnixNanos) -> Counted {
        self.tracker.take(sequence, at);
        let found = self.tracker.found();
        let missing = found.missing.cast_signed() - self.told.missing.cast_signed();
        let restarts = found.restarts.cast_signed() - self.told.restarts.cast_signed();
        self.told = found;
        let since = std::mem::replace(&mut self.last_at, at);
        if missing > 0 {
            self.gap_at = at;
        }
        let at = if missing < 0 && self.gap_at != 0 { self.gap_at } else { at };
        Counted { version: sequence.version, domain: sequence.domain, missing, restarts, since, at }
    }
}

/// Where a count stands, as it is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    exporter: IpAddr,
    version: u16,
    domain: u32,
    last_at: UnixNanos,
    together: Option<StandingMark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apart: Option<[Option<StandingMark>; 2]>,
}

/// A [`Mark`] as it is kept on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StandingMark {
    next: u32,
    open: bool,
    at: UnixNanos,
    uptime_ms: Option<u32>,
}

impl Standing {
    fn of((source, followed): (&Source, &Followed)) -> Self {
        let Marks { together, apart } = followed.tracker.marks();
        Self {
            exporter: source.exporter,
            version: source.version,
            domain: source.domain,
            last_at: followed.last_at,
            together: together.map(StandingMark::from),
            apart: apart.map(|apart| apart.map(|mark| mark.map(StandingMark::from))),
        }
    }

    fn resumed(&self) -> (Source, Followed) {
        let Self { exporter, version, domain, last_at, together, apart } = *self;
        let marks = Marks {
            together: together.map(Mark::from),
            apart: apart.map(|apart| apart.map(|mark| mark.map(Mark::from))),
        };
        let tracker = Tracker::resumed(&marks);
        (Source { exporter, version, domain }, Followed { tracker, last_at, ..Followed::default() })
    }
}

impl From<Mark> for StandingMark {
    fn from(Mark { next, is_open, at, uptime_ms }: Mark) -> Self {
        Self { next, open: is_open, at, uptime_ms }
    }
}

impl From<StandingMark> for Mark {
    fn from(StandingMark { next, open, at, uptime_ms }: StandingMark) -> Self {
        Self { next, is_open: open, at, uptime_ms }
    }
}
