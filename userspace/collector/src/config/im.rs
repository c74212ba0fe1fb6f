//! `[im]`: what becomes of instant-messenger logs, and the key under which accounts are hashed.

use super::{
    keys::{Key, Kind, OnReload, Table},
    secret::{self, Secret},
};
use logweir_decode::settings::ImPolicy;
use serde::{Deserialize, Deserializer};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The keys of the table.
pub(super) const TABLE: Table = Table {
    name: "im",
    about: "What becomes of instant-messenger logs. Who uses which account from where is personal data, and recording it may need a lawful ground.",
    keys: &[
        Key {
            name: "record",
            kind: Kind::Text,
            about: "`off`; `hashed`: recorded, accounts as BLAKE3 hashes under a key; `plain`: recorded, accounts as sent",
            default: "`off`",
            example: "\"off\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "key_file",
            kind: Kind::Text,
            about: "the key: 32 bytes as 64 hexadecimal digits; with `hashed`, made by `run` where the file is missing (mode 0600), and refused where everyone may read it; `decode` makes none",
            default: "none: `hashed` needs it",
            example: "\"im.key\"",
            on_reload: OnReload::Applied,
        },
    ],
};

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Im {
    /// Whether they are recorded, and accounts in which form.
    #[serde(default, deserialize_with = "record")]
    pub record: Record,
    /// The file of the key.
    pub key_file: Option<PathBuf>,
}

/// How they are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Record {
    /// Not at all.
    #[default]
    Off,
    /// Accounts as hashes under the key.
    Hashed,
    /// Accounts as sent.
    Plain,
}

/// What to do where the key's file is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKey {
    /// Make a new key.
    Create,
    /// Nothing, if one could be made there: only the configuration is looked at.
    Leave,
    /// Refuse: a new key would make hashes that meet none of the collector's.
    Refuse,
}

fn record<'de, D: Deserializer<'de>>(from: D) -> Result<Record, D::Error> {
    super::word(from, &[("off", Record::Off), ("hashed", Record::Hashed), ("plain", Record::Plain)])
}

impl Im {
    /// What the decoders are told.
    pub(super) fn policy(&self, missing: MissingKey) -> Result<ImPolicy, String> {
        match (self.record, &self.key_file) {
            (Record::Off, _) => Ok(ImPolicy::Off),
            (Record::Plain, _) => Ok(ImPolicy::Plain),
            (Record::Hashed, None) => {
                Err("im: record = \"hashed\" needs a key: give key_file = \"FILE\"".into())
            }
            (Record::Hashed, Some(path)) => {
                let policy = read_key(path).map(ImPolicy::Hashed);
                let policy = policy.or_else(|error| match (error.kind(), missing) {
                    (io::ErrorKind::NotFound, MissingKey::Create) => {
                        create_key(path).map(ImPolicy::Hashed)
                    }
                    (io::ErrorKind::NotFound, MissingKey::Leave) => {
                        check_place(path).map(|()| ImPolicy::Off)
                    }
                    (io::ErrorKind::NotFound, MissingKey::Refuse) => {
                        Err(io::Error::other("there is no such file, and only `run` makes a key"))
                    }
                    _ => Err(error),
                });
                policy.map_err(|error| format!("im: key_file {}: {error}", path.display()))
            }
        }
    }
}

fn read_key(path: &Path) -> io::Result<Secret> {
    let text = secret::read(path)?;
    secret::from_hex(text.trim())
        .ok_or_else(|| io::Error::other("it holds no key, which is 64 hexadecimal digits"))
}

/// Whether a key could be made where there is none.
pub(super) fn check_place(path: &Path) -> io::Result<()> {
    if path.is_symlink() {
        return Err(io::Error::other("it is a link to a file that does not exist"));
    }
    let directory = path.parent().unwrap_or(Path::new(""));
    // The parent of a bare name is written as nothing.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        _ => Err(io::Error::other(format!("{} is no directory", directory.display()))),
    }
}

/// Makes a key of the kernel's random numbers. Whoever has it can tell whether an account that he
/// guesses is the one of a record, so only the owner may read it.
fn create_key(path: &Path) -> io::Result<Secret> {
    let key = secret::random()?;
    secret::create(path, &format!("{}\n", crate::output::hex(&key)))?;
    crate::tell(&format!("made a new key for accounts of messengers: {}", path.display()));
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn hashed(path: &Path) -> Im {
        Im { record: Record::Hashed, key_file: Some(path.into()) }
    }

    #[test]
    fn a_missing_key_is_made_once_and_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        assert!(matches!(hashed(&path).policy(MissingKey::Leave), Ok(ImPolicy::Off)));
        assert!(!path.exists());
        let Ok(ImPolicy::Hashed(made)) = hashed(&path).policy(MissingKey::Create) else {
            panic!("a key")
        };
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap().trim().len(), 64);
        for missing in [MissingKey::Create, MissingKey::Leave] {
            let Ok(ImPolicy::Hashed(read)) = hashed(&path).policy(missing) else { panic!("it") };
            assert_eq!(read, made);
        }
        assert_ne!(made, [0; 32]);
    }

    #[test]
    fn a_key_that_cannot_be_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let error = |path: &Path, missing| hashed(path).policy(missing).unwrap_err();
        assert!(error(&at("none/key"), MissingKey::Leave).ends_with("none is no directory"));
        std::os::unix::fs::symlink(at("nothing"), at("link")).unwrap();
        assert!(error(&at("link"), MissingKey::Leave).contains("a link"));
        fs::write(at("file"), "").unwrap();
        assert!(error(&at("file/key"), MissingKey::Leave).contains("file/key"));
        assert!(error(&at("key"), MissingKey::Refuse).ends_with("only `run` makes a key"));
        assert!(!at("key").exists());
        assert!(hashed(Path::new("key-of-no-test")).policy(MissingKey::Leave).is_ok());
    }

    #[test]
    fn a_key_that_everyone_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let error = || hashed(&path).policy(MissingKey::Create).unwrap_err();
        for (text, mode, words) in [
            ("00".repeat(32), 0o644, "everyone"),
            ("00".repeat(31), 0o600, "64 hexadecimal digits"),
            ("zz".repeat(32), 0o600, "64 hexadecimal digits"),
            (String::new(), 0o600, "64 hexadecimal digits"),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(error().contains(words), "{}", error());
            assert!(error().contains(path.to_str().unwrap()), "{}", error());
        }
        let without = Im { record: Record::Hashed, key_file: None };
        assert!(without.policy(MissingKey::Leave).unwrap_err().contains("key_file"));
    }
}
