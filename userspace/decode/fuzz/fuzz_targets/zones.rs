//! The zones that are learned from an exporter's lines: many lines of several exporters, as in
//! `auto`, all of a Huawei USG. Small limits make them push each other out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::decoder::FormatHint;
use logweir_decode_fuzz::stream;

fuzz_target!(|input: &[u8]| stream(input, |_| FormatHint::HuaweiUsgSyslog));
