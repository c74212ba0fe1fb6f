//! The pairs of a record that have no column, as JSON text.

use logweir_decode::{
    extra::{Value, pairs},
    text::to_utf8,
};

/// Writes the pairs of an encoded `extra` as one JSON object: text as a string, numbers as
/// numbers, bytes as a string of lower-case hexadecimal digits. A key that the device repeated
/// stands as often as it did.
pub fn write_json(json: &mut Vec<u8>, encoded: &[u8]) {
    json.push(b'{');
    for (index, (key, value)) in pairs(encoded).enumerate() {
        if index > 0 {
            json.push(b',');
        }
        write_string(json, &to_utf8(key));
        json.push(b':');
        match value {
            Value::Text(bytes) => write_string(json, &to_utf8(bytes)),
            Value::Number(number) => json.extend_from_slice(number.to_string().as_bytes()),
            Value::Bytes(bytes) => write_hex(json, bytes),
        }
    }
    json.push(b'}');
}

fn write_string(json: &mut Vec<u8>, text: &str) {
    // Writing text to memory cannot fail.
    let _ = serde_json::to_writer(json, text);
}

fn write_hex(json: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    json.push(b'"');
    for byte in bytes {
        json.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    json.push(b'"');
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
        ] {
            encoded.extend(Encoded::new(key, value).parts().concat());
        }
        let mut json = Vec::new();
        write_json(&mut json, &encoded);
        let expected = r#"{"Na\"me":"a\nb\\中","ie10":18446744073709551615,"raw":"00fe"}"#;
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
