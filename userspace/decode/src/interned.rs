//! Values that come again and again, each kept once as far as one look finds it.

/// Places that a value's hash can lead to.
const PLACES: usize = 1024;

/// The values of one batch. A value that another one has driven from its place is kept again, so
/// it costs no search. Nothing here allocates after [`Interned::new`].
#[derive(Debug)]
pub(crate) struct Interned<T> {
    values: Vec<T>,
    /// Index of the value that was last found or kept at each place; it may be a leftover.
    recent: Box<[u32; PLACES]>,
}

impl<T> Interned<T> {
    /// Room for this many values.
    pub fn new(capacity: usize) -> Self {
        Self { values: Vec::with_capacity(capacity), recent: Box::new([0; PLACES]) }
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.values.clear();
    }

    /// The index of the value that `is` it, which is made and kept if it is not there; `None` when
    /// it does not fit. `bits` are what tells values apart most often.
    #[inline]
    pub fn index_of(
        &mut self,
        bits: u64,
        is: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> Option<u32> {
        let recent = self.recent.get_mut(place::<PLACES>(bits))?;
        if self.values.get(*recent as usize).is_some_and(is) {
            return Some(*recent);
        }
        if self.values.len() == self.values.capacity() {
            return None;
        }
        *recent = u32::try_from(self.values.len()).ok()?;
        self.values.push(make());
        Some(*recent)
    }

    /// All values, by their indices.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Adds a value behind all others; `false`, and nothing added, when it does not fit.
    pub fn add(&mut self, value: T) -> bool {
        let fits = self.values.len() < self.values.capacity();
        if fits {
            self.values.push(value);
        }
        fits
    }

    /// The value of an index.
    pub fn get(&self, index: u32) -> Option<&T> {
        self.values.get(index as usize)
    }
}

/// One of so many places, a power of two, by Fibonacci hashing (Knuth, *The Art of Computer
/// Programming* 3, §6.4): the high bits of a product with 2⁶⁴ over the golden ratio.
#[inline]
pub(crate) fn place<const PLACES: usize>(bits: u64) -> usize {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    (bits.wrapping_mul(GOLDEN) >> (u64::BITS - PLACES.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index_of(interned: &mut Interned<&str>, value: &'static str, bits: u64) -> Option<u32> {
        interned.index_of(bits, |kept| *kept == value, || value)
    }

    #[test]
    fn a_value_is_kept_once_while_it_has_its_place() {
        let mut interned = Interned::new(3);
        assert_eq!(index_of(&mut interned, "a", 1), Some(0));
        assert_eq!(index_of(&mut interned, "b", 2), Some(1));
        assert_eq!(index_of(&mut interned, "a", 1), Some(0));
        assert_eq!(index_of(&mut interned, "c", 1), Some(2));
        assert_eq!(index_of(&mut interned, "a", 1), None, "driven out, and there is no room");
        assert_eq!(
            [0, 1, 2, 3].map(|index| interned.get(index).copied()),
            [Some("a"), Some("b"), Some("c"), None]
        );
    }

    #[test]
    fn leftovers_are_not_taken_for_values() {
        let mut interned = Interned::new(2);
        index_of(&mut interned, "a", 1);
        interned.clear();
        assert_eq!(index_of(&mut interned, "b", 2), Some(0));
        assert_eq!(index_of(&mut interned, "a", 1), Some(1));
    }
}
