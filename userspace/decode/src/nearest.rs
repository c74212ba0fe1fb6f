//! The nearest right word, for messages about wrong ones.

/// The candidate with the fewest single-letter changes from `word`.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> &'a str {
    candidates.iter().min_by_key(|candidate| distance(word, candidate)).copied().unwrap_or("")
}

/// Levenshtein distance, in bytes.
fn distance(from: &str, to: &str) -> usize {
    // Distances of what was read of `from` to each beginning of `to`.
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (read, from_byte) in from.bytes().enumerate() {
        let mut diagonal = read;
        let mut left = read + 1;
        for (index, cell) in row.iter_mut().enumerate() {
            if let Some(to_byte) = index.checked_sub(1).and_then(|at| to.as_bytes().get(at)) {
                let substituted = diagonal + usize::from(from_byte != *to_byte);
                left = substituted.min(*cell + 1).min(left + 1);
            }
            diagonal = std::mem::replace(cell, left);
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
    }
}
