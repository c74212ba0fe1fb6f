//! Instant-messenger logs as text: one datagram of lines, under each policy.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::{
    decoder::FormatHint,
    settings::{ImPolicy, Settings},
};
use logweir_decode_fuzz::{LIMITS, decode_by};
use std::sync::{Arc, LazyLock};

static POLICIES: LazyLock<[Arc<Settings>; 3]> = LazyLock::new(|| {
    let policies = [ImPolicy::Off, ImPolicy::Hashed([7; 32]), ImPolicy::Plain];
    policies.map(|im| Arc::new(Settings { im, ..Settings::with_limits(LIMITS) }))
});

fuzz_target!(|payload: &[u8]| {
    for settings in POLICIES.iter() {
        decode_by(settings, FormatHint::HuaweiUsgSyslog, payload);
    }
});
