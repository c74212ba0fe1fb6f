//! Records as text: JSON, an object a line, and CSV.

pub mod csv;
pub mod json;

use logweir_decode::context::UnixNanos;
use std::fmt::Write;

/// RFC 3339 in UTC, with so many digits after the second.
pub fn rfc3339(unix_nanos: UnixNanos, digits: u8) -> String {
    let time = jiff::Timestamp::from_nanosecond(unix_nanos.into()).unwrap_or_default();
    let precision = Some(digits.min(9));
    jiff::fmt::temporal::DateTimePrinter::new().precision(precision).timestamp_to_string(&time)
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Raw bytes of an unparsed record: text where they are text, else `0x` and digits.
pub fn raw(bytes: &[u8]) -> String {
    let printable = |text: &str| text.chars().all(|c| !c.is_control() || c.is_whitespace());
    match std::str::from_utf8(bytes) {
        Ok(text) if printable(text) => text.to_owned(),
        _ => format!("0x{}", hex(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_digits_that_are_known() {
        let time = 1_452_219_826_123_456_789;
        assert_eq!(rfc3339(time, 0), "2016-01-08T02:23:46Z");
        assert_eq!(rfc3339(time, 3), "2016-01-08T02:23:46.123Z");
        assert_eq!(rfc3339(time, 9), "2016-01-08T02:23:46.123456789Z");
    }

    #[test]
    fn raw_bytes_are_text_or_digits() {
        assert_eq!(raw(b"<190>hello\n"), "<190>hello\n");
        assert_eq!(raw(&[0, 9, 0xff]), "0x0009ff");
    }
}
