//! A record that `logweir decode` printed as JSON, as text.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::expected::show_pairs;

/// A record's fields as text.
pub type Record = BTreeMap<String, String>;

/// The record of a line.
pub fn printed(line: &str) -> Record {
    let object: BTreeMap<String, Json> = serde_json::from_str(line).expect("an object a line");
    let mut record: Record = object.into_iter().map(|(name, value)| (name, show(&value))).collect();
    // Whether the header's zone is learned already depends on what came before.
    if record["format"] == "cgn-unicom" {
        record.remove("flags");
    }
    record
}

fn show(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(names) => names.iter().map(show).collect::<Vec<_>>().join(" "),
        Json::Object(pairs) => {
            show_pairs(pairs.iter().map(|(key, value)| (key.clone(), show(value))))
        }
        other => other.to_string(),
    }
}
