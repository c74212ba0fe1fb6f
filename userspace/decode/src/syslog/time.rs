//! Times in headers, as UTC nanoseconds.
//!
//! ```text
//! YYYY-MM-DD hh:mm:ss      session logs (Meanings of Log Fields)
//! Mmm dd YYYY hh:mm:ss     other modules
//! ```
//! either followed by `.fff`, another number (`.460.1`), a zone `+hh:mm` or `-hh:mm`, and ` DST`,
//! where the device adds them. Ordinary syslog has `YYYY-MM-DDThh:mm:ss` (RFC 5424) and
//! `Mmm dd hh:mm:ss` (RFC 3164). CGNAT boxes write the year first, `YYYY Mmm dd hh:mm:ss`, with
//! the month's name short or long, with spaces in place of colons, or with each part in angle
//! brackets; policy logs write `YYYY/MM/DD hh:mm:ss`.

use crate::context::UnixNanos;

/// A time in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderTime {
    /// The time; read as UTC where the header names no zone.
    pub unix_nanos: UnixNanos,
    /// Whether the header names its zone.
    pub has_zone: bool,
}

/// Reads a VRP time from the start of the text; what follows it comes back.
pub fn read_vrp(text: &[u8]) -> Option<(HeaderTime, &[u8])> {
    let (date, rest) = read_iso_date(text).or_else(|| read_month_date(text))?;
    let (clock, rest) = read_clock(rest.strip_prefix(b"T").unwrap_or(strip_spaces(rest)))?;
    let (fraction_ns, rest) = read_fraction(rest);
    let (_, rest) = read_fraction(rest);
    let (zone_s, rest) = match rest.strip_prefix(b"Z") {
        Some(rest) => (Some(0), rest),
        None => read_zone(rest),
    };
    let rest = rest.strip_prefix(b" DST").unwrap_or(rest);
    let unix_nanos = nanos(date, clock - zone_s.unwrap_or(0), fraction_ns)?;
    Some((HeaderTime { unix_nanos, has_zone: zone_s.is_some() }, rest))
}

/// Length of `YYYY-MM-DD hh:mm:ss `.
pub const PLAIN_LEN: usize = 20;

/// Reads `YYYY-MM-DD hh:mm:ss ` from the start of the text, eight characters at a time; what
/// follows it comes back. [`read_vrp`] would read the same, unless ` DST` follows.
pub fn read_plain(text: &[u8]) -> Option<(HeaderTime, &[u8])> {
    let (text, rest) = text.split_first_chunk::<PLAIN_LEN>()?;
    let (date, clock) = text.split_first_chunk::<8>()?;
    let [century, _, year, _, _, month, ..] = pairs::<{ word(b"0000-00-") }>(*date)?;
    let [day, _, _, hour, _, _, minute, _] = pairs::<{ word(b"00 00:00") }>(*clock.first_chunk()?)?;
    let [.., second, _, _] = pairs::<{ word(b"0:00:00 ") }>(*clock.last_chunk()?)?;
    let days = days(i64::from(century) * 100 + i64::from(year), month.into(), day.into())?;
    let clock = seconds_of_day(hour.into(), minute.into(), second.into())?;
    Some((HeaderTime { unix_nanos: nanos(days, clock, 0)?, has_zone: false }, rest))
}

const fn word(text: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*text)
}

/// For each digit of a text the number of two digits that it begins. The pattern has zeros in the
/// places of digits; other characters must be as they are there.
fn pairs<const PATTERN: u64>(text: [u8; 8]) -> Option<[u8; 8]> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    // A digit may be up to 9 more than a zero, and any other character no more.
    let to_high_bit = const {
        let mut bytes = PATTERN.to_le_bytes();
        let mut rest = bytes.as_mut_slice();
        while let Some((byte, behind)) = rest.split_first_mut() {
            *byte = if *byte == b'0' { 0x80 - 10 } else { 0x80 - 1 };
            rest = behind;
        }
        u64::from_le_bytes(bytes)
    };
    let digits = u64::from_le_bytes(text) ^ PATTERN;
    let above = ((digits & !HIGH_BITS) + to_high_bit) | digits;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    (above & HIGH_BITS == 0).then_some(pairs.to_le_bytes())
}

/// Reads `YYYY-MM-DDThh:mm:ss[.f]` and `Z` or a zone (RFC 5424 §6.2.3).
pub fn read_rfc3339(text: &[u8]) -> Option<(HeaderTime, &[u8])> {
    let (date, rest) = read_iso_date(text)?;
    let (clock, rest) = read_clock(rest.strip_prefix(b"T")?)?;
    let (fraction_ns, rest) = read_fraction(rest);
    let (zone_s, rest) = match rest.strip_prefix(b"Z") {
        Some(rest) => (Some(0), rest),
        None => read_zone(rest),
    };
    let unix_nanos = nanos(date, clock - zone_s.unwrap_or(0), fraction_ns)?;
    Some((HeaderTime { unix_nanos, has_zone: zone_s.is_some() }, rest))
}

