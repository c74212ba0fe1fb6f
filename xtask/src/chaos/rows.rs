//! Records by what is in them, and how often each is there.

use std::collections::HashMap;

use anyhow::Result;
use arrow_array::{RecordBatch, cast::AsArray as _};
use arrow_row::{RowConverter, SortField};
use arrow_select::take::take;
use logweir_store::schema::Family;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// XXH3 of a record's family and all its columns: its exporter, datagram and times of arrival are
/// among them, so that no two records of honest traffic have the same.
pub type Digest = u128;

/// The digests of rows, in their order. Text may be a dictionary or not: it is the text that counts.
pub fn digests(family: Family, rows: &RecordBatch) -> Result<Vec<Digest>> {
    let columns = rows.columns().iter().map(|column| match column.as_any_dictionary_opt() {
        Some(texts) => take(texts.values(), texts.keys(), None),
        None => Ok(column.clone()),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
    let rows = RowConverter::new(fields.collect())?.convert_columns(&columns)?;
    Ok(rows.iter().map(|row| xxh3_128_with_seed(row.as_ref(), family as u64)).collect())
}

/// How often each record is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(HashMap<Digest, u32>);

/// What differs from what should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Records that must be there and are not.
    pub lost: u64,
    /// Records that are there more often than they came.
    pub doubled: u64,
    /// Records that nobody has sent, or whose content has changed.
    pub strange: u64,
}

impl Rows {
    pub fn len(&self) -> u64 {
        self.0.values().map(|count| u64::from(*count)).sum()
    }

    /// Sees that what is in others is in these as well, as often.
    pub fn add(&mut self, others: &Rows) {
        for (digest, count) in &others.0 {
            let here = self.0.entry(*digest).or_default();
            *here = (*here).max(*count);
        }
    }

    /// Compares with what was found: all of `self` must be there, and nothing that `may` not be.
    /// Without `may`, others may be there, each once.
    pub fn compare(&self, found: &Rows, may: Option<&Rows>) -> Fault {
        let mut fault = Fault::default();
        for (digest, count) in &self.0 {
            let there = found.0.get(digest).copied().unwrap_or(0);
            fault.lost += u64::from(count.saturating_sub(there));
        }
        for (digest, there) in &found.0 {
            let allowed = match may {
                Some(may) => may.0.get(digest).copied().unwrap_or(0),
                None => self.0.get(digest).copied().unwrap_or(1),
            };
            let more = u64::from(there.saturating_sub(allowed));
            *(if allowed == 0 { &mut fault.strange } else { &mut fault.doubled }) += more;
        }
        fault
    }
}

impl Extend<Digest> for Rows {
    fn extend<T: IntoIterator<Item = Digest>>(&mut self, digests: T) {
        for digest in digests {
            *self.0.entry(digest).or_default() += 1;
        }
    }
}

impl Fault {
    pub fn is_none(self) -> bool {
        self == Fault::default()
    }
}

impl std::ops::AddAssign for Fault {
    fn add_assign(&mut self, other: Fault) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.strange += other.strange;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(digests: &[Digest]) -> Rows {
        let mut rows = Rows::default();
        rows.extend(digests.iter().copied());
        rows
    }

    #[test]
    fn lost_doubled_and_strange_records_are_told_apart() {
        let before = rows(&[1, 2, 2, 3]);
        assert!(before.compare(&before, Some(&before)).is_none());
        // What is new may be there once.
        assert!(before.compare(&rows(&[1, 2, 2, 3, 4]), None).is_none());
        let fault = |lost, doubled, strange| Fault { lost, doubled, strange };
        assert_eq!(before.compare(&rows(&[1, 2, 3]), None), fault(1, 0, 0));
        assert_eq!(before.compare(&rows(&[1, 1, 2, 2, 3, 4, 4]), None), fault(0, 2, 0));
        assert_eq!(before.compare(&rows(&[1, 2, 2, 3, 4]), Some(&before)), fault(0, 0, 1));
    }
}
