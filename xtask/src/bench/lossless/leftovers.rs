//! What runs that a signal ended left behind: directories of records, and namespaces.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use crate::{bench::lossless::cpu, shell};

const DIRECTORY: &str = "logweir-lossless-";

/// Where this run leaves its records.
pub fn directory(store: &Path) -> PathBuf {
    store.join(format!("{DIRECTORY}{}", process::id()))
}

/// Removes what belongs to no run that lives. What cannot be removed stays: it harms no figure.
pub fn clear(store: &Path) {
    for entry in fs::read_dir(store).into_iter().flatten().flatten() {
        if is_left_over(&entry.file_name().to_string_lossy(), DIRECTORY, "") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let namespaces = shell::output(Command::new("ip").args(["netns", "list"]));
    for line in namespaces.unwrap_or_default().lines() {
        let Some(name) = line.split_whitespace().next() else { continue };
        if ["-c", "-e"].iter().any(|end| is_left_over(name, "logweir-", end)) {
            let _ = shell::output(Command::new("ip").args(["netns", "del", name]));
        }
    }
}

/// Whether a name is of ours, and its process is no more.
fn is_left_over(name: &str, prefix: &str, suffix: &str) -> bool {
    let pid = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
    pid.and_then(|pid| pid.parse().ok()).is_some_and(cpu::has_ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_process_left_is_left_over() {
        // More than the kernel gives: no process has it.
        let dead = u32::MAX;
        assert!(is_left_over(&format!("logweir-lossless-{dead}"), DIRECTORY, ""));
        assert!(is_left_over(&format!("logweir-{dead}-c"), "logweir-", "-c"));
        assert!(!is_left_over(&format!("logweir-{}-c", process::id()), "logweir-", "-c"));
        for other in ["logweir-lossless-", "logweir-data-c", "other", "logweir--c"] {
            assert!(!is_left_over(other, DIRECTORY, ""), "{other}");
            assert!(!is_left_over(other, "logweir-", "-c"), "{other}");
        }
    }
}
