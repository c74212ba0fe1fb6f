//! What a header's time means where it names no zone: the zone that the configuration names, else
//! the one that other lines of the exporter have shown, else UTC.
//!
//! A session log has its header's time in the device's zone and the session's in UTC. So the
//! distance of the two, to a quarter of an hour, is the zone; it is learned anew with each such
//! line, and so follows summer time.

use super::{
    heads::{Heads, PLACES, place},
    time::HeaderTime,
};
use crate::{
    context::{Flags, UnixNanos},
    settings::{ExporterSettings, Zone},
};
use hashbrown::HashMap;
use jiff::{Timestamp, tz::Offset};
use std::net::IpAddr;

/// Zones are whole quarters of an hour, from UTC-12 to UTC+14.
const QUARTER_S: i64 = 900;
const EAST_MAX_S: i64 = 14 * 3600;
const WEST_MAX_S: i64 = 12 * 3600;
/// A header is made within this time of the event that it reports.
const DELAY_MAX_S: i64 = 120;

/// The zones that a worker has learned, by exporter, and what it remembers of them beside.
#[derive(Debug)]
pub struct Zones {
    learned: HashMap<IpAddr, i64>,
    /// Some of what was learned, by the end of the exporter's address: a line seldom tells more.
    recent: [Option<(IpAddr, i64)>; PLACES],
    exporters_max: usize,
    /// The headers that exporters sent last.
    pub(super) heads: Heads,
}

impl Zones {
    /// Nothing learned, of so many exporters at the most.
    pub fn new(exporters_max: usize) -> Self {
        Self { learned: HashMap::new(), recent: [None; _], exporters_max, heads: Heads::new() }
    }

    /// Changes how many exporters something is learned of.
    pub fn set_limit(&mut self, exporters_max: usize) {
        self.exporters_max = exporters_max;
    }

    /// What was learned.
    #[cfg(test)]
    pub(super) fn learned(&self) -> &HashMap<IpAddr, i64> {
        &self.learned
    }

    /// A header's time in UTC, and how sure that is.
    pub fn resolve(
        &self,
        time: HeaderTime,
        exporter: IpAddr,
        settings: &ExporterSettings,
    ) -> (UnixNanos, Flags) {
        if time.has_zone {
            return (time.unix_nanos, Flags::NONE);
        }
        if let Some(zone) = &settings.zone {
            return (in_zone(time.unix_nanos, zone), Flags::NONE);
        }
        match self.learned.get(&exporter) {
            Some(0) => (time.unix_nanos, Flags::NONE),
            Some(east_s) => (time.unix_nanos - east_s * 1_000_000_000, Flags::HEADER_ZONE_LEARNED),
            None => (time.unix_nanos, Flags::HEADER_ZONE_ASSUMED_UTC),
        }
    }

    /// Learns from a line whose header was made at about `utc_s`, seconds since 1970.
    pub fn learn(&mut self, time: HeaderTime, utc_s: u32, exporter: IpAddr) {
        if time.has_zone {
            return;
        }
        let ahead_s = time.unix_nanos.div_euclid(1_000_000_000) - i64::from(utc_s);
        let recent = self.recent.get_mut(place(exporter));
        if let Some(Some((known, east_s))) = recent.as_deref()
            && *known == exporter
            && (ahead_s - east_s).unsigned_abs() <= DELAY_MAX_S as u64
        {
            return;
        }
        let east_s = (ahead_s + QUARTER_S / 2).div_euclid(QUARTER_S) * QUARTER_S;
        let plausible =
            (-WEST_MAX_S..=EAST_MAX_S).contains(&east_s) && (ahead_s - east_s).abs() <= DELAY_MAX_S;
        if !plausible {
            return;
        }
        if let Some(known) = self.learned.get_mut(&exporter) {
            *known = east_s;
        } else if self.learned.len() < self.exporters_max {
            self.learned.insert(exporter, east_s);
        } else {
            return;
        }
        if let Some(recent) = recent {
            *recent = Some((exporter, east_s));
        }
    }
}

/// A civil time, given as if it were UTC, in UTC.
fn in_zone(civil_as_utc: UnixNanos, zone: &Zone) -> UnixNanos {
    match zone {
        Zone::Fixed(east_s) => civil_as_utc - i64::from(*east_s) * 1_000_000_000,
        Zone::Named(zone) => {
            let Ok(as_utc) = Timestamp::from_nanosecond(i128::from(civil_as_utc)) else {
                return civil_as_utc;
            };
            let civil = Offset::UTC.to_datetime(as_utc);
            let utc = zone.to_ambiguous_timestamp(civil).compatible();
            utc.ok().and_then(|utc| i64::try_from(utc.as_nanosecond()).ok()).unwrap_or(civil_as_utc)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const NOON_S: i64 = 1_452_254_400;

    fn header(seconds: i64) -> HeaderTime {
        HeaderTime { unix_nanos: seconds * 1_000_000_000, has_zone: false }
    }

    #[test]
    fn a_zone_is_learned_from_a_line_with_both_times() {
        let mut zones = Zones::new(1);
        let settings = ExporterSettings::default();
        let resolve = |zones: &Zones| zones.resolve(header(NOON_S), EXPORTER, &settings);
        assert_eq!(resolve(&zones).1, Flags::HEADER_ZONE_ASSUMED_UTC);
        // The header may be a second early.
        zones.learn(header(NOON_S + 8 * 3600 - 1), NOON_S as u32, EXPORTER);
        let expected = ((NOON_S - 8 * 3600) * 1_000_000_000, Flags::HEADER_ZONE_LEARNED);
        assert_eq!(resolve(&zones), expected);
        zones.learn(header(NOON_S + 400), NOON_S as u32, EXPORTER);
        assert_eq!(resolve(&zones), expected, "no zone is seven minutes off");
        zones.learn(header(NOON_S), NOON_S as u32, [192, 0, 2, 2].into());
        assert_eq!(zones.learned.len(), 1, "the limit");
    }

    #[test]
    fn a_configured_zone_goes_before() {
        let mut zones = Zones::new(8);
        zones.learn(header(NOON_S + 3600), NOON_S as u32, EXPORTER);
        for zone in [Zone::Fixed(7200), Zone::Named(jiff::tz::TimeZone::fixed(jiff::tz::offset(2)))]
        {
            let settings = ExporterSettings { zone: Some(zone), ..ExporterSettings::default() };
            let (utc, flags) = zones.resolve(header(NOON_S), EXPORTER, &settings);
            assert_eq!((utc, flags), ((NOON_S - 7200) * 1_000_000_000, Flags::NONE));
        }
    }
}
