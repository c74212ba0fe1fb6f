//! A set of sessions, by as much of their hashes as an index keeps of a row.

use super::block::{Entry, Kind};
use std::collections::HashSet;

/// Sessions whose ends are looked for.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// The lowest bytes of their hashes.
    bytes: [bool; 256],
    /// The lowest four bytes.
    words: HashSet<u64>,
}

impl Sessions {
    /// Those with these hashes.
    pub fn of(hashes: impl IntoIterator<Item = u64>) -> Self {
        let mut sessions = Self { bytes: [false; 256], words: HashSet::new() };
        for hash in hashes {
            sessions.words.insert(hash & u64::from(u32::MAX));
            if let Some(byte) = sessions.bytes.get_mut((hash & 0xff) as usize) {
                *byte = true;
            }
        }
        sessions
    }

    /// Whether the row may be the end of one of them.
    pub fn may_end_by(&self, entry: &Entry) -> bool {
        match entry.kind {
            Kind::Ended | Kind::Open => false,
            Kind::Ending => self.bytes.get(entry.hash as usize) == Some(&true),
            Kind::Lone => self.words.contains(&entry.hash),
        }
    }
}
