//! IPFIX: one datagram. The version is right, everything else is the fuzzer's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::decoder::FormatHint;
use logweir_decode_fuzz::{decode, with_version};

fuzz_target!(|payload: &[u8]| {
    if let Some(payload) = with_version(10, payload) {
        decode(FormatHint::Netflow, &payload);
    }
});
