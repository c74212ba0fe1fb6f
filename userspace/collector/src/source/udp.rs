//! Datagrams from ordinary UDP sockets: those that the XDP program passes up, or all.

use super::{Arrival, Received, Source};
use crate::{clock, counters::SocketCounters, listener::Listener, notice::Reader, orders::Orders};
use logweir_xsk::udp::UdpReceiver;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
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
            let socket =
                bind(listener, |address| UdpReceiver::bind(address, receive_buffer_bytes))?;
            sockets.push((listener.number, socket));
        }
        Ok(Self { sockets, orders, counters })
    }

    /// That no other process has a listener's port. The sockets share theirs among themselves, so
    /// that binding alone would share it with another collector too, a part of the datagrams each.
    ///
    /// # Errors
    /// Names the address that cannot be bound.
    pub fn check_free(listeners: &[Listener]) -> Result<(), String> {
        listeners.iter().try_for_each(|listener| bind(listener, UdpSocket::bind).map(drop))
    }

    /// The smallest receive buffer of its sockets, in bytes as the kernel counts them.
    pub fn receive_buffer_bytes(&self) -> usize {
        let sizes = self.sockets.iter().map(|(_, socket)| socket.receive_buffer_bytes());
        sizes.min().unwrap_or(0)
    }
}

/// Opens the first of a listener's addresses that can be had: one without an address takes both
/// families, where the host has both.
fn bind<T>(listener: &Listener, open: impl Fn(SocketAddr) -> io::Result<T>) -> Result<T, String> {
    let port = listener.port;
    let addresses = match listener.address {
        Some(address) => vec![SocketAddr::new(address, port)],
        None => vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()],
    };
    let mut failure = String::new();
    for address in addresses {
        match open(address) {
            Ok(socket) => return Ok(socket),
            // Whoever has the port of one family would share that of the other.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(cannot_bind(address, &error));
            }
            Err(error) => failure = cannot_bind(address, &error),
        }
    }
    Err(failure)
}

/// The sentence, with what helps.
fn cannot_bind(address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => ": another process has the port, which `ss -lunp` names",
        io::ErrorKind::AddrNotAvailable => ": no interface of this host has the address",
        io::ErrorKind::PermissionDenied if port < 1024 => {
            ": ports below 1024 need CAP_NET_BIND_SERVICE, or root"
        }
        _ => "",
    };
    format!("cannot bind UDP {address}: {error}{help}")
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
