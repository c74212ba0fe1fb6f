//! What the fuzz targets share: small limits, so that they are met, and the books of the tests.

#[path = "../../tests/support/books.rs"]
pub mod books;

use books::Books;
use logweir_decode::{
    batch::Capacity, limits::Limits, session::SessionTable, text::TextArena,
    unparsed::Unparsed,
};

/// Inputs that are longer are not tried: a batch for the largest datagram takes long to allocate.
pub const LEN_MAX: usize = 4096;

/// A decoder with small limits, and a batch that just takes payloads of so many bytes.
pub fn books(payload_bytes: usize) -> Books {
    let limits = Limits {
        exporters: 4,
        domains_per_exporter: 4,
        templates_per_domain: 8,
        template_bytes: 16 << 10,
        template_bytes_per_exporter: 8 << 10,
        fields_per_template: 64,
        options_per_domain: 8,
        options_bytes: 4 << 10,
        options_bytes_per_exporter: 2 << 10,
        waiting_datagrams: 16,
        waiting_datagrams_per_exporter: 8,
        waiting_bytes: 8 << 10,
        waiting_bytes_per_exporter: 4 << 10,
        waiting_age_ns: 1_000_000_000,
        messages_per_datagram: 8,
    };
    let capacity = Capacity {
        session_rows: payload_bytes / SessionTable::BYTES_PER_RECORD_MIN + 1,
        unparsed_rows: payload_bytes / Unparsed::BYTES_PER_RECORD_MIN + 2,
        text_bytes: TextArena::EXPANSION_MAX * payload_bytes + 1,
    };
    Books::new(limits, capacity)
}
