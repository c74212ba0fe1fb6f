//! The nearest right word, for messages about wrong ones.

/// The candidate that a wrong word was meant to be: it begins like it, or at most two in five
/// letters are others. `None` where nothing is so near, since a wrong guess is worse than none.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let near = candidates.iter().filter_map(|candidate| {
        let lower = candidate.to_ascii_lowercase();
        let distance = distance(&word, &lower);
        let begins = begins_with(&word, &lower) || begins_with(&lower, &word);
        let changes_max = (word.len().max(lower.len()) * 2 / 5).max(1);
        (begins || distance <= changes_max).then_some((distance, *candidate))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// What a sentence about a wrong word ends with: `: did you mean 'x'?`, or nothing.
pub fn meant(word: &str, candidates: &[&str]) -> String {
    let near = nearest(word, candidates);
    near.map_or_else(String::new, |near| format!(": did you mean '{near}'?"))
}

/// The same, and which words there are: `: did you mean 'x'? (known: x, y)`.
pub fn meant_of(word: &str, candidates: &[&str]) -> String {
    format!("{} (known: {})", meant(word, candidates), candidates.join(", "))
}

/// Whether a word begins with another, which is long enough to tell something.
fn begins_with(word: &str, beginning: &str) -> bool {
    const TELLING: usize = 4;
    beginning.len() >= TELLING && word.starts_with(beginning)
}

/// Letters that are changed, left out, added or, side by side, exchanged (optimal string alignment),
/// in bytes.
fn distance(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, from_byte) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to_byte) in to.iter().enumerate() {
            let of = |up: usize, back: usize| {
                let above = rows.len().checked_sub(up).and_then(|at| rows.get(at));
                above.and_then(|above| above.get((j + 1).checked_sub(back)?)).copied()
            };
            let is_exchanged = i > 0
                && j > 0
                && from.get(i - 1) == Some(to_byte)
                && to.get(j - 1) == Some(from_byte);
            let ways = [
                of(1, 1).map(|cost| cost + usize::from(from_byte != to_byte)),
                of(1, 0).map(|cost| cost + 1),
                row.last().map(|cost| cost + 1),
                is_exchanged.then(|| of(2, 2)).flatten().map(|cost| cost + 1),
            ];
            row.extend(ways.into_iter().flatten().min());
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_typo() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("dorp", "drop"), 1);
        assert_eq!(distance("abc", ""), 3);
        let formats = ["auto", "netflow-v9", "huawei-usg-mtn"];
        assert_eq!(nearest("netflow9", &formats), Some("netflow-v9"));
        assert_eq!(nearest("NETFLOW-V9", &formats), Some("netflow-v9"));
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn a_word_that_is_far_from_all_is_taken_for_none() {
        let keys = ["im", "data", "source", "allow", "rx_ring_size"];
        for far in ["foo", "zzzzzz", "max_gb", ""] {
            assert_eq!(nearest(far, &keys), None, "{far}");
            assert_eq!(meant(far, &keys), "");
        }
        for (near, meant) in
            [("alow", "allow"), ("data_dir", "data"), ("rx_ring", "rx_ring_size"), ("i", "im")]
        {
            assert_eq!(nearest(near, &keys), Some(meant));
        }
        assert_eq!(meant("dat", &keys), ": did you mean 'data'?");
        assert_eq!(meant_of("dat", &["data", "im"]), ": did you mean 'data'? (known: data, im)");
        assert_eq!(meant_of("foo", &["data", "im"]), " (known: data, im)");
    }
}
