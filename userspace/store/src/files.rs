//! The files of a data directory.

use crate::{error::StoreError, manifest::PartPath, partition::Hour, schema::Family};
use parquet::file::metadata::ParquetMetaDataReader;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// The files of a family, in the order of their hours; none if the directory does not exist.
///
/// # Errors
/// If a directory cannot be listed.
pub fn parquet_files(directory: &Path, family: Family) -> Result<Vec<PathBuf>, StoreError> {
    let mut files = Vec::new();
    collect(&directory.join(format!("family={family}")), &mut files)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    files.sort_unstable();
    Ok(files)
}

/// All files of the families and of the ledger's hours, as the manifest names them, in the order of
/// their paths.
///
/// # Errors
/// If a directory cannot be listed.
pub fn stored(data: &Path) -> Result<Vec<PartPath>, StoreError> {
    let mut files = Vec::new();
    for family in Family::ALL {
        collect(&data.join(format!("family={family}")), &mut files)?;
    }
    collect(&data.join("ledger"), &mut files)?;
    // Beside its hours the ledger has what it goes on from, which is written anew with each segment.
    let ledger = data.join("ledger");
    files.retain(|path| path.parent() != Some(&ledger));
    files.sort_unstable();
    let name = |path: PathBuf| path.strip_prefix(data).ok()?.to_str()?.to_owned().try_into().ok();
    Ok(files.into_iter().filter_map(name).collect())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    let list = |e| StoreError::io("list", directory, e);
    let entries = match fs::read_dir(directory) {
        // Nothing was written yet, or an old hour was removed meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(list)?,
    };
    for entry in entries {
        let entry = entry.map_err(list)?;
        let path = entry.path();
        if entry.file_type().map_err(|e| StoreError::io("read", &path, e))?.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The paths in a directory, in their order; none if there is no such directory.
///
/// # Errors
/// If it cannot be listed.
pub(crate) fn entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(directory) {
        // A file, or a directory that was removed meanwhile.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        entries => entries.map_err(|e| StoreError::io("list", directory, e))?,
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<_> =
        paths.collect::<io::Result<_>>().map_err(|e| StoreError::io("list", directory, e))?;
    paths.sort_unstable();
    Ok(paths)
}

/// Rows of a family, from the footers of its files. A file that is removed meanwhile counts
/// nothing.
///
/// # Errors
/// If a directory or a footer cannot be read.
pub fn count_rows(directory: &Path, family: Family) -> Result<u64, StoreError> {
    let mut rows = 0;
    for path in parquet_files(directory, family)? {
        let Some(file) = open(&path)? else { continue };
        rows += self::rows(&file, &path)?;
    }
    Ok(rows)
}

/// Rows of a family that arrived in an hour, of the files that can be read.
///
/// # Errors
/// If the directory cannot be listed.
pub(crate) fn rows_of_hour(data: &Path, family: Family, hour: Hour) -> Result<u64, StoreError> {
    /// How often the directory is listed anew because files were merged meanwhile.
    const ATTEMPTS: usize = 10;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut paths = Vec::new();
        collect(&data.join(hour.directory(family)), &mut paths)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
        // What cannot be read has no rows, what is gone may have others in another file.
        let count = |path: &PathBuf| match open(path) {
            Ok(file) => file.map(|file| rows(&file, path).unwrap_or(0)),
            Err(_) => Some(0),
        };
        let counts: Vec<_> = paths.iter().map(count).collect();
        if attempt == ATTEMPTS || counts.iter().all(Option::is_some) {
            return Ok(counts.iter().flatten().sum());
        }
    }
}

/// Rows of a part that must be there, from its footer.
///
/// # Errors
/// If that cannot be read.
pub(crate) fn rows_of(path: &Path) -> Result<u64, StoreError> {
    rows(&File::open(path).map_err(|e| StoreError::io("open", path, e))?, path)
}

/// Rows of an open part, from its footer.
///
/// # Errors
/// If that cannot be read.
pub(crate) fn rows(part: &File, path: &Path) -> Result<u64, StoreError> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(part);
    let metadata = metadata.map_err(|e| StoreError::parquet("read", path, e))?;
    Ok(u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0))
}

/// Opens a file; `None` if it is no longer there.
pub(crate) fn open(path: &Path) -> Result<Option<File>, StoreError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("open", path, error)),
    }
}
