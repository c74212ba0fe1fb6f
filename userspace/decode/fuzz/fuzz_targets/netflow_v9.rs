//! NetFlow v9, with the profile that its template tells and with the Huawei USG's: one datagram. The version is right, everything else is the fuzzer's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::decoder::FormatHint;
use logweir_decode_fuzz::{decode, with_version};

fuzz_target!(|payload: &[u8]| {
    if let Some(payload) = with_version(9, payload) {
        decode(FormatHint::Netflow, &payload);
        decode(FormatHint::HuaweiUsgNetflow, &payload);
    }
});
