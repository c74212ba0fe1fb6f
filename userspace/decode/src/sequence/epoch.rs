//! The numbers of a counter from one start of its exporter to the next. All arithmetic is modulo
//! 2³², as exporters count.

use super::{Found, Mark};
use crate::{context::UnixNanos, note::Sequence};
use std::num::NonZeroU32;

/// A datagram is late by no more than this: on the network, or because the batches of different
/// workers come one after the other. (The latter does not change its time of arrival.)
const LATE_MAX_NS: i64 = 2_000_000_000;
/// Numbers that a late datagram lies behind, at most: what an exporter can send meanwhile.
const LATE_MAX: u32 = 1 << 22;
/// A datagram in front of the first one that came is late by no more than this: the network alone
/// can have made it so, and an exporter that has started again is seldom that quick.
const FRONT_LATE_MAX_NS: i64 = 250_000_000;
/// Uptimes of datagrams that were sent at the same time differ by no more than this.
const UPTIME_JITTER_MS: i64 = 5_000;
/// An uptime that wraps has gone on by no more than this beyond what our clock did.
const UPTIME_WRAP_MS: i64 = 60_000;
/// Numbers beyond which a leap is doubted, until others follow it.
const LEAP_DOUBTFUL: u32 = 1 << 14;
/// Datagrams that make an epoch certain.
const CERTAIN: usize = 3;
/// Numbers that may be missing at once, beside what a silence explains.
const LEAP_MIN: i64 = 1 << 20;
/// Numbers a millisecond of silence that may be missing: no exporter sends more.
const LEAP_PER_MS: i64 = 2_000;
/// Numbers that may be missing at once, however long the silence was.
const LEAP_MAX: i64 = 1 << 28;

/// Where a datagram stands in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind all others.
    Ahead,
    /// Behind all others, and so far that a wrong number may be the reason.
    Leap,
    /// Among others, or in front of all.
    Late,
    /// Nowhere: its exporter has started again.
    Outside,
}

/// Numbers that a datagram covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Covered {
    number: u32,
    /// `None`: up to the next one.
    units: Option<NonZeroU32>,
}

/// The datagrams that came last, to know them when they come again, and to know what a late one
/// has beside it.
#[derive(Clone, Debug)]
struct Recent {
    ring: [Covered; Self::LEN],
    taken: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { ring: [Covered { number: 0, units: None }; Self::LEN], taken: 0 }
    }
}

/// What a late datagram has beside it.
struct Beside {
    /// Whether the one in front of it covers all up to it.
    covered: bool,
    /// The number of the one behind it.
    behind: Option<u32>,
}

impl Recent {
    const LEN: usize = 256;

    fn push(&mut self, covered: Covered) {
        if let Some(oldest) = self.ring.get_mut(self.taken % Self::LEN) {
            *oldest = covered;
        }
        self.taken = self.taken.wrapping_add(1);
    }

    fn iter(&self) -> impl Iterator<Item = &Covered> {
        self.ring.iter().take(self.taken)
    }

    fn holds(&self, number: u32) -> bool {
        self.iter().any(|known| known.number == number)
    }

    fn beside(&self, number: u32) -> Beside {
        let in_front = self.iter().filter(|known| !reaches(known.number, number));
        let in_front = in_front.min_by_key(|known| number.wrapping_sub(known.number));
        let behind = self.iter().filter(|known| reaches(known.number, number));
        let behind = behind.min_by_key(|known| known.number.wrapping_sub(number));
        Beside {
            covered: in_front.is_some_and(|known| known.units.is_none()),
            behind: behind.map(|known| known.number),
        }
    }
}

/// Whether `number` is `other` or behind it.
fn reaches(number: u32, other: u32) -> bool {
    number.wrapping_sub(other).cast_signed() >= 0
}

/// An epoch.
#[derive(Clone, Debug)]
pub(super) struct Epoch {
    /// What follows the highest number covered; where `is_open`, the highest number itself.
    next: u32,
    /// Whether the end of the highest datagram is not known.
    is_open: bool,
    /// Numbers from the first one to `next`.
    span: u64,
    /// Numbers that no datagram covers.
    missing: u64,
    /// Whether its exporter began to count anew. If not, it is the first epoch, or a leap began it.
    is_restart: bool,
    /// When the datagram came that began it.
    begun_at: UnixNanos,
    /// When the highest one came.
    highest_at: UnixNanos,
    /// The uptime in the highest one.
    uptime_ms: Option<u32>,
    recent: Recent,
}

impl Epoch {
    /// The first epoch, which this datagram begins.
    pub(super) fn first(sequence: &Sequence, at: UnixNanos) -> Self {
        let mark = Mark { next: sequence.number, is_open: false, at, uptime_ms: None };
        let mut epoch = Self::resumed(&mark);
        epoch.append(sequence, at);
        epoch
    }

    /// The epoch that an earlier tracker was in: as if a datagram that covers nothing had come.
    pub(super) fn resumed(mark: &Mark) -> Self {
        let Mark { next, is_open, at, uptime_ms } = *mark;
        Self {
            next,
            is_open,
            span: 0,
            missing: 0,
            is_restart: false,
            begun_at: at,
            highest_at: at,
            uptime_ms,
            recent: Recent::default(),
        }
    }

    /// Where it stands.
    pub(super) fn mark(&self) -> Mark {
        let Self { next, is_open, highest_at, uptime_ms, .. } = *self;
        Mark { next, is_open, at: highest_at, uptime_ms }
    }

