//! Times of the usual widths, read at once. What has another width is for [`time`].

use super::time::{self, HeaderTime};
use crate::context::UnixNanos;

/// `YYYY Mmm dd hh:mm:ss`, the month's name short or long, at the begin of a text, and what
/// follows.
#[inline(always)]
pub fn read_year_first(text: &[u8]) -> Option<(HeaderTime, &[u8])> {
    let (&[y0, y1, y2, y3, b' ', m0, m1, m2], rest) = text.split_first_chunk::<8>()? else {
        return None;
    };
    let letters = rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    let (&[b' ', d0, d1, b' '], rest) = rest.get(letters..)?.split_first_chunk::<4>()? else {
        return None;
    };
    let (century, year) = (two_digits(y0, y1)?, two_digits(y2, y3)?);
    let month = time::month(&[m0, m1, m2])?;
    let (seconds, rest) = read_clock(rest)?;
    let days = time::days(century * 100 + year, month, two_digits(d0, d1)?)?;
    Some((HeaderTime { unix_nanos: time::nanos(days, seconds, 0)?, has_zone: false }, rest))
}

/// `Mmm dd hh:mm:ss` or `Mmm d hh:mm:ss` at the begin of a text, of the latest year that makes it
/// no later than that of arrival, and what follows, which is a space and no year.
#[inline(always)]
pub fn read_rfc3164(text: &[u8], received_at: UnixNanos) -> Option<(HeaderTime, &[u8])> {
    let (&[m0, m1, m2, b' ', d0, d1], rest) = text.split_first_chunk::<6>()? else {
        return None;
    };
    let month = time::month(&[m0, m1, m2])?;
    let (day, rest) = match (d0, d1) {
        (b' ', _) => (two_digits(b'0', d1)?, rest.strip_prefix(b" ")?),
        (_, b' ') => (two_digits(b'0', d0)?, rest),
        _ => (two_digits(d0, d1)?, rest.strip_prefix(b" ")?),
    };
    let (seconds, rest) = read_clock(rest)?;
    let &[b' ', next, ..] = rest else { return None };
    let in_year = |year| time::nanos(time::days(year, month, day)?, seconds, 0);
    let unix_nanos = time::nearest_year(received_at, in_year).filter(|_| !next.is_ascii_digit())?;
    Some((HeaderTime { unix_nanos, has_zone: false }, rest))
}

/// `hh:mm:ss`, as seconds of the day.
#[inline(always)]
fn read_clock(text: &[u8]) -> Option<(i64, &[u8])> {
    // Digits' places have what lifts ten to a top bit, those of colons what lifts one.
    const ABOVE: u64 = u64::from_le_bytes([0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76]);
    const TOP_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    let (clock, rest) = text.split_first_chunk::<8>()?;
    let values = u64::from_le_bytes(*clock) ^ u64::from_le_bytes(*b"00:00:00");
    let has_other = (values.wrapping_add(ABOVE) | values) & TOP_BITS != 0;
    let tens = values.wrapping_mul(10).wrapping_add(values >> 8);
    let [hour, minute, second] = [tens, tens >> 24, tens >> 48].map(|two| (two & 0xff) as i64);
    let is_time = !has_other && hour < 24 && minute < 60 && second < 61;
    is_time.then_some((hour * 3600 + minute * 60 + second, rest))
}

#[inline(always)]
fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then_some(i64::from(tens) * 10 + i64::from(ones))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-01-02T00:00:00Z.
    const ARRIVAL: UnixNanos = 1_767_312_000_000_000_000;

    fn date() -> impl Strategy<Value = String> {
        prop_oneof![
            "[0-9]{4} (Jan|Feb|June|December|Foo) [0-3][0-9]",
            "(Jan|Feb|Sep|Dec) ([1-9]| [0-9]|[0-3][0-9])",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_is_read_is_what_the_wide_rules_read(
            date in date(),
            clock in prop_oneof![5 => "[0-2][0-9]:[0-5][0-9]:[0-6][0-9]", 1 => "[0-9:; ]{8}"],
            rest in prop_oneof![" host", " DST", "\\.5", "\\+01:00", " 2019 host", "", "[ -~]{3}"],
            broken in proptest::option::of((0..30usize, any::<u8>())),
        ) {
            let mut text = format!("{date} {clock}{rest}").into_bytes();
            if let Some((at, byte)) = broken && let Some(cell) = text.get_mut(at) {
                *cell = byte;
            }
            for fast in [read_year_first(&text), read_rfc3164(&text, ARRIVAL)] {
                if fast.is_some() {
                    prop_assert_eq!(fast, time::read_cgn(&text, ARRIVAL));
                }
            }
            if let Some(fast) = read_rfc3164(&text, ARRIVAL) {
                prop_assert_eq!(Some(fast), time::read_rfc3164(&text, ARRIVAL));
            }
        }

        #[test]
        fn usual_times_are_read(seconds in 0i64..4_000_000_000) {
            let time = jiff::Timestamp::from_second(seconds).unwrap();
            let expected = HeaderTime { unix_nanos: seconds * 1_000_000_000, has_zone: false };
            let text = time.strftime("%Y %b %d %H:%M:%S fw").to_string();
            prop_assert_eq!(read_year_first(text.as_bytes()), Some((expected, b" fw".as_slice())));
            for format in ["%b %d %H:%M:%S fw", "%b %e %H:%M:%S fw", "%b %-d %H:%M:%S fw"] {
                let text = time.strftime(format).to_string();
                let arrival = seconds * 1_000_000_000 + 5;
                let read = read_rfc3164(text.as_bytes(), arrival);
                prop_assert_eq!(read, Some((expected, b" fw".as_slice())));
            }
        }
    }
}
