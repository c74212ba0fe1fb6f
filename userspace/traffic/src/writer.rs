//! Writes text and big-endian numbers into a caller's buffer without allocating.
//!
//! `std::fmt` costs several hundred nanoseconds a syslog line, which is more than the whole
//! budget of a line; these few functions cost a tenth of that.

/// A cursor over a caller's buffer. Every write panics when the buffer is too short.
pub struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0 }
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.at
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        self.out[self.at..end].copy_from_slice(bytes);
        self.at = end;
    }

    /// Replaces bytes that were written at `at`.
    pub(crate) fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        self.out[at..at + bytes.len()].copy_from_slice(bytes);
    }

    #[inline]
    pub(crate) fn decimal(&mut self, number: u64) {
        let digits = decimal_digits(number);
        let field = &mut self.out[self.at..self.at + digits];
        self.at += digits;
        let mut rest = number;
        let mut at = digits;
        while at >= 2 {
            let pair = (rest % 100) as usize * 2;
            rest /= 100;
            at -= 2;
            field[at..at + 2].copy_from_slice(&DIGIT_PAIRS[pair..pair + 2]);
        }
        if at == 1 {
            field[0] = b'0' + rest as u8;
        }
    }

    /// Dotted decimal. Needs three bytes of slack behind the text.
    #[inline]
    pub(crate) fn ipv4(&mut self, address: u32) {
        for octet in address.to_be_bytes() {
            let (text, length) = OCTETS[usize::from(octet)];
            self.out[self.at..self.at + 4].copy_from_slice(&text);
            self.at += usize::from(length);
        }
        self.at -= 1;
    }

    /// Decimal, filled up with zeros to `digits`.
    pub(crate) fn padded(&mut self, number: u64, digits: usize) {
        for _ in decimal_digits(number)..digits {
            self.bytes(b"0");
        }
        self.decimal(number);
    }

    /// Lower-case hexadecimal, filled up with zeros to `digits`.
    pub(crate) fn hex(&mut self, number: u64, digits: usize) {
        for digit in (0..digits).rev() {
            let nibble = (number >> (digit * 4) & 0xf) as usize;
            self.bytes(&b"0123456789abcdef"[nibble..nibble + 1]);
        }
    }

    /// An address: the IPv6 one where there is one.
    pub(crate) fn address(&mut self, v4: u32, v6: u128) {
        if v6 == 0 {
            self.ipv4(v4);
        } else {
            self.ipv6(v6);
        }
    }

    /// RFC 5952 text. Rare on the wire, so the standard library writes it.
    pub(crate) fn ipv6(&mut self, address: u128) {
        use std::io::Write;
        let mut rest = &mut self.out[self.at..];
        let before = rest.len();
        let address = std::net::Ipv6Addr::from(address);
        write!(rest, "{address}").expect("the buffer holds an address");
        self.at += before - rest.len();
    }
}

/// How many characters `number` has in decimal.
#[inline]
fn decimal_digits(number: u64) -> usize {
    match number {
        0..=9 => 1,
        10..=99 => 2,
        100..=999 => 3,
        1_000..=9_999 => 4,
        10_000..=99_999 => 5,
        _ => number.ilog10() as usize + 1,
    }
}

/// "00" to "99", one after another.
const DIGIT_PAIRS: [u8; 200] = {
    let mut pairs = [0u8; 200];
    let mut number = 0;
    while number < 100 {
        pairs[number * 2] = b'0' + (number / 10) as u8;
        pairs[number * 2 + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
};

/// "0." to "255.", each with its length.
const OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([b'.'; 4], 0u8); 256];
    let mut number = 0;
    while number < 256 {
        let digits = [b'0' + (number / 100) as u8, b'0' + (number / 10 % 10) as u8];
        let last = b'0' + (number % 10) as u8;
        octets[number] = if number >= 100 {
            ([digits[0], digits[1], last, b'.'], 4)
        } else if number >= 10 {
            ([digits[1], last, b'.', b'.'], 3)
        } else {
            ([last, b'.', b'.', b'.'], 2)
        };
        number += 1;
    }
    octets
};

/// `YYYY-MM-DD hh:mm:ss` of `epoch_seconds`, no zone applied (proleptic Gregorian calendar).
pub fn timestamp(epoch_seconds: i64) -> [u8; 19] {
    let (year, month, day) = civil_from_days(epoch_seconds.div_euclid(86_400));
    let second_of_day = epoch_seconds.rem_euclid(86_400);
    let mut text = *b"0000-00-00 00:00:00";
    let fields = [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, second_of_day / 3_600),
        (14, second_of_day / 60 % 60),
        (17, second_of_day % 60),
    ];
    for (at, number) in fields {
        let pair = number.rem_euclid(100) as usize * 2;
        text[at..at + 2].copy_from_slice(&DIGIT_PAIRS[pair..pair + 2]);
    }
    text
}

/// The name of month 1 to 12.
pub(crate) fn month_name(month: &[u8]) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    NAMES[usize::from(month[0] - b'0') * 10 + usize::from(month[1] - b'0') - 1]
}

/// Howard Hinnant's `civil_from_days`: days since 1970-01-01 to year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl Fn(&mut Writer<'_>)) -> String {
        let mut buffer = [0u8; 64];
        let mut writer = Writer::new(&mut buffer);
        write(&mut writer);
        let length = writer.len();
        String::from_utf8(buffer[..length].to_vec()).expect("only ASCII is written")
    }

    #[test]
    fn timestamps_of_known_days() {
        let text = |seconds| String::from_utf8(timestamp(seconds).to_vec()).unwrap();
        assert_eq!(text(0), "1970-01-01 00:00:00");
        assert_eq!(text(1_452_219_708 + 8 * 3_600), "2016-01-08 10:21:48");
        assert_eq!(text(951_782_399), "2000-02-28 23:59:59");
        assert_eq!(text(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(text(4_107_542_399), "2100-02-28 23:59:59");
        assert_eq!(text(4_107_542_400), "2100-03-01 00:00:00");
    }

    proptest! {
        #[test]
        fn decimal_agrees_with_fmt(number: u64, shift in 0u32..64) {
            let number = number >> shift;
            prop_assert_eq!(written(|writer| writer.decimal(number)), number.to_string());
        }

        #[test]
        fn addresses_agree_with_fmt(v4: u32, v6: u128) {
            let text = std::net::Ipv4Addr::from(v4).to_string();
            prop_assert_eq!(written(|writer| writer.ipv4(v4)), text);
            let text = std::net::Ipv6Addr::from(v6).to_string();
            prop_assert_eq!(written(|writer| writer.ipv6(v6)), text);
        }
    }
}
