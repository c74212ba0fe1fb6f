//! Numbers as people read them.

/// With a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in (1..=digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if place > 1 && place % 3 == 1 {
            text.push(',');
        }
    }
    text
}

/// The same in a column: after months a count is too wide for it, and is told in thousands, millions,
/// … then. A blank before it stays.
pub(super) fn fitting(number: u64, width: usize) -> String {
    let units = [(1, ""), (1_000, " k"), (1_000_000, " M"), (1_000_000_000, " G")];
    let texts = units.map(|(unit, name)| grouped(number / unit) + name);
    let [.., last] = &texts;
    texts.iter().find(|text| text.len() < width).unwrap_or(last).clone()
}

/// Pieces of a sentence on as few lines as have the width for them.
pub(super) fn wrapped(pieces: &[String], separator: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line)
                if line.chars().count() + separator.len() + piece.chars().count() <= width =>
            {
                line.push_str(separator);
                line.push_str(piece);
            }
            _ => lines.push(piece.clone()),
        }
    }
    lines
}

/// Bytes in a fitting unit of the powers of a thousand.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let (mut value, mut units) = (number as f64 / 1e3, UNITS.iter());
    let mut unit = units.next();
    while value >= 999.95 {
        value /= 1e3;
        unit = units.next();
    }
    format!("{value:.1} {}", unit.unwrap_or(&""))
}

/// A time in its largest unit.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The beginning of a text that has no room, with a sign of it.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_form() {
        let numbers = [0, 999, 1_000, 123_456, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "123,456", "1,234,567"]);
        let counts = [(9_999, 7), (999_999, 7), (1_555_200_000_000, 14), (u64::MAX, 3)];
        let counts = counts.map(|(number, width)| fitting(number, width));
        assert_eq!(counts, ["9,999", "999 k", "1,555,200 M", "18,446,744,073 G"]);
        let pieces = ["one", "two", "three"].map(String::from);
        assert_eq!(wrapped(&pieces, ", ", 8), ["one, two", "three"]);
        let sizes = [999, 1_000, 999_949, 999_950, 5_000_000_000, u64::MAX].map(bytes);
        assert_eq!(sizes, ["999 B", "1.0 kB", "999.9 kB", "1.0 MB", "5.0 GB", "18.4 EB"]);
        let spans = [119, 120, 7_199, 7_200, 172_800].map(span);
        assert_eq!(spans, ["119 s", "2 min", "119 min", "2 h", "2 d"]);
        assert_eq!([cut("abc", 3), cut("abcd", 3)], ["abc", "ab…"]);
    }
}
