//! What the process gives up once it has what it needs.
//!
//! It goes down two steps. [`lower`] comes first, while there is one thread: the process becomes
//! its user and keeps what opening sources takes. The thread that is to open them is started then,
//! and [`confine`] takes all the rest from the calling thread, and so from every thread that it
//! starts: the store, the writer and the workers never had a right. When the opening thread has
//! ended nobody has one.
//!
//! What the kernel does not grant to take away is told, one sentence each, and the collector runs
//! without: less confined is better than not collecting.

mod account;
mod capabilities;
mod paths;
mod syscalls;

pub use account::Account;
pub use paths::{Places, is_among_others};

use rustix::{
    process::{Resource, Rlimit, geteuid, getrlimit, setrlimit},
    thread::{no_new_privs, set_no_new_privs},
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a process may still do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Privileges {
    /// The name of its user, or the number of one without a name.
    pub user: String,
    /// Its capabilities, as `cap_net_admin cap_bpf`; empty where it has none.
    pub capabilities: String,
    /// Whether no program that it could start gains a right.
    pub no_new_privs: bool,
    /// What keeps it to its directories: `enforced`, `partly enforced`, `not enforced`.
    pub landlock: Cow<'static, str>,
    /// What keeps it to the system calls that it needs: `enforced`, `not enforced`.
    pub seccomp: Cow<'static, str>,
    /// What could not be taken away, a sentence each.
    pub missing: Vec<String>,
}

/// Becomes this user where the process is root, and gives up all capabilities but those that
/// opening sources takes. To be called while the process has one thread. What could not be given up
/// is told, a sentence each.
///
/// # Errors
/// One sentence, where root cannot become this user.
pub fn lower(account: Option<&Account>) -> Result<Vec<String>, String> {
    let mut missing = Vec::new();
    allow_priority();
    capabilities::empty_bounding_set();
    match account {
        Some(account) => missing.extend(account.assume()?),
        None if geteuid().is_root() => {
            missing.push("it runs as root: `user` names one to become".into());
        }
        None => {}
    }
    missing.extend(capabilities::keep_those_for_opening().err());
    Ok(missing)
}

/// Takes from this thread, and from those that it will start, all that running does not need.
/// `missing` is what [`lower`] could not do.
pub fn confine(places: &Places, mut missing: Vec<String>) -> Privileges {
    missing.extend(capabilities::drop_all().err());
    if let Err(error) = set_no_new_privs(true) {
        missing.push(format!("programs that it starts may gain rights (no_new_privs: {error})"));
    }
    // What is said of it is read while it can be.
    let mut privileges = Privileges::of_this_thread(missing);
    privileges.landlock = paths::restrict(places, &mut privileges.missing).into();
    match syscalls::restrict() {
        Ok(()) => privileges.seccomp = "enforced".into(),
        Err(error) => {
            privileges.missing.push(format!("it may make any system call (seccomp: {error})"));
        }
    }
    privileges
}

impl Privileges {
    /// What a thread may do that nothing was taken from.
    pub fn of_this_thread(missing: Vec<String>) -> Self {
        Self {
            user: account::current(),
            capabilities: capabilities::names(),
            no_new_privs: no_new_privs().unwrap_or(false),
            landlock: "not enforced".into(),
            seccomp: "not enforced".into(),
            missing,
        }
    }
}

/// Lets the workers raise their priority when the capability for it is gone. Where that is refused
/// they do without, as `LimitNICE=` of the unit is the other way.
fn allow_priority() {
    // RLIMIT_NICE counts from 20 downwards: this is a nice value of -10.
    const CEILING: Option<u64> = Some(30);
    let Rlimit { current, maximum } = getrlimit(Resource::Nice);
    if current.is_some_and(|current| Some(current) < CEILING) {
        let maximum = maximum.max(CEILING);
        let _ = setrlimit(Resource::Nice, Rlimit { current: CEILING, maximum });
    }
}
