//! Lines of which the oldest go when there are too many.

use super::Line;
use std::collections::VecDeque;

/// The last lines.
#[derive(Debug)]
pub(super) struct Ring {
    lines: VecDeque<Line>,
    bytes: usize,
    lines_max: usize,
    bytes_max: usize,
}

impl Ring {
    /// An empty one for so many lines of so many bytes together.
    pub const fn new(lines_max: usize, bytes_max: usize) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, lines_max, bytes_max }
    }

    /// Adds a line. One that has no room by itself is not added.
    pub fn push(&mut self, line: Line) {
        let len = line.json.len();
        if len > self.bytes_max {
            return;
        }
        while self.lines.len() >= self.lines_max || self.bytes + len > self.bytes_max {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.json.len();
        }
        self.bytes += len;
        self.lines.push_back(line);
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_make_room_by_count_and_by_bytes() {
        let mut ring = Ring::new(3, 10);
        let push = |ring: &mut Ring, number, json: &str| {
            ring.push(Line { number, json: json.into() });
            ring.lines().map(|line| line.number).collect::<Vec<_>>()
        };
        assert_eq!(push(&mut ring, 1, "aa"), [1]);
        assert_eq!(push(&mut ring, 2, "bb"), [1, 2]);
        assert_eq!(push(&mut ring, 3, "cc"), [1, 2, 3]);
        assert_eq!(push(&mut ring, 4, "dd"), [2, 3, 4]);
        assert_eq!(push(&mut ring, 5, "eeeeeee"), [4, 5]);
        assert_eq!(push(&mut ring, 6, "longer than all"), [4, 5]);
        assert_eq!(push(&mut ring, 7, "ffffffffff"), [7]);
        assert!(push(&mut Ring::new(0, 10), 1, "a").is_empty());
    }
}
