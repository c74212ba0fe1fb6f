//! One counter of an exporter, through its restarts.

use super::{
    Found,
    epoch::{Epoch, Place},
};
use crate::{context::UnixNanos, note::Sequence};

/// What is known of a counter.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    current: Option<Epoch>,
    /// The epoch before: some of its datagrams may reach us after the first one of this epoch.
    previous: Option<Epoch>,
    /// Of all epochs before these, and their restarts.
    settled: Found,
}

impl Counter {
    /// Takes the number of a datagram.
    pub(super) fn take(&mut self, sequence: &Sequence, at: UnixNanos) {
        let Some(current) = &mut self.current else {
            self.current = Some(Epoch::begin(sequence, at));
            return;
        };
        if let Some(previous) = &mut self.previous
            && current.began_after(at)
            && previous.distance(sequence) < current.distance(sequence)
            && previous.place(sequence, at) != Place::Outside
        {
            previous.take(sequence, at);
        } else if current.place(sequence, at) != Place::Outside {
            current.take(sequence, at);
        } else {
            self.restart(sequence, at);
        }
    }

    fn restart(&mut self, sequence: &Sequence, at: UnixNanos) {
        let gone = self.previous.take().map_or(0, |epoch| epoch.missing());
        self.settled.missing = self.settled.missing.saturating_add(gone);
        self.settled.restarts = self.settled.restarts.saturating_add(1);
        self.previous = self.current.take();
        self.current = Some(Epoch::begin(sequence, at));
    }

    /// What it has found.
    pub(super) fn found(&self) -> Found {
        let open = self.previous.iter().chain(&self.current).map(Epoch::missing);
        Found { missing: open.fold(self.settled.missing, u64::saturating_add), ..self.settled }
    }
}
