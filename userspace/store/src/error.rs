//! What can go wrong, in one sentence that names the path.

use arrow_schema::ArrowError;
use logweir_decode::image::ImageError;
use parquet::errors::ParquetError;
use std::{io, path::PathBuf};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A call of the file system failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: `create`, `write`, …
        action: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process writes to the same data directory.
    #[error("{} is in use: another logweir writes to it", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// The file is no Parquet, or not of this schema.
    #[error("cannot {action} {}: {source}", path.display())]
    Parquet {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: ParquetError,
    },
    /// The index of a part is not what its part was written with.
    #[error("the index {} {fault}", path.display())]
    Index {
        /// The index file.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A chained file is not as this process, or any that keeps to its rules, would leave it.
    #[error("{}: {what}", path.display())]
    Chain {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The segments of the journal that wait to be sealed take as much room as they may.
    #[error("the journal in {} holds {bytes_max} bytes that are not sealed yet, which is its limit", path.display())]
    JournalFull {
        /// The journal's directory.
        path: PathBuf,
        /// The limit.
        bytes_max: u64,
    },
    /// A segment of the journal is not as it was written.
    #[error("{} is damaged at byte {offset}", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the frame begins that cannot be read.
        offset: u64,
    },
    /// A segment of the journal is of a layout that came later.
    #[error("{} is of version {version}, which only a later logweir reads", path.display())]
    Version {
        /// The segment.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The file system cannot let two directories change places.
    #[error(
        "{}: the file system cannot exchange directories (RENAME_EXCHANGE), so small parts stay as they are",
        path.display()
    )]
    NoExchange {
        /// The directory of an hour.
        path: PathBuf,
    },
    /// A batch is larger than a journal's frame may be.
    #[error("a batch does not fit into a frame of the journal: {0}")]
    Image(#[from] ImageError),
    /// The columns of a batch could not be turned into Arrow arrays.
    #[error("cannot convert a batch to columns: {0}")]
    Convert(#[from] ArrowError),
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        StoreError::Io { action, path: path.into(), source }
    }

    /// An error of the Parquet library; as what it is where the file system caused it.
    pub(crate) fn parquet(
        action: &'static str,
        path: impl Into<PathBuf>,
        source: ParquetError,
    ) -> Self {
        let path = path.into();
        match source {
            ParquetError::External(cause) => match cause.downcast::<io::Error>() {
                Ok(source) => StoreError::Io { action, path, source: *source },
                Err(cause) => {
                    StoreError::Parquet { action, path, source: ParquetError::External(cause) }
                }
            },
            source => StoreError::Parquet { action, path, source },
        }
    }

    /// Whether a file is not as it was written, or the device cannot read it: to try again is of
    /// no use.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            StoreError::Damaged { .. } => true,
            StoreError::Io { source, .. } => is_damage(source),
            _ => false,
        }
    }
}

/// Whether a file ends too early, or the device cannot read it.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
        || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}
