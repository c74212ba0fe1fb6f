//! The audit log: who asked the store what, and how many answers he got.
//!
//! `audit.jsonl` in the data directory is a [`chain`](crate::chain), to which each `logweir trace`
//! appends before it prints its answers. The collector makes it such that its group may append too:
//! who may ask the store must be able to say that he did.

use crate::{
    chain::{Chain, Head},
    error::StoreError,
};
use logweir_decode::context::UnixNanos;
use serde::{Deserialize, Serialize};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// The name of the file in a data directory.
pub const FILE: &str = "audit.jsonl";

/// The store's user and group; the chain tells what they do to it.
const MODE: u32 = 0o660;

/// Makes the log where it is missing, and lets the group of the store append to it.
///
/// # Errors
/// If the file system refuses.
pub fn prepare(data: &Path) -> Result<(), StoreError> {
    let path = data.join(FILE);
    Chain::<Asked>::open(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(MODE))
        .map_err(|e| StoreError::io("let the group append to", &path, e))
}

/// One question, as the log tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The user id of the process that asked.
    pub uid: u32,
    /// Who had logged in, where the system knows: it stays when a user becomes root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The reference of the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// What was asked: the options of the question.
    pub question: serde_json::Value,
    /// How many records were the answer.
    pub answers: u64,
}

/// Appends a question, and waits until it is on disk. However long the log is, only its end is
/// read.
///
/// # Errors
/// If the file system refuses.
pub fn append(data: &Path, asked: &Asked, now: UnixNanos) -> Result<Head, StoreError> {
    let mut chain = Chain::open(&data.join(FILE))?;
    let mut chain = chain.lock()?;
    chain.skip_to_end()?;
    chain.append(asked, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{self, Read};
    use serde_json::json;
    use std::os::unix::fs::MetadataExt;

    fn asked(answers: u64) -> Asked {
        let question = json!({"address": "203.0.113.7", "hash": "no key of the line"});
        Asked { uid: 1000, login: Some("clerk".into()), case: None, question, answers }
    }

    #[test]
    fn the_group_of_the_store_may_append() {
        let data = tempfile::tempdir().unwrap();
        // Somebody has asked before the collector was started.
        append(data.path(), &asked(1), 0).unwrap();
        prepare(data.path()).unwrap();
        let log = data.path().join(FILE).metadata().unwrap();
        assert_eq!(log.mode() & 0o777, MODE);
        assert!(log.len() > 0, "what was asked before is gone");
    }

    #[test]
    fn what_root_asks_first_belongs_to_the_store() {
        let data = tempfile::tempdir().unwrap();
        // Nobody else can give the directory away.
        if std::os::unix::fs::chown(data.path(), Some(65_534), Some(65_534)).is_err() {
            return;
        }
        append(data.path(), &asked(1), 0).unwrap();
        let log = data.path().join(FILE).metadata().unwrap();
        assert_eq!((log.uid(), log.gid()), (65_534, 65_534));
    }

    #[test]
    fn questions_are_one_chain_whoever_asks() {
        let data = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let data = data.path();
                scope.spawn(move || {
                    for count in 0..25 {
                        append(data, &asked(thread * 100 + count), 0).unwrap();
                    }
                });
            }
        });
        let mut answers = Vec::new();
        let each = |read: Read<Asked>| {
            assert_eq!(read.fault, None);
            answers.extend(read.line.map(|line| line.entry.answers));
        };
        let summary = chain::read(&data.path().join(FILE), each).unwrap();
        assert_eq!((summary.head.number, summary.torn_bytes), (100, 0));
        answers.sort_unstable();
        let expected = (0..4).flat_map(|thread| (0..25).map(move |count| thread * 100 + count));
        assert_eq!(answers, expected.collect::<Vec<u64>>());
    }
}
