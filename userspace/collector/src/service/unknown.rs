//! A capture of datagrams that no decoder knew, so that somebody can send one in.
//!
//! It is bounded: the file by its size, and of each exporter and reason so many are taken, so that
//! the loudest does not fill it alone. A frame is made of what the record holds: the exporter's
//! address and port, the time of arrival and the payload. Where it went is not known any longer, and
//! stands as the unspecified address and port 0.

use logweir_decode::{context::UnixNanos, reason::Reason};
use logweir_traffic::{
    frame::{Frame, HEADERS_BYTES_MAX},
    pcap::{self, Writer},
};
use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// Datagrams of one exporter and reason.
const ALIKE_MAX: u32 = 64;

/// Pairs of exporter and reason that are counted apart.
const KINDS_MAX: usize = 4_096;

/// A datagram that no decoder knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Who sent it.
    pub exporter: IpAddr,
    /// UDP source port.
    pub exporter_port: u16,
    /// When it arrived.
    pub received_at: UnixNanos,
    /// Why it was not decoded.
    pub reason: Reason,
    /// The payload, or the line of it that was not understood.
    pub payload: Box<[u8]>,
}

/// Whether what is kept under this reason can be read by itself: not so a part of a NetFlow message,
/// whose header says how.
pub const fn is_whole(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::FlowsetLength
            | Reason::FlowsetReserved
            | Reason::TemplateTruncated
            | Reason::TemplateId
            | Reason::TemplateFieldCount
            | Reason::TemplateFieldLength
            | Reason::TemplateRecordLength
            | Reason::TemplateLimit
            | Reason::TemplateMissing
            | Reason::DataTruncated
            | Reason::OptionsLimit
    )
}

/// The capture file.
#[derive(Debug)]
pub struct Capture {
    path: PathBuf,
    writer: Writer<File>,
    bytes: u64,
    bytes_max: u64,
    taken: HashMap<(IpAddr, Reason), u32>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captured {
    /// It is in the file.
    Written,
    /// There are enough like it.
    Enough,
    /// The file has no more room.
    Full,
}

impl Capture {
    /// Opens a capture, or goes on with the one that is there, of up to so many bytes.
    ///
    /// # Errors
    /// One sentence that names the file.
    pub fn open(path: &Path, bytes_max: u64) -> Result<Capture, String> {
        let failed = |error: io::Error| format!("cannot capture into {}: {error}", path.display());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        let bytes = whole_frames(&mut file).map_err(failed)?;
        file.set_len(bytes).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let writer = match bytes {
            0 => Writer::new(file).map_err(failed)?,
            _ => Writer::resume(file),
        };
        let bytes = bytes.max(pcap::HEADER_BYTES as u64);
        Ok(Capture { path: path.to_owned(), writer, bytes, bytes_max, taken: HashMap::new() })
    }

    /// Takes a datagram, if there is room and there are not enough like it.
    ///
    /// # Errors
    /// One sentence that names the file. Nothing more can be taken then; a frame that was not written
    /// whole is cut off when the capture is opened again.
    pub fn take(&mut self, unknown: &Unknown) -> Result<Captured, String> {
        let kind = (unknown.exporter, unknown.reason);
        if !self.taken.contains_key(&kind) && self.taken.len() >= KINDS_MAX {
            return Ok(Captured::Enough);
        }
        let taken = self.taken.entry(kind).or_default();
        if *taken >= ALIKE_MAX {
            return Ok(Captured::Enough);
        }
        let Some(frame) = frame(unknown) else { return Ok(Captured::Enough) };
        let bytes = self.bytes + (pcap::FRAME_HEADER_BYTES + frame.len()) as u64;
        if bytes > self.bytes_max {
            return Ok(Captured::Full);
        }
        let at = u64::try_from(unknown.received_at).unwrap_or(0);
        self.writer
            .write_frame(at, &frame)
            .map_err(|error| format!("cannot capture into {}: {error}", self.path.display()))?;
        *taken += 1;
        self.bytes = bytes;
        Ok(Captured::Written)
    }
}

/// The frame that such a datagram comes in; `None` where its payload fits none.
fn frame(unknown: &Unknown) -> Option<Vec<u8>> {
    let to: IpAddr = match unknown.exporter {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let frame = Frame {
        src_mac: [0; 6],
        dst_mac: [0; 6],
        vlans: &[],
        source: SocketAddr::new(unknown.exporter, unknown.exporter_port),
        destination: SocketAddr::new(to, 0),
    };
    let mut bytes = vec![0; HEADERS_BYTES_MAX + unknown.payload.len()];
    let len = frame.write(&unknown.payload, &mut bytes)?;
    bytes.truncate(len);
    Some(bytes)
}

/// How far a file holds whole frames of such a capture: 0 where it is empty.
fn whole_frames(file: &mut File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    if len == 0 {
        return Ok(0);
    }
    let mut header = [0; pcap::HEADER_BYTES];
    let is_ours = file.read_exact(&mut header).is_ok() && header == pcap::header();
    if !is_ours {
        return Err(io::Error::other("there is another file of this name"));
    }
    let mut end = pcap::HEADER_BYTES as u64;
    let mut head = [0; pcap::FRAME_HEADER_BYTES];
    while file.read_exact(&mut head).is_ok() {
        let [.., a, b, c, d, _, _, _, _] = head;
        let next = end + (head.len() as u64) + u64::from(u32::from_le_bytes([a, b, c, d]));
        if next > len {
            break;
        }
        end = file.seek(SeekFrom::Start(next))?;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Link, udp_datagram};
    use std::fs;

    fn unknown(exporter: &str, payload: &[u8]) -> Unknown {
        Unknown {
            exporter: exporter.parse().unwrap(),
            exporter_port: 2055,
            received_at: 1_700_000_000_000_000_001,
            reason: Reason::UnknownFormat,
            payload: payload.into(),
        }
    }

    #[test]
    fn a_capture_is_gone_on_with_behind_its_last_whole_frame_and_ends_at_its_size() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("unknown.pcap");
        let first = unknown("192.0.2.1", b"first");
        let mut capture = Capture::open(&path, 1_000).unwrap();
        assert_eq!(capture.take(&first), Ok(Captured::Written));
        drop(capture);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], &whole[24..40]].concat()).unwrap();
        let mut capture = Capture::open(&path, 1_000).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
        assert_eq!(capture.take(&unknown("2001:db8::1", b"second")), Ok(Captured::Written));
        assert_eq!(capture.take(&unknown("192.0.2.2", &[1; 900])), Ok(Captured::Full));
        let all = fs::read(&path).unwrap();
        let second = udp_datagram(Link::Ethernet, &all[whole.len() + 16..]).unwrap();
        assert_eq!((second.payload, second.source_port), (&b"second"[..], 2055));
        fs::write(&path, "something else, longer than a header").unwrap();
        assert!(Capture::open(&path, 1_000).unwrap_err().contains("another file"));
    }

    #[test]
    fn the_loudest_does_not_fill_it_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut capture = Capture::open(&directory.path().join("c.pcap"), 1 << 20).unwrap();
        for _ in 0..ALIKE_MAX {
            assert_eq!(capture.take(&unknown("192.0.2.1", b"x")), Ok(Captured::Written));
        }
        assert_eq!(capture.take(&unknown("192.0.2.1", b"x")), Ok(Captured::Enough));
        assert_eq!(capture.take(&unknown("192.0.2.2", b"x")), Ok(Captured::Written));
    }
}
