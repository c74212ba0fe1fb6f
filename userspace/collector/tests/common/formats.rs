//! The formats that the model builds and the decoders know.

use logweir_traffic::{Format, Header, ModelConfig};

/// The formats that are decoded. One whose decoder is there belongs here.
pub const DECODED: &[Format] = &Format::ALL;

/// A configuration that makes a format show what it has.
pub fn of(format: Format, seed: u64) -> ModelConfig {
    ModelConfig {
        seed,
        format,
        exporters: 5,
        slots: 2,
        sessions_live_max: 3_000,
        nat64_share: if format.has_nat64() { 0.2 } else { 0.0 },
        dslite_share: if format.has_dslite() { 0.15 } else { 0.0 },
        vrfs: 3,
        inbound_share: 0.1,
        untranslated_share: 0.1,
        template_every: 7,
        headers: Header::ALL.to_vec(),
        quirk_share: 0.2,
        ..ModelConfig::default()
    }
}
