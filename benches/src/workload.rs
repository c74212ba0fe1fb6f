//! Datagrams to work on, made once by the traffic model: sessions of many subscribers that begin
//! and end, not one record repeated.

use logweir_decode::decoder::{Datagram, FormatHint};
use logweir_traffic::{ConfigError, Model, ModelConfig, Session, Truth};
use std::net::IpAddr;

/// Datagrams and what they carry.
#[derive(Debug)]
pub struct Workload {
    payloads: Vec<u8>,
    datagrams: Vec<Sent>,
    truth: Vec<Session>,
}

#[derive(Debug)]
struct Sent {
    end: usize,
    exporter: IpAddr,
    exporter_port: u16,
    at_ns: u64,
}

impl Workload {
    /// The first datagrams of a model that `wanted` lets through, so many records of them.
    pub fn new(
        config: ModelConfig,
        records: usize,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Self, ConfigError> {
        let mut buffer = vec![0; config.datagram_bytes_max];
        let mut model = Model::new(config)?;
        let mut workload =
            Workload { payloads: Vec::new(), datagrams: Vec::new(), truth: Vec::new() };
        let mut truth = Vec::new();
        while workload.truth.len() < records {
            truth.clear();
            let sent = model.next_datagram(&mut buffer, Some(&mut truth));
            let payload = &buffer[..sent.len];
            if !wanted(payload) {
                continue;
            }
            workload.truth.extend(truth.drain(..).filter_map(Truth::into_session));
            workload.payloads.extend_from_slice(payload);
            workload.datagrams.push(Sent {
                end: workload.payloads.len(),
                exporter: sent.exporter,
                exporter_port: sent.exporter_port,
                at_ns: sent.at_ns,
            });
        }
        Ok(workload)
    }

    /// The datagrams, in the order in which they were sent.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let mut start = 0;
        self.datagrams.iter().map(move |sent| {
            let payload = &self.payloads[start..sent.end];
            start = sent.end;
            Datagram {
                payload,
                exporter: sent.exporter,
                exporter_port: sent.exporter_port,
                received_at: sent.at_ns as i64,
                format: FormatHint::Auto,
            }
        })
    }

    /// The records that were sent, in their order.
    pub fn truth(&self) -> &[Session] {
        &self.truth
    }

    /// Number of datagrams.
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Number of records.
    pub fn records(&self) -> usize {
        self.truth.len()
    }

    /// Bytes of payload.
    pub fn bytes(&self) -> usize {
        self.payloads.len()
    }
}
