//! What the manifest says, one entry a line.

use super::Hold;
use crate::{digest::Digest, error::StoreError, partition::Hour, schema::Family};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Component, Path},
};

/// One entry. In JSON, an object with the kind as its only key: `{"sealed":{"segment":…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// All that a segment of the journal held is in these files.
    Sealed {
        /// The segment's name, `TAG-NUMBER`.
        segment: String,
        /// The parts that were made of it.
        parts: Vec<Part>,
        /// What was added to the ledger.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ledger: Vec<LedgerFile>,
    },
    /// Parts were merged: the rows of those removed are in those added.
    Compacted {
        /// The parts that are no longer.
        removed: Vec<PartPath>,
        /// The parts that took their place.
        added: Vec<Part>,
    },
    /// Parts were deleted, with their rows.
    Deleted {
        /// Which.
        parts: Vec<PartPath>,
        /// Why.
        why: Why,
    },
    /// The ledger of an hour was closed, at first or anew after late data.
    HourSealed {
        /// The hour of arrival.
        hour: Hour,
        /// Whether nothing is missing.
        complete: bool,
        /// Datagrams that are missing by their sequence numbers.
        missing_datagrams: u64,
        /// The file that holds the ledger of the hour.
        ledger: LedgerFile,
        /// Files of the ledger that it takes the place of.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        removed: Vec<PartPath>,
    },
    /// Parts must not be deleted.
    HoldPlaced {
        /// Which, and for which case.
        hold: Hold,
        /// The user id of who placed it.
        uid: u32,
    },
    /// The holds of a case no longer hold.
    HoldLifted {
        /// The reference of the case.
        case: String,
        /// The user id of who lifted them.
        uid: u32,
    },
    /// From a time on, pseudonyms are made under another key, which is not told here.
    KeyRotated {
        /// The key's name, as pseudonyms begin with it.
        key: String,
        /// Since when.
        since: Timestamp,
    },
}

/// A Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Where it is, below the data directory.
    pub path: PartPath,
    /// Whose rows it holds.
    pub family: Family,
    /// The hour of arrival of its rows.
    pub hour: Hour,
    /// How many rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Of the file.
    pub sha256: Digest,
    /// The index beside it: the same name, but for `.trace` at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// An index beside a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// Bytes of the file.
    pub bytes: u64,
    /// Of the file.
    pub sha256: Digest,
}

/// A file of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerFile {
    /// Where it is, below the data directory.
    pub path: PartPath,
    /// Bytes of the file.
    pub bytes: u64,
    /// Of the file.
    pub sha256: Digest,
}

/// Why parts were deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// They were older than the configuration keeps their family.
    Age,
    /// There was more than the configuration wants.
    Size,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Age => "age",
            Why::Size => "size",
        })
    }
}

/// The path of a file below the data directory, in `family=…` or `ledger`. No other can be made,
/// so that a manifest which someone has written to makes nobody delete other files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PartPath(String);

impl PartPath {
    /// As text, with `/` between directories.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// That of the index beside it.
    #[must_use]
    pub fn trace(&self) -> PartPath {
        let stem = self.0.strip_suffix(".parquet").unwrap_or(&self.0);
        PartPath(format!("{stem}.trace"))
    }
}

impl fmt::Display for PartPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PartPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut components = Path::new(&text).components();
        let first = components.clone().next();
        let ours = matches!(first, Some(Component::Normal(name)) if name.to_str().is_some_and(
            |name| name == "ledger" || name.starts_with("family=")
        ));
        if ours && components.all(|component| matches!(component, Component::Normal(_))) {
            return Ok(PartPath(text));
        }
        Err(format!("'{text}' is no path of a part or of a file of the ledger"))
    }
}

impl From<PartPath> for String {
    fn from(path: PartPath) -> String {
        path.0
    }
}

impl Part {
    /// Bytes of the file and of the index beside it.
    pub fn bytes_in_all(&self) -> u64 {
        self.bytes.saturating_add(self.trace.map_or(0, |trace| trace.bytes))
    }

    /// The entry's word for a file that is in place: its bytes and digests, and those of the index
    /// beside it, are those of the files.
    ///
    /// # Errors
    /// If the path is not one of a part, or a file cannot be read.
    pub fn of_file(
        data: &Path,
        path: &Path,
        (family, hour): (Family, Hour),
        rows: u64,
    ) -> Result<Part, StoreError> {
        let relative = relative(data, path)?;
        let read = |path: &Path| {
            Digest::of_file(path).map_err(|error| StoreError::io("read", path, error))
        };
        let (sha256, bytes) = read(path)?;
        let trace = match Digest::of_file(&path.with_extension("trace")) {
            Ok((sha256, bytes)) => Some(Trace { bytes, sha256 }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io("read", path.with_extension("trace"), error)),
        };
        Ok(Part { path: relative, family, hour, rows, bytes, sha256, trace })
    }
}

impl LedgerFile {
    /// The entry's word for a file of the ledger that is in place.
    ///
    /// # Errors
    /// If the path is not one of the ledger's, or the file cannot be read.
    pub fn of_file(data: &Path, path: &Path) -> Result<LedgerFile, StoreError> {
        let (sha256, bytes) =
            Digest::of_file(path).map_err(|error| StoreError::io("read", path, error))?;
        Ok(LedgerFile { path: relative(data, path)?, bytes, sha256 })
    }
}

/// A file's path below the data directory.
///
/// # Errors
/// If it is not one of a part or of the ledger.
pub fn relative(data: &Path, path: &Path) -> Result<PartPath, StoreError> {
    let below = path.strip_prefix(data).ok().and_then(Path::to_str).map(str::to_owned);
    let below = below.ok_or_else(|| format!("it is not below {}", data.display()));
    below
        .and_then(PartPath::try_from)
        .map_err(|what| StoreError::Chain { path: path.to_owned(), what })
}
