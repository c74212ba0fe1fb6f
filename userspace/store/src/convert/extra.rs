//! The pairs of a record that have no column, as JSON text.

use logweir_decode::{
    extra::{Value, pairs},
    text::to_utf8,
};

/// Writes the pairs of an encoded `extra` as one JSON object: text as a string, numbers as
/// numbers, anything else as the string that [`Value`] displays. A key that the device repeated
/// stands as often as it did.
pub fn write_json(json: &mut Vec<u8>, encoded: &[u8]) {
    json.push(b'{');
    for (index, (key, value)) in pairs(encoded).enumerate() {
        if index > 0 {
            json.push(b',');
        }
        write_string(json, &to_utf8(&key));
        json.push(b':');
        match value {
            Value::Text(bytes) => write_string(json, &to_utf8(bytes)),
            Value::Number(number) => json.extend_from_slice(number.to_string().as_bytes()),
            other => write_string(json, &other.to_string()),
        }
    }
    json.push(b'}');
}

fn write_string(json: &mut Vec<u8>, text: &str) {
    // Writing text to memory cannot fail.
    let _ = serde_json::to_writer(json, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use logweir_decode::extra::Encoded;

    #[test]
    fn each_kind_of_value_has_its_form() {
        let mut encoded = Vec::new();
        for (key, value) in [
            (b"Na\"me".as_slice(), Value::Text(b"a\nb\\\xd6\xd0")),
            (b"ie10", Value::Number(u64::MAX)),
            (b"raw", Value::Bytes(&[0, 0xfe])),
            (b"hop", Value::Address(&[192, 0, 2, 1])),
            (b"mac", Value::Mac(&[0, 0, 0x5e, 0, 0x53, 1])),
        ] {
            encoded.extend(Encoded::new(key, value).parts().concat());
        }
        let mut json = Vec::new();
        write_json(&mut json, &encoded);
        let expected = r#"{"Na\"me":"a\nb\\中","ie10":18446744073709551615,"raw":"00fe","#
            .to_owned()
            + r#""hop":"192.0.2.1","mac":"00:00:5e:00:53:01"}"#;
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
