//! Times of records: by the clocks of the header, or in units of their own.

use super::{numbers::put, plan::Slot, profile::Unit, records::Records};
use crate::session::{Cells, Column, SessionTable};

/// The clocks of a datagram's header: what relative times in its records are told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Milliseconds since 1970 UTC.
    pub unix_ms: i64,
    /// Milliseconds since the exporter started, modulo 2³²; `None` where nobody has told.
    pub uptime_ms: Option<u32>,
}

impl Clock {
    /// Records may be switched a little after their datagram's header was made.
    const AHEAD_MS_MAX: u32 = 3_600_000;

    /// The clock of an exporter that has told when it started, milliseconds since 1970 UTC.
    #[must_use]
    pub const fn started_at(self, started_ms: u64) -> Clock {
        Clock { uptime_ms: Some((self.unix_ms as u64).wrapping_sub(started_ms) as u32), ..self }
    }

    /// The time at which the uptime was `uptime_ms`, milliseconds since 1970 UTC; 0 where that
    /// cannot be told. An uptime wraps after 49.7 days: one above that of the header is of the
    /// turn before.
    fn unix_ms_at(self, uptime_ms: u32) -> i64 {
        let Some(now_ms) = self.uptime_ms else { return 0 };
        let ahead = uptime_ms.wrapping_sub(now_ms);
        if ahead <= Self::AHEAD_MS_MAX {
            self.unix_ms + i64::from(ahead)
        } else {
            self.unix_ms - i64::from(now_ms.wrapping_sub(uptime_ms))
        }
    }
}

/// Seconds since 1970 and nanoseconds. A time outside the years 1970 to 2106 is absent.
fn milliseconds(unix_ms: u64) -> (u32, u32) {
    (u32::try_from(unix_ms / 1000).unwrap_or(0), (unix_ms % 1000) as u32 * 1_000_000)
}

/// Of an NTP time, which counts from 1900 and begins anew in 2036. All zero is no time.
fn ntp(time: u64) -> (u32, u32) {
    const UNIX_EPOCH: u32 = 2_208_988_800;
    if time == 0 {
        return (0, 0);
    }
    let (seconds, fraction) = ((time >> 32) as u32, time & 0xffff_ffff);
    (seconds.wrapping_sub(UNIX_EPOCH), ((fraction * 1_000_000_000) >> 32) as u32)
}

/// Of an NTP time of which the lowest 11 bits count for nothing (RFC 7011 §6.1.9): the nearest
/// microsecond.
fn ntp_microseconds(time: u64) -> (u32, u32) {
    const IGNORED: u64 = 0x7ff;
    let (seconds, _) = ntp(time & !IGNORED);
    let fraction = time & 0xffff_ffff & !IGNORED;
    let micros = ((fraction * 1_000_000 + (1 << 31)) >> 32) as u32;
    if seconds != 0 && micros == 1_000_000 {
        (seconds.wrapping_add(1), 0)
    } else {
        (seconds, micros % 1_000_000 * 1000)
    }
}

fn microseconds_before(clock: Clock, delta: u32) -> (u32, u32) {
    let nanos = clock.unix_ms * 1_000_000 - i64::from(delta) * 1000;
    let seconds = u32::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(0);
    (seconds, nanos.rem_euclid(1_000_000_000) as u32)
}

/// Moves times in a unit into columns of seconds and nanoseconds.
pub fn move_time(
    unit: Unit,
    columns: [Column; 2],
    slot: Slot,
    records: &Records<'_, '_>,
    clock: Clock,
    table: &mut SessionTable,
) {
    let long = records.array(slot).iter().map(u64::from_be_bytes);
    match unit {
        Unit::Milliseconds => fill_times(columns, long.map(milliseconds), table),
        Unit::NtpMicroseconds => {
            fill_times(columns, long.map(ntp_microseconds), table);
        }
        Unit::NtpNanoseconds => fill_times(columns, long.map(ntp), table),
        Unit::MicrosecondsBeforeExport => {
            let deltas = records.array(slot).iter().map(u32::from_be_bytes);
            fill_times(columns, deltas.map(|delta| microseconds_before(clock, delta)), table);
        }
    }
}

/// Moves uptimes, by the clock or by when the exporter started, into such columns.
pub fn move_uptime(
    columns: [Column; 2],
    slot: Slot,
    started: Option<Slot>,
    records: &Records<'_, '_>,
    clock: Clock,
    table: &mut SessionTable,
) {
    let uptimes = records.array(slot).iter().map(u32::from_be_bytes);
    let Some(started) = started else {
        let times = uptimes.map(|at| milliseconds(clock.unix_ms_at(at) as u64));
        return fill_times(columns, times, table);
    };
    let started = records.array(started).iter().map(u64::from_be_bytes);
    let times = uptimes.zip(started).map(|(at, started)| clock.started_at(started).unix_ms_at(at));
    fill_times(columns, times.map(|ms| milliseconds(ms as u64)), table);
}

fn fill_times(
    [seconds, nanos]: [Column; 2],
    times: impl Iterator<Item = (u32, u32)> + Clone,
    table: &mut SessionTable,
) {
    if let Cells::U32(cells) = table.vacant(seconds) {
        put(cells, times.clone().map(|(seconds, _)| seconds));
    }
    if let Cells::U32(cells) = table.vacant(nanos) {
        put(cells, times.map(|(_, nanos)| nanos));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_times_are_those_of_unix_from_1900_and_from_2036() {
        const SECOND: u64 = 1 << 32;
        assert_eq!(ntp(2_208_988_800 * SECOND), (0, 0));
        assert_eq!(ntp(3_906_588_800 * SECOND + SECOND / 4), (1_697_600_000, 250_000_000));
        assert_eq!(ntp(SECOND), (2_085_978_497, 0));
        assert_eq!(ntp(0), (0, 0));
    }
}
