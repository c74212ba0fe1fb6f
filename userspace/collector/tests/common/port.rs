//! A port of the loopback interface.

use std::net::UdpSocket;

/// A UDP port that is free now. Another process might take it before the caller does; the kernel
/// gives a port again only after many others.
pub fn free() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("bound").port()
}
