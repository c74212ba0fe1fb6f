//! One NetFlow v9 datagram; the version is right, everything else is the fuzzer's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode_fuzz::{LEN_MAX, books, books::datagram};

fuzz_target!(|body: &[u8]| {
    if body.len() > LEN_MAX - 2 {
        return;
    }
    let payload = [&[0, 9], body].concat();
    let mut books = books(payload.len());
    let datagram = datagram(1, &payload);
    books.decode(&datagram);
    while books.release(datagram.received_at).is_some() {}
    books.close();
});
