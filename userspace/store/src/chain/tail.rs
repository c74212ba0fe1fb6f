//! The end of a file of lines, read from behind.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

/// The offset at which the last whole lines begin: two, so that there is a good one before one that
/// a crash spoilt.
pub(super) fn begin_of_last_lines(file: &mut File) -> io::Result<u64> {
    const FIRST_LOOK_BYTES: u64 = 1 << 14;
    const NEWLINES: usize = 3;
    let len = file.metadata()?.len();
    let mut look = FIRST_LOOK_BYTES;
    loop {
        let begin = len.saturating_sub(look);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        file.by_ref().take(look).read_to_end(&mut bytes)?;
        let newlines = bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
        if let Some((offset, _)) = newlines.take(NEWLINES).nth(NEWLINES - 1) {
            return Ok(begin + offset as u64 + 1);
        }
        if begin == 0 {
            return Ok(0);
        }
        look = look.saturating_mul(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_two_lines_are_found_wherever_they_are() {
        let long = format!("{}\n", "x".repeat(100_000));
        for (text, expected) in [
            (String::new(), 0),
            ("a\nb\n".into(), 0),
            ("a\nb\nc\n".into(), 2),
            ("a\nb\nc\ntorn".into(), 2),
            (format!("a\n{long}{long}{long}"), 2 + 100_001),
            (format!("{long}{long}"), 0),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &text).unwrap();
            let mut file = File::open(file.path()).unwrap();
            assert_eq!(begin_of_last_lines(&mut file).unwrap(), expected, "{}", text.len());
        }
    }
}
