//! The nearest right word, for messages about wrong ones.

/// The candidate with the fewest single-letter changes from `word`; empty where there is none.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> &'a str {
    candidates.iter().min_by_key(|candidate| distance(word, candidate)).copied().unwrap_or("")
}

/// Levenshtein distance, in bytes.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, from_byte) in from.bytes().enumerate() {
        let Some((first, rest)) = row.split_first_mut() else { return 0 };
        *first = i + 1;
        let (mut diagonal, mut left) = (i, i + 1);
        for (cell, to_byte) in rest.iter_mut().zip(to.bytes()) {
            let substituted = diagonal + usize::from(from_byte != to_byte);
            diagonal = *cell;
            *cell = substituted.min(*cell + 1).min(left + 1);
            left = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_typo() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("netflow9", &["auto", "netflow-v9", "huawei-usg-mtn"]), "netflow-v9");
        assert_eq!(nearest("x", &[]), "");
    }
}
