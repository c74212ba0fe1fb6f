//! Sorting rows by a number of 64 bits and then by what else there is.
//!
//! Of the numbers only few bits differ (the addresses are of a pool or two). These alone are sorted
//! by, by radix: some bits at a time, from the lowest, as often as there are bits. Rows with the
//! same number are few and are then sorted by the rest.

/// Bits of a radix, at most.
const DIGIT: u32 = 13;

/// The indices of the keys, sorted by key, rest and index. The rest is that of an index.
pub(super) fn sort<R: Ord>(keys: Vec<u64>, rest: impl Fn(u32) -> R) -> Vec<u32> {
    let packing = Packing::of(&keys);
    let row_bits = usize::BITS - keys.len().leading_zeros();
    if packing.bits + row_bits <= u64::BITS {
        // Key and index in one number: half the memory.
        let mut entries = keys;
        let rows = (0u64..).zip(&mut entries);
        rows.for_each(|(row, entry)| *entry = packing.pack(*entry) << row_bits | row);
        let row = |entry: &u64| (entry & ((1 << row_bits) - 1)) as u32;
        sort_entries(entries, packing.bits, |entry| entry >> row_bits, row, rest)
    } else {
        let entries = (0u32..).zip(&keys).map(|(row, key)| (packing.pack(*key), row)).collect();
        sort_entries(entries, packing.bits, |entry: &(u64, u32)| entry.0, |entry| entry.1, rest)
    }
}

/// The rows of entries that stand in the order of their rows, sorted by keys of so many bits.
fn sort_entries<E: Copy + Default, R: Ord>(
    entries: Vec<E>,
    bits: u32,
    key: impl Fn(&E) -> u64,
    row: impl Fn(&E) -> u32,
    rest: impl Fn(u32) -> R,
) -> Vec<u32> {
    let mut entries = radix_sort(entries, bits, &key);
    for same in entries.chunk_by_mut(|a, b| key(a) == key(b)) {
        if same.len() > 1 {
            same.sort_unstable_by_key(|entry| (rest(row(entry)), row(entry)));
        }
    }
    entries.iter().map(row).collect()
}

/// Sorts by so many bits; entries that are equal in these keep their order.
fn radix_sort<E: Copy + Default>(
    mut entries: Vec<E>,
    bits: u32,
    key: impl Fn(&E) -> u64,
) -> Vec<E> {
    let mut sorted = vec![E::default(); entries.len()];
    let digit_bits = bits.div_ceil(bits.div_ceil(DIGIT).max(1)).max(1);
    for shift in (0..bits).step_by(digit_bits as usize) {
        let digit = |entry: &E| (key(entry) >> shift) as usize & ((1 << digit_bits) - 1);
        let mut places = vec![0usize; 1 << digit_bits];
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
        fn the_order_is_that_of_key_rest_and_index(
            mask in prop::sample::select(vec![0, 1 << 63, 0xf0f, 0x0300_00ff_f000_ff13, u64::MAX]),
            rows in prop::collection::vec((any::<u64>(), -2i64..2), 0..3_000),
        ) {
            let keys: Vec<u64> = rows.iter().map(|(key, _)| key & mask | 0x10 & !mask).collect();
            let times: Vec<i64> = rows.iter().map(|(_, time)| *time).collect();
            let mut expected: Vec<u32> = (0..keys.len() as u32).collect();
            expected.sort_by_key(|row| (keys[*row as usize], times[*row as usize]));
            prop_assert_eq!(sort(keys, |row| times[row as usize]), expected);
        }
    }
}
