//! What a collector is to do on this host, as far as the host must be fit for it.

use crate::{
    config::{Settings, SinkKind, SourceKind},
    pipeline::{Input, PipelineConfig},
};
use std::path::PathBuf;

/// The plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The interface to collect from.
    pub interface: Option<String>,
    /// Whether AF_XDP is wanted.
    pub xdp: bool,
    /// RX queues to take; all where it is `None`.
    pub queues: Option<u32>,
    /// Workers that decode what one queue brings.
    pub workers_per_queue: usize,
    /// Workers that read UDP sockets, where AF_XDP is not wanted.
    pub udp_workers: usize,
    /// Descriptors in the RX ring of each AF_XDP socket.
    pub rx_ring_size: u32,
    /// Receive buffer of each UDP socket.
    pub receive_buffer_bytes: usize,
    /// Batches of records a worker.
    pub batches: usize,
    /// Whether workers spin.
    pub busy_poll: bool,
    /// The directory of the store.
    pub data: Option<PathBuf>,
    /// Room that the journal may take, in bytes.
    pub journal_bytes_max: u64,
    /// The lowest port that is listened at.
    pub lowest_port: Option<u16>,
}

impl Plan {
    /// What these settings ask of a host. They need not be whole.
    pub fn of(settings: &Settings) -> Self {
        let defaults = PipelineConfig::new(Input::Udp { workers: 1 }, Vec::new());
        let stores = settings.sink.unwrap_or_default() == SinkKind::Store;
        let ports = settings.listen.iter().flatten().filter_map(|spec| port(spec));
        const JOURNAL_MAX_MB: u64 = 4_096;
        Self {
            interface: settings.interface.clone(),
            xdp: settings.interface.is_some() && settings.source != Some(SourceKind::Udp),
            queues: settings.queues,
            workers_per_queue: settings.workers_per_queue.unwrap_or(defaults.workers_per_queue),
            udp_workers: settings.udp_workers.unwrap_or(1),
            rx_ring_size: settings.rx_ring_size.unwrap_or(defaults.rx_ring_size),
            receive_buffer_bytes: settings
                .receive_buffer_bytes
                .unwrap_or(defaults.receive_buffer_bytes),
            batches: settings.batches.unwrap_or(defaults.batches),
            busy_poll: settings.busy_poll.unwrap_or(defaults.busy_poll),
            data: settings.data.clone().filter(|_| stores),
            journal_bytes_max: settings.journal_max_mb.unwrap_or(JOURNAL_MAX_MB) << 20,
            lowest_port: ports.min(),
        }
    }

    /// Threads that have a processor each, with so many RX queues.
    pub fn pinned_threads(&self, rx_queues: u32) -> usize {
        let sources = match self.xdp {
            true => self.queues.unwrap_or(rx_queues).min(rx_queues) as usize,
            false => self.udp_workers,
        };
        let dealer = usize::from(self.workers_per_queue > 1);
        sources * (self.workers_per_queue + dealer)
    }
}

/// The port of `[ADDR:]PORT[=FORMAT]`.
fn port(spec: &str) -> Option<u16> {
    let place = spec.split('=').next()?;
    place.rsplit(':').next()?.parse().ok()
}
