//! The keys of pseudonyms, in a file that only its owner may read: a line a key, oldest first.
//!
//! ```text
//! k1 2026-03-01T00:00:00Z 64 hexadecimal digits
//! ```
//!
//! A new key takes over when the last one is old enough. Who takes a line out of the file takes away
//! the way from a name to the pseudonyms of that time, for good.

mod rotation;

pub use rotation::Rotation;

use crate::{config::secret, output::hex};
use jiff::Timestamp;
use logweir_decode::privacy::Key;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// The keys.
#[derive(Clone, Debug)]
pub struct Keyring {
    path: PathBuf,
    keys: Vec<Dated>,
}

/// A key and its time.
#[derive(Clone, Debug)]
pub struct Dated {
    /// The key.
    pub key: Key,
    /// Since when pseudonyms are made under it.
    pub since: Timestamp,
}

impl Keyring {
    /// Reads the keys of a file.
    ///
    /// # Errors
    /// If it cannot be read, holds no key, or everyone may read it.
    pub fn read(path: &Path) -> io::Result<Keyring> {
        let mut keys: Vec<Dated> = Vec::new();
        for (line, text) in secret::read(path)?.lines().enumerate() {
            let dated = parse(text).ok_or_else(|| {
                io::Error::other(format!("line {} is no key, like k1 TIME 64 digits", line + 1))
            })?;
            keys.push(dated);
        }
        if keys.is_empty() {
            return Err(io::Error::other("it holds no key"));
        }
        Ok(Keyring { path: path.to_owned(), keys })
    }

    /// Makes a file with one key.
    ///
    /// # Errors
    /// If there is one already, or the file system refuses.
    pub fn create(path: &Path, now: Timestamp) -> io::Result<Keyring> {
        let (dated, line) = new_key(1, now)?;
        secret::create(path, &line)?;
        Ok(Keyring { path: path.to_owned(), keys: vec![dated] })
    }

    /// The keys, oldest first.
    pub fn keys(&self) -> &[Dated] {
        &self.keys
    }

    /// The key under which pseudonyms are made now.
    pub fn current(&self) -> Option<&Dated> {
        self.keys.last()
    }

    /// Adds a new key to the file where the last one is as old as this; that key. The file is
    /// exchanged whole, so that a crash leaves either.
    ///
    /// # Errors
    /// If the file system refuses; then the last key stays in use.
    pub fn rotate(&mut self, age_max: Duration, now: Timestamp) -> io::Result<Option<Dated>> {
        let age = self.current().map(|last| now.duration_since(last.since));
        if age.is_none_or(|age| age.unsigned_abs() < age_max || age.is_negative()) {
            return Ok(None);
        }
        let mut text = secret::read(&self.path)?;
        // The file may have a key beside these: of a rotation that could not be ended.
        let keys = self.keys.iter().cloned().chain(text.lines().filter_map(parse));
        let numbers = keys.filter_map(|dated| dated.key.name().get(1..)?.parse().ok());
        let number: u64 = numbers.max().unwrap_or(0);
        let (dated, line) = new_key(number.saturating_add(1), now)?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let beside = self.path.with_extension("new");
        // What a crash left of an earlier attempt.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        secret::create(&beside, &(text + &line))?;
        fs::rename(&beside, &self.path)?;
        // Nothing may be stored under a key that a loss of power takes away.
        secret::sync_parent(&self.path)?;
        self.keys.push(dated.clone());
        Ok(Some(dated))
    }
}

fn new_key(number: u64, now: Timestamp) -> io::Result<(Dated, String)> {
    let secret = secret::random()?;
    let name = format!("k{number}");
    let since = now.round(jiff::Unit::Second).unwrap_or(now);
    let line = format!("{name} {since} {}\n", hex(&secret));
    Ok((Dated { key: Key::new(&name, secret), since }, line))
}

fn parse(line: &str) -> Option<Dated> {
    let mut words = line.split_ascii_whitespace();
    let (name, since, digits) = (words.next()?, words.next()?, words.next()?);
    let fits = name.is_ascii() && name.len() <= Key::NAME_BYTES_MAX && words.next().is_none();
    let key = Key::new(name, secret::from_hex(digits)?);
    fits.then_some(())?;
    Some(Dated { key, since: since.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_772_373_600 + hours * 3_600).unwrap()
    }

    #[test]
    fn keys_take_over_by_their_age_and_the_old_ones_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        let mut keyring = Keyring::create(&path, at(0)).unwrap();
        assert!(Keyring::create(&path, at(0)).is_err());
        assert!(keyring.rotate(DAY, at(23)).unwrap().is_none());
        assert!(keyring.rotate(DAY, at(-48)).unwrap().is_none(), "a clock that was set back");
        let new = keyring.rotate(DAY, at(24)).unwrap().unwrap();
        assert_eq!((new.key.name(), new.since), ("k2", at(24)));
        assert!(keyring.rotate(DAY, at(25)).unwrap().is_none());
        let read = Keyring::read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let pseudonyms = |keyring: &Keyring| -> Vec<_> {
            keyring.keys().iter().map(|dated| dated.key.pseudonym(b"alice")).collect()
        };
        assert_eq!(pseudonyms(&read), pseudonyms(&keyring));
        assert_eq!(read.keys().len(), 2);
        assert_ne!(pseudonyms(&read)[0][3..], pseudonyms(&read)[1][3..]);
        // Who takes a line out takes the way from names to old pseudonyms away.
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.split_once('\n').unwrap().1).unwrap();
        let mut read = Keyring::read(&path).unwrap();
        assert_eq!(read.rotate(DAY, at(48)).unwrap().unwrap().key.name(), "k3");
    }

    #[test]
    fn a_file_that_holds_no_keys_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        let good = format!("k1 2026-03-01T00:00:00Z {}\n", "00".repeat(32));
        for (text, mode, words) in [
            (good.clone(), 0o644, "everyone"),
            (String::new(), 0o600, "no key"),
            (good.clone() + "k2", 0o600, "line 2"),
            (good.replace("00:00Z", "nonsense"), 0o600, "line 1"),
            (good.replace("k1", "a-name-of-sixteen"), 0o600, "line 1"),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Keyring::read(&path).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
