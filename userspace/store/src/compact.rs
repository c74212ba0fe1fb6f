//! Small parts of an hour become few large ones.
//!
//! ```text
//! plan ─▶ Merge: sorted parts, merged aside in `.incoming` ─▶ Staged ─▶ exchange ─▶ Exchanged ─▶ finish
//!                 one step after the other, within a Budget                  │
//!                                                            to be recorded ─┘
//! ```
//!
//! A reader lists a directory and then opens its files. So the hour's new directory is made aside,
//! whole, with the merged part and with links to the files that stay, and the two directories change
//! places in one step of the file system (`RENAME_EXCHANGE`). Who listed the old one and opens a
//! part that was merged finds nothing of that name: its read fails, and is to be repeated. Nobody
//! sees a row twice, or not at all.
//!
//! In memory are some rows of each part that is merged (a page of each column, and a few megabytes),
//! those that are written next, and the row group of the file that is written.

mod budget;
mod cursor;
mod exchange;
mod merge;

pub use budget::Budget;
pub use exchange::{Exchanged, Staged, recover};
pub use merge::Merge;

use crate::{partition::Hour, schema::Family, seal::SealedPart};
use std::collections::BTreeMap;

/// What is worth merging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Rows of a merged part, at most; parts of more than half as many are left as they are.
    pub rows_max: u64,
    /// Bytes of the parts that are merged, at most; likewise.
    pub bytes_max: u64,
    /// Parts that are merged at a time, at least.
    pub parts_min: usize,
    /// Parts that are merged at a time, at most: each is open meanwhile.
    pub parts_max: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self { rows_max: 16 << 20, bytes_max: 2 << 30, parts_min: 4, parts_max: 16 }
    }
}

impl Rules {
    /// Whether a part of so many rows and bytes is small enough to be merged.
    pub const fn concern(self, rows: u64, bytes: u64) -> bool {
        rows <= self.rows_max / 2 && bytes <= self.bytes_max / 2
    }
}

/// Parts of one family and hour that are to become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Whose rows they hold.
    pub family: Family,
    /// The hour of their arrival.
    pub hour: Hour,
    /// The parts, in the order of their names.
    pub parts: Vec<SealedPart>,
}

/// What to merge of these parts, the oldest hour first; hours from `open` on are left alone, as
/// more parts are still to come. When it is done there may be more: parts that came of it.
pub fn plan(parts: impl IntoIterator<Item = SealedPart>, open: Hour, rules: Rules) -> Vec<Plan> {
    let mut hours: BTreeMap<(Hour, Family), Vec<SealedPart>> = BTreeMap::new();
    let small = |part: &SealedPart| part.hour < open && rules.concern(part.rows, part.bytes);
    for part in parts.into_iter().filter(small) {
        hours.entry((part.hour, part.family)).or_default().push(part);
    }
    let mut plans = Vec::new();
    for ((hour, family), mut parts) in hours {
        parts.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let groups = groups(parts, rules).into_iter();
        let worth = groups.filter(|group| group.len() >= rules.parts_min.max(2));
        plans.extend(worth.map(|parts| Plan { family, hour, parts }));
    }
    plans
}

/// Neighbours, as many together as are allowed.
fn groups(parts: Vec<SealedPart>, rules: Rules) -> Vec<Vec<SealedPart>> {
    let mut groups: Vec<Vec<SealedPart>> = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    for part in parts {
        (rows, bytes) = (rows + part.rows, bytes + part.bytes);
        match groups.last_mut() {
            Some(group)
                if rows <= rules.rows_max
                    && bytes <= rules.bytes_max
                    && group.len() < rules.parts_max =>
            {
                group.push(part);
            }
            _ => {
                (rows, bytes) = (part.rows, part.bytes);
                groups.push(vec![part]);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests;