/// Reads `Mmm dd hh:mm:ss[.f]` (RFC 3164 §4.1.2), of the latest year that makes it no later than that of
/// arrival, or of the year behind it (`Mmm dd hh:mm:ss YYYY`, as H3C and DPtech print it).
pub fn read_rfc3164(text: &[u8], received_at: UnixNanos) -> Option<(HeaderTime, &[u8])> {
    let (month, rest) = read_month(text)?;
    let (day, rest) = read_digits(strip_spaces(rest), 1, 2)?;
    let (clock, rest) = read_clock(rest.strip_prefix(b" ")?)?;
    let (fraction_ns, rest) = read_fraction(rest);
    let in_year = |year| nanos(days(year, month, day)?, clock, fraction_ns);
    if let Some((year, rest)) = read_year(rest) {
        return Some((HeaderTime { unix_nanos: in_year(year)?, has_zone: false }, rest));
    }
    let unix_nanos = nearest_year(received_at, in_year)?;
    Some((HeaderTime { unix_nanos, has_zone: false }, rest))
}

/// Reads a time in the header of a CGNAT log: with the year first, or as in the other headers.
pub fn read_cgn(text: &[u8], received_at: UnixNanos) -> Option<(HeaderTime, &[u8])> {
    read_year_first(text).or_else(|| read_vrp(text)).or_else(|| read_rfc3164(text, received_at))
}

/// Reads `YYYY/MM/DD hh:mm:ss`, or a VRP time, which is all of the text.
pub fn read_policy(text: &[u8]) -> Option<HeaderTime> {
    let (time, rest) = read_slashed(text).or_else(|| read_vrp(text))?;
    rest.is_empty().then_some(time)
}

/// Reads `YYYYMMDDhhmmss`, which is all of the text.
pub fn read_compact(text: &[u8]) -> Option<HeaderTime> {
    let (year, rest) = read_digits(text, 4, 4)?;
    let (month, rest) = read_digits(rest, 2, 2)?;
    let (day, rest) = read_digits(rest, 2, 2)?;
    let (hour, rest) = read_digits(rest, 2, 2)?;
    let (minute, rest) = read_digits(rest, 2, 2)?;
    let (second, rest) = read_digits(rest, 2, 2)?;
    let clock = seconds_of_day(hour, minute, second).filter(|_| rest.is_empty())?;
    let unix_nanos = nanos(days(year, month, day)?, clock, 0)?;
    Some(HeaderTime { unix_nanos, has_zone: false })
}

fn read_slashed(text: &[u8]) -> Option<(HeaderTime, &[u8])> {
    let (year, rest) = read_digits(text, 4, 4)?;
    let (month, rest) = read_digits(rest.strip_prefix(b"/")?, 1, 2)?;
    let (day, rest) = read_digits(rest.strip_prefix(b"/")?, 1, 2)?;
    let (clock, rest) = read_clock(strip_spaces(rest))?;
    let unix_nanos = nanos(days(year, month, day)?, clock, 0)?;
    Some((HeaderTime { unix_nanos, has_zone: false }, rest))
}

/// `YYYY Mmm dd hh:mm:ss` and its variants.
fn read_year_first(text: &[u8]) -> Option<(HeaderTime, &[u8])> {
    let (year, rest) = read_part(text, |text| read_digits(text, 4, 4))?;
    let (month, rest) = read_part(rest, read_month_name)?;
    let (day, rest) = read_part(rest, |text| read_digits(text, 1, 2))?;
    let (clock, rest) = read_part(rest, |text| read_clock(text).or_else(|| read_parts(text)))?;
    let unix_nanos = nanos(days(year, month, day)?, clock, 0)?;
    Some((HeaderTime { unix_nanos, has_zone: false }, rest))
}

/// A part of a time, behind spaces, as it is or in angle brackets.
fn read_part(text: &[u8], read: impl Fn(&[u8]) -> Option<(i64, &[u8])>) -> Option<(i64, &[u8])> {
    let text = strip_spaces(text);
    match text.strip_prefix(b"<") {
        Some(inside) => {
            let (value, rest) = read(inside)?;
            Some((value, rest.strip_prefix(b">")?))
        }
        None => read(text),
    }
}

/// The name of a month, short or long, in English.
fn read_month_name(text: &[u8]) -> Option<(i64, &[u8])> {
    let (month, rest) = read_month_abbreviation(text)?;
    let tail = rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    Some((month, rest.get(tail..)?))
}

