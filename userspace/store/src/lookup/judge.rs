//! What one record says of the time in question.

use super::{Held, Lookup};
use crate::found::StoredSession;
use logweir_decode::context::UnixNanos;

/// Whose clock a time is by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The device's, which its records tell.
    #[default]
    Device,
    /// The collector's: a record's times are moved by as much as it arrived after its event.
    Received,
}

pub(super) enum Verdict {
    Held(Held),
    /// It ended before the time.
    EndedBefore,
    Other,
}

impl Lookup {
    /// The time in question. Stored times are rounded down to microseconds, so it is as well.
    pub(super) const fn at_micros(&self) -> UnixNanos {
        self.at.div_euclid(1_000).saturating_mul(1_000)
    }

    /// The times between which an event is near.
    pub(super) fn tolerance(&self) -> [UnixNanos; 2] {
        let (at, within) = (self.at_micros(), self.within_nanos());
        [at.saturating_sub(within), at.saturating_add(within)]
    }

    fn within_nanos(&self) -> i64 {
        i64::try_from(self.within.as_nanos()).unwrap_or(i64::MAX)
    }

    /// The latest begin of what may be held, microseconds.
    pub(super) fn begin_max_micros(&self) -> i64 {
        self.at.saturating_add(self.within_nanos()).div_euclid(1_000)
    }

    /// What is to be added to the times of a record.
    pub(super) fn shift(&self, session: &StoredSession) -> i64 {
        match (self.clock, session.received_at, session.event_time) {
            (Clock::Received, Some(received), Some(event)) => received.saturating_sub(event),
            _ => 0,
        }
    }

    /// What a record of the right address, port and protocol says.
    pub(super) fn judge(&self, session: &StoredSession) -> Verdict {
        let at = self.at_micros();
        let [first, last] = self.tolerance();
        let shift = self.shift(session);
        let Some(begin) = session.begin().map(|begin| begin.saturating_add(shift)) else {
            return Verdict::Other;
        };
        if begin > last {
            return Verdict::Other;
        }
        let Some(end) = session.end().map(|end| end.saturating_add(shift)) else {
            return Verdict::Held(if begin <= at { Held::Open } else { Held::Near });
        };
        if end < first {
            Verdict::EndedBefore
        } else if begin <= at && at <= end && !session.is_refused() {
            Verdict::Held(Held::Throughout)
        } else {
            Verdict::Held(Held::Near)
        }
    }
}
