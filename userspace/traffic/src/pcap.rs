//! Writes a classic capture file (libpcap's `savefile` format), little-endian with nanoseconds.

use std::io::{self, Write};

/// The magic number of captures whose times have nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Bytes in front of all frames.
pub const HEADER_BYTES: usize = 24;
/// Bytes in front of each frame, its length in the last two of four 32-bit words.
pub const FRAME_HEADER_BYTES: usize = 16;
const LINK_TYPE_ETHERNET: u32 = 1;
const SNAPSHOT_BYTES: u32 = 262_144;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// What a capture begins with.
pub fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0u8; HEADER_BYTES];
    header[0..4].copy_from_slice(&MAGIC_NANOSECONDS.to_le_bytes());
    // Version 2.4; zone and accuracy are 0 in every capture.
    header[4..6].copy_from_slice(&2u16.to_le_bytes());
    header[6..8].copy_from_slice(&4u16.to_le_bytes());
    header[16..20].copy_from_slice(&SNAPSHOT_BYTES.to_le_bytes());
    header[20..24].copy_from_slice(&LINK_TYPE_ETHERNET.to_le_bytes());
    header
}

/// A capture file of Ethernet frames.
///
/// ```
/// let mut file = Vec::new();
/// let mut capture = logweir_traffic::pcap::Writer::new(&mut file)?;
/// capture.write_frame(1_767_225_600_000_000_001, &[0; 60])?;
/// assert_eq!(file.len(), 24 + 16 + 60);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins a capture: writes its header.
    ///
    /// # Errors
    /// What writing to `out` gives.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&header())?;
        Ok(Self { out })
    }

    /// Goes on with a capture behind its last frame.
    pub const fn resume(out: W) -> Self {
        Self { out }
    }

    /// Appends a frame that came at `epoch_ns`, nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// What writing gives, and `InvalidInput` for a frame above 262 144 bytes.
    pub fn write_frame(&mut self, epoch_ns: u64, frame: &[u8]) -> io::Result<()> {
        let length = u32::try_from(frame.len()).ok().filter(|&length| length <= SNAPSHOT_BYTES);
        let length = length.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a frame is longer than 262144 bytes")
        })?;
        let mut header = [0u8; FRAME_HEADER_BYTES];
        header[0..4].copy_from_slice(&((epoch_ns / NS_PER_SECOND) as u32).to_le_bytes());
        header[4..8].copy_from_slice(&((epoch_ns % NS_PER_SECOND) as u32).to_le_bytes());
        header[8..12].copy_from_slice(&length.to_le_bytes());
        header[12..16].copy_from_slice(&length.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(frame)
    }

    /// Flushes, and gives the file back.
    ///
    /// # Errors
    /// What flushing gives.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
