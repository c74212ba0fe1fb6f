//! The ledger on disk: `ledger/date=2026-03-01/hour=14/<segment>.json`, one file for each segment
//! that added something to the hour, and `ledger/standing-<segment>.json`, where the exporters'
//! counts stood after a segment.
//!
//! When the hour is closed its files become one, which also says how many rows are stored. A file
//! says which segments it holds, so that one that was merged and not removed yet is not counted
//! twice, and one that came later is seen.

use super::{
    account::HourBooks,
    follow::{Followers, Standing},
    statement::{Evidence, Statement},
};
use crate::{
    error::StoreError,
    files::entries,
    incoming::Incoming,
    partition::{Hour, hours_below},
    schema::Family,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

const DIRECTORY: &str = "ledger";
const STANDING: &str = "standing-";
const CLOSED: &str = "closed-";

/// Hours that are looked for one by one; for more than so many the directories are listed, of which
/// a store of years has thousands.
const PROBED_MAX: usize = 48;

/// How often a listing is taken anew because files were merged meanwhile.
const ATTEMPTS: usize = 10;

/// What segments add to an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct HourFile {
    segments: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed: Option<Closed>,
    #[serde(flatten)]
    books: HourBooks,
}

/// What is known when an hour is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Closed {
    /// Rows that are stored.
    stored: BTreeMap<Family, u64>,
    /// How often the hour was closed before this.
    reopened: u64,
}

/// An hour of the ledger.
#[derive(Clone, Debug, Default)]
pub struct HourLedger {
    sum: HourFile,
    /// The file of the last closing, if there was one.
    closed: Option<PathBuf>,
    /// All files.
    paths: Vec<PathBuf>,
    /// Whether something came since the hour was closed.
    has_news: bool,
}

/// The one file of a closed hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Files that it takes the place of.
    pub replaced: Vec<PathBuf>,
}

/// Writes what a segment adds to an hour, unless that is there already, and says where it is.
///
/// # Errors
/// If the file system refuses.
pub fn write(
    incoming: &Incoming,
    hour: Hour,
    segment: &str,
    books: &HourBooks,
) -> Result<PathBuf, StoreError> {
    let segments = [segment.to_owned()].into();
    let file = HourFile { segments, closed: None, books: books.clone() };
    let path = directory(hour).join(format!("{segment}.json"));
    put(incoming, &path, &file)?;
    Ok(incoming.data_directory().join(path))
}

/// Writes where the counts stand after a segment.
///
/// # Errors
/// If the file system refuses.
pub fn write_standing(
    incoming: &Incoming,
    segment: &str,
    followers: &Followers,
) -> Result<(), StoreError> {
    put(incoming, &standing(segment), &followers.marks())
}

/// Where the counts stood after this segment; nothing is known where there is no such file.
///
/// # Errors
/// If the file cannot be read.
pub fn read_standing(data: &Path, segment: &str) -> Result<Followers, StoreError> {
    let marks: Option<Vec<Standing>> = get(&data.join(standing(segment)))?;
    Ok(Followers::resumed(&marks.unwrap_or_default()))
}

/// Removes where the counts stood after other segments than this.
///
/// # Errors
/// If the file system refuses.
pub fn remove_other_standings(data: &Path, segment: &str) -> Result<(), StoreError> {
    let keep = data.join(standing(segment));
    for path in list(&data.join(DIRECTORY))? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(STANDING) && path != keep {
            fs::remove_file(&path).map_err(|e| StoreError::io("remove", &path, e))?;
        }
    }
    Ok(())
}

/// The hours between these that the ledger has something of, in order.
///
/// # Errors
/// If a directory cannot be listed.
pub fn hours(data: &Path, range: RangeInclusive<Hour>) -> Result<Vec<Hour>, StoreError> {
    let all = || std::iter::successors(Some(*range.start()), |hour| Some(hour.next()));
    if all().nth(PROBED_MAX).is_some_and(|beyond| beyond > *range.end()) {
        let within = all().take_while(|hour| range.contains(hour));
        return Ok(within.filter(|hour| data.join(directory(*hour)).is_dir()).collect());
    }
    let mut hours = hours_below(&data.join(DIRECTORY))?;
    hours.retain(|hour| range.contains(hour));
    Ok(hours)
}

/// The hours that are not closed, or whose closing was not ended, or to which something was added
/// since: those that have another file than the one of a closing.
///
/// # Errors
/// If a directory cannot be listed.
pub fn open_hours(data: &Path) -> Result<BTreeSet<Hour>, StoreError> {
    let mut open = BTreeSet::new();
    for hour in hours_below(&data.join(DIRECTORY))? {
        let paths = list(&data.join(directory(hour)))?;
        let is_closing = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(CLOSED))
        };
        if paths.len() != 1 || !paths.iter().all(is_closing) {
            open.insert(hour);
        }
    }
    Ok(open)
}

