//! An hour's directory and its successor change places.
//!
//! The successor is made in `.incoming/{stem}.hour/family=…/date=…/hour=…`, `stem` being the new
//! part's name. It is there for a moment only, or after a crash: then, whether the hour's own
//! directory has the new part tells whether they have changed places.

use super::Plan;
use crate::{
    error::StoreError,
    files::entries,
    incoming::{Incoming, sync_directory},
    manifest::Part,
    partition::Hour,
    schema::Family,
    seal::WholePart,
};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// The extension of the directories in which successors are.
const STAGED: &str = "hour";

/// A merged part that is on disk and has not got its final name. If it is dropped, all is as it
/// was.
pub struct Staged<'a> {
    plan: Plan,
    incoming: &'a Incoming,
    stem: String,
    rows: u64,
    part: WholePart,
}

/// Directories that have changed places: to be synced, then recorded, and then finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// Whose rows they are.
    pub family: Family,
    /// The hour of their arrival.
    pub hour: Hour,
    /// Where the parts were that are no longer part of the store.
    pub removed: Vec<PathBuf>,
    /// Where the part is that has their rows.
    pub added: PathBuf,
    /// What the old directory is below.
    staged: PathBuf,
}

impl<'a> Staged<'a> {
    pub(super) fn new(
        plan: Plan,
        incoming: &'a Incoming,
        stem: String,
        rows: u64,
        part: WholePart,
    ) -> Result<Self, StoreError> {
        let expected: u64 = plan.parts.iter().map(|part| part.rows).sum();
        if rows != expected {
            let source = io::Error::other(format!("{rows} rows were merged, not {expected}"));
            return Err(StoreError::io("merge", plan.hour.directory(plan.family), source));
        }
        Ok(Self { plan, incoming, stem, rows, part })
    }

    /// The new part takes the place of the old ones, in one step. Gives what the manifest is to
    /// say of it, too: it is read before, so that little time lies between step and entry.
    ///
    /// Nothing else may add or remove files of the hour meanwhile.
    ///
    /// # Errors
    /// If the file system refuses (it must know links and `RENAME_EXCHANGE`, as ext4, XFS, Btrfs
    /// and tmpfs do; [`StoreError::NoExchange`] if it does not know the latter), or a part that was
    /// merged is no longer there. All is then as it was.
    pub fn exchange(self) -> Result<(Exchanged, Part), StoreError> {
        let Plan { family, hour, .. } = self.plan;
        let relative = hour.directory(family);
        let live = self.incoming.data_directory().join(&relative);
        let staged = self.incoming.aside(&format!("{}.{STAGED}", self.stem));
        let successor = staged.join(&relative);
        let name = format!("{}.parquet", self.stem);
        let made = self.make(&live, &successor);
        let made = made.and_then(|()| {
            Part::of_file(&staged, &successor.join(&name), (family, hour), self.rows)
        });
        let exchanged = made.and_then(|part| exchange(&live, &successor).map(|()| part));
        let part = exchanged.inspect_err(|_| drop(fs::remove_dir_all(&staged)))?;
        let removed = self.plan.parts.iter().map(|part| part.path.clone()).collect();
        Ok((Exchanged { family, hour, removed, added: live.join(name), staged }, part))
    }

    /// Makes the successor: links to the files that stay, and the new ones.
    fn make(&self, live: &Path, successor: &Path) -> Result<(), StoreError> {
        fs::create_dir_all(successor).map_err(|e| StoreError::io("create", successor, e))?;
        let mut merged: BTreeSet<OsString> = BTreeSet::new();
        merged
            .extend(self.plan.parts.iter().filter_map(|part| Some(part.path.file_stem()?.into())));
        let mut missing: BTreeSet<&Path> =
            self.plan.parts.iter().map(|part| part.path.as_path()).collect();
        let there = entries(live)?;
        for path in &there {
            missing.remove(path.as_path());
            let stays = path.file_stem().is_none_or(|stem| !merged.contains(stem));
            if let Some(name) = path.file_name().filter(|_| stays) {
                let link = successor.join(name);
                fs::hard_link(path, &link).map_err(|e| StoreError::io("link", link, e))?;
            }
        }
        if let Some(path) = missing.first() {
            return Err(StoreError::io("find", *path, io::ErrorKind::NotFound.into()));
        }
        self.part.publish(|file, name| {
            let path = successor.join(name);
            fs::rename(file, &path).map_err(|e| StoreError::io("create", path, e))
        })?;
        let permissions = fs::metadata(live).map(|metadata| metadata.permissions());
        let permitted = permissions.and_then(|same| fs::set_permissions(successor, same));
        permitted.map_err(|e| StoreError::io("create", successor, e))?;
        sync_directory(successor)
    }
}

