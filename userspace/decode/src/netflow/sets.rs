//! The sets of a NetFlow v9 datagram or an IPFIX message, which follow each other behind its header.
//!
//! ```text
//! 0  2 set ID        0, 1 templates and options templates of v9; 2, 3 of IPFIX; from 256 on data
//! 2  2 set length, these 4 bytes included
//! 4    templates or records, then padding of less than a record
//! ```
//! The standards call them flowsets (RFC 3954 §5.2) and sets (RFC 7011 §3.3).

use super::{Version, template::TEMPLATE_ID_MIN};
use crate::reason::Reason;

/// Bytes of a set before its records.
pub const SET_HEADER_LEN: usize = 4;
/// Sets are padded to a multiple of this (RFC 3954 §5.3), so padding is shorter.
pub const ALIGNMENT: usize = 4;

/// One set of a datagram whose framing has been checked.
pub struct Set<'a> {
    /// What it holds.
    pub id: u16,
    /// Its records or templates.
    pub body: &'a [u8],
    /// Header and body.
    pub bytes: &'a [u8],
}

/// What a set holds.
pub enum SetKind {
    /// Templates of data.
    Templates,
    /// Templates of data about the exporter.
    OptionsTemplates,
    /// Records.
    Data,
}

impl SetKind {
    /// By the ID; `None` for those that are reserved.
    pub fn of(version: Version, id: u16) -> Option<SetKind> {
        if id >= TEMPLATE_ID_MIN {
            return Some(SetKind::Data);
        }
        match (version, id) {
            (Version::V9, 0) | (Version::Ipfix, 2) => Some(SetKind::Templates),
            (Version::V9, 1) | (Version::Ipfix, 3) => Some(SetKind::OptionsTemplates),
            _ => None,
        }
    }
}

/// The next set; `Ok(None)` at the end. What is left may be zeros: some exporters fill up their
/// datagrams.
fn next_set(version: Version, rest: &[u8]) -> Result<Option<(Set<'_>, &[u8])>, Reason> {
    let Some((&[id_0, id_1, len_0, len_1], _)) = rest.split_first_chunk::<SET_HEADER_LEN>() else {
        return if is_zero(rest) { Ok(None) } else { Err(Reason::FlowsetLength) };
    };
    let id = u16::from_be_bytes([id_0, id_1]);
    let len = usize::from(u16::from_be_bytes([len_0, len_1]));
    if id == 0 && len == 0 && is_zero(rest) {
        return Ok(None);
    }
    if SetKind::of(version, id).is_none() {
        return Err(Reason::FlowsetReserved);
    }
    let (bytes, rest) = rest.split_at_checked(len).ok_or(Reason::FlowsetLength)?;
    let body = bytes.get(SET_HEADER_LEN..).ok_or(Reason::FlowsetLength)?;
    Ok(Some((Set { id, body, bytes }, rest)))
}

/// The data set that fills a datagram, where it is but one.
#[inline]
pub fn sole_set(bytes: &[u8]) -> Option<Set<'_>> {
    let (head, body) = bytes.split_first_chunk::<SET_HEADER_LEN>()?;
    let head = u32::from_be_bytes(*head);
    let (id, len) = ((head >> 16) as u16, (head & 0xffff) as usize);
    (id >= TEMPLATE_ID_MIN && len == bytes.len()).then_some(Set { id, body, bytes })
}

/// Whether there is nothing but filling.
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// The sets of a datagram whose framing holds.
pub fn split_sets(version: Version, mut rest: &[u8]) -> impl Iterator<Item = Set<'_>> {
    std::iter::from_fn(move || {
        let (set, after) = next_set(version, rest).ok()??;
        rest = after;
        Some(set)
    })
}

/// Sets of one ID and one length that follow each other, as one: the first, whose `bytes` are those
/// of all of them. `Ok(None)` at the end.
#[inline]
fn next_run(version: Version, rest: &[u8]) -> Result<Option<(Set<'_>, &[u8])>, Reason> {
    let Some((set, mut after)) = next_set(version, rest)? else { return Ok(None) };
    while after.first_chunk::<SET_HEADER_LEN>() == set.bytes.first_chunk() {
        after = after.get(set.bytes.len()..).ok_or(Reason::FlowsetLength)?;
    }
    let bytes = rest.get(..rest.len() - after.len()).ok_or(Reason::FlowsetLength)?;
    Ok(Some((Set { bytes, ..set }, after)))
}

/// The runs of sets of a datagram whose framing holds.
pub fn split_runs(version: Version, mut rest: &[u8]) -> impl Iterator<Item = Set<'_>> {
    std::iter::from_fn(move || {
        let (set, after) = next_run(version, rest).ok()??;
        rest = after;
        Some(set)
    })
}

/// Checks that the sets fill the datagram, before any of them is believed: a template with a wrong
/// length would otherwise be kept although what follows it makes no sense.
pub fn check_framing(version: Version, mut rest: &[u8]) -> Result<(), Reason> {
    while let Some((_, after)) = next_run(version, rest)? {
        rest = after;
    }
    Ok(())
}
