//! One counter of an exporter, through its restarts.

use super::{
    Found, Mark,
    epoch::{Epoch, Place},
};
use crate::{context::UnixNanos, note::Sequence};

/// What is known of a counter.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    current: Option<Epoch>,
    /// The epoch before: some of its datagrams may reach us after the first one of this epoch.
    previous: Option<Epoch>,
    /// Of all epochs before these.
    settled: Found,
    /// Epochs that were given up, because what followed them did not bear them out.
    strays: u64,
}

impl Counter {
    /// One that goes on behind a mark.
    pub(super) fn resumed(mark: &Mark) -> Self {
        Self { current: Some(Epoch::resumed(mark)), ..Self::default() }
    }

    /// Where it stands.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.current.as_ref().map(Epoch::mark)
    }

    /// Takes the number of a datagram.
    pub(super) fn take(&mut self, sequence: &Sequence, at: UnixNanos) {
        if self.take_back(sequence, at) {
            return;
        }
        let Some(current) = &mut self.current else {
            self.current = Some(Epoch::first(sequence, at));
            return;
        };
        let next = match current.place(sequence, at) {
            Place::Ahead | Place::Late => return current.take(sequence, at),
            Place::Leap => current.leap(sequence, at),
            Place::Outside => Epoch::restart(sequence, at),
        };
        let settled = self.previous.take().map(|epoch| epoch.found()).unwrap_or_default();
        self.settled = self.settled.and(settled);
        self.previous = self.current.replace(next);
    }

    /// Takes a datagram of the epoch before, if it is one: a late one; or one that shows that the
    /// numbers which began this epoch were wrong, because the count goes on where it was.
    fn take_back(&mut self, sequence: &Sequence, at: UnixNanos) -> bool {
        let (Some(previous), Some(current)) = (&mut self.previous, &self.current) else {
            return false;
        };
        if previous.distance(sequence) >= current.distance(sequence) {
            return false;
        }
        let is_older = current.began_after(at);
        match previous.place(sequence, at) {
            Place::Late if is_older || current.is_doubtful() => previous.take(sequence, at),
            // What lies in front of a leap belongs to the epoch behind it.
            Place::Ahead | Place::Leap if is_older && current.is_restart() => {
                previous.take(sequence, at);
            }
            Place::Ahead if !is_older && current.is_doubtful() => {
                previous.take(sequence, at);
                self.current = self.previous.take();
                self.strays = self.strays.saturating_add(1);
            }
            _ => return false,
        }
        true
    }

    /// What it has found.
    pub(super) fn found(&self) -> Found {
        let open = self.previous.iter().chain(&self.current).map(Epoch::found);
        open.fold(self.settled, Found::and)
    }

    /// Epochs that were given up.
    pub(super) fn strays(&self) -> u64 {
        self.strays
    }
}