/// `hh mm ss`, as seconds of the day.
fn read_parts(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = read_digits(text, 2, 2)?;
    let (minute, rest) = read_digits(rest.strip_prefix(b" ")?, 2, 2)?;
    let (second, rest) = read_digits(rest.strip_prefix(b" ")?, 2, 2)?;
    Some((seconds_of_day(hour, minute, second)?, rest))
}

/// A clock may be ahead by this.
pub const AHEAD_MAX_NS: i64 = 2 * 86_400 * 1_000_000_000;

/// A time that depends on the year, in the nearest year that does not put it into the future: a log
/// may be old, but nobody logs what is to come.
pub(crate) fn nearest_year(
    received_at: UnixNanos,
    in_year: impl Fn(i64) -> Option<UnixNanos>,
) -> Option<UnixNanos> {
    // Within a year of the right one, whatever day it is; a leap day is eight years old at the most.
    let year = 1970 + received_at.div_euclid(1_000_000_000) / 31_556_952;
    let latest = received_at.saturating_add(AHEAD_MAX_NS);
    (year - 9..=year + 1).rev().filter_map(in_year).find(|time| *time <= latest)
}

/// ` YYYY` in front of another word. A host could be called that, but none is.
fn read_year(text: &[u8]) -> Option<(i64, &[u8])> {
    let (year, rest) = read_digits(text.strip_prefix(b" ")?, 4, 4)?;
    ((1970..2200).contains(&year) && rest.starts_with(b" ")).then_some((year, rest))
}

/// Nanoseconds since 1970, in 64 bits, which end in the year 2262.
pub(crate) fn nanos(days: i64, seconds: i64, fraction_ns: i64) -> Option<UnixNanos> {
    (days * 86_400 + seconds).checked_mul(1_000_000_000)?.checked_add(fraction_ns)
}

/// `YYYY-MM-DD`, as days since 1970.
fn read_iso_date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (year, rest) = read_digits(text, 4, 4)?;
    let (month, rest) = read_digits(rest.strip_prefix(b"-")?, 1, 2)?;
    let (day, rest) = read_digits(rest.strip_prefix(b"-")?, 1, 2)?;
    Some((days(year, month, day)?, rest))
}

/// `Mmm dd YYYY`, as days since 1970.
fn read_month_date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (month, rest) = read_month(text)?;
    let (day, rest) = read_digits(strip_spaces(rest), 1, 2)?;
    let (year, rest) = read_digits(rest.strip_prefix(b" ")?, 4, 4)?;
    Some((days(year, month, day)?, rest))
}

fn read_month(text: &[u8]) -> Option<(i64, &[u8])> {
    let (month, rest) = read_month_abbreviation(text)?;
    Some((month, rest.strip_prefix(b" ")?))
}

fn read_month_abbreviation(text: &[u8]) -> Option<(i64, &[u8])> {
    let (name, rest) = text.split_first_chunk::<3>()?;
    Some((month(name)?, rest))
}

/// The number of a month, from the first three letters of its name.
pub(crate) fn month(name: &[u8; 3]) -> Option<i64> {
    // A tree of comparisons: most words that are looked at are no months.
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// `hh:mm:ss`, as seconds of the day.
pub(crate) fn read_clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = read_digits(text, 2, 2)?;
    let (minute, rest) = read_digits(rest.strip_prefix(b":")?, 2, 2)?;
    let (second, rest) = read_digits(rest.strip_prefix(b":")?, 2, 2)?;
    Some((seconds_of_day(hour, minute, second)?, rest))
}

/// Leap seconds are allowed for.
fn seconds_of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 61).then_some(hour * 3600 + minute * 60 + second)
}

/// `.f` to `.fffffffff`, as nanoseconds; 0 where there is none.
pub(crate) fn read_fraction(text: &[u8]) -> (i64, &[u8]) {
    let Some(digits) = text.strip_prefix(b".") else { return (0, text) };
    let count = digits.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    match read_digits(digits, 1, 9) {
        Some((fraction, rest)) => (fraction * 10i64.pow(9 - count as u32), rest),
        None => (0, text),
    }
}

/// `+hh:mm` or `-hh:mm`, as seconds east of UTC.
pub(crate) fn read_zone(text: &[u8]) -> (Option<i64>, &[u8]) {
    let read = || {
        let (sign, rest) = text.split_first()?;
        let sign = match sign {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hour, rest) = read_digits(rest, 2, 2)?;
        let (minute, rest) = read_digits(rest.strip_prefix(b":")?, 2, 2)?;
        Some((sign * (hour * 3600 + minute * 60), rest))
    };
    read().map_or((None, text), |(zone, rest)| (Some(zone), rest))
}