impl Exchanged {
    /// Waits until the exchange is on disk.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn sync(&self) -> Result<(), StoreError> {
        let successor = self.staged.join(self.hour.directory(self.family));
        // What changed is the directory of the date, here and there.
        let here = self.added.ancestors().nth(2);
        here.into_iter().chain(successor.parent()).try_for_each(sync_directory)
    }

    /// Removes the old directory. Until then the space of its parts is not free.
    ///
    /// # Errors
    /// If the file system refuses; [`recover`] then finds it.
    pub fn finish(self) -> Result<(), StoreError> {
        remove(&self.staged)
    }
}

/// What a process left that ended between two steps: exchanges that may not be recorded and are to
/// be finished. What had not been exchanged is removed.
///
/// # Errors
/// If the file system refuses something.
pub fn recover(incoming: &Incoming) -> Result<Vec<Exchanged>, StoreError> {
    let mut exchanges = Vec::new();
    for staged in entries(&incoming.aside(""))? {
        let Some(stem) = staged.file_stem().filter(|_| staged.extension() == Some(STAGED.as_ref()))
        else {
            continue;
        };
        match exchanged(incoming, &staged, Path::new(stem))? {
            Some(exchange) => exchanges.push(exchange),
            None => remove(&staged)?,
        }
    }
    Ok(exchanges)
}

/// What was exchanged; `None` if it had not come to that.
fn exchanged(
    incoming: &Incoming,
    staged: &Path,
    stem: &Path,
) -> Result<Option<Exchanged>, StoreError> {
    let Some((family, hour)) = partition(staged)? else { return Ok(None) };
    let relative = hour.directory(family);
    let live = incoming.data_directory().join(&relative);
    let added = live.join(stem).with_extension("parquet");
    if !fs::exists(&added).map_err(|e| StoreError::io("find", &added, e))? {
        return Ok(None);
    }
    let kept: BTreeSet<_> = entries(&live)?.into_iter().collect();
    let old = entries(&staged.join(&relative))?.into_iter();
    let old = old.filter(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    let removed = old.filter_map(|path| Some(live.join(path.file_name()?)));
    let removed = removed.filter(|path| !kept.contains(path)).collect();
    Ok(Some(Exchanged { family, hour, removed, added, staged: staged.to_owned() }))
}

/// The family and hour of the directory that is below a staged one; `None` if it was not made.
fn partition(staged: &Path) -> Result<Option<(Family, Hour)>, StoreError> {
    let mut path = staged.to_owned();
    for _ in 0..3 {
        match entries(&path)?.pop() {
            Some(below) => path = below,
            None => return Ok(None),
        }
    }
    Ok(path.strip_prefix(staged).ok().and_then(Hour::of_directory))
}

fn exchange(live: &Path, successor: &Path) -> Result<(), StoreError> {
    let exchanged = renameat_with(CWD, successor, CWD, live, RenameFlags::EXCHANGE);
    exchanged.map_err(|error| match error {
        Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP => {
            StoreError::NoExchange { path: live.to_owned() }
        }
        error => StoreError::io("exchange", live, error.into()),
    })
}

fn remove(staged: &Path) -> Result<(), StoreError> {
    fs::remove_dir_all(staged).map_err(|e| StoreError::io("remove", staged, e))
}
