//! The place where unfinished files are: `.incoming` in the data directory.
//!
//! A file gets its final name only when it is whole and on disk. Until then it is called
//! `*.partial` here, which no reader looks for, on the same file system so that a rename suffices.

use crate::error::StoreError;
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

const DIRECTORY: &str = ".incoming";
const LOCK: &str = "lock";

/// The data directory of one writer, and the right to write there.
#[derive(Debug)]
pub struct Incoming {
    data: PathBuf,
    directory: PathBuf,
    /// Held for as long as the writer lives; the kernel releases it when the process ends.
    _lock: File,
}

/// What a killed process left behind, and what was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Number of unfinished files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Incoming {
    /// Creates what is missing below the data directory, takes its lock, and removes unfinished
    /// files of an earlier process.
    ///
    /// # Errors
    /// If another process holds the lock, or the file system refuses something.
    pub fn open(data: &Path) -> Result<(Incoming, Leftovers), StoreError> {
        let directory = data.join(DIRECTORY);
        fs::create_dir_all(&directory).map_err(|e| StoreError::io("create", &directory, e))?;
        let path = directory.join(LOCK);
        let lock = File::create(&path).map_err(|e| StoreError::io("create", &path, e))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse { path: data.to_owned() },
            TryLockError::Error(source) => StoreError::io("lock", &path, source),
        })?;
        let leftovers = remove_leftovers(&directory)?;
        Ok((Incoming { data: data.to_owned(), directory, _lock: lock }, leftovers))
    }

    /// The data directory.
    pub fn data_directory(&self) -> &Path {
        &self.data
    }

    /// The path of something beside the unfinished files; what becomes of it is its maker's affair.
    pub(crate) fn aside(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Creates an unfinished file. One of this name that could not be removed is overwritten: the
    /// directory is this writer's alone.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(&self, name: &str) -> Result<(PathBuf, File), StoreError> {
        let path = self.directory.join(format!("{name}.partial"));
        // `.incoming` may have been removed by hand.
        let file = File::create(&path).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            fs::create_dir_all(&self.directory)?;
            File::create(&path)
        });
        match file {
            Ok(file) => Ok((path, file)),
            Err(error) => Err(StoreError::io("create", path, error)),
        }
    }

    /// Gives a file that is whole and on disk its final name, in a directory relative to the data
    /// directory. The name is durable after [`sync_directory`].
    ///
    /// # Errors
    /// If the file system refuses; the file has then not got its final name.
    pub fn publish(
        &self,
        partial: &Path,
        directory: &Path,
        name: &str,
    ) -> Result<PathBuf, StoreError> {
        let directory = self.create_directory(directory)?;
        let path = directory.join(name);
        fs::rename(partial, &path).map_err(|e| StoreError::io("create", &path, e))?;
        Ok(path)
    }

    /// Writes a small file below the data directory so that it is whole or not there, and on disk.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(&self, relative: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let name = relative.file_name().unwrap_or_default().to_string_lossy();
        let (partial, mut file) = self.create(&name)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let directory = relative.parent().unwrap_or(Path::new(""));
        let renamed = written.map_err(|e| StoreError::io("write", &partial, e)).and_then(|()| {
            let path = self.create_directory(directory)?.join(name.as_ref());
            fs::rename(&partial, &path).map_err(|e| StoreError::io("create", &path, e))
        });
        renamed.inspect_err(|_| {
            let _ = fs::remove_file(&partial);
        })?;
        sync_directory(&self.data.join(directory))
    }

    /// Creates the directories on the way, and makes each one's entry durable.
    fn create_directory(&self, relative: &Path) -> Result<PathBuf, StoreError> {
        let mut directory = self.data.clone();
        for component in relative {
            let parent = directory.clone();
            directory.push(component);
            match fs::create_dir(&directory) {
                Ok(()) => sync_directory(&parent)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::io("create", directory, error)),
            }
        }
        Ok(directory)
    }
}

/// Makes the entries of a directory durable.
///
/// # Errors
/// If the file system refuses.
pub fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|e| StoreError::io("sync", path, e))
}

fn remove_leftovers(directory: &Path) -> Result<Leftovers, StoreError> {
    let mut leftovers = Leftovers::default();
    let list = |e| StoreError::io("list", directory, e);
    for entry in fs::read_dir(directory).map_err(list)? {
        let entry = entry.map_err(list)?;
        let path = entry.path();
        let metadata = entry.metadata().map_err(|e| StoreError::io("read", &path, e))?;
        if !metadata.is_file() || path.extension().is_none_or(|extension| extension != "partial") {
            continue;
        }
        fs::remove_file(&path).map_err(|e| StoreError::io("remove", &path, e))?;
        leftovers.files += 1;
        leftovers.bytes += metadata.len();
    }
    Ok(leftovers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_files_of_an_earlier_process_are_removed_and_counted() {
        let data = tempfile::tempdir().unwrap();
        let (incoming, leftovers) = Incoming::open(data.path()).unwrap();
        assert_eq!(leftovers, Leftovers::default());
        let (path, _) = incoming.create("part-1").unwrap();
        fs::write(&path, b"12345").unwrap();
        drop(incoming);
        let (_, leftovers) = Incoming::open(data.path()).unwrap();
        assert_eq!(leftovers, Leftovers { files: 1, bytes: 5 });
        assert!(!path.exists());
    }

    #[test]
    fn an_unfinished_file_that_stayed_is_overwritten() {
        let data = tempfile::tempdir().unwrap();
        let (incoming, _) = Incoming::open(data.path()).unwrap();
        fs::write(incoming.create("part-1").unwrap().0, b"12345").unwrap();
        let (path, _) = incoming.create("part-1").unwrap();
        assert!(fs::read(path).unwrap().is_empty());
    }

    #[test]
    fn a_second_writer_is_refused_and_harms_nothing() {
        let data = tempfile::tempdir().unwrap();
        let (incoming, _) = Incoming::open(data.path()).unwrap();
        let (path, _) = incoming.create("part-1").unwrap();
        let error = Incoming::open(data.path()).unwrap_err();
        assert!(error.to_string().contains("in use"), "{error}");
        assert!(path.exists());
    }
}
