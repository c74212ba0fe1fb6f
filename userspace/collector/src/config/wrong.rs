//! What the TOML library says of a file, in our words: its own are about Rust's types.

use std::ops::Range;

/// The sentence, which names the key. `message` is the library's, `span` where it points to.
pub(super) fn sentence(text: &str, span: Option<Range<usize>>, message: &str) -> String {
    let span = span.unwrap_or_default();
    let value = value(text, &span);
    let sentence = match message {
        "duplicate key" => return format!("the key '{value}' is given twice"),
        "invalid IP address syntax" => format!("{value} is no IP address"),
        message if message.starts_with("invalid value: integer") => {
            format!("{value} is too large a number")
        }
        message => match message.strip_prefix("missing field ") {
            Some(field) => return format!("the key '{}' is missing here", field.trim_matches('`')),
            None => return message.to_owned(),
        },
    };
    match key(text, span.start) {
        Some(key) => format!("{key}: {sentence}"),
        None => sentence,
    }
}

/// What stands there, as far as it fits a sentence.
fn value<'a>(text: &'a str, span: &Range<usize>) -> &'a str {
    let value = text.get(span.clone()).unwrap_or_default();
    value.lines().next().unwrap_or_default().trim()
}

/// The key of the line in which a value begins.
fn key(text: &str, at: usize) -> Option<&str> {
    let line = text.get(..at)?.lines().next_back()?;
    let (key, _) = line.split_once('=')?;
    Some(key.trim())
}
