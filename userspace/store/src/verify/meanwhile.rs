//! What a collector that runs meanwhile has just done, or is about to tell.

use crate::{
    chain::{self, Read},
    files,
    manifest::{self, Entry, PartPath, State},
};
use std::path::Path;

/// What the manifest says now.
pub(super) fn state(data: &Path) -> State {
    let mut state = State::default();
    // What cannot be read was found before.
    let _ = chain::read(&data.join(manifest::FILE), |read: Read<Entry>| {
        read.line.into_iter().for_each(|line| state.apply(line.entry));
    });
    state
}

/// Without those that were merged or deleted since the manifest was read; or merged, and the entry is
/// yet to come: then they are in the directory that was replaced. The manifest is read once for all.
pub(super) fn without_gone(data: &Path, mut missing: Vec<PartPath>) -> Vec<PartPath> {
    let replaced = files::entries(&data.join(".incoming")).unwrap_or_default();
    missing.retain(|path| !replaced.iter().any(|staged| staged.join(path.as_str()).exists()));
    if !missing.is_empty() {
        let now = state(data);
        missing.retain(|path| !now.is_gone(path));
    }
    missing
}

/// Whether a file's entry is yet to come: the segment that it is named by is still in the journal,
/// or the directory in whose place it came is still there.
pub(super) fn is_to_be_told(data: &Path, path: &PartPath) -> bool {
    let name = path.as_str().rsplit('/').next().and_then(|name| name.split('.').next());
    name.filter(|name| !name.is_empty()).is_some_and(|name| {
        let segment = name.strip_prefix("part-").unwrap_or(name);
        data.join(format!("journal/segment-{segment}.journal")).exists()
            || data.join(format!(".incoming/{name}.hour")).exists()
    })
}