    /// The epoch that this datagram begins after another one, by a restart.
    pub(super) fn restart(sequence: &Sequence, at: UnixNanos) -> Self {
        Self { is_restart: true, ..Self::first(sequence, at) }
    }

    /// The epoch that this datagram begins behind this one, by a leap. What lies between belongs to
    /// it.
    pub(super) fn leap(&self, sequence: &Sequence, at: UnixNanos) -> Self {
        let mut epoch = Self::first(sequence, at);
        let gap = u64::from(sequence.number.wrapping_sub(self.next));
        epoch.span = epoch.span.saturating_add(gap);
        epoch.missing = if self.is_open { 0 } else { gap };
        epoch
    }

    /// What it tells.
    pub(super) fn found(&self) -> Found {
        Found { restarts: self.is_restart.into(), missing: self.missing }
    }

    /// Whether its exporter began to count anew.
    pub(super) fn is_restart(&self) -> bool {
        self.is_restart
    }

    /// Whether so few datagrams came that all of them may have wrong numbers.
    pub(super) fn is_doubtful(&self) -> bool {
        self.recent.taken < CERTAIN
    }

    /// Whether it had not begun at this time.
    pub(super) fn began_after(&self, at: UnixNanos) -> bool {
        at <= self.begun_at
    }

    /// How far a datagram's number is from those that came.
    pub(super) fn distance(&self, sequence: &Sequence) -> u32 {
        let ahead = sequence.number.wrapping_sub(self.next);
        ahead.min(ahead.wrapping_neg())
    }

    /// Where a datagram stands.
    pub(super) fn place(&self, sequence: &Sequence, at: UnixNanos) -> Place {
        let since_highest = at.saturating_sub(self.highest_at);
        if self.uptime_went_back(sequence, since_highest / 1_000_000) {
            return Place::Outside;
        }
        if reaches(sequence.number, self.next) {
            let silence_ms = since_highest.max(0) / 1_000_000;
            let leap = LEAP_MIN.saturating_add(silence_ms.saturating_mul(LEAP_PER_MS));
            let possible = i64::from(self.distance(sequence)) <= leap.min(LEAP_MAX);
            return match possible {
                true if self.distance(sequence) > LEAP_DOUBTFUL => Place::Leap,
                true => Place::Ahead,
                false => Place::Outside,
            };
        }
        let is_late = since_highest <= LATE_MAX_NS && self.distance(sequence) <= LATE_MAX;
        if is_late && !self.is_far_in_front(sequence, at) { Place::Late } else { Place::Outside }
    }

    /// Whether a number lies in front of all others, by more than lateness explains.
    fn is_far_in_front(&self, sequence: &Sequence, at: UnixNanos) -> bool {
        let in_front = u64::from(self.distance(sequence)).saturating_sub(self.span);
        let is_late = at.saturating_sub(self.begun_at) <= FRONT_LATE_MAX_NS;
        in_front > if is_late { LEAP_DOUBTFUL.into() } else { 0 }
    }

    fn uptime_went_back(&self, sequence: &Sequence, since_highest_ms: i64) -> bool {
        let (Some(highest), Some(uptime)) = (self.uptime_ms, sequence.uptime_ms) else {
            return false;
        };
        let back = i64::from(highest) - i64::from(uptime);
        let went_back = back > UPTIME_JITTER_MS - since_highest_ms.min(0);
        let on = i64::from(uptime.wrapping_sub(highest));
        went_back && on > since_highest_ms.max(0).saturating_add(UPTIME_WRAP_MS)
    }

    /// Takes a datagram that stands in this epoch.
    pub(super) fn take(&mut self, sequence: &Sequence, at: UnixNanos) {
        if reaches(sequence.number, self.next) {
            self.append(sequence, at);
        } else {
            self.insert(sequence);
        }
    }

    /// Takes a datagram behind all others.
    fn append(&mut self, sequence: &Sequence, at: UnixNanos) {
        let gap = sequence.number.wrapping_sub(self.next);
        if !self.is_open {
            self.missing = self.missing.saturating_add(gap.into());
        }
        let units = sequence.units.unwrap_or(0);
        self.span = self.span.saturating_add(u64::from(gap) + u64::from(units));
        self.next = sequence.number.wrapping_add(units);
        self.is_open = sequence.units.is_none();
        self.highest_at = at;
        self.uptime_ms = sequence.uptime_ms;
        self.remember(sequence);
    }

    /// One that covers nothing is not remembered: the one behind it has the same number.
    fn remember(&mut self, sequence: &Sequence) {
        if sequence.units != Some(0) {
            let units = sequence.units.and_then(NonZeroU32::new);
            self.recent.push(Covered { number: sequence.number, units });
        }
    }

    /// Takes a late datagram.
    fn insert(&mut self, late: &Sequence) {
        if late.units == Some(0) || self.recent.holds(late.number) {
            return;
        }
        let back = u64::from(self.next.wrapping_sub(late.number));
        if let Some(before_first) = back.checked_sub(self.span).filter(|before| *before > 0) {
            let gap = late.units.map_or(0, |units| before_first.saturating_sub(units.into()));
            self.missing = self.missing.saturating_add(gap);
            self.span = back;
        } else {
            let beside = self.recent.beside(late.number);
            let room = beside.behind.unwrap_or(self.next).wrapping_sub(late.number);
            let filled = late.units.map_or(room, |units| units.min(room));
            if beside.covered {
                // Its own end shows what the one in front of it does not cover.
                self.missing = self.missing.saturating_add((room - filled).into());
            } else {
                self.missing = self.missing.saturating_sub(filled.into());
            }
        }
        self.remember(late);
    }
}
