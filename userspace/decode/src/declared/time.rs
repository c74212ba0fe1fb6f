//! Times of declared formats, whole or put together from parts that stand in different places.

use super::field::Form;
use crate::{
    context::UnixNanos,
    syslog::time::{
        HeaderTime, days, month, nanos, nearest_year, read_clock, read_digits, read_fraction,
        read_rfc3339, read_zone,
    },
};

/// What has been read of a time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    whole: Option<HeaderTime>,
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    /// Seconds of the day, of which hour, minute and second may come one at a time.
    clock: Option<i64>,
    fraction_ns: i64,
    /// Seconds east of UTC.
    zone: Option<i64>,
}

impl Parts {
    /// Adds a value; `None`, and nothing added, where it is not of its form. A time of zeros is
    /// how boxes print that there is none.
    pub(super) fn add(&mut self, form: Form, value: &[u8]) -> Option<()> {
        if matches!(form, Form::Zone) {
            self.zone = Some(zone(value)?);
            return Some(());
        }
        let is_part =
            matches!(form, Form::Clock | Form::Hour | Form::Minute | Form::Second | Form::Year);
        if !is_part && is_zero(value) {
            return Some(());
        }
        let number = || whole_number(value);
        match form {
            Form::Epoch => self.whole = Some(epoch(value)?),
            Form::EpochHex => self.whole = Some(in_zone(hex(value)?.checked_mul(1_000_000_000)?)),
            Form::Any => self.whole = Some(epoch(value).or_else(|| date_time(value))?),
            Form::DateTime => self.whole = Some(date_time(value)?),
            Form::Rfc3339 => {
                let (time, rest) = read_rfc3339(value)?;
                self.whole = Some(rest.is_empty().then_some(time)?);
            }
            Form::CompactUtc => {
                self.whole = Some(in_zone(compact(value, [4, 0, 2, 8, 10, 12])?));
            }
            Form::Compact => {
                let unix_nanos = compact(value, [0, 4, 6, 8, 10, 12])?;
                self.whole = Some(HeaderTime { unix_nanos, has_zone: false });
            }
            Form::Date => {
                let (date, rest) = date(value)?;
                [self.year, self.month, self.day] = rest.is_empty().then_some(date.map(Some))?;
            }
            Form::Clock => {
                let (clock, fraction_ns) = clock(value)?;
                (self.clock, self.fraction_ns) = (Some(clock), fraction_ns);
            }
            Form::Year => self.year = Some(number()?),
            Form::Month => {
                let named = || month(value.first_chunk()?);
                self.month = Some(number().or_else(named)?);
            }
            Form::Day => self.day = Some(number()?),
            Form::Hour => self.add_clock(number().filter(|hour| *hour < 24)? * 3600),
            Form::Minute => self.add_clock(number().filter(|minute| *minute < 60)? * 60),
            Form::Second => self.add_clock(number().filter(|second| *second < 61)?),
            Form::Zone => {}
        }
        Some(())
    }

    fn add_clock(&mut self, seconds: i64) {
        self.clock = Some(self.clock.unwrap_or(0) + seconds);
    }

    /// The time; without a year, of the one that brings it nearest to the time of arrival. `None`
    /// where there is none, or none that can be.
    pub(super) fn time(&self, received_at: UnixNanos) -> Option<HeaderTime> {
        if self.whole.is_some() {
            return self.whole;
        }
        let (month, day, clock) = (self.month?, self.day?, self.clock?);
        let in_year =
            |year| nanos(days(year, month, day)?, clock - self.zone.unwrap_or(0), self.fraction_ns);
        let unix_nanos = match self.year {
            Some(year) => in_year(year),
            None => nearest_year(received_at, in_year),
        };
        Some(HeaderTime { unix_nanos: unix_nanos?, has_zone: self.zone.is_some() })
    }

    /// Whether something was read, whatever it comes to.
    pub(super) fn is_given(&self) -> bool {
        self.whole.is_some() || self.day.is_some()
    }
}

fn in_zone(unix_nanos: UnixNanos) -> HeaderTime {
    HeaderTime { unix_nanos, has_zone: true }
}

/// Whether all its digits are zero, and digits and their separators are all that it has.
fn is_zero(value: &[u8]) -> bool {
    value.contains(&b'0') && value.iter().all(|byte| b"0-/:. ".contains(byte))
}

fn whole_number(value: &[u8]) -> Option<i64> {
    read_digits(value, 1, 18).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// Seconds since 1970; milli-, micro- or nanoseconds where it has the digits of those.
fn epoch(value: &[u8]) -> Option<HeaderTime> {
    let number = i64::try_from(crate::syslog::scan::number(value)?).ok()?;
    let unit = match value.len() {
        ..=10 => 1_000_000_000,
        11..=13 => 1_000_000,
        14..=16 => 1000,
        _ => 1,
    };
    number.checked_mul(unit).map(in_zone)
}

/// Hexadecimal digits, behind `0x` or not.
fn hex(value: &[u8]) -> Option<i64> {
    let digits = value.strip_prefix(b"0x").unwrap_or(value);
    let is_number = (1..16).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    i64::from_str_radix(text, 16).ok()
}

/// `YYYY-MM-DD` or `YYYY/MM/DD`, a space or `T`, `hh:mm:ss[.f]`, and perhaps a zone.
fn date_time(value: &[u8]) -> Option<HeaderTime> {
    let ([year, month, day], rest) = date(value)?;
    let rest = rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b" "))?.trim_ascii_start();
    let (clock, rest) = read_clock(rest)?;
    let (fraction_ns, rest) = read_fraction(rest);
    let zone = match rest.trim_ascii_start() {
        [] => None,
        rest => Some(zone(rest)?),
    };
    let unix_nanos = nanos(days(year, month, day)?, clock - zone.unwrap_or(0), fraction_ns)?;
    Some(HeaderTime { unix_nanos, has_zone: zone.is_some() })
}

