//! Many datagrams of several exporters through one decoder, mostly told apart by their first bytes,
//! sometimes pinned to a format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::decoder::FormatHint;
use logweir_decode_fuzz::stream;

fuzz_target!(|input: &[u8]| stream(input, |number| match usize::from(number) {
    pinned @ 16.. => FormatHint::NAMES[pinned % FormatHint::NAMES.len()].1,
    _ => FormatHint::Auto,
}));
