//! Who is at the keyboard.

use std::fs;

/// The name of who logged in, which stays when he becomes root; his user id where it has no name.
/// `None` where nobody logged in, as for a service.
pub fn name() -> Option<String> {
    let uid = fs::read_to_string("/proc/self/loginuid").ok()?;
    let uid: u32 = uid.trim().parse().ok()?;
    // What has no login has the highest number there.
    let uid = (uid != u32::MAX).then_some(uid)?;
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(name_of(uid, &users).map_or_else(|| uid.to_string(), str::to_owned))
}

/// The name that lines as in passwd(5) give a user id.
pub(crate) fn name_of(uid: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_has_the_name_that_the_system_gives_it() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nclerk:x:1000:100::/home/clerk:\n";
        assert_eq!(name_of(0, users), Some("root"));
        assert_eq!(name_of(1000, users), Some("clerk"));
        assert_eq!(name_of(100, users), None);
    }
}
