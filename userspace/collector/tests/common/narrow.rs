//! A pipeline on loopback with so little room that pressure shows at once, and an exporter for it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use logweir::{
    listener::Listener,
    pipeline::{Input, PipelineConfig},
};
use logweir_decode::{batch::Capacity, decoder::FormatHint};
use logweir_traffic::{Format, Model, ModelConfig};

/// Three batches of some hundred lines each.
pub fn config(port: u16) -> PipelineConfig {
    let listener = Listener {
        number: 0,
        address: Some(Ipv4Addr::LOCALHOST.into()),
        port,
        format: FormatHint::Auto,
    };
    PipelineConfig {
        batches: 3,
        capacity: Capacity { session_rows: 512, unparsed_rows: 256, text_bytes: 32 << 10 },
        ..PipelineConfig::new(Input::Udp { workers: 1 }, vec![listener])
    }
}

/// Sends a line a datagram.
pub struct Exporter {
    socket: UdpSocket,
    model: Model,
    /// Lines so far.
    pub sent: u64,
}

impl Exporter {
    /// One that sends to this port.
    pub fn to(port: u16) -> Exporter {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).expect("connected");
        let config = ModelConfig { format: Format::UsgMtn, ..ModelConfig::default() };
        Exporter { socket, model: Model::new(config).expect("a model"), sent: 0 }
    }

    /// Sends so many lines.
    pub fn send(&mut self, lines: u64) {
        let mut buffer = [0; 1400];
        for _ in 0..lines {
            let info = self.model.next_datagram(&mut buffer, None);
            self.socket.send(&buffer[..info.len]).expect("sent");
        }
        self.sent += lines;
    }
}
