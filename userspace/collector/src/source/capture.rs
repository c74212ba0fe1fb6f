//! Datagrams from files: captures (pcap, pcapng), single payloads (`.bin`, `.dat`) and text
//! (`.log`, `.txt`: a line a datagram).

use super::{Arrival, Received, Source};
use crate::{
    clock,
    frame::{self, Link},
};
use logweir_decode::{context::UnixNanos, syslog::split};
use pcap_parser::{
    Block, PcapBlockOwned, PcapError, create_reader,
    traits::{PcapNGPacketBlock, PcapReaderIterator},
};
use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

/// Blocks or payloads a receive.
const BURST: usize = 64;

/// The largest block of a capture that is read.
const BLOCK_BYTES_MAX: usize = 1 << 20;

/// Files, read one after the other.
pub struct CaptureSource {
    files: VecDeque<PathBuf>,
    current: Option<Input>,
    /// The exporter of what has none of its own.
    exporter: IpAddr,
    /// The time of the last datagram.
    now: UnixNanos,
}

enum Input {
    Capture(Box<Capture>),
    Payloads(VecDeque<Vec<u8>>),
}

/// A capture that is being read.
struct Capture {
    path: PathBuf,
    reader: Box<dyn PcapReaderIterator + Send>,
    interfaces: Vec<Interface>,
}

/// What a capture says about the frames of an interface.
#[derive(Clone, Copy)]
struct Interface {
    link: Option<Link>,
    units_per_second: u64,
    offset_s: i64,
}

impl CaptureSource {
    /// Reads these files in this order. Payload and text files have no exporter: `exporter` is
    /// taken, and left out of the records where it is `None`.
    pub fn new(files: Vec<PathBuf>, exporter: Option<IpAddr>) -> Self {
        Self {
            files: files.into(),
            current: None,
            exporter: exporter.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            now: 0,
        }
    }

    /// Whether a file can be read, as far as can be told without reading it.
    ///
    /// # Errors
    /// Names the file.
    pub fn check(path: &Path) -> io::Result<()> {
        match extension(path).as_str() {
            "bin" | "dat" | "log" | "txt" | "pcap" | "pcapng" | "cap" => {}
            _ => {
                let message =
                    "its name ends in none of .pcap, .pcapng, .cap, .bin, .dat, .log, .txt";
                return Err(named(path, &io::Error::new(io::ErrorKind::InvalidInput, message)));
            }
        }
        File::open(path).map(drop).map_err(|error| named(path, &error))
    }

    /// Opens the next file; `None` after the last.
    fn next_input(&mut self) -> io::Result<Option<Input>> {
        let Some(path) = self.files.pop_front() else { return Ok(None) };
        Self::check(&path)?;
        let input = match extension(&path).as_str() {
            "bin" | "dat" => {
                let payload = fs::read(&path).map_err(|error| named(&path, &error))?;
                Input::Payloads([payload].into())
            }
            "log" | "txt" => {
                let text = fs::read(&path).map_err(|error| named(&path, &error))?;
                Input::Payloads(lines(&text))
            }
            _ => Input::Capture(Box::new(Capture::open(path)?)),
        };
        Ok(Some(input))
    }
}

impl Source for CaptureSource {
    const MAY_WAIT: bool = true;

    fn receive(&mut self, mut each: impl FnMut(Arrival<'_>)) -> io::Result<Received> {
        let Some(input) = &mut self.current else {
            self.current = self.next_input()?;
            let ended = self.current.is_none();
            return Ok(if ended { Received::End } else { Received::Datagrams(0) });
        };
        let mut count = 0;
        let more = match input {
            Input::Payloads(payloads) => {
                self.now = clock::now();
                for payload in payloads.drain(..payloads.len().min(BURST)) {
                    each(Arrival {
                        payload: &payload,
                        exporter: self.exporter,
                        exporter_port: 0,
                        listener: 0,
                        received_at: self.now,
                    });
                    count += 1;
                }
                !payloads.is_empty()
            }
            Input::Capture(capture) => capture.read_burst(|arrival| {
                self.now = arrival.received_at;
                each(arrival);
                count += 1;
            })?,
        };
        if !more {
            self.current = None;
        }
        // A burst of frames without UDP is no reason to wait.
        Ok(Received::Datagrams(count.max(1)))
    }

    fn wait(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }

    fn now(&self) -> UnixNanos {
        self.now
    }
}

impl Capture {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path).map_err(|error| named(&path, &error))?;
        let reader =
            create_reader(BLOCK_BYTES_MAX, file).map_err(|error| capture_error(&path, &error))?;
        Ok(Self { path, reader, interfaces: Vec::new() })
    }

    /// Reads a burst of frames, and calls `each` for those that hold a UDP datagram. `false` at
    /// the end.
    fn read_burst(&mut self, mut each: impl FnMut(Arrival<'_>)) -> io::Result<bool> {
        for _ in 0..BURST {
            let exhausted = self.reader.reader_exhausted();
            match self.reader.next() {
                Ok((len, block)) => {
                    read_block(&mut self.interfaces, &block, &mut each);
                    self.reader.consume(len);
                }
                Err(PcapError::Eof) => return Ok(false),
                Err(PcapError::Incomplete(_)) if !exhausted => {
                    let refilled = self.reader.refill();
                    refilled.map_err(|error| capture_error(&self.path, &error))?;
                }
                Err(error) => return Err(capture_error(&self.path, &error)),
            }
        }
        Ok(true)
    }
}

