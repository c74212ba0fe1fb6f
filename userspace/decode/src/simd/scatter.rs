//! Values that go to places far apart, such as those of a row to their columns.
#![expect(unsafe_code, reason = "a check for each value would cost as much as the value does")]

/// Writes each value at `first` and so many times `pitch` as its place says; none, where one would
/// be behind the end.
#[inline(always)]
pub fn scatter<T: Copy, const N: usize>(
    cells: &mut [T],
    first: usize,
    pitch: usize,
    places: [usize; N],
    values: [T; N],
) {
    let mut farthest = 0;
    for place in &places {
        farthest = farthest.max(*place);
    }
    let end = farthest.checked_mul(pitch).and_then(|at| at.checked_add(first));
    if end.is_none_or(|end| end >= cells.len()) {
        return;
    }
    let cells = cells.as_mut_ptr();
    for (place, value) in places.iter().zip(&values) {
        // SAFETY: the farthest place is inside, and none is farther.
        let cell = unsafe { cells.add(place * pitch + first) };
        // SAFETY: as above; the slice is borrowed for writing.
        unsafe { cell.write(*value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_go_to_their_places_or_nowhere(
            len in 0..40usize,
            first in prop_oneof![9 => 0..10usize, 1 => Just(usize::MAX)],
            pitch in prop_oneof![9 => 0..10usize, 1 => Just(usize::MAX)],
            places in prop::array::uniform3(0..5usize),
        ) {
            let (mut cells, mut expected) = (vec![0; len], vec![0; len]);
            let ends = places.map(|place| place.checked_mul(pitch)?.checked_add(first));
            if ends.iter().all(|end| end.is_some_and(|end| end < len)) {
                ends.iter().zip(1..).for_each(|(end, value)| expected[end.unwrap()] = value);
            }
            scatter(&mut cells, first, pitch, places, [1, 2, 3]);
            prop_assert_eq!(cells, expected);
        }
    }
}
