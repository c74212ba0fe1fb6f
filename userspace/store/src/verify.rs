//! Whether a data directory still holds what its chains say, unchanged.
//!
//! Both chains are read from their first line; each file that the manifest names is looked for,
//! measured and, unless asked otherwise, hashed; and each file that is there is looked for in the
//! manifest. Nothing is changed, and a collector may run meanwhile.

mod meanwhile;

use crate::{
    audit::{self, Asked},
    chain::{self, Fault, Head, Read},
    digest::Digest,
    error::StoreError,
    files,
    manifest::{self, Entry, PartPath, State},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, io, path::Path};

/// What is to be verified.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether files are measured only, and not read.
    pub quick: bool,
    /// Hashes that lines of a chain once had: each must be there.
    pub expected: Vec<Digest>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, below the data directory.
    pub file: String,
    /// What about it.
    #[serde(flatten)]
    pub what: What,
}

/// What can be wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum What {
    /// A line of a chain is not as it was appended.
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The last line of a chain is unfinished.
    Torn {
        /// Bytes of it.
        bytes: u64,
    },
    /// No line has the hash that was kept elsewhere.
    Headless {
        /// That hash.
        expected: Digest,
    },
    /// It is not there.
    Missing,
    /// It is of another size.
    Size {
        /// Bytes that the manifest says.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// It has other bytes.
    Changed {
        /// The SHA-256 that the manifest says.
        expected: Digest,
        /// The one that it has.
        found: Digest,
    },
    /// No entry tells of it.
    Unknown,
    /// It was deleted, says the manifest.
    NotRemoved,
    /// It could not be read, so nothing is known of it.
    Unreadable {
        /// Why.
        why: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        match &self.what {
            What::Line { line, why } => write!(f, "{file}: line {line} {why}"),
            What::Torn { bytes } => write!(
                f,
                "{file}: the last line is unfinished ({bytes} bytes), as a crash leaves it; who \
                 appends next cuts it off"
            ),
            What::Headless { expected } => write!(
                f,
                "{file}: no line of a chain has the hash {expected}: lines were cut away, or all \
                 was written anew"
            ),
            What::Missing => write!(f, "{file}: it is in the manifest and not on disk"),
            What::Size { expected, found } => {
                write!(f, "{file}: it has {found} bytes, and had {expected} when it was sealed")
            }
            What::Changed { expected, found } => write!(
                f,
                "{file}: its bytes were changed: its SHA-256 is {found}, and was {expected} when \
                 it was sealed"
            ),
            What::Unknown => write!(f, "{file}: no entry of the manifest tells of it"),
            What::NotRemoved => write!(
                f,
                "{file}: it was deleted, says the manifest; the next start of a collector removes \
                 it"
            ),
            What::Unreadable { why } => write!(f, "{file}: it cannot be read: {why}"),
        }
    }
}

/// What was verified, and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The last line of the manifest.
    pub manifest: Head,
    /// The last line of the audit log.
    pub audit: Head,
    /// Files that were looked at.
    pub files: u64,
    /// Their bytes, as far as they were read.
    pub bytes_hashed: u64,
}

impl Report {
    /// Whether something could not be read, so that it may be good or not.
    pub fn is_incomplete(&self) -> bool {
        let unreadable = |what: &What| matches!(what, What::Unreadable { .. });
        self.findings.iter().any(|finding| unreadable(&finding.what))
    }

    fn find(&mut self, file: impl Into<String>, what: What) {
        self.findings.push(Finding { file: file.into(), what });
    }
}

/// The last lines of the manifest and of the audit log.
///
/// # Errors
/// If one cannot be read.
pub fn heads(data: &Path) -> Result<(Head, Head), StoreError> {
    let manifest = chain::read(&data.join(manifest::FILE), |_: Read<Entry>| ())?;
    let audit = chain::read(&data.join(audit::FILE), |_: Read<Asked>| ())?;
    Ok((manifest.head, audit.head))
}

