//! Files whose removal the manifest tells: an entry is on disk before its files are unlinked, so
//! that a crash in between leaves files that are to go, and never the other way round.

use super::{Manifest, PartPath};
use crate::{error::StoreError, files};
use std::{fs, io, path::Path};

impl Manifest {
    /// Removes the files that entries say are no longer; how many there were. For the start: which
    /// these are is forgotten then.
    ///
    /// # Errors
    /// If a directory cannot be listed, or a file not be removed.
    pub fn sweep(&mut self) -> Result<u64, StoreError> {
        let mut removed = 0;
        for path in files::stored(&self.data)? {
            if self.state.is_gone(&path) && !self.state.knows(&path) {
                remove(&self.path(&path))?;
                removed += 1;
            }
        }
        self.state.forget_gone();
        Ok(removed)
    }

    /// Removes parts of which an entry tells that they are no longer, each with its index, and the
    /// directories that are empty then.
    ///
    /// # Errors
    /// If one cannot be removed; [`Manifest::sweep`] will try again.
    pub fn unlink<'a>(
        &self,
        parts: impl IntoIterator<Item = &'a PartPath>,
    ) -> Result<(), StoreError> {
        for part in parts {
            let path = self.path(part);
            remove(&path)?;
            remove(&self.path(&part.trace()))?;
            // An hour's directory, and a date's; those that hold something stay.
            for directory in path.ancestors().skip(1).take(2) {
                if fs::remove_dir(directory).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path, error))
        }
        _ => Ok(()),
    }
}
