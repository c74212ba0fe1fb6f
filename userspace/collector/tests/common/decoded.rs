//! A record that was decoded, as text.

use logweir::output::rfc3339;
use logweir_decode::{
    extra,
    record::{Fields, Value},
    text::to_utf8,
};

use super::expected::{Record, show_pairs};

/// The record of these fields.
pub fn decoded(fields: &Fields<'_>) -> Record {
    let mut record: Record = fields.iter().map(|(name, value)| (*name, show(value))).collect();
    // Whether the header's zone is learned already depends on what came before.
    if record["format"] == "cgn-unicom" {
        record.remove("flags");
    }
    record
}

fn show(value: &Value<'_>) -> String {
    match value {
        Value::Name(name) => (*name).to_owned(),
        Value::Text(text) => to_utf8(text).into_owned(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Mac(mac) => extra::Value::Mac(mac).to_string(),
        Value::Time(time) => rfc3339(time.unix_nanos, time.digits),
        Value::Flags(flags) => flags.join(" "),
        Value::Extra(bytes) => show_pairs(
            extra::pairs(bytes).map(|(key, value)| (to_utf8(&key).into_owned(), value.to_string())),
        ),
        Value::Raw(bytes) => format!("{bytes:?}"),
    }
}
