//! Which directory a row belongs to: `family=session/date=2026-03-01/hour=14`.
//!
//! The hour is that of arrival (UTC), not of the event: the time in a record is the sender's to
//! choose, and one exporter with a wrong clock would open a directory for every hour of its
//! imagination, each with an open file and its memory. The time of arrival only moves forward, so
//! one hour, or two around the full hour, are open at a time.

use crate::schema::Family;
use jiff::Timestamp;
use logweir_decode::context::UnixNanos;
use std::path::PathBuf;

const NANOS_PER_HOUR: i64 = 3_600 * 1_000_000_000;

/// An hour of arrival, UTC: hours since 1970-01-01T00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hour(i64);

impl Hour {
    /// The hour that a time is in.
    pub const fn of(time: UnixNanos) -> Hour {
        Hour(time.div_euclid(NANOS_PER_HOUR))
    }

    /// The time of its end, which is no longer part of it.
    pub const fn end(self) -> UnixNanos {
        (self.0 + 1).saturating_mul(NANOS_PER_HOUR)
    }

    /// The directory, relative to the data directory.
    pub fn directory(self, family: Family) -> PathBuf {
        let nanos = i128::from(self.0) * i128::from(NANOS_PER_HOUR);
        // The calendar has room for all times of 64 bits, which end in the year 2262.
        let time = Timestamp::from_nanosecond(nanos).unwrap_or_default();
        let time = time.strftime("date=%Y-%m-%d/hour=%H").to_string();
        PathBuf::from(format!("family={family}")).join(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_names_date_and_hour_of_arrival() {
        let directory = |seconds: i64| Hour::of(seconds * 1_000_000_000).directory(Family::Session);
        assert_eq!(directory(0), PathBuf::from("family=session/date=1970-01-01/hour=00"));
        assert_eq!(
            directory(1_772_373_599),
            PathBuf::from("family=session/date=2026-03-01/hour=13")
        );
        assert_eq!(
            directory(1_772_373_600),
            PathBuf::from("family=session/date=2026-03-01/hour=14")
        );
        assert_eq!(directory(-1), PathBuf::from("family=session/date=1969-12-31/hour=23"));
        let last = Hour::of(i64::MAX).directory(Family::Unparsed);
        assert_eq!(last, PathBuf::from("family=unparsed/date=2262-04-11/hour=23"));
    }

    #[test]
    fn every_time_has_an_hour_that_ends_after_it() {
        for time in [i64::MIN / 2, -1, 0, 1, 1_772_373_600_000_000_000] {
            assert!(Hour::of(time).end() > time);
            assert_eq!(Hour::of(Hour::of(time).end() - 1), Hour::of(time));
        }
    }
}
