//! Declared text formats, all that are shipped: one datagram of lines, by whichever knows it and by
//! the one that the first byte numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::{declared::DeclaredId, decoder::FormatHint};
use logweir_decode_fuzz::{SETTINGS, decode};

fuzz_target!(|input: &[u8]| {
    let Some((number, payload)) = input.split_first() else { return };
    let number = usize::from(*number) % SETTINGS.declared.names().count();
    decode(FormatHint::Syslog, payload);
    decode(FormatHint::Declared(DeclaredId(number as u16)), payload);
});
