//! What the fuzz targets share: small limits, so that they are met, and the books of the tests.

#[path = "../../tests/support/books.rs"]
pub mod books;

use books::{Books, datagram};
use logweir_decode::{
    batch::Capacity,
    declared::Formats,
    decoder::{Datagram, FormatHint},
    limits::Limits,
    session::SessionTable,
    settings::{ImPolicy, Settings},
    text::TextArena,
    unparsed::Unparsed,
};
use std::sync::{Arc, LazyLock};

/// Inputs that are longer are not tried: a batch for the largest datagram takes long to allocate.
pub const LEN_MAX: usize = 4096;

/// Limits that are soon met.
pub const LIMITS: Limits = Limits {
    exporters: 4,
    domains_per_exporter: 4,
    templates_per_domain: 8,
    template_bytes: 16 << 10,
    template_bytes_per_exporter: 8 << 10,
    fields_per_template: 64,
    template_silence_ns: Limits::DEFAULT.template_silence_ns,
    options_per_domain: 8,
    options_bytes: 4 << 10,
    options_bytes_per_exporter: 2 << 10,
    waiting_datagrams: 16,
    waiting_datagrams_per_exporter: 8,
    waiting_bytes: 8 << 10,
    waiting_bytes_per_exporter: 4 << 10,
    waiting_age_ns: 1_000_000_000,
    messages_per_datagram: 8,
    ..Limits::DEFAULT
};

/// Everything is recorded, and every format known that is shipped.
pub static SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(|| {
    let declared = Formats::builtin();
    Arc::new(Settings { declared, im: ImPolicy::Plain, ..Settings::with_limits(LIMITS) })
});

/// A decoder, and a batch that just takes payloads of so many bytes.
pub fn books(settings: &Arc<Settings>, payload_bytes: usize) -> Books {
    let capacity = Capacity {
        session_rows: payload_bytes / SessionTable::BYTES_PER_RECORD_MIN + 1,
        unparsed_rows: payload_bytes / Unparsed::BYTES_PER_RECORD_MIN + 2,
        text_bytes: TextArena::EXPANSION_MAX * payload_bytes + 1,
    };
    Books::with_settings(Arc::clone(settings), capacity)
}

/// Decodes one datagram.
pub fn decode(format: FormatHint, payload: &[u8]) {
    decode_by(&SETTINGS, format, payload);
}

/// Decodes one datagram by these settings.
pub fn decode_by(settings: &Arc<Settings>, format: FormatHint, payload: &[u8]) {
    if payload.len() > LEN_MAX {
        return;
    }
    let mut books = books(settings, payload.len());
    let datagram = Datagram { format, ..datagram(1, payload) };
    books.decode(&datagram);
    while books.release(datagram.received_at).is_some() {}
    books.close();
}

/// Decodes many datagrams of several exporters through one decoder, with time passing between them.
///
/// Each is a byte of instructions (three bits of exporter, the rest for `format`), one of hundredths
/// of a second that pass, two of length, and the payload.
pub fn stream(input: &[u8], format: impl Fn(u8) -> FormatHint) {
    let mut books = books(&SETTINGS, input.len().min(LEN_MAX));
    let mut received_at = datagram(0, &[]).received_at;
    let mut rest = input;
    while let Some((&[what, passed, len_0, len_1], after)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([len_0, len_1])).min(after.len()).min(LEN_MAX);
        let (payload, after) = after.split_at(len);
        rest = after;
        received_at += i64::from(passed) * 10_000_000;
        let format = format(what >> 3);
        books.decode(&Datagram { received_at, format, ..datagram(what & 7, payload) });
        while books.release(received_at).is_some() {}
    }
    books.close();
}

/// The payload with its first two bytes replaced by a version.
pub fn with_version(version: u16, payload: &[u8]) -> Option<Vec<u8>> {
    let mut payload = payload.to_vec();
    payload.first_chunk_mut().map(|bytes| *bytes = version.to_be_bytes())?;
    Some(payload)
}
