//! One datagram of syslog lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::decoder::{Datagram, FormatHint};
use logweir_decode_fuzz::{LEN_MAX, books, books::datagram};

fuzz_target!(|payload: &[u8]| {
    if payload.len() > LEN_MAX {
        return;
    }
    let mut books = books(payload.len());
    books.decode(&Datagram { format: FormatHint::HuaweiUsgSyslog, ..datagram(1, payload) });
    books.close();
});
