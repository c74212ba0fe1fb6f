//! What the TOML library says of a wrong value, in our words: its own are about Rust's types.

use std::ops::Range;

/// The sentence about a value, which names its key. `message` is the library's.
pub(super) fn sentence(text: &str, span: Option<Range<usize>>, message: &str) -> String {
    let span = span.unwrap_or_default();
    let value = value(text, &span);
    let sentence = if let Some(types) = message.strip_prefix("invalid type: ") {
        wanted(types, value)
    } else if let Some(types) = message.strip_prefix("invalid value: ") {
        wanted(types, value)
    } else if let Some(field) = message.strip_prefix("missing field ") {
        return format!("the key '{}' is missing here", field.trim_matches('`'));
    } else if message == "duplicate key" {
        return format!("the key '{value}' is given twice");
    } else if message == "invalid IP address syntax" {
        Some(format!("{value} is no IP address"))
    } else {
        None
    };
    match (key(text, span.start), sentence) {
        (Some(key), Some(sentence)) => format!("{key}: {sentence}"),
        (_, sentence) => sentence.unwrap_or_else(|| message.to_owned()),
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

/// From the library's "integer `5`, expected a sequence".
fn wanted(types: &str, value: &str) -> Option<String> {
    let (_, wanted) = types.split_once(", expected ")?;
    let wanted = match wanted {
        "a sequence" => "a list, as [\"…\", \"…\"]",
        "a string" | "a borrowed string" | "path string" => "text in quotes",
        "a boolean" => "true or false",
        "usize" | "u64" | "u32" | "u16" | "u8" | "i64" => "a whole number, not below 0",
        "f64" | "f32" => "a number",
        table if table.starts_with("struct ") || table == "a map" => "a table",
        other => other,
    };
    Some(format!("{value} is not what is wanted here, which is {wanted}"))
}
