//! Everything that a sender can make grow, and where it stops. What happens there is a counter.

/// The limits of a decoder.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Exporters with templates, all workers together.
    pub exporters: usize,
    /// Observation domains with templates, an exporter.
    pub domains_per_exporter: usize,
    /// Templates, an observation domain.
    pub templates_per_domain: usize,
    /// Bytes that the templates of all exporters may take. The maps in which the registry and each
    /// worker keep them take up to as much again and twice as much, where templates are small.
    pub template_bytes: usize,
    /// Bytes that the templates of one exporter may take.
    pub template_bytes_per_exporter: usize,
    /// Nanoseconds after which the templates of an observation domain that has sent none may be
    /// forgotten, when room is needed.
    pub template_silence_ns: i64,
    /// Fields, a template.
    pub fields_per_template: usize,
    /// Facts that options data told, an observation domain.
    pub options_per_domain: usize,
    /// Bytes that the facts of all exporters may take.
    pub options_bytes: usize,
    /// Bytes that the facts of one exporter may take.
    pub options_bytes_per_exporter: usize,
    /// Datagrams that wait for a template, a worker.
    pub waiting_datagrams: usize,
    /// Datagrams of one exporter that wait for a template, a worker.
    pub waiting_datagrams_per_exporter: usize,
    /// Bytes of datagrams that wait for a template, a worker.
    pub waiting_bytes: usize,
    /// Bytes of datagrams of one exporter that wait for a template, a worker.
    pub waiting_bytes_per_exporter: usize,
    /// Nanoseconds that a datagram waits for its template.
    pub waiting_age_ns: i64,
    /// Messages that one syslog datagram is split into; what follows stays in one piece.
    pub messages_per_datagram: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// Fit for thousands of exporters on a collector host.
    pub const DEFAULT: Limits = Limits {
        exporters: 16_384,
        domains_per_exporter: 256,
        templates_per_domain: 256,
        template_bytes: 128 << 20,
        template_bytes_per_exporter: 4 << 20,
        // Three times what exporters leave between two templates at the most.
        template_silence_ns: 5_400_000_000_000,
        fields_per_template: 512,
        options_per_domain: 4_096,
        options_bytes: 64 << 20,
        options_bytes_per_exporter: 2 << 20,
        waiting_datagrams: 8_192,
        waiting_datagrams_per_exporter: 1_024,
        waiting_bytes: 16 << 20,
        waiting_bytes_per_exporter: 2 << 20,
        // Exporters repeat their templates every half hour at the latest.
        waiting_age_ns: 1_800_000_000_000,
        messages_per_datagram: 64,
    };
}
