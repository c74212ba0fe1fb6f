//! Huawei USG session logs as text: one datagram of lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::decoder::FormatHint;
use logweir_decode_fuzz::decode;

fuzz_target!(|payload: &[u8]| decode(FormatHint::HuaweiUsgSyslog, payload));
