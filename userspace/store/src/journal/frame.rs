//! A frame of a segment: what is appended at once, with its length, number and checksum.
//!
//! ```text
//! u32  bytes of the payload
//! u32  kind: 1 a batch (logweir_decode::image), 2 drops (postcard)
//! u64  number, from 0 on in each segment
//! u64  XXH3 of the 16 bytes before and of the payload, seeded with the segment's tag and number
//! payload
//! ```

use super::segment::{SegmentId, array};
use logweir_decode::context::UnixNanos;
use serde::{Deserialize, Serialize};
use std::{
    io::{self, IoSlice, Write},
    net::IpAddr,
};
use xxhash_rust::xxh3::Xxh3;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Batch = 1,
    Drops = 2,
}

/// Datagrams that were dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drops {
    /// When that was noticed.
    pub at: UnixNanos,
    /// Where, by the name that the balance has for it.
    pub place: String,
    /// Whose they were, where that is known.
    pub exporter: Option<IpAddr>,
    /// How many.
    pub datagrams: u64,
}

/// The bytes in front of a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    pub payload_bytes: u32,
    kind: u32,
    number: u64,
    checksum: u64,
}

/// The longest payload; a batch is far smaller.
pub(super) const PAYLOAD_MAX: u32 = 256 << 20;

impl FrameHeader {
    pub const BYTES: usize = 24;

    /// Of a payload in pieces, which are together no longer than [`PAYLOAD_MAX`].
    pub fn new(
        segment: SegmentId,
        number: u64,
        kind: Kind,
        payload_bytes: u32,
        pieces: &[&[u8]],
    ) -> Self {
        let header = Self { payload_bytes, kind: kind as u32, number, checksum: 0 };
        Self { checksum: header.checksum_with(segment, pieces), ..header }
    }

    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (fields, checksum) = bytes.split_at_mut(16);
        fields.copy_from_slice(&self.fields());
        checksum.copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self {
            payload_bytes: u32::from_le_bytes(array(bytes, 0)),
            kind: u32::from_le_bytes(array(bytes, 4)),
            number: u64::from_le_bytes(array(bytes, 8)),
            checksum: u64::from_le_bytes(array(bytes, 16)),
        }
    }

    /// What the payload is, if it is the one that was written as this frame of the segment.
    pub fn check(self, segment: SegmentId, number: u64, payload: &[u8]) -> Option<Kind> {
        let as_written =
            self.number == number && self.checksum == self.checksum_with(segment, &[payload]);
        let kind = [Kind::Batch, Kind::Drops].into_iter().find(|kind| *kind as u32 == self.kind);
        kind.filter(|_| as_written)
    }

    fn fields(self) -> [u8; 16] {
        let mut fields = [0; 16];
        fields[..4].copy_from_slice(&self.payload_bytes.to_le_bytes());
        fields[4..8].copy_from_slice(&self.kind.to_le_bytes());
        fields[8..].copy_from_slice(&self.number.to_le_bytes());
        fields
    }

    fn checksum_with(self, segment: SegmentId, pieces: &[&[u8]]) -> u64 {
        let mut hasher = Xxh3::with_seed(segment.seed());
        hasher.update(&self.fields());
        pieces.iter().for_each(|piece| hasher.update(piece));
        hasher.digest()
    }
}

/// Writes all pieces, in as few calls as it takes.
pub(super) fn write_all(mut file: impl Write, mut pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !pieces.is_empty() {
        match file.write_vectored(pieces) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut pieces, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
