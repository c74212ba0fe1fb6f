//! A declaration of a binary layout, and after a NUL a datagram: whatever declarations are accepted,
//! what is decoded by them keeps within its room.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::{
    binary::Layouts,
    decoder::FormatHint,
    settings::{ImPolicy, Settings},
};
use logweir_decode_fuzz::{LIMITS, decode_by};
use std::sync::{Arc, LazyLock};

static SHIPPED: LazyLock<Layouts> = LazyLock::new(Layouts::builtin);

fuzz_target!(|input: &[u8]| {
    let text_len = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (text, payload) = input.split_at(text_len);
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut binary = SHIPPED.clone();
    if binary.add(text, "layout.toml").is_err() {
        return;
    }
    assert!(binary.add(text, "again.toml").is_err(), "it is there already");
    let im = ImPolicy::Hashed([7; 32]);
    let settings = Arc::new(Settings { binary, im, ..Settings::with_limits(LIMITS) });
    decode_by(&settings, FormatHint::Binary, payload.get(1..).unwrap_or_default());
});
