//! Which directory a row belongs to: `family=session/date=2026-03-01/hour=14`.
//!
//! The hour is that of arrival (UTC), not of the event: the time in a record is the sender's to
//! choose, and one exporter with a wrong clock would make a part for every hour of its imagination.
//! The time of arrival only moves forward, so a segment of the journal is of one hour, or of two
//! around the full hour, and an hour that is over can be closed.

use crate::{error::StoreError, files, schema::Family};
use jiff::Timestamp;
use logweir_decode::context::UnixNanos;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

const NANOS_PER_HOUR: i64 = 3_600 * 1_000_000_000;

/// An hour of arrival, UTC: hours since 1970-01-01T00. As text it is written `2026-03-01T14`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hour(i64);

impl Hour {
    /// The hour that a time is in.
    pub const fn of(time: UnixNanos) -> Hour {
        Hour(time.div_euclid(NANOS_PER_HOUR))
    }

    /// The time of its begin.
    pub const fn begin(self) -> UnixNanos {
        self.0.saturating_mul(NANOS_PER_HOUR)
    }

    /// The hour behind it.
    #[must_use]
    pub const fn next(self) -> Hour {
        Hour(self.0.saturating_add(1))
    }

    /// The time of its end, which is no longer part of it.
    pub const fn end(self) -> UnixNanos {
        (self.0 + 1).saturating_mul(NANOS_PER_HOUR)
    }

    /// The directory, relative to the data directory.
    pub fn directory(self, family: Family) -> PathBuf {
        PathBuf::from(format!("family={family}")).join(self.path())
    }

    /// The directories of date and hour.
    pub fn path(self) -> PathBuf {
        PathBuf::from(self.timestamp().strftime("date=%Y-%m-%d/hour=%H").to_string())
    }

    /// The hour of such directories; `None` of any others.
    pub fn of_path(date: &str, hour: &str) -> Option<Hour> {
        let (date, hour) = (date.strip_prefix("date=")?, hour.strip_prefix("hour=")?);
        format!("{date}T{hour}").parse().ok()
    }

    fn timestamp(self) -> Timestamp {
        let nanos = i128::from(self.0) * i128::from(NANOS_PER_HOUR);
        // The calendar has room for all times of 64 bits, which end in the year 2262.
        Timestamp::from_nanosecond(nanos).unwrap_or_default()
    }

    /// The family and hour of such a directory; `None` for any other path.
    pub fn of_directory(relative: &Path) -> Option<(Family, Hour)> {
        let mut components = relative.to_str()?.split('/');
        let mut value = |key| components.next()?.strip_prefix(key)?.strip_prefix('=');
        let (family, date, hour) = (value("family")?, value("date")?, value("hour")?);
        let family = Family::ALL.into_iter().find(|known| known.name() == family)?;
        let hour: Hour = format!("{date}T{hour}").parse().ok()?;
        (hour.directory(family) == relative).then_some((family, hour))
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp().strftime("%Y-%m-%dT%H"))
    }
}

impl FromStr for Hour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time: Option<Timestamp> = format!("{text}:00:00Z").parse().ok();
        let time = time.and_then(|time| i64::try_from(time.as_nanosecond()).ok());
        let hour = time.map(Hour::of).filter(|hour| hour.to_string() == text);
        hour.ok_or_else(|| format!("'{text}' is no hour like 2026-03-01T14"))
    }
}

impl From<Hour> for String {
    fn from(hour: Hour) -> String {
        hour.to_string()
    }
}

impl TryFrom<String> for Hour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The hours that have a directory below this one, in order; none if it does not exist.
///
/// # Errors
/// If a directory cannot be listed.
pub fn hours_below(directory: &Path) -> Result<Vec<Hour>, StoreError> {
    let mut hours = Vec::new();
    let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
    for date in files::entries(directory)? {
        let below = files::entries(&date)?;
        let below = below.iter().filter_map(|hour| Hour::of_path(&name(&date)?, &name(hour)?));
        hours.extend(below);
    }
    hours.sort_unstable();
    Ok(hours)
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
    fn an_hour_is_written_and_read() {
        for time in [0, -1, 1_772_373_600_000_000_000, i64::MAX] {
            let hour = Hour::of(time);
            assert_eq!(hour.to_string().parse(), Ok(hour));
        }
        assert_eq!(Hour::of(1_772_373_600_000_000_000).to_string(), "2026-03-01T14");
        for wrong in ["", "2026-03-01", "2026-03-01T14:00", "2026-03-01T1", "2026-03-01 14", "x"] {
            assert!(wrong.parse::<Hour>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_directory_is_that_of_its_family_and_hour() {
        for (family, seconds) in [(Family::Session, 1_772_373_600), (Family::Unparsed, -1)] {
            let hour = Hour::of(seconds * 1_000_000_000);
            assert_eq!(Hour::of_directory(&hour.directory(family)), Some((family, hour)));
        }
        let other = ["", "family=session", "family=session/date=2026-03-01/hour=1"];
        let more = ["family=x/date=2026-03-01/hour=01", "family=im/date=2026-03-01/hour=01/a"];
        for path in other.into_iter().chain(more) {
            assert_eq!(Hour::of_directory(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn every_time_has_an_hour_that_ends_after_it() {
        for time in [i64::MIN / 2, -1, 0, 1, 1_772_373_600_000_000_000] {
            assert!(Hour::of(time).end() > time);
            assert_eq!(Hour::of(Hour::of(time).end() - 1), Hour::of(time));
        }
    }
}
