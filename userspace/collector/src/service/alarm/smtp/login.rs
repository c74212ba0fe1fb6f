//! A name and a password (RFC 4954): by PLAIN (RFC 4616), or by LOGIN for servers that have only that.

use super::session::{Offers, Session};
use crate::config::secret;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::{
    io::{Read, Write},
    path::PathBuf,
};

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The file of the password. It is read for each mail: a new one is good at once.
    pub password_file: PathBuf,
}

impl Login {
    /// The password.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn password(&self) -> Result<String, String> {
        let told = |error: &str| format!("password_file {}: {error}", self.password_file.display());
        let text = secret::read(&self.password_file).map_err(|error| told(&error.to_string()))?;
        let password = text.trim_end_matches(['\r', '\n']);
        if password.is_empty() || password.contains(['\r', '\n', '\0']) {
            return Err(told("it must hold a password, on one line"));
        }
        Ok(password.to_owned())
    }

    pub(super) fn log_in<S: Read + Write>(
        &self,
        session: &mut Session<S>,
        offers: &Offers,
    ) -> Result<(), String> {
        const WHAT: &str = "the log-in";
        let offered = offers.get("AUTH").ok_or("it lets nobody log in, and user is set")?;
        let has = |name| offered.split(' ').any(|word| word.eq_ignore_ascii_case(name));
        let (user, password) = (self.user.as_str(), self.password()?);
        if has("PLAIN") {
            let both = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
            session.say(&format!("AUTH PLAIN {both}"), "235", WHAT)?;
        } else if has("LOGIN") {
            session.say("AUTH LOGIN", "334", WHAT)?;
            session.say(&BASE64_STANDARD.encode(user), "334", WHAT)?;
            session.say(&BASE64_STANDARD.encode(password), "235", WHAT)?;
        } else {
            return Err(format!(
                "it takes a password neither by PLAIN nor by LOGIN, only by '{offered}'"
            ));
        }
        Ok(())
    }
}
