//! Where datagrams come from. One worker loop serves all sources.

pub mod capture;
pub mod dealt;
pub mod drive;
pub mod udp;
pub mod xdp;

use crate::clock;
use logweir_decode::context::UnixNanos;
use std::{io, net::IpAddr, time::Duration};

/// A datagram as its source gives it.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// The UDP payload.
    pub payload: &'a [u8],
    /// Source address.
    pub exporter: IpAddr,
    /// Source port; 0 where it is not known.
    pub exporter_port: u16,
    /// The listener that it was sent to.
    pub listener: u16,
    /// When it arrived.
    pub received_at: UnixNanos,
}

/// What a receive found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many datagrams; 0 when none is there now.
    Datagrams(usize),
    /// The source has ended: the capture was read to its end.
    End,
}

/// A source of datagrams, of one worker.
pub trait Source: Send {
    /// Takes what is there, at most a burst, and calls `each` for every datagram.
    ///
    /// # Errors
    /// When the source cannot go on.
    fn receive(&mut self, each: impl FnMut(Arrival<'_>)) -> io::Result<Received>;

    /// Waits until something may be there, at most so long.
    ///
    /// # Errors
    /// As of `poll(2)`.
    fn wait(&mut self, timeout: Duration) -> io::Result<()>;

    /// Lets nothing new in, when the worker is to stop: what has arrived can still be received.
    ///
    /// # Errors
    /// As of `setsockopt(2)`.
    fn end_intake(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// What time it is for what this source gives: in a capture, that of the capture.
    fn now(&self) -> UnixNanos {
        clock::now()
    }

    /// Publishes what the source and the kernel have counted so far.
    fn publish(&mut self) {}

    /// Whether the source may be left waiting. A capture may; what a network sends may not.
    const MAY_WAIT: bool = false;
}
