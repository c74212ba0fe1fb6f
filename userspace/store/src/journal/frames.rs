//! The frames of a segment's file, one after the other, each checked.

use super::{
    frame::{FrameHeader, Kind, PAYLOAD_MAX},
    segment::{Header, SegmentId},
};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

/// Reads a file from the first frame on. One payload is in memory at a time.
#[derive(Debug)]
pub(super) struct Frames {
    file: File,
    segment: SegmentId,
    /// Of the next frame.
    number: u64,
    /// Where the next frame begins.
    offset: u64,
    /// Where the last one ends.
    end: u64,
    payload: Vec<u8>,
}

/// What is found where a frame should begin.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Frame(Kind, &'a [u8]),
    /// The end of the file.
    End,
    /// Something that is no frame of this segment, or not the next one.
    Bad,
}

impl Frames {
    /// Of a file that is so long.
    pub fn new(mut file: File, segment: SegmentId, bytes: u64) -> io::Result<Self> {
        let offset = file.seek(SeekFrom::Start(Header::BYTES as u64))?;
        Ok(Self { file, segment, number: 0, offset, end: bytes, payload: Vec::new() })
    }

    /// Where the frame begins that [`Frames::next`] reads, or that was bad.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads a frame. After a bad one there is no other.
    pub fn next(&mut self) -> io::Result<Found<'_>> {
        let left = self.end.saturating_sub(self.offset);
        if left == 0 {
            return Ok(Found::End);
        }
        let header_bytes = FrameHeader::BYTES as u64;
        if left < header_bytes {
            return Ok(Found::Bad);
        }
        let mut header = [0; FrameHeader::BYTES];
        self.file.read_exact(&mut header)?;
        let header = FrameHeader::from_bytes(&header);
        let payload_bytes = u64::from(header.payload_bytes);
        if header.payload_bytes > PAYLOAD_MAX || payload_bytes > left - header_bytes {
            return Ok(Found::Bad);
        }
        self.payload.resize(header.payload_bytes as usize, 0);
        self.file.read_exact(&mut self.payload)?;
        let Some(kind) = header.check(self.segment, self.number, &self.payload) else {
            return Ok(Found::Bad);
        };
        self.number += 1;
        self.offset += header_bytes + payload_bytes;
        Ok(Found::Frame(kind, &self.payload))
    }
}
