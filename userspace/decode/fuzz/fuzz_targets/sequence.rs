//! Many datagrams of several exporters through one decoder. Each is two bytes of instructions
//! (exporter, format, milliseconds that pass), two of length, and the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::decoder::{Datagram, FormatHint};
use logweir_decode_fuzz::{LEN_MAX, books, books::datagram};

fuzz_target!(|input: &[u8]| {
    let mut books = books(input.len().min(LEN_MAX));
    let mut now = 1_700_000_000_000_000_000;
    let mut rest = input;
    while let Some((&[exporter, passed_ms, len_0, len_1], after)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([len_0, len_1])).min(after.len()).min(LEN_MAX);
        let (payload, after) = after.split_at(len);
        rest = after;
        now += i64::from(passed_ms) * 10_000_000;
        let (_, format) = FormatHint::NAMES[usize::from(exporter >> 4) % 4];
        books.decode(&Datagram { received_at: now, format, ..datagram(exporter & 7, payload) });
        while books.release(now).is_some() {}
    }
    books.close();
});
