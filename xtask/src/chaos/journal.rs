//! The journal as `docs/store.md` tells it, read without the code that recovers it: what is here
//! must come back, however that code sees it.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use logweir_decode::{batch::Batch, image};
use logweir_store::{convert, journal::SegmentId, schema::Family};
use xxhash_rust::xxh3::Xxh3;

use super::rows::{Digest, digests};

const HEADER_BYTES: usize = 40;
const FRAME_HEADER_BYTES: usize = 24;
const BATCH: u32 = 1;

/// The records of a segment, frame by frame, up to what is no frame of it.
pub fn frames(path: &Path, segment: SegmentId) -> Result<Vec<Vec<Digest>>> {
    let bytes = fs::read(path)?;
    let mut frames = Vec::new();
    let mut rest = bytes.get(HEADER_BYTES..).unwrap_or_default();
    while let Some((frame, behind)) = next(rest, segment, frames.len() as u64) {
        frames.push(match frame {
            Frame { kind: BATCH, payload } => records(payload)?,
            Frame { .. } => Vec::new(),
        });
        rest = behind;
    }
    Ok(frames)
}

struct Frame<'a> {
    kind: u32,
    payload: &'a [u8],
}

/// The frame at the beginning, if it is whole and the next one, and what is behind it.
fn next(bytes: &[u8], segment: SegmentId, number: u64) -> Option<(Frame<'_>, &[u8])> {
    let (header, rest) = bytes.split_at_checked(FRAME_HEADER_BYTES)?;
    let (length, kind) = (u32_at(header, 0)?, u32_at(header, 4)?);
    let (payload, behind) = rest.split_at_checked(length as usize)?;
    let mut hasher = Xxh3::with_seed(segment.tag.rotate_left(32) ^ u64::from(segment.number));
    hasher.update(header.get(..16)?);
    hasher.update(payload);
    let as_written = u64_at(header, 8)? == number && u64_at(header, 16)? == hasher.digest();
    as_written.then_some((Frame { kind, payload }, behind))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

/// The records of a batch.
fn records(payload: &[u8]) -> Result<Vec<Digest>> {
    let mut batch = Batch::new(image::capacity(payload)?);
    batch.restore(payload)?;
    let batch = &batch;
    let runs: Vec<_> = batch.session.runs().collect();
    let mut all = digests(Family::Session, &convert::session(batch, &runs)?)?;
    let rows: Vec<_> = batch.port_block.iter().collect();
    all.extend(digests(Family::PortBlock, &convert::port_block(batch, &rows)?)?);
    let rows: Vec<_> = batch.im.iter().collect();
    all.extend(digests(Family::Im, &convert::im(batch, &rows)?)?);
    let rows: Vec<_> = batch.filter.iter().collect();
    all.extend(digests(Family::Filter, &convert::filter(batch, &rows)?)?);
    let rows: Vec<_> = batch.unparsed.iter().collect();
    all.extend(digests(Family::Unparsed, &convert::unparsed(batch, &rows)?)?);
    ensure!(all.len() == batch.records(), "a batch has records of a family that is not read here");
    Ok(all)
}
