//! `[privacy]`: what is left out of records, or told by another name, before anybody keeps them.

use super::{
    MissingKey,
    im::check_place,
    keys::{Key, Kind, OnReload, Table},
};
use crate::keyring::Keyring;
use jiff::Timestamp;
use logweir_decode::privacy::{self, CurrentKey};
use serde::{Deserialize, Deserializer, de::Error};
use std::{io, path::PathBuf, sync::Arc, time::Duration};

/// The keys of the table.
pub(super) const TABLE: Table = Table {
    name: "privacy",
    about: "What is left out of records, or told by another name, before anything is written.",
    keys: &[
        Key {
            name: "destinations",
            kind: Kind::Text,
            about: "`keep`; `omit`: destinations are left out of all records before anything is written, the journal included, as RFC 6888 (REQ-12) wants it of a CGN: `dst_addr`, `dst_port`, `nat_dst_addr`, `nat_dst_port` and `url`. What has no column (`extra`) and the bytes of what no decoder understood (`raw`) may hold them too, and are left out as well",
            default: "`keep`",
            example: "\"keep\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "pseudonymise",
            kind: Kind::Texts,
            about: "columns whose values become pseudonyms, `[\"user\"]` or none: the first 128 bits of a keyed BLAKE3 hash behind the name of the key, as `k1:0f3c…`, made before anything is written. `extra` and `raw` are left out then, since they may hold names. Accounts of messengers: `[im]`",
            default: "`[]`",
            example: "[]",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "key_file",
            kind: Kind::Text,
            about: "the keys, a line each, as `k1 2026-03-01T00:00:00Z` and 64 hexadecimal digits; made by `run` where the file is missing (mode 0600), and refused where everyone may read it",
            default: "none: `pseudonymise` needs it",
            example: "\"user.keys\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "rotate",
            kind: Kind::Text,
            about: "after which time a new key takes over, as `30d`; the old ones stay in the file until somebody takes their lines out",
            default: "never",
            example: "\"30d\"",
            on_reload: OnReload::Applied,
        },
    ],
};

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
