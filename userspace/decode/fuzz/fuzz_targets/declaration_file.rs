//! A declaration of a text format, and after a NUL a datagram of lines: whatever declarations are
//! accepted, what is decoded by them keeps within its room.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::{
    declared::{DeclaredId, Formats},
    decoder::FormatHint,
    settings::Settings,
};
use logweir_decode_fuzz::{LIMITS, decode_by};
use std::sync::Arc;

fuzz_target!(|input: &[u8]| {
    let text_len = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (text, payload) = input.split_at(text_len);
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut declared = Formats::default();
    if declared.add(text, "format.toml").is_err() {
        assert_eq!(declared.names().count(), 0, "what is refused is not there");
        return;
    }
    let settings = Arc::new(Settings { declared, ..Settings::with_limits(LIMITS) });
    let lines = payload.get(1..).unwrap_or_default();
    decode_by(&settings, FormatHint::Syslog, lines);
    decode_by(&settings, FormatHint::Declared(DeclaredId(0)), lines);
});
