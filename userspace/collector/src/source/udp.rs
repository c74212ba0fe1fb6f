//! Datagrams from ordinary UDP sockets: those that the XDP program passes up, or all.

use super::{Arrival, Received, Source};
use crate::{clock, counters::SocketCounters, listener::Listener, notice::Reader, orders::Orders};
use logweir_xsk::udp::UdpReceiver;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::AsFd,
    sync::Arc,
    time::Duration,
};

/// One worker's sockets, one a listener.
#[derive(Debug)]
pub struct UdpSource {
    sockets: Vec<(u16, UdpReceiver)>,
    orders: Reader<Orders>,
    counters: Arc<SocketCounters>,
}

impl UdpSource {
    /// Binds a socket for each listener.
    ///
    /// # Errors
    /// Names the address that cannot be bound.
    pub fn bind(
        listeners: &[Listener],
        orders: Reader<Orders>,
        receive_buffer_bytes: usize,
        counters: Arc<SocketCounters>,
    ) -> Result<Self, String> {
        let mut sockets = Vec::new();
        for listener in listeners {
            let socket = bind(listener, receive_buffer_bytes)?;
            sockets.push((listener.number, socket));
        }
        Ok(Self { sockets, orders, counters })
    }

    /// The smallest receive buffer of its sockets, in bytes as the kernel counts them.
    pub fn receive_buffer_bytes(&self) -> usize {
        let sizes = self.sockets.iter().map(|(_, socket)| socket.receive_buffer_bytes());
        sizes.min().unwrap_or(0)
    }
}

/// A listener without an address takes both families, where the host has both.
fn bind(listener: &Listener, receive_buffer_bytes: usize) -> Result<UdpReceiver, String> {
    let port = listener.port;
    let addresses = match listener.address {
        Some(address) => vec![SocketAddr::new(address, port)],
        None => vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()],
    };
    let mut failure = String::new();
    for address in addresses {
        match UdpReceiver::bind(address, receive_buffer_bytes) {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = format!("cannot bind UDP {address}: {error}"),
        }
    }
    Err(failure)
}

impl Source for UdpSource {
    fn receive(&mut self, mut each: impl FnMut(Arrival<'_>)) -> io::Result<Received> {
        let Self { sockets, orders, counters } = self;
        orders.refresh();
        let allow = &orders.get().allow;
        let (mut taken, mut refused) = (0, 0);
        for (listener, socket) in sockets {
            socket.receive(|datagram| {
                // The XDP program refuses them as well, but not those that it passes up before it
                // has found the sender.
                if !allow.contains(datagram.source.ip()) {
                    refused += 1;
                    return;
                }
                taken += 1;
                each(Arrival {
                    payload: datagram.payload,
                    exporter: datagram.source.ip(),
                    exporter_port: datagram.source.port(),
                    listener: *listener,
                    received_at: datagram.received_at_ns.unwrap_or_else(clock::now),
                });
            })?;
        }
        counters.received.add(taken);
        counters.not_allowed.add(refused);
        Ok(Received::Datagrams((taken + refused) as usize))
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let mut sockets: Vec<_> = self
            .sockets
            .iter()
            .map(|(_, socket)| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN))
            .collect();
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        match poll(&mut sockets, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn end_intake(&mut self) -> io::Result<()> {
        self.sockets.iter_mut().try_for_each(|(_, socket)| socket.end_intake())
    }

    fn publish(&mut self) {
        self.counters.dropped.set(self.sockets.iter().map(|(_, socket)| socket.drops()).sum());
    }
}
