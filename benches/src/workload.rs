//! Datagrams to work on, made once by the traffic model: sessions of many subscribers that begin
//! and end, not one record repeated.

use crate::{
    answer::{Answer, Facts},
    frames::{Frames, PAYLOAD_BYTES_MAX},
};
use logweir_decode::decoder::{Datagram, FormatHint};
use logweir_traffic::{ConfigError, Model, ModelConfig};
use std::net::IpAddr;

/// Datagrams and what they carry.
#[derive(Debug, Default)]
pub struct Workload {
    frames: Frames,
    senders: Vec<Sender>,
    truth: Answer,
}

/// Who sent a datagram, and when.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// Source address.
    pub exporter: IpAddr,
    /// Source port.
    pub exporter_port: u16,
    /// Nanoseconds since 1970 UTC.
    pub at_ns: i64,
}

impl Workload {
    /// The first datagrams of a model that `wanted` lets through, so many of them.
    ///
    /// # Errors
    /// If the model refuses its configuration.
    pub fn of_model(
        config: ModelConfig,
        datagrams: usize,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Self, ConfigError> {
        let mut buffer = [0; PAYLOAD_BYTES_MAX];
        let mut model = Model::new(config)?;
        let mut workload = Self::default();
        let mut truth = Vec::new();
        while workload.datagrams_len() < datagrams {
            truth.clear();
            let sent = model.next_datagram(&mut buffer, Some(&mut truth));
            let payload = &buffer[..sent.len];
            if wanted(payload) {
                let (exporter, exporter_port) = (sent.exporter, sent.exporter_port);
                let sender = Sender { exporter, exporter_port, at_ns: sent.at_ns as i64 };
                workload.push(payload, sender, []);
                truth.iter().for_each(|record| workload.truth.add_truth(record));
            }
        }
        Ok(workload)
    }

    /// Adds a datagram and what its records say.
    pub fn push(
        &mut self,
        payload: &[u8],
        sender: Sender,
        records: impl IntoIterator<Item = Facts>,
    ) {
        self.frames.push(payload);
        self.senders.push(sender);
        records.into_iter().for_each(|facts| self.truth.add(&facts));
    }

    /// The payloads, in the order in which they were sent.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.payloads()
    }

    /// The datagrams, in the order in which they were sent.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.payloads().zip(&self.senders).map(|(payload, sender)| Datagram {
            payload,
            exporter: sender.exporter,
            exporter_port: sender.exporter_port,
            received_at: sender.at_ns,
            format: FormatHint::Auto,
        })
    }

    /// What the records that were sent come to.
    pub fn truth(&self) -> Answer {
        self.truth
    }

    /// Number of datagrams.
    pub fn datagrams_len(&self) -> usize {
        self.senders.len()
    }

    /// Number of records.
    pub fn records(&self) -> usize {
        self.truth.records
    }

    /// Bytes of payload.
    pub fn bytes(&self) -> usize {
        self.frames.bytes()
    }
}
