//! The settings as they are written: the keys of the file and the options of the command line.

use super::{Exporter, Im, Limits, Privacy, Retention, alarm};
use serde::Deserialize;
use std::path::PathBuf;

/// Where datagrams come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// AF_XDP on an interface.
    Xdp,
    /// UDP sockets.
    Udp,
}

/// What becomes of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// Parquet in the directory of the store.
    #[default]
    Store,
    /// Counted and thrown away, to measure receiving and decoding alone.
    Discard,
}

/// Makes the struct of the settings, each of which may be missing.
macro_rules! settings {
    ($($(#[$about:meta])* $name:ident: $kind:ty,)*) => {
        /// Settings as they are written: nothing is checked yet.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Settings {
            $($(#[$about])* pub $name: Option<$kind>,)*
        }

        impl Settings {
            /// The keys of the file; `keys::TOP` tells what they are.
            #[cfg(test)]
            pub(super) const KEYS: &[&str] = &[$(stringify!($name)),*];

            /// These settings, where `over` does not say otherwise.
            #[must_use]
            pub fn overridden_by(self, over: Settings) -> Settings {
                Settings { $($name: over.$name.or(self.$name),)* }
            }

            /// These settings, with the values that others have for some keys.
            #[must_use]
            pub fn with(mut self, others: &Settings, keys: &[&str]) -> Settings {
                $(if keys.contains(&stringify!($name)) {
                    self.$name.clone_from(&others.$name);
                })*
                self
            }

            /// The keys whose values are others.
            pub fn changed_from(&self, before: &Settings) -> Vec<&'static str> {
                let mut keys = Vec::new();
                $(if self.$name != before.$name { keys.push(stringify!($name)); })*
                keys
            }
        }
    };
}

settings! {
    /// The interface to collect from.
    interface: String,
    /// Where datagrams come from; AF_XDP where there is an interface and it can be had.
    source: SourceKind,
    /// The ports to collect: `PORT`, `PORT=FORMAT`, `ADDRESS:PORT=FORMAT`.
    listen: Vec<String>,
    /// Exporters that may send, as addresses or prefixes; all where it is missing or empty.
    allow: Vec<String>,
    /// The directory of the store.
    data: PathBuf,
    /// What becomes of records; they are stored where it is missing.
    sink: SinkKind,
    /// Whether workers spin instead of sleeping.
    busy_poll: bool,
    /// RX queues to take; all of the interface's where it is missing.
    queues: u32,
    /// Workers that read UDP sockets.
    udp_workers: usize,
    /// Workers that decode what one RX queue, or one worker's UDP sockets, bring.
    workers_per_queue: usize,
    /// Frames in the RX ring of each queue: a power of two.
    rx_ring_size: u32,
    /// Receive buffer of each UDP socket, in bytes.
    receive_buffer_bytes: usize,
    /// Batches of records a worker may have in flight.
    batches: usize,
    /// Seconds after which records are in a file at the latest.
    part_age_seconds: u64,
    /// Milliseconds after which records are synced in the journal.
    journal_sync_ms: u64,
    /// Size of the journal's segments, in MiB.
    segment_mb: u64,
    /// Room for segments of the journal that are not sealed yet, in MiB.
    journal_max_mb: u64,
    /// The socket at which other commands ask the collector.
    control: PathBuf,
    /// The user that the collector becomes where it is started by root.
    user: String,
    /// Whether it gives up what it does not need once it has its sources.
    confine: bool,
    /// Where metrics are served over HTTP: an address of the host itself, and a port.
    metrics: String,
    /// Exporters that have metrics of their own.
    metrics_exporters: usize,
    /// The file that datagrams go to which no decoder knew.
    unknown_capture: PathBuf,
    /// Room for these, in MiB.
    unknown_capture_mb: u64,
    /// Files that declare text formats.
    formats: Vec<PathBuf>,
    /// Files that declare layouts of binary session logs.
    binary_layouts: Vec<PathBuf>,
    /// What holds for single exporters.
    exporter: Vec<Exporter>,
    /// What becomes of instant-messenger logs.
    im: Im,
    /// What is left out of records.
    privacy: Privacy,
    /// How long records are kept, and how much of them.
    retention: Retention,
    /// Where what senders can make grow stops.
    limits: Limits,
    /// The live log.
    live_log: alarm::LiveLog,
    /// What is waited for, and what is done then.
    rule: Vec<alarm::Rule>,
    /// Whom webhooks trust.
    webhook: alarm::Webhook,
    /// The server that syslog messages of rules go to.
    syslog: alarm::Syslog,
    /// Where mail of rules goes.
    email: alarm::Email,
}
