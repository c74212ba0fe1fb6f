//! `[privacy]`: what is left out of records, or told by another name, before anybody keeps them.

use super::{MissingKey, im::check_place};
use crate::keyring::Keyring;
use jiff::Timestamp;
use logweir_decode::privacy::{self, CurrentKey};
use serde::{Deserialize, Deserializer, de::Error};
use std::{io, path::PathBuf, sync::Arc, time::Duration};

/// The keys of the table.
#[cfg(test)]
pub(super) const KEYS: &[&str] = &["destinations", "pseudonymise", "key_file", "rotate"];

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// Whether destinations are kept.
    #[serde(default, deserialize_with = "destinations")]
    pub destinations: Destinations,
    /// Columns whose values become pseudonyms: `user`.
    #[serde(default, deserialize_with = "columns")]
    pub pseudonymise: Vec<String>,
    /// The file of the keys.
    pub key_file: Option<PathBuf>,
    /// After which time a new key takes over.
    #[serde(default, deserialize_with = "super::retention::age")]
    pub rotate: Option<Duration>,
}

/// What becomes of destinations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Destinations {
    /// They are kept.
    #[default]
    Keep,
    /// They are left out.
    Omit,
}

fn destinations<'de, D: Deserializer<'de>>(from: D) -> Result<Destinations, D::Error> {
    super::word(from, &[("keep", Destinations::Keep), ("omit", Destinations::Omit)])
}

fn columns<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let columns = Vec::<String>::deserialize(from)?;
    match columns.iter().find(|column| *column != "user") {
        Some(other) => Err(D::Error::custom(format!(
            "'{other}' cannot become a pseudonym: only 'user' can (accounts of messengers: [im])"
        ))),
        None => Ok(columns),
    }
}

impl Privacy {
    /// What the workers are told.
    pub(super) fn settings(&self, missing: MissingKey) -> Result<privacy::Privacy, String> {
        let keyring = self.keyring(missing)?;
        let current = keyring.as_ref().and_then(Keyring::current);
        let user_key = current.map(|dated| Arc::new(CurrentKey::new(dated.key.clone())));
        let omit_destinations = self.destinations == Destinations::Omit;
        Ok(privacy::Privacy { omit_destinations, user_key })
    }

    /// The keys, where something becomes a pseudonym.
    ///
    /// # Errors
    /// One sentence that names the file.
    pub fn keyring(&self, missing: MissingKey) -> Result<Option<Keyring>, String> {
        if self.pseudonymise.is_empty() {
            return Ok(None);
        }
        let Some(path) = &self.key_file else {
            return Err("privacy: pseudonymise needs keys: give key_file = \"FILE\"".into());
        };
        let keyring = Keyring::read(path).map(Some);
        let keyring = keyring.or_else(|error| match (error.kind(), missing) {
            (io::ErrorKind::NotFound, MissingKey::Create) => {
                Keyring::create(path, Timestamp::now()).map(Some)
            }
            (io::ErrorKind::NotFound, MissingKey::Leave) => check_place(path).map(|()| None),
            (io::ErrorKind::NotFound, MissingKey::Refuse) => {
                Err(io::Error::other("there is no such file, and only `run` makes a key"))
            }
            _ => Err(error),
        });
        keyring.map_err(|error| format!("privacy: key_file {}: {error}", path.display()))
    }
}
