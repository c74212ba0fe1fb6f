//! The binary search of RFC 2544 §26.1: between a rate with loss and one without.

use anyhow::Result;

/// A search that does not end by then never will.
const TRIALS_MAX: u32 = 12;

/// How far below the ceiling a guess may lie, so that the search comes back up in time.
const LOWEST_GUESS: f64 = 1024.0;

/// The highest rate that passes, to within `resolution` (0.05: 5 %); `None` where none does.
///
/// `ceiling` is known to fail; `guess` is tried first, or a rate above 0 where it is none.
pub fn highest(
    ceiling: f64,
    guess: f64,
    resolution: f64,
    mut passes: impl FnMut(f64) -> Result<bool>,
) -> Result<Option<f64>> {
    let (mut without_loss, mut with_loss) = (None, ceiling);
    let mut rate = guess.max(ceiling / LOWEST_GUESS).min(ceiling * (1.0 - resolution));
    for _ in 0..TRIALS_MAX {
        if passes(rate)? {
            without_loss = Some(rate);
        } else {
            with_loss = rate;
        }
        rate = match without_loss {
            None => with_loss / 2.0,
            Some(low) if with_loss / low <= 1.0 + resolution => break,
            // The middle of two rates is the one that is as many times the one as the other is
            // times it.
            Some(low) => (low * with_loss).sqrt(),
        };
    }
    Ok(without_loss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_rate_is_found_to_the_resolution() {
        for (limit, guess) in [(1000.0, 900.0), (1000.0, 2000.0), (1000.0, 10.0), (3.0, 900.0)] {
            let mut trials = 0;
            let found = highest(4000.0, guess, 0.05, |rate| {
                trials += 1;
                Ok(rate <= limit)
            });
            let found = found.unwrap().expect("a rate");
            assert!(found <= limit && found * 1.05 >= limit, "{found} of {limit}");
            assert!(trials <= TRIALS_MAX);
        }
    }

    #[test]
    fn a_guess_of_nothing_is_no_rate_to_try() {
        let found = highest(4000.0, 0.0, 0.05, |rate| {
            assert!(rate > 0.0, "{rate}");
            Ok(rate <= 1000.0)
        });
        let found = found.unwrap().expect("a rate");
        assert!(found <= 1000.0 && found * 1.05 >= 1000.0, "{found}");
    }

    #[test]
    fn where_each_rate_loses_there_is_none() {
        assert_eq!(highest(1e6, 1e5, 0.05, |_| Ok(false)).unwrap(), None);
    }
}