/// Year, month and day with `-` or `/` between them.
fn date(value: &[u8]) -> Option<([i64; 3], &[u8])> {
    let (year, rest) = read_digits(value, 4, 4)?;
    let (separator, rest) = rest.split_first().filter(|(byte, _)| b"-/".contains(byte))?;
    let (month, rest) = read_digits(rest, 1, 2)?;
    let (day, rest) = read_digits(rest.strip_prefix(&[*separator])?, 1, 2)?;
    Some(([year, month, day], rest))
}

/// `hh:mm:ss`, and a fraction behind a full stop or a colon.
fn clock(value: &[u8]) -> Option<(i64, i64)> {
    let (clock, rest) = read_clock(value)?;
    let (fraction_ns, rest) = match rest.split_first() {
        Some((b':', digits)) => {
            let (_, after) = read_digits(digits, 1, 9)?;
            let count = u32::try_from(digits.len() - after.len()).ok()?;
            let (number, _) = read_digits(digits, 1, 9)?;
            (number * 10i64.pow(9u32.checked_sub(count)?), after)
        }
        _ => read_fraction(rest),
    };
    rest.is_empty().then_some((clock, fraction_ns))
}

/// A zone's seconds east of UTC: `+hh:mm`, `+hhmm`, `Z`, `UTC` or `GMT`.
fn zone(value: &[u8]) -> Option<i64> {
    let utc: [&[u8]; 3] = [b"Z", b"UTC", b"GMT"];
    if utc.iter().any(|name| value.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    if let (Some(east_s), []) = read_zone(value) {
        return Some(east_s);
    }
    let (sign, digits) = value.split_first()?;
    let (number, rest) = read_digits(digits, 4, 4)?;
    let east_s = number / 100 * 3600 + number % 100 * 60;
    match (sign, rest) {
        (b'+', []) => Some(east_s),
        (b'-', []) => Some(-east_s),
        _ => None,
    }
}

/// Fourteen digits, in which year, month, day, hour, minute and second stand at these places.
fn compact(value: &[u8], places: [usize; 6]) -> Option<UnixNanos> {
    if value.len() != 14 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut numbers = [0; 6];
    for (index, (number, place)) in numbers.iter_mut().zip(places).enumerate() {
        let len = if index == 0 { 4 } else { 2 };
        *number = read_digits(value.get(place..)?, len, len)?.0;
    }
    let [year, month, day, hour, minute, second] = numbers;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    nanos(days(year, month, day)?, hour * 3600 + minute * 60 + second, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-02T00:00:00Z.
    const ARRIVAL: UnixNanos = 1_767_312_000_000_000_000;

    fn read(parts: &[(Form, &str)]) -> Option<HeaderTime> {
        let mut time = Parts::default();
        for (form, value) in parts {
            time.add(*form, value.as_bytes())?;
        }
        time.time(ARRIVAL)
    }

    #[test]
    fn every_form() {
        let noon = 1_767_355_200_000_000_000;
        let utc = Some(HeaderTime { unix_nanos: noon, has_zone: true });
        let local = Some(HeaderTime { unix_nanos: noon, has_zone: false });
        for (parts, expected) in [
            (vec![(Form::Epoch, "1767355200")], utc),
            (vec![(Form::Epoch, "1767355200000000000")], utc),
            (vec![(Form::EpochHex, "0x6957b340")], utc),
            (vec![(Form::Any, "2026/01/02 12:00:00")], local),
            (vec![(Form::DateTime, "2026-01-02 13:00:00 +01:00")], utc),
            (vec![(Form::Rfc3339, "2026-01-02T12:00:00Z")], utc),
            (vec![(Form::CompactUtc, "01022026120000")], utc),
            (vec![(Form::Compact, "20260102120000")], local),
            (vec![(Form::Date, "2026-01-02"), (Form::Clock, "12:00:00:00")], local),
            (vec![(Form::Month, "Jan"), (Form::Day, "2"), (Form::Clock, "12:00:00")], local),
            (
                vec![
                    (Form::Zone, "+0100"),
                    (Form::Year, "2026"),
                    (Form::Month, "01"),
                    (Form::Day, "02"),
                    (Form::Hour, "13"),
                    (Form::Minute, "00"),
                    (Form::Second, "00"),
                ],
                utc,
            ),
            (vec![(Form::Epoch, "0")], None),
            (vec![(Form::DateTime, "0000/00/00 00:00:00")], None),
            (vec![(Form::Date, "2026-02-30"), (Form::Clock, "12:00:00")], None),
        ] {
            assert_eq!(read(&parts), expected, "{parts:?}");
        }
    }
}