fn read_block(
    interfaces: &mut Vec<Interface>,
    block: &PcapBlockOwned<'_>,
    each: &mut impl FnMut(Arrival<'_>),
) {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let nanos = header.is_nanosecond_precision();
            interfaces.push(Interface {
                link: Link::from_type(header.network.0),
                units_per_second: if nanos { 1_000_000_000 } else { 1_000_000 },
                offset_s: 0,
            });
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => interfaces.clear(),
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => interfaces.push(Interface {
            link: Link::from_type(interface.linktype.0),
            units_per_second: interface.ts_resolution().unwrap_or(1_000_000),
            offset_s: interface.ts_offset(),
        }),
        PcapBlockOwned::Legacy(block) => {
            let interface = interfaces.first();
            let units = interface.map_or(1, |interface| interface.units_per_second);
            let ticks = u64::from(block.ts_sec)
                .saturating_mul(units)
                .saturating_add(u64::from(block.ts_usec));
            arrival(interface, ticks, block.data).map(each);
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = interfaces.get(packet.if_id as usize);
            let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            arrival(interface, ticks, packet.packet_data()).map(each);
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            arrival(interfaces.first(), 0, packet.packet_data()).map(each);
        }
        PcapBlockOwned::NG(_) => {}
    }
}

fn arrival<'a>(interface: Option<&Interface>, ticks: u64, data: &'a [u8]) -> Option<Arrival<'a>> {
    let interface = interface?;
    let datagram = frame::udp_datagram(interface.link?, data)?;
    let units = interface.units_per_second.max(1);
    let nanos = u128::from(ticks % units) * 1_000_000_000 / u128::from(units);
    let seconds = i64::try_from(ticks / units).unwrap_or(i64::MAX);
    let seconds = seconds.saturating_add(interface.offset_s);
    let received_at =
        seconds.saturating_mul(1_000_000_000).saturating_add(i64::try_from(nanos).unwrap_or(0));
    Some(Arrival {
        payload: datagram.payload,
        exporter: datagram.source,
        exporter_port: datagram.source_port,
        listener: 0,
        received_at,
    })
}

fn extension(path: &Path) -> String {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.unwrap_or_default().to_ascii_lowercase()
}

/// The messages of a text file: a line each. Only where lines begin with a priority may one without
/// continue the one before, if that is a Huawei log that has not come to its full stop: the
/// firewall's documentation prints them so.
fn lines(text: &[u8]) -> VecDeque<Vec<u8>> {
    let wrapped = split::starts_with_priority(text);
    let mut messages: VecDeque<Vec<u8>> = VecDeque::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match messages.back_mut() {
            Some(message) if wrapped && !split::starts_with_priority(line) && is_cut(message) => {
                message.extend_from_slice(line);
            }
            _ if line.trim_ascii().is_empty() => {}
            _ => messages.push_back(line.to_vec()),
        }
    }
    messages
}

/// Whether a message has the tag of a Huawei log and no full stop at its end.
fn is_cut(message: &[u8]) -> bool {
    !message.trim_ascii_end().ends_with(b".") && split::has_huawei_tag(message)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()))
}

fn capture_error<I>(path: &Path, error: &PcapError<I>) -> io::Error {
    let what = match error {
        PcapError::HeaderNotRecognized => "it is neither pcap nor pcapng",
        PcapError::Incomplete(_) | PcapError::UnexpectedEof => "it ends inside a block",
        PcapError::BufferTooSmall => "a block is larger than 1 MiB",
        PcapError::Eof => "it is empty",
        _ => "a block is malformed",
    };
    io::Error::new(io::ErrorKind::InvalidData, format!("cannot read {}: {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_line_a_datagram_unless_it_is_wrapped() {
        let plain = lines(b"one\ntwo\n\nthree");
        assert_eq!(plain, [b"one\n".to_vec(), b"two\n".to_vec(), b"three".to_vec()]);
        let wrapped = lines(b"<190>%%: a,\nb.\n<190>%%: c.\nd\n");
        assert_eq!(
            wrapped,
            [b"<190>%%: a,\nb.\n".to_vec(), b"<190>%%: c.\n".to_vec(), b"d\n".to_vec()]
        );
        let others = lines(b"<14>a\nb\n");
        assert_eq!(others, [b"<14>a\n".to_vec(), b"b\n".to_vec()]);
    }
}
