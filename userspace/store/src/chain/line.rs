//! One line of a chain: how it is written, and what is wrong with one that is read.

use super::Head;
use crate::digest::Digest;
use jiff::Timestamp;
use logweir_decode::context::UnixNanos;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fmt,
    io::{self, BufRead},
};

/// What stands between the bytes that are hashed and the hash.
const HASH_KEY: &str = ",\"hash\":\"";

/// A line that was read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line<E> {
    /// Its number, from 1.
    pub number: u64,
    /// When it was appended, by the clock of who did.
    pub at: Timestamp,
    /// The hash of the line before.
    pub previous: Digest,
    /// What it says.
    pub entry: E,
    /// Its own hash, as it states it.
    pub hash: Digest,
}

/// The same, to be written. The hash follows.
#[derive(Serialize)]
struct Unhashed<'a, E> {
    number: u64,
    at: Timestamp,
    previous: Digest,
    entry: &'a E,
}

/// A line as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read<E> {
    /// Its place in the file, from 1.
    pub place: u64,
    /// Its hash, as it states it where it can be read: what the next line has to name.
    pub hash: Digest,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// The line, where its own hash vouches for it.
    pub line: Option<Line<E>>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no line of a chain of such entries, or of a later version.
    Unreadable(String),
    /// It has another hash than it says.
    Changed,
    /// It names another line than the one before it.
    Unlinked,
    /// It has another number than the one that follows that of the line before.
    Misnumbered,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Fault::Changed => f.write_str("was changed: it does not have the hash that it states"),
            Fault::Unlinked => f.write_str(
                "does not name the line before it: lines were removed, inserted, moved or changed",
            ),
            Fault::Misnumbered => f.write_str("has a number that does not follow the one before"),
        }
    }
}

/// The line of an entry behind such a head, with its newline, and the head that it makes.
pub(super) fn write<E: Serialize>(
    entry: &E,
    at: UnixNanos,
    head: Head,
) -> serde_json::Result<(Vec<u8>, Head)> {
    let at = Timestamp::from_nanosecond(at.into()).unwrap_or_default();
    let number = head.number.saturating_add(1);
    let mut line = serde_json::to_vec(&Unhashed { number, at, previous: head.hash, entry })?;
    line.pop();
    let hash = Digest::of(&line);
    line.extend_from_slice(format!("{HASH_KEY}{hash}\"}}\n").as_bytes());
    Ok((line, Head { number, hash }))
}

/// How far a chain was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walk {
    /// The last line.
    pub head: Head,
    /// The offset behind it, in bytes.
    pub position: u64,
    /// How many lines there are: the last one's number, unless lines were removed or inserted.
    pub place: u64,
}

impl Walk {
    /// Reads lines to the end; the bytes of a torn line there, which are not part of the walk.
    pub fn on<E: DeserializeOwned>(
        &mut self,
        reader: &mut impl BufRead,
        mut each: impl FnMut(Read<E>),
    ) -> io::Result<u64> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = reader.read_until(b'\n', &mut bytes)? as u64;
            let Some(line) = bytes.strip_suffix(b"\n") else { return Ok(read) };
            if line.contains(&0) && reader.fill_buf()?.is_empty() {
                return Ok(read);
            }
            let found = self.judge(line);
            let number = found.line.as_ref().map(|line| line.number);
            let number = number.unwrap_or(self.head.number.saturating_add(1));
            self.head = Head { number, hash: found.hash };
            self.place = found.place;
            self.position += read;
            each(found);
        }
    }

    /// What a line is, behind those that were read.
    fn judge<E: DeserializeOwned>(&self, bytes: &[u8]) -> Read<E> {
        let hashed = bytes.len().saturating_sub(HASH_KEY.len() + Digest::TEXT_BYTES + "\"}".len());
        let hash = Digest::of(bytes.get(..hashed).unwrap_or_default());
        let place = self.place + 1;
        let line = match serde_json::from_slice::<Line<E>>(bytes) {
            Ok(line) => line,
            Err(error) => {
                let fault = Some(Fault::Unreadable(error.to_string()));
                return Read { place, hash, fault, line: None };
            }
        };
        let key = bytes.get(hashed..).is_some_and(|rest| rest.starts_with(HASH_KEY.as_bytes()));
        if line.hash != hash || !key {
            // The next line names what this one stated: it is not at fault.
            let hash = line.hash;
            return Read { place, hash, fault: Some(Fault::Changed), line: None };
        }
        let fault = if line.previous != self.head.hash {
            Some(Fault::Unlinked)
        } else if line.number != self.head.number.saturating_add(1) {
            Some(Fault::Misnumbered)
        } else {
            None
        };
        Read { place, hash, fault, line: Some(line) }
    }
}