/// An hour of the ledger.
///
/// # Errors
/// If a file cannot be read.
pub fn read(data: &Path, hour: Hour) -> Result<HourLedger, StoreError> {
    let directory = data.join(directory(hour));
    let mut attempt = 0;
    loop {
        attempt += 1;
        let paths = list(&directory)?;
        let file = |path: &PathBuf| -> Result<Option<(HourFile, PathBuf)>, StoreError> {
            Ok(get(path)?.map(|file| (file, path.clone())))
        };
        match paths.iter().map(file).collect::<Result<Option<Vec<_>>, _>>()? {
            Some(files) => return Ok(HourLedger::sum(files)),
            None if attempt < ATTEMPTS => {}
            None => {
                let gone = io::Error::from(io::ErrorKind::NotFound);
                return Err(StoreError::io("read all files of", directory, gone));
            }
        }
    }
}

/// Closes an hour of which so many rows are stored: its files become one. Those that it takes the
/// place of are the caller's to remove.
///
/// # Errors
/// If the file system refuses.
pub fn close(
    incoming: &Incoming,
    hour: Hour,
    stored: &BTreeMap<Family, u64>,
) -> Result<ClosedFile, StoreError> {
    let ledger = read(incoming.data_directory(), hour)?;
    let path = match ledger.closed {
        Some(path) if !ledger.has_news => path,
        _ => {
            let before = ledger.sum.closed.as_ref();
            let reopened = before.map_or(0, |closed| closed.reopened + 1);
            let closed = Some(Closed { stored: stored.clone(), reopened });
            let path = directory(hour).join(format!("{CLOSED}{reopened:06}.json"));
            put(incoming, &path, &HourFile { closed, ..ledger.sum })?;
            incoming.data_directory().join(path)
        }
    };
    let replaced = ledger.paths.into_iter().filter(|other| *other != path).collect();
    Ok(ClosedFile { path, replaced })
}

impl HourLedger {
    fn sum(mut files: Vec<(HourFile, PathBuf)>) -> Self {
        let mut all =
            Self { paths: files.iter().map(|(_, path)| path.clone()).collect(), ..Self::default() };
        // A file of a closing is in front of what was merged into it.
        files.sort_by_key(|(file, _)| {
            std::cmp::Reverse((
                file.closed.as_ref().map(|closed| closed.reopened),
                file.segments.len(),
            ))
        });
        for (file, path) in files {
            if file.segments.is_subset(&all.sum.segments) {
                continue;
            }
            if file.closed.is_some() && all.closed.is_none() {
                all.closed = Some(path);
                all.sum.closed = file.closed;
            } else {
                all.has_news = true;
            }
            all.sum.books.add(&file.books);
            all.sum.segments.extend(file.segments);
        }
        all
    }

    /// The books.
    pub fn books(&self) -> &HourBooks {
        &self.sum.books
    }

    /// Rows that were stored when the hour was closed.
    pub fn stored(&self) -> impl Iterator<Item = (&Family, &u64)> {
        self.sum.closed.iter().flat_map(|closed| &closed.stored)
    }

    /// What can be said of the hour. `deleted` are rows that are known to be no longer there.
    pub fn statement(self, hour: Hour, deleted: BTreeMap<Family, u64>) -> Statement {
        let is_open = self.has_news || self.closed.is_none();
        let Closed { stored, reopened } = self.sum.closed.unwrap_or_default();
        let reopened = reopened + u64::from(self.has_news && self.closed.is_some());
        Statement::new(hour, self.sum.books, Evidence { is_open, stored, deleted, reopened })
    }
}

fn directory(hour: Hour) -> PathBuf {
    Path::new(DIRECTORY).join(hour.path())
}

fn standing(segment: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{STANDING}{segment}.json"))
}

/// Writes a file that is whole or not there, unless it is there already.
fn put(incoming: &Incoming, path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    if incoming.data_directory().join(path).exists() {
        return Ok(());
    }
    let json = serde_json::to_vec(value).map_err(|e| StoreError::io("write", path, e.into()))?;
    incoming.write(path, &json)
}

/// Reads a file; `None` if there is none.
fn get<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let json = match fs::read(path) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read", path, error)),
    };
    let value = serde_json::from_slice(&json);
    value.map(Some).map_err(|e| StoreError::io("read", path, e.into()))
}

/// The files of a directory; none if it does not exist.
fn list(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut paths = entries(directory)?;
    paths.retain(|path| path.extension().is_some_and(|of| of == "json"));
    Ok(paths)
}