/// Verifies a data directory. What cannot be read is a finding.
pub fn verify(data: &Path, options: &Options) -> Report {
    let mut report = Report::default();
    // The files are listed before the manifest is read, since those that are sealed meanwhile are
    // in place before their entry.
    let stored = files::stored(data);
    let mut expected = options.expected.clone();
    let mut state = State::default();
    report.manifest = read_chain(data, manifest::FILE, &mut report, &mut expected, |entry| {
        state.apply(entry);
    });
    report.audit = read_chain(data, audit::FILE, &mut report, &mut expected, |_: Asked| ());
    for expected in expected {
        report.find(format!("{} or {}", manifest::FILE, audit::FILE), What::Headless { expected });
    }
    let mut missing = Vec::new();
    for file in Named::all(&state) {
        file.check(data, options, &mut missing, &mut report);
    }
    for path in meanwhile::without_gone(data, missing) {
        report.find(path.as_str(), What::Missing);
    }
    match stored {
        Ok(stored) => unknown(data, &state, &stored, &mut report),
        Err(error) => report.find(".", What::Unreadable { why: error.to_string() }),
    }
    report
}

/// Reads a chain, strikes out the expected hashes that its lines have, and gives its last line.
fn read_chain<E: DeserializeOwned>(
    data: &Path,
    name: &str,
    report: &mut Report,
    expected: &mut Vec<Digest>,
    mut each: impl FnMut(E),
) -> Head {
    let read = chain::read(&data.join(name), |read: Read<E>| {
        if let Some(fault) = &read.fault {
            report.find(name, What::Line { line: read.place, why: fault.to_string() });
        }
        if read.fault.as_ref().is_none_or(|fault| *fault == Fault::Unlinked) {
            expected.retain(|expected| *expected != read.hash);
        }
        read.line.into_iter().for_each(|line| each(line.entry));
    });
    match read {
        Ok(summary) => {
            if summary.torn_bytes > 0 {
                report.find(name, What::Torn { bytes: summary.torn_bytes });
            }
            summary.head
        }
        Err(error) => {
            report.find(name, What::Unreadable { why: error.to_string() });
            Head::default()
        }
    }
}

/// A file that the manifest names.
struct Named {
    path: PartPath,
    bytes: u64,
    sha256: Digest,
}

impl Named {
    fn all(state: &State) -> impl Iterator<Item = Named> {
        let ledger = state.ledger().map(|file| Named {
            path: file.path.clone(),
            bytes: file.bytes,
            sha256: file.sha256,
        });
        let parts = state.parts().flat_map(|part| {
            let trace = part.trace.map(|trace| Named {
                path: part.path.trace(),
                bytes: trace.bytes,
                sha256: trace.sha256,
            });
            let part = Named { path: part.path.clone(), bytes: part.bytes, sha256: part.sha256 };
            [Some(part), trace].into_iter().flatten()
        });
        parts.chain(ledger)
    }

    fn check(
        &self,
        data: &Path,
        options: &Options,
        missing: &mut Vec<PartPath>,
        report: &mut Report,
    ) {
        report.files += 1;
        match self.compare(data, options.quick, &mut report.bytes_hashed) {
            Ok(None) => {}
            // It may have been merged or deleted since the manifest was read.
            Ok(Some(What::Missing)) => missing.push(self.path.clone()),
            Ok(Some(what)) => report.find(self.path.as_str(), what),
            Err(error) => {
                report.find(self.path.as_str(), What::Unreadable { why: error.to_string() });
            }
        }
    }

    fn compare(&self, data: &Path, quick: bool, hashed: &mut u64) -> io::Result<Option<What>> {
        let path = data.join(self.path.as_str());
        let found = match path.symlink_metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(What::Missing));
            }
            Err(error) => return Err(error),
        };
        if found != self.bytes {
            return Ok(Some(What::Size { expected: self.bytes, found }));
        }
        if quick {
            return Ok(None);
        }
        let (found, bytes) = Digest::of_file(&path)?;
        *hashed += bytes;
        let expected = self.sha256;
        Ok((found != expected).then_some(What::Changed { expected, found }))
    }
}

/// The files that no entry names as one that there is.
fn unknown(data: &Path, state: &State, stored: &[PartPath], report: &mut Report) {
    let unknown: Vec<_> = stored.iter().filter(|path| !state.knows(path)).collect();
    if unknown.is_empty() {
        return;
    }
    // What a collector is just making or has just deleted is in place before its entry, or still.
    let now = meanwhile::state(data);
    for path in unknown {
        if now.knows(path)
            || meanwhile::is_to_be_told(data, path)
            || !data.join(path.as_str()).exists()
        {
            continue;
        }
        let what = if now.is_gone(path) { What::NotRemoved } else { What::Unknown };
        report.find(path.as_str(), what);
    }
}

#[cfg(test)]
mod tests;
