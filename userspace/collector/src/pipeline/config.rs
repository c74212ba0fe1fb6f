//! What a pipeline is to be.

use super::wiring;
use crate::{listener::Listener, steering::Prefix};
use logweir_decode::{batch::Capacity, netflow::kept::KeptTemplate, settings::Settings};
use std::{path::PathBuf, sync::Arc};

/// Where a pipeline takes datagrams from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An interface, by XDP and AF_XDP; what the program passes up comes by a UDP socket.
    Xdp {
        /// The interface's name.
        interface: String,
        /// The RX queues to take, from 0 on; all of them where it is `None`.
        queues: Option<u32>,
    },
    /// UDP sockets, so many workers.
    Udp {
        /// Workers, each with a socket for every listener.
        workers: usize,
    },
    /// Files, read once.
    Capture {
        /// Captures, payloads and text files.
        files: Vec<PathBuf>,
        /// The exporter of what has none.
        exporter: Option<std::net::IpAddr>,
    },
}

/// What a pipeline is to be.
#[derive(Clone, Debug)]
pub struct PipelineConfig {
    /// Where datagrams come from.
    pub input: Input,
    /// The ports to collect.
    pub listeners: Vec<Listener>,
    /// Exporters that may send; if empty, all may.
    pub allow: Vec<Prefix>,
    /// What the configuration says to the decoders.
    pub settings: Arc<Settings>,
    /// Templates that are known from before.
    pub templates: Arc<[KeptTemplate]>,
    /// Batches a worker.
    pub batches: usize,
    /// Size of a batch.
    pub capacity: Capacity,
    /// Receive buffer of each UDP socket, in bytes.
    pub receive_buffer_bytes: usize,
    /// Frames in the RX ring of each queue: a power of two.
    pub rx_ring_size: u32,
    /// Workers that decode what one RX queue, or one worker's UDP sockets, bring.
    pub workers_per_queue: usize,
    /// Whether workers spin instead of sleeping, and drive the NIC's NAPI themselves.
    pub busy_poll: bool,
}

impl PipelineConfig {
    /// Checks what only this host can tell: that there is such an interface, with so many queues.
    ///
    /// # Errors
    /// One sentence that says what there is instead.
    pub fn check_host(&self) -> Result<(), String> {
        match &self.input {
            Input::Xdp { interface, queues } => wiring::check_queues(interface, *queues).map(drop),
            Input::Udp { .. } | Input::Capture { .. } => Ok(()),
        }
    }

    /// A pipeline from this input with the defaults of everything else.
    pub fn new(input: Input, listeners: Vec<Listener>) -> Self {
        Self {
            input,
            listeners,
            allow: Vec::new(),
            settings: Arc::default(),
            templates: Arc::default(),
            batches: 24,
            capacity: Capacity::DEFAULT,
            receive_buffer_bytes: 16 << 20,
            rx_ring_size: 4096,
            workers_per_queue: 1,
            busy_poll: false,
        }
    }
}
