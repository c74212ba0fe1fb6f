//! A batch's records in a form that can be compared and printed.

use logweir_decode::{
    batch::Batch,
    extra,
    record::{self, Value},
};
use std::collections::BTreeMap;

/// A record's fields by name, as text.
pub type Record = BTreeMap<&'static str, String>;

/// All records of a batch, sessions first.
pub fn records(batch: &Batch) -> Vec<Record> {
    record::records(batch)
        .map(|fields| fields.into_iter().map(|(name, value)| (name, show(&value))).collect())
        .collect()
}

fn show(value: &Value<'_>) -> String {
    match value {
        Value::Name(name) => (*name).into(),
        Value::Text(text) | Value::Raw(text) => text.escape_ascii().to_string(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Mac(mac) => extra::Value::Mac(mac).to_string(),
        Value::Time(time) => format!("{}.{}", time.unix_nanos, time.digits),
        Value::Flags(flags) => flags.join(" "),
        Value::Extra(encoded) => extra::pairs(encoded)
            .map(|(key, value)| format!("{}={}", key.escape_ascii(), show_extra(value)))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn show_extra(value: extra::Value<'_>) -> String {
    match value {
        extra::Value::Text(text) => text.escape_ascii().to_string(),
        extra::Value::Number(number) => format!("n{number}"),
        extra::Value::Bytes(bytes) => format!("x{}", bytes.escape_ascii()),
        other => other.to_string(),
    }
}
