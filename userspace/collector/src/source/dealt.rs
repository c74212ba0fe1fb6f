//! Datagrams that a [`dealer`](crate::dealer) received and dealt out to this worker.

use super::{Arrival, Received, Source};
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use logweir_decode::context::UnixNanos;
use std::{io, net::IpAddr, time::Duration};

/// Datagrams of a parcel, at most.
const DATAGRAMS: usize = 64;
/// A parcel with this many bytes takes no more, unless it is empty.
const BYTES: usize = 64 << 10;

/// Consecutive datagrams. Its memory is used again; it grows to what its datagrams need, which is
/// less than [`BYTES`] and one datagram more.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    payloads: Vec<u8>,
    datagrams: Vec<Place>,
}

/// Where a payload ends, and what is known of its datagram.
#[derive(Debug)]
struct Place {
    end: usize,
    exporter: IpAddr,
    exporter_port: u16,
    listener: u16,
    received_at: UnixNanos,
}

impl Parcel {
    pub fn has_room_for(&self, arrival: &Arrival<'_>) -> bool {
        let is_small = self.payloads.len() + arrival.payload.len() <= BYTES;
        self.datagrams.len() < DATAGRAMS && (is_small || self.datagrams.is_empty())
    }

    pub fn put(&mut self, arrival: &Arrival<'_>) {
        let Arrival { payload, exporter, exporter_port, listener, received_at } = *arrival;
        self.payloads.extend_from_slice(payload);
        let end = self.payloads.len();
        self.datagrams.push(Place { end, exporter, exporter_port, listener, received_at });
    }

    fn each(&self, mut each: impl FnMut(Arrival<'_>)) {
        let mut start = 0;
        for Place { end, exporter, exporter_port, listener, received_at } in &self.datagrams {
            let payload = &self.payloads[start..*end];
            start = *end;
            each(Arrival {
                payload,
                exporter: *exporter,
                exporter_port: *exporter_port,
                listener: *listener,
                received_at: *received_at,
            });
        }
    }

    fn clear(&mut self) {
        self.payloads.clear();
        self.datagrams.clear();
    }
}

/// A worker's end of a lane. It ends when the dealer has.
#[derive(Debug)]
pub struct DealtSource {
    dealt: Receiver<Box<Parcel>>,
    home: Sender<Box<Parcel>>,
    /// A parcel that came while the worker waited.
    waited_for: Option<Box<Parcel>>,
}

impl DealtSource {
    pub(crate) fn new(dealt: Receiver<Box<Parcel>>, home: Sender<Box<Parcel>>) -> Self {
        Self { dealt, home, waited_for: None }
    }
}

impl Source for DealtSource {
    fn receive(&mut self, each: impl FnMut(Arrival<'_>)) -> io::Result<Received> {
        let mut parcel = match self.waited_for.take() {
            Some(parcel) => parcel,
            None => match self.dealt.try_recv() {
                Ok(parcel) => parcel,
                Err(TryRecvError::Empty) => return Ok(Received::Datagrams(0)),
                Err(TryRecvError::Disconnected) => return Ok(Received::End),
            },
        };
        parcel.each(each);
        let count = parcel.datagrams.len();
        parcel.clear();
        // The dealer may have ended.
        let _ = self.home.try_send(parcel);
        Ok(Received::Datagrams(count))
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        self.waited_for = self.dealt.recv_timeout(timeout).ok();
        Ok(())
    }
}
