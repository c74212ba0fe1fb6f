//! The waiting room: data sets whose template has not come yet, within bounds.
//!
//! After the registry has changed, all waiters are tried once, in rounds: a waiter is taken from
//! the front, and goes to the back where it still waits. So each step is cheap, however many wait,
//! and between rounds the front is the oldest.

use super::{registry::Scope, times::Clock};
use crate::{
    context::{Context, UnixNanos},
    limits::Limits,
    reason::Reason,
};
use hashbrown::HashMap;
use std::{collections::VecDeque, net::IpAddr};

/// Rounds begin at most this often, so that an exporter that changes its templates all the time
/// does not make the worker do nothing else.
const ROUND_INTERVAL_NS: i64 = 10_000_000;

/// What is left to decode of one datagram.
#[derive(Debug)]
pub struct Waiter {
    /// Whose templates it needs: those of the Source ID as sent, or without Huawei's second byte.
    pub scopes: [Scope; 2],
    /// What its records will share.
    pub context: Context,
    /// What its relative times count from.
    pub clock: Clock,
    /// The sets that wait, headers included.
    pub sets: Vec<u8>,
    /// Why another part of the datagram has been rejected already.
    pub rejected: Option<Reason>,
}

impl Waiter {
    fn bytes(&self) -> usize {
        size_of::<Waiter>() + self.sets.capacity()
    }
}

/// The waiting datagrams of one worker.
#[derive(Debug)]
pub struct WaitingRoom {
    limits: Limits,
    waiters: VecDeque<Waiter>,
    bytes: usize,
    shares: HashMap<IpAddr, Share>,
    round: Round,
}

/// What one exporter takes of the room.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    datagrams: usize,
    bytes: usize,
}

/// A turn in which each waiter is tried once.
#[derive(Debug, Default)]
struct Round {
    /// Waiters that are still to be tried.
    left: usize,
    /// The registry's change count when the round began.
    changes: u64,
    /// No new round before this time.
    next_at: UnixNanos,
}

impl WaitingRoom {
    /// An empty room.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiters: VecDeque::new(),
            bytes: 0,
            shares: HashMap::new(),
            round: Round::default(),
        }
    }

    /// Changes the limits. Who waits already stays, also where there is no room left.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Number of datagrams that wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Lets a datagram wait; the datagram comes back where there is no room for it.
    #[must_use]
    pub fn enter(&mut self, waiter: Waiter) -> Option<Waiter> {
        let bytes = waiter.bytes();
        let own = self.shares.get(&waiter.context.exporter).copied().unwrap_or_default();
        let full = self.waiters.len() >= self.limits.waiting_datagrams
            || self.bytes + bytes > self.limits.waiting_bytes
            || own.datagrams >= self.limits.waiting_datagrams_per_exporter
            || own.bytes + bytes > self.limits.waiting_bytes_per_exporter;
        if full {
            return Some(waiter);
        }
        self.put_back(waiter);
        None
    }

    /// The next waiter to try after the registry has changed; `None` when all were tried since, or
    /// it is too early to begin again.
    pub fn next(&mut self, registry_changes: u64, now: UnixNanos) -> Option<Waiter> {
        if self.round.left == 0 {
            // A clock that was set back must not put the round off for as long.
            let pause = self.round.next_at.saturating_sub(now);
            let too_early = (1..=ROUND_INTERVAL_NS).contains(&pause);
            if self.round.changes == registry_changes || too_early {
                return None;
            }
            self.round = Round {
                left: self.waiters.len(),
                changes: registry_changes,
                next_at: now.saturating_add(ROUND_INTERVAL_NS),
            };
        }
        self.round.left = self.round.left.checked_sub(1)?;
        self.pop_front()
    }

    /// Takes in, or back, a waiter that must wait.
    pub fn put_back(&mut self, waiter: Waiter) {
        self.bytes += waiter.bytes();
        let own = self.shares.entry(waiter.context.exporter).or_default();
        own.datagrams += 1;
        own.bytes += waiter.bytes();
        self.waiters.push_back(waiter);
    }

    /// The oldest waiter, when it has waited long enough at the time `now`.
    pub fn expire(&mut self, now: UnixNanos) -> Option<Waiter> {
        let oldest = self.waiters.front().filter(|_| self.round.left == 0)?;
        let since = now.saturating_sub(self.limits.waiting_age_ns);
        if oldest.context.received_at >= since {
            return None;
        }
        self.pop_front()
    }

    /// Any waiter, when the worker stops.
    pub fn pop_front(&mut self) -> Option<Waiter> {
        let waiter = self.waiters.pop_front()?;
        let bytes = waiter.bytes();
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(own) = self.shares.get_mut(&waiter.context.exporter) {
            own.datagrams = own.datagrams.saturating_sub(1);
            own.bytes = own.bytes.saturating_sub(bytes);
            if own.datagrams == 0 {
                self.shares.remove(&waiter.context.exporter);
            }
        }
        Some(waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        context::{EventTime, Flags, Format},
        netflow::Version,
        text::Text,
    };

    fn waiter(exporter: [u8; 4], received_at: UnixNanos, bytes: usize) -> Waiter {
        let version = Version::V9;
        let scope = Scope { exporter: exporter.into(), version, domain: 0 };
        Waiter {
            scopes: [scope; 2],
            context: Context {
                exporter: scope.exporter,
                exporter_port: 0,
                format: Format::NetflowV9,
                observation_domain: Some(0),
                sequence: None,
                host: Text::EMPTY,
                received_at,
                event_time: EventTime::Record,
                flags: Flags::NONE,
            },
            clock: Clock { unix_ms: 0, uptime_ms: Some(0) },
            sets: vec![0; bytes],
            rejected: None,
        }
    }

    #[test]
    fn one_exporter_leaves_room_for_others() {
        let limits = Limits { waiting_bytes_per_exporter: 10_000, ..Limits::DEFAULT };
        let mut room = WaitingRoom::new(limits);
        let refused =
            (0..100).filter(|_| room.enter(waiter([192, 0, 2, 1], 0, 1000)).is_some()).count();
        assert!(refused > 0);
        assert!(room.enter(waiter([192, 0, 2, 2], 0, 1000)).is_none());
        while room.pop_front().is_some() {}
        assert_eq!((room.bytes, room.shares.len()), (0, 0));
    }

    #[test]
    fn a_round_tries_each_waiter_once_and_keeps_their_order() {
        let mut room = WaitingRoom::new(Limits::DEFAULT);
        for received_at in 0..3 {
            assert!(room.enter(waiter([192, 0, 2, 1], received_at, 10)).is_none());
        }
        let mut tried = Vec::new();
        while let Some(waiter) = room.next(1, 0) {
            tried.push(waiter.context.received_at);
            room.put_back(waiter);
        }
        assert_eq!(tried, [0, 1, 2]);
        assert!(room.next(2, ROUND_INTERVAL_NS - 1).is_none(), "too early for another round");
        assert_eq!(room.next(2, ROUND_INTERVAL_NS).unwrap().context.received_at, 0);
    }

    #[test]
    fn the_oldest_expires_first() {
        let mut room = WaitingRoom::new(Limits { waiting_age_ns: 100, ..Limits::DEFAULT });
        assert!(room.enter(waiter([192, 0, 2, 1], 0, 10)).is_none());
        assert!(room.enter(waiter([192, 0, 2, 1], 50, 10)).is_none());
        assert!(room.expire(100).is_none());
        assert_eq!(room.expire(101).unwrap().context.received_at, 0);
        assert!(room.expire(101).is_none());
    }
}
