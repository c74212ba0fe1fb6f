//! Where generated datagrams go.

use crate::nic;
use logweir_traffic::{
    DatagramInfo,
    frame::{Frame, HEADERS_BYTES_MAX, Prepared, UdpChecksum},
    pcap,
};
use logweir_xsk::{Interface, Sender, SenderOptions};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Write},
    net::{SocketAddr, ToSocketAddrs, UdpSocket},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

/// What `--to` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An interface.
    Interface(String),
    /// A UDP address.
    Udp(SocketAddr),
    /// A capture file.
    File(PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(address) = text.strip_prefix("udp://") {
            let mut addresses = address
                .to_socket_addrs()
                .map_err(|error| format!("'{address}' is no HOST:PORT: {error}"))?;
            return match addresses.next() {
                None => Err(format!("'{address}' has no address")),
                Some(found) if found.port() == 0 => {
                    Err(format!("'{address}': port 0 is no port to send to"))
                }
                Some(found) => Ok(Self::Udp(found)),
            };
        }
        if text.ends_with(".pcap") {
            return Ok(Self::File(text.into()));
        }
        Ok(Self::Interface(text.into()))
    }
}

/// An open target.
pub enum Outlet {
    /// AF_XDP.
    Interface { sender: Box<Sender>, framer: Framer },
    /// A socket.
    Udp { socket: UdpSocket, buffer: Vec<u8> },
    /// A file.
    File { writer: Option<pcap::Writer<BufWriter<File>>>, framer: Framer, buffer: Vec<u8> },
}

/// The longest payload of the model and its headers.
const FRAME_BYTES_MAX: usize = 2048;

/// How long the last packets may take to leave.
const FLUSH_MAX: Duration = Duration::from_secs(10);

impl Outlet {
    /// Opens a target.
    pub fn open(
        to: &Target,
        target: SocketAddr,
        target_mac: [u8; 6],
        checksum: UdpChecksum,
    ) -> Result<Self, String> {
        let known = HashMap::new();
        let framer = |source_mac| Framer { source_mac, target_mac, target, checksum, known };
        match to {
            Target::Interface(name) => {
                let interface =
                    Interface::by_name(name).map_err(|_| nic::unknown_interface(name))?;
                let sender = Sender::open(&interface, 0, &SenderOptions::default())
                    .map_err(|error| error.to_string())?;
                let source_mac = nic::mac_address(name).unwrap_or([2, 0, 0, 0, 0, 1]);
                Ok(Self::Interface { sender: Box::new(sender), framer: framer(source_mac) })
            }
            Target::Udp(address) => {
                let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(local)
                    .and_then(|socket| socket.connect(address).map(|()| socket))
                    .map_err(|error| format!("cannot send to {address}: {error}"))?;
                Ok(Self::Udp { socket, buffer: vec![0; FRAME_BYTES_MAX] })
            }
            Target::File(path) => {
                let writer = File::create(path)
                    .and_then(|file| pcap::Writer::new(BufWriter::new(file)))
                    .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
                Ok(Self::File {
                    writer: Some(writer),
                    framer: framer([2, 0, 0, 0, 0, 1]),
                    buffer: vec![0; FRAME_BYTES_MAX],
                })
            }
        }
    }

    /// Sends at most `burst` datagrams: as many as `next` writes and there is room for.
    pub fn send(
        &mut self,
        burst: usize,
        mut next: impl FnMut(&mut [u8]) -> Option<DatagramInfo>,
    ) -> Result<(), String> {
        match self {
            Self::Interface { sender, framer } => {
                let sent = sender
                    .send(burst, |_, out| framer.write(out, &mut next).map_or(0, |(_, len)| len));
                if sent == 0 {
                    sender.wait(Some(FLUSH_MAX)).map_err(|error| error.to_string())?;
                }
            }
            Self::Udp { socket, buffer } => {
                for _ in 0..burst {
                    let Some(info) = next(buffer) else { break };
                    send_udp(socket, &buffer[..info.len])?;
                }
            }
            Self::File { writer, framer, buffer } => {
                let Some(writer) = writer else { return Ok(()) };
                for _ in 0..burst {
                    let Some((info, len)) = framer.write(buffer, &mut next) else { break };
                    writer
                        .write_frame(info.at_ns, &buffer[..len])
                        .map_err(|error| write_error(&error))?;
                }
            }
        }
        Ok(())
    }

    /// Waits until everything has left.
    pub fn finish(&mut self) -> Result<(), String> {
        match self {
            Self::Interface { sender, .. } => {
                sender.flush(FLUSH_MAX).map_err(|error| error.to_string())
            }
            Self::Udp { .. } => Ok(()),
            Self::File { writer, .. } => match writer.take() {
                Some(writer) => writer
                    .finish()
                    .and_then(|mut out| out.flush())
                    .map_err(|error| write_error(&error)),
                None => Ok(()),
            },
        }
    }
}

fn write_error(error: &io::Error) -> String {
    format!("cannot write the capture: {error}")
}

/// A full buffer of the device is waited for; nobody listening is no reason to stop.
fn send_udp(socket: &UdpSocket, payload: &[u8]) -> Result<(), String> {
    loop {
        match socket.send(payload) {
            Ok(_) => return Ok(()),
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error()) =>
            {
                std::thread::sleep(Duration::from_micros(50));
            }
            // The answer to an earlier datagram; this one was not sent.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(format!("cannot send: {error}")),
        }
    }
}

/// Puts datagrams into frames.
pub struct Framer {
    source_mac: [u8; 6],
    target_mac: [u8; 6],
    target: SocketAddr,
    checksum: UdpChecksum,
    known: HashMap<SocketAddr, Prepared>,
}

impl Framer {
    /// Writes one frame; `None` when there is no further datagram.
    pub fn write(
        &mut self,
        out: &mut [u8],
        next: &mut impl FnMut(&mut [u8]) -> Option<DatagramInfo>,
    ) -> Option<(DatagramInfo, usize)> {
        // The headers' length depends on the family alone, the source on the datagram.
        let at = if self.target.is_ipv4() { 42 } else { 62 };
        debug_assert!(at <= HEADERS_BYTES_MAX);
        let info = next(out.get_mut(at..)?)?;
        let source = SocketAddr::new(info.exporter, info.exporter_port);
        let prepared = match self.known.entry(source) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(
                Frame {
                    src_mac: self.source_mac,
                    dst_mac: self.target_mac,
                    vlans: &[],
                    source,
                    destination: self.target,
                }
                .prepare(self.checksum)?,
            ),
        };
        let len = prepared.complete(info.len, out)?;
        Some((info, len))
    }
}
