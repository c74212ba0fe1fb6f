//! Sorting rows by a number of 64 bits and then by a time.
//!
//! Of the numbers only few bits differ (the addresses are of a pool or two). These alone are sorted
//! by, by radix: eleven bits at a time, from the lowest, as often as there are bits. Rows with the
//! same number are few and are then sorted by time.

/// Bits of a radix.
const DIGIT: u32 = 11;

/// A row, with its number packed.
#[derive(Clone, Copy, Default)]
struct Entry {
    packed: u64,
    row: u32,
}

/// The indices of the keys, sorted by key, time and index. There are as many times as keys.
pub(super) fn sort(keys: &[u64], times: &[i64]) -> Vec<u32> {
    let packing = Packing::of(keys);
    let entries = (0u32..).zip(keys).map(|(row, key)| Entry { packed: packing.pack(*key), row });
    let mut entries = radix_sort(entries.collect(), packing.bits());
    for same in entries.chunk_by_mut(|a, b| a.packed == b.packed) {
        if same.len() > 1 {
            same.sort_unstable_by_key(|entry| (times.get(entry.row as usize), entry.row));
        }
    }
    entries.into_iter().map(|entry| entry.row).collect()
}

/// Sorts by so many bits; entries that are equal in these keep their order.
fn radix_sort(mut entries: Vec<Entry>, bits: u32) -> Vec<Entry> {
    let mut sorted = vec![Entry::default(); entries.len()];
    for shift in (0..bits).step_by(DIGIT as usize) {
        let digit = |entry: &Entry| (entry.packed >> shift) as usize & ((1 << DIGIT) - 1);
        let mut places = [0usize; 1 << DIGIT];
        entries.iter().for_each(|entry| places[digit(entry)] += 1);
        let mut before = 0;
        for place in &mut places {
            (*place, before) = (before, before + *place);
        }
        for entry in &entries {
            let place = &mut places[digit(entry)];
            if let Some(slot) = sorted.get_mut(*place) {
                *slot = *entry;
            }
            *place += 1;
        }
        std::mem::swap(&mut entries, &mut sorted);
    }
    entries
}

/// Which bits differ, as runs of neighbours.
struct Packing {
    /// For each run how far it is shifted down, and where it is then.
    runs: Vec<(u32, u64)>,
    bits: u32,
}

impl Packing {
    fn of(keys: &[u64]) -> Self {
        let first = keys.first().copied().unwrap_or(0);
        let mut differing = keys.iter().fold(0, |bits, key| bits | (key ^ first));
        let (mut runs, mut bits) = (Vec::new(), 0);
        while differing != 0 {
            let start = differing.trailing_zeros();
            let length = (differing >> start).trailing_ones();
            let run = u64::MAX >> (u64::BITS - length);
            runs.push((start - bits, run << bits));
            bits += length;
            differing &= !(run << start);
        }
        Self { runs, bits }
    }

    fn bits(&self) -> u32 {
        self.bits
    }

    /// The differing bits of a key, without gaps and in their order.
    fn pack(&self, key: u64) -> u64 {
        self.runs.iter().fold(0, |packed, (shift, mask)| packed | (key >> shift & mask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// With few bits that differ, with many, and with none.
        #[test]
        fn the_order_is_that_of_key_time_and_index(
            mask in prop::sample::select(vec![0, 1 << 63, 0xf0f, 0x0300_00ff_f000_ff13, u64::MAX]),
            rows in prop::collection::vec((any::<u64>(), -2i64..2), 0..3_000),
        ) {
            let keys: Vec<u64> = rows.iter().map(|(key, _)| key & mask | 0x10 & !mask).collect();
            let times: Vec<i64> = rows.iter().map(|(_, time)| *time).collect();
            let mut expected: Vec<u32> = (0..keys.len() as u32).collect();
            expected.sort_by_key(|row| (keys[*row as usize], times[*row as usize]));
            prop_assert_eq!(sort(&keys, &times), expected);
        }
    }
}
