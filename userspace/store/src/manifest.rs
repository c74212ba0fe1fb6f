//! The manifest: which parts there are, what they hold, and what became of those that are gone.
//!
//! `manifest.jsonl` in the data directory is a [`chain`](crate::chain) of [`Entry`]s. An entry is
//! the commit point of what it tells: a segment is sealed, parts are merged or deleted, from the
//! moment at which its entry is on disk. What a crash leaves undone after that (files that should
//! be gone) is done at the next start: [`Manifest::sweep`].

mod entry;
mod hold;
mod state;
mod sweep;

pub use entry::{Entry, LedgerFile, Part, PartPath, Trace, Why, relative};
pub use hold::Hold;
pub use state::State;

use crate::{
    chain::{Chain, Fault, Head, Read},
    error::StoreError,
};
use logweir_decode::context::UnixNanos;
use std::path::{Path, PathBuf};

/// The name of the file in a data directory.
pub const FILE: &str = "manifest.jsonl";

/// The manifest of a data directory, with all that it says in memory: a few hundred bytes a part.
///
/// Whoever seals, merges or deletes holds the lock of `.incoming`. Any process may add holds
/// meanwhile; each append takes in what others appended.
#[derive(Debug)]
pub struct Manifest {
    data: PathBuf,
    chain: Chain<Entry>,
    state: State,
    faults: Vec<(u64, Fault)>,
}

/// What was found when a manifest was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Bytes of a line that a crash left unfinished; they were cut off.
    pub torn_bytes: u64,
    /// Lines, from 1, with which something is wrong. What they say is not believed, unless all
    /// that is wrong is their place.
    pub faults: Vec<(u64, Fault)>,
}

impl Manifest {
    /// Opens the manifest of a data directory, which is made where it is missing.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn open(data: &Path) -> Result<(Manifest, Opened), StoreError> {
        let chain = Chain::open(&data.join(FILE))?;
        let (state, faults) = Default::default();
        let mut manifest = Manifest { data: data.to_owned(), chain, state, faults };
        let torn_bytes = manifest.refresh()?;
        let faults = manifest.faults.clone();
        Ok((manifest, Opened { torn_bytes, faults }))
    }

    /// Takes in what other processes appended; the bytes of a torn line that was cut off.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn refresh(&mut self) -> Result<u64, StoreError> {
        let Manifest { chain, state, faults, .. } = self;
        chain.lock()?.catch_up(|read| take(state, faults, read))
    }

    /// Appends an entry and waits until it is on disk.
    ///
    /// # Errors
    /// If the file system refuses; then it is as if it had not been tried.
    pub fn append(&mut self, entry: Entry, now: UnixNanos) -> Result<Head, StoreError> {
        self.append_with(now, |_| Some(entry)).map(|head| head.unwrap_or_default())
    }

    /// Appends what is to be said of the present state, which nobody else changes meanwhile: holds
    /// that are placed before are seen. `None` where that is nothing.
    ///
    /// # Errors
    /// If the file system refuses; then it is as if it had not been tried.
    pub fn append_with(
        &mut self,
        now: UnixNanos,
        entry: impl FnOnce(&State) -> Option<Entry>,
    ) -> Result<Option<Head>, StoreError> {
        let Manifest { chain, state, faults, .. } = self;
        let mut chain = chain.lock()?;
        chain.catch_up(|read| take(state, faults, read))?;
        let Some(entry) = entry(state) else { return Ok(None) };
        let head = chain.append(&entry, now)?;
        state.apply(entry);
        Ok(Some(head))
    }

    /// Whether a segment's parts are in place, so that it is not needed any more.
    pub fn is_sealed(&self, segment: &str) -> bool {
        self.state.is_sealed(segment)
    }

    /// The parts that there are, in the order of their paths.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.state.parts()
    }

    /// All that the entries say.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The last entry.
    pub const fn head(&self) -> Head {
        self.chain.head()
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where a file that an entry names is.
    pub fn path(&self, relative: &PartPath) -> PathBuf {
        self.data.join(relative.as_str())
    }
}

/// Believes what a line says, and notes what is wrong with it.
fn take(state: &mut State, faults: &mut Vec<(u64, Fault)>, read: Read<Entry>) {
    faults.extend(read.fault.map(|fault| (read.place, fault)));
    if let Some(line) = read.line {
        state.apply(line.entry);
    }
}

#[cfg(test)]
mod tests;
