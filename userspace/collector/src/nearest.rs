//! The nearest right word, for messages about wrong ones.

/// The candidate with the fewest single-letter changes from `word`.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> &'a str {
    candidates.iter().min_by_key(|candidate| distance(word, candidate)).copied().unwrap_or("")
}

/// Levenshtein distance, in bytes.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, from_byte) in from.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to_byte) in to.bytes().enumerate() {
            let substituted = diagonal + usize::from(from_byte != to_byte);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
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
