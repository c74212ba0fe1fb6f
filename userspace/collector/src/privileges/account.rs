//! The user that the collector runs as (`passwd(5)`, `group(5)`).

use super::capabilities;
use crate::login;
use rustix::{
    process::{Gid, Uid, geteuid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};
use std::fs;

/// A user of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: String,
    uid: Uid,
    gid: Gid,
    /// Groups beside its own.
    groups: Vec<Gid>,
}

impl Account {
    /// The user of this name in `/etc/passwd`.
    ///
    /// # Errors
    /// One sentence, where there is none.
    pub fn find(name: &str) -> Result<Self, String> {
        let read = |path: &str| {
            fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
        };
        let groups = read("/etc/group").unwrap_or_default();
        Self::parse(name, &read("/etc/passwd")?, &groups).ok_or_else(|| {
            format!("user: there is no '{name}' in /etc/passwd: `adduser --system --group {name}` makes it")
        })
    }

    fn parse(name: &str, users: &str, groups: &str) -> Option<Self> {
        let (uid, gid) = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_it = fields.next() == Some(name);
            let uid = fields.nth(1)?.parse().ok()?;
            is_it.then_some((uid, fields.next()?.parse().ok()?))
        })?;
        let groups = groups.lines().filter_map(|line| {
            let mut fields = line.split(':').skip(2);
            let gid = fields.next()?.parse().ok()?;
            fields.next()?.split(',').any(|member| member == name).then_some(Gid::from_raw(gid))
        });
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        Some(Self { name: name.to_owned(), uid, gid, groups: groups.collect() })
    }

    /// Makes the calling thread this user's, where it is root; a sentence where it is neither.
    ///
    /// # Errors
    /// One sentence, where the kernel refuses root.
    pub(super) fn assume(&self) -> Result<Option<String>, String> {
        let Self { name, uid, gid, groups } = self;
        if geteuid() == *uid {
            return Ok(None);
        }
        if !geteuid().is_root() {
            let current = current();
            return Ok(Some(format!(
                "it runs as {current} and not as {name}: only root can become another user"
            )));
        }
        let refused = |error| format!("cannot become the user {name}: {error}");
        capabilities::keep_across_users().map_err(refused)?;
        set_thread_groups(groups).map_err(refused)?;
        set_thread_res_gid(*gid, *gid, *gid).map_err(refused)?;
        set_thread_res_uid(*uid, *uid, *uid).map_err(refused)?;
        Ok(None)
    }
}

/// The name of the calling thread's user, or its number.
pub(super) fn current() -> String {
    let uid = geteuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    login::name_of(uid, &users).map_or_else(|| uid.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nlogweir:x:990:991::/:\n";
    const GROUPS: &str = "adm:x:4:syslog,logweir\nlogweir:x:991:\nssl-cert:x:110:logweirs\n";

    #[test]
    fn a_user_comes_with_its_groups() {
        let expected = Account {
            name: "logweir".into(),
            uid: Uid::from_raw(990),
            gid: Gid::from_raw(991),
            groups: vec![Gid::from_raw(4)],
        };
        assert_eq!(Account::parse("logweir", USERS, GROUPS), Some(expected));
        assert_eq!(Account::parse("logwei", USERS, GROUPS), None);
        assert_eq!(Account::parse("broken", USERS, GROUPS), None);
    }

    #[test]
    fn a_user_who_is_not_there_is_told_and_how_to_make_it() {
        let error = Account::find("no-such-user").unwrap_err();
        assert!(error.contains("no 'no-such-user'") && error.contains("adduser"), "{error}");
    }
}
