//! A record as one JSON object.

use super::{raw, rfc3339};
use logweir_decode::{
    extra,
    record::{Fields, Value},
    text::to_utf8,
};
use serde_json::{Map, Value as Json};

/// The record as an object, its fields in their order.
pub fn object(fields: &Fields<'_>) -> Map<String, Json> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), json(value))).collect()
}

fn json(value: &Value<'_>) -> Json {
    match value {
        Value::Name(name) => (*name).into(),
        Value::Text(text) => to_utf8(text).into(),
        Value::Number(number) => (*number).into(),
        Value::Address(address) => address.to_string().into(),
        Value::Mac(mac) => extra::Value::Mac(mac).to_string().into(),
        Value::Time(time) => rfc3339(time.unix_nanos, time.digits).into(),
        Value::Flags(flags) => flags.clone().into(),
        Value::Extra(pairs) => extra_object(pairs),
        Value::Raw(bytes) => raw(bytes).into(),
    }
}

fn extra_object(encoded: &[u8]) -> Json {
    let pairs = extra::pairs(encoded).map(|(key, value)| {
        let value = match value {
            extra::Value::Number(number) => number.into(),
            other => other.to_string().into(),
        };
        (to_utf8(&key).into_owned(), value)
    });
    Json::Object(pairs.collect())
}
