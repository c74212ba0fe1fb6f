//! Names of declared formats, which live as long as the program: each once, however often it is read.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// More names than anybody declares.
const NAMES_MAX: usize = 4_096;

/// The name, kept for as long as the program runs; `None` where there are too many.
pub(crate) fn kept(name: &str) -> Option<&'static str> {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = names.get(name) {
        return Some(name);
    }
    if names.len() == NAMES_MAX {
        return None;
    }
    let name = &*String::leak(name.to_owned());
    names.insert(name);
    Some(name)
}
