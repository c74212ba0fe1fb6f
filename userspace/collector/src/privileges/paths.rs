//! The directories that the process can still reach (`landlock(7)`).

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    PathFdError, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus,
};
use std::{
    fs, io, mem,
    path::{Path, PathBuf},
};

/// The newest rights that are meant here; an older kernel gives those that it has.
const NEWEST: ABI = ABI::V5;

/// What the collector reads of the system: its own counters and threads, the host's name, how many
/// processors a BPF map counts for, time zones, random numbers for keys, and how names of servers
/// are resolved.
const SYSTEM: [&str; 11] = [
    "/proc/self",
    "/proc/sys/kernel/hostname",
    "/sys/class/net",
    "/sys/devices/system/cpu",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/dev/null",
    "/dev/urandom",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
];

/// Directories that are everybody's: of these a file is reached, and what lies beside it is not.
const SHARED: [&str; 3] = ["/", "/etc", "/run"];

/// What the process may read and write when it is confined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Files and directories to read.
    pub read: Vec<PathBuf>,
    /// Directories in which all may be done, but for running programs.
    pub write: Vec<PathBuf>,
}

impl Places {
    /// Lets this file be read, also when another one has taken its place.
    pub fn read_file(&mut self, file: &Path) {
        self.read.push(with_successors(file));
    }

    /// Lets this file be written, and exchanged.
    pub fn write_file(&mut self, file: &Path) {
        self.write.push(directory(file));
    }

    /// Lets the counters of this interface be read.
    pub fn read_interface(&mut self, name: &str) {
        self.read.extend(fs::canonicalize(Path::new("/sys/class/net").join(name)));
    }
}

/// What is to be reached so that a file is, and another one that takes its place: its directory,
/// unless that is everybody's.
fn with_successors(file: &Path) -> PathBuf {
    if is_among_others(file) { file.to_owned() } else { directory(file) }
}

/// Whether a file is in a directory that is everybody's, so that no other one that takes its place is
/// reached.
pub fn is_among_others(file: &Path) -> bool {
    let beside = fs::canonicalize(directory(file));
    beside.is_ok_and(|beside| SHARED.iter().any(|shared| beside == Path::new(shared)))
}

/// The same of what the system has there. Where `/etc/resolv.conf` is a link, what it names is
/// exchanged whenever the name servers change.
fn of_system(path: &Path) -> PathBuf {
    match fs::canonicalize(path) {
        Ok(target) if path.is_symlink() && target.is_file() => with_successors(&target),
        _ => path.to_owned(),
    }
}

/// The directory of a file.
fn directory(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Keeps the calling thread to these places; how far that went, and why not further.
pub(super) fn restrict(places: &Places, missing: &mut Vec<String>) -> &'static str {
    let told = |error: RulesetError| format!("it can reach all its user can (landlock: {error})");
    let rules = match rules(places, missing) {
        Ok(rules) => rules,
        Err(error) => {
            missing.push(told(error));
            return "not enforced";
        }
    };
    match rules.restrict_self().map(|status| status.ruleset) {
        Ok(RulesetStatus::FullyEnforced) => "enforced",
        Ok(RulesetStatus::PartiallyEnforced) => "partly enforced",
        Ok(RulesetStatus::NotEnforced) => {
            let why = "landlock is not in this kernel, or not switched on by its option lsm=";
            missing.push(format!("it can reach all its user can: {why}"));
            "not enforced"
        }
        Err(error) => {
            missing.push(told(error));
            "not enforced"
        }
    }
}

fn rules(places: &Places, missing: &mut Vec<String>) -> Result<RulesetCreated, RulesetError> {
    let all = AccessFs::from_all(NEWEST);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = all & !BitFlags::from(AccessFs::Execute);
    let system = SYSTEM.iter().map(|path| (of_system(Path::new(path)), read, true));
    let reads = places.read.iter().map(|path| (path.clone(), read, false));
    let writes = places.write.iter().map(|path| (path.clone(), write, false));
    for (path, access, may_lack) in system.chain(reads).chain(writes) {
        match PathFd::new(&path) {
            Ok(fd) => {
                let access =
                    if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
                rules = rules.add_rule(PathBeneath::new(&fd, access))?;
                if path.starts_with("/proc") {
                    // A rule is about an inode, and procfs makes another one of a file that memory
                    // had no room for: what is open stays.
                    mem::forget(fd);
                }
            }
            Err(PathFdError::OpenCall { source, .. }) if may_lack && is_not_found(&source) => {}
            Err(error) => missing.push(format!("it will not reach {}: {error}", path.display())),
        }
    }
    Ok(rules)
}

fn is_not_found(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_a_link_of_the_system_names_may_be_exchanged() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("run")).unwrap();
        fs::write(at("run/stub"), "").unwrap();
        symlink(at("run/stub"), at("resolv.conf")).unwrap();
        symlink(at("run"), at("self")).unwrap();
        symlink(at("gone"), at("dangling")).unwrap();
        let run = fs::canonicalize(at("run")).unwrap();
        assert_eq!(of_system(&at("resolv.conf")), run);
        for as_it_is in ["self", "run/stub", "dangling", "missing"] {
            assert_eq!(of_system(&at(as_it_is)), at(as_it_is));
        }
        assert_eq!(with_successors(Path::new("/etc/hosts")), Path::new("/etc/hosts"));
    }
}