/// A number of `min` to `max` digits.
pub(crate) fn read_digits(text: &[u8], min: usize, max: usize) -> Option<(i64, &[u8])> {
    let len = text.iter().take(max).take_while(|byte| byte.is_ascii_digit()).count();
    if len < min {
        return None;
    }
    let (digits, rest) = text.split_at_checked(len)?;
    let number = digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    Some((number, rest))
}

fn strip_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, by counting the days of years that
/// begin in March, so that the leap day comes last.
pub(crate) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=days_of_month(year, month)).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // 1970-01-01 is day 719,468 of the count that begins on 0000-03-01.
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(text: &str) -> Option<i64> {
        read_vrp(text.as_bytes()).map(|(time, _)| time.unix_nanos / 1_000_000_000)
    }

    #[test]
    fn vrp_forms() {
        assert_eq!(seconds("2016-01-08 02:23:46 H"), Some(1_452_219_826));
        assert_eq!(seconds("Oct 5 2018 10:52:19 H"), Some(1_538_736_739));
        assert_eq!(seconds("Oct  5 2018 10:52:19 H"), Some(1_538_736_739));
        let (time, rest) = read_vrp(b"Jul 08 2026 09:35:40.5+02:00 DST A %%01X").unwrap();
        assert_eq!(time, HeaderTime { unix_nanos: 1_783_496_140_500_000_000, has_zone: true });
        assert_eq!(rest, b" A %%01X");
        let (time, rest) = read_vrp(b"Jul 08 2026 09:35:40.460.1+02:00 DST A").unwrap();
        assert_eq!(time, HeaderTime { unix_nanos: 1_783_496_140_460_000_000, has_zone: true });
        assert_eq!(rest, b" A");
    }

    #[test]
    fn cgn_forms() {
        for text in [
            "2010 Nov 28 18:45:18 h",
            "<2010> <Nov> <28> <18:45:18> h",
            "2010 November 28 18 45 18 h",
            "2010-11-28 18:45:18 h",
            "2010-11-28T18:45:18Z h",
            "Nov 28 2010 18:45:18 h",
            "Nov 28 18:45:18 h",
        ] {
            let (time, rest) = read_cgn(text.as_bytes(), 1_290_900_000_000_000_000).unwrap();
            assert_eq!(time.unix_nanos, 1_290_969_918_000_000_000, "{text}");
            assert_eq!((time.has_zone, rest), (text.contains('Z'), b" h".as_slice()), "{text}");
        }
        for bad in
            ["2010 28 Nov 18:45:18", "<2010 Nov 28 18:45:18", "2010 Nov 28 18 45", "10.1.2.3"]
        {
            assert_eq!(read_cgn(bad.as_bytes(), 0), None, "{bad}");
        }
    }

    #[test]
    fn times_in_values() {
        let compact = |text: &[u8]| read_compact(text).map(|time| time.unix_nanos / 1_000_000_000);
        assert_eq!(compact(b"20101128184518"), Some(1_290_969_918));
        assert_eq!(compact(b"201011281845189"), None);
        assert_eq!(compact(b"20101328184518"), None);
        let policy = |text: &[u8]| read_policy(text).map(|time| time.unix_nanos / 1_000_000_000);
        assert_eq!(policy(b"2018/10/5 10:52:19"), Some(1_538_736_739));
        assert_eq!(policy(b"Oct 5 2018 10:52:19"), Some(1_538_736_739));
        assert_eq!(policy(b"2018/10/5 10:52:19 x"), None);
    }

    #[test]
    fn impossible_times_are_none() {
        for bad in [
            "2016-02-30 00:00:00",
            "2016-13-01 00:00:00",
            "2015-02-29 00:00:00",
            "2016-01-01 24:00:00",
            "9999-01-01 00:00:00",
            "2016-01-01",
            "Foo 01 2016 00:00:00",
            "",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_calendar_library(second in 0..i64::MAX / 1_000_000_000) {
            let time = jiff::Timestamp::from_second(second).unwrap();
            let text = time.strftime("%Y-%m-%d %H:%M:%S H").to_string();
            prop_assert_eq!(seconds(&text), Some(second));
            let (plain, rest) = read_plain(text.as_bytes()).unwrap();
            prop_assert_eq!((plain.unix_nanos / 1_000_000_000, rest), (second, b"H".as_slice()));
        }

        #[test]
        fn what_is_plain_is_read_as_any_other(
            text in "2[0-9]{3}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9] H",
            at in 0usize..20,
            byte in any::<u8>(),
            mutate in any::<bool>(),
        ) {
            let mut text = text.into_bytes();
            if mutate {
                text[at] = byte;
            }
            let any = read_vrp(&text).map(|(time, rest)| (time, rest.to_vec()));
            if let Some((time, rest)) = read_plain(&text) {
                prop_assert_eq!(any, Some((time, [b" ", rest].concat())));
            } else if !mutate {
                prop_assert_eq!(any, None);
            }
        }
    }
}
