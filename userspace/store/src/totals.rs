//! The books of the writer.

use std::ops::AddAssign;

/// Where the rows that were appended are now, in rows. Always
/// `appended = stored + failed + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows that went in.
    pub appended: u64,
    /// Rows in files that have their final name.
    pub stored: u64,
    /// Rows that were lost to an error.
    pub failed: u64,
    /// Rows in parts that are still open.
    pub pending: u64,
}

impl Totals {
    /// Whether every row is accounted for.
    pub const fn balanced(&self) -> bool {
        self.appended == self.stored + self.failed + self.pending
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Totals) {
        self.appended += other.appended;
        self.stored += other.stored;
        self.failed += other.failed;
        self.pending += other.pending;
    }
}
