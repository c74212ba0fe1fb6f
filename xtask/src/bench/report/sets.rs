//! The results of all measurements that lie in a folder.

use std::{ffi::OsStr, path::Path};

use anyhow::{Context as _, Result};

use crate::bench::result::Results;

/// The results of one measurement.
pub struct Set {
    /// As in `cargo xtask bench NAME`.
    pub name: String,
    pub results: Results,
}

/// The order in which a reader wants them; others follow by name.
const ORDER: [&str; 7] = ["decode", "counts", "link", "steer", "lossless", "store", "trace"];

/// All `*.json` of a folder; none if there is no such folder.
pub fn load(dir: &Path) -> Result<Vec<Set>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut sets = Vec::new();
    for entry in dir.read_dir().with_context(|| format!("cannot read {}", dir.display()))? {
        let file = entry?.path();
        if file.extension() != Some(OsStr::new("json")) {
            continue;
        }
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        sets.push(Set { name, results: Results::read(&file)? });
    }
    let place = |set: &Set| ORDER.iter().position(|name| *name == set.name).unwrap_or(ORDER.len());
    sets.sort_by(|a, b| (place(a), &a.name).cmp(&(place(b), &b.name)));
    Ok(sets)
}
