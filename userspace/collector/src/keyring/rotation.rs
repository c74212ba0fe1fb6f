//! Keys taking over while a collector runs.

use super::{Dated, Keyring};
use jiff::Timestamp;
use logweir_decode::privacy::CurrentKey;
use logweir_store::{
    error::StoreError,
    manifest::{Entry, Manifest, State},
};
use std::{io, path::PathBuf, sync::Arc, time::Duration};

/// The keys of a running collector.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// All keys.
    pub keyring: Keyring,
    /// After which time a new key takes over; never where it is `None`.
    pub age_max: Option<Duration>,
    /// The key that workers use.
    pub current: Arc<CurrentKey>,
    /// The directory of the store, whose manifest tells of each key's begin.
    pub data: Option<PathBuf>,
    /// The name of the key of which the manifest tells, as far as this process knows.
    pub told: Option<String>,
}

impl Rotation {
    /// Lets the manifest tell of the key in use, where it does not yet.
    ///
    /// # Errors
    /// If the manifest cannot be written.
    pub fn record(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let (Some(data), Some(Dated { key, since })) = (&self.data, self.keyring.current()) else {
            return Ok(());
        };
        if self.told.as_deref() == Some(key.name()) {
            return Ok(());
        }
        let (mut manifest, _) = Manifest::open(data)?;
        let entry = |state: &State| {
            let is_told = state.key() == Some(key.name());
            (!is_told).then(|| Entry::KeyRotated { key: key.name().to_owned(), since: *since })
        };
        let now = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
        manifest.append_with(now, entry)?;
        self.told = Some(key.name().to_owned());
        Ok(())
    }

    /// Lets a new key take over where it is time, and tells whether one did.
    ///
    /// # Errors
    /// If the file of the keys cannot be written: then the last key stays in use.
    pub fn rotate(&mut self, now: Timestamp) -> io::Result<bool> {
        let Some(age_max) = self.age_max else { return Ok(false) };
        let Some(new) = self.keyring.rotate(age_max, now)? else { return Ok(false) };
        self.current.set(new.key);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_used_and_told_once() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().to_owned();
        let at = |days: i64| Timestamp::from_second(1_772_373_600 + days * 86_400).unwrap();
        let keyring = Keyring::create(&data.join("keys"), at(0)).unwrap();
        let current = Arc::new(CurrentKey::new(keyring.current().unwrap().key.clone()));
        let age_max = Some(Duration::from_secs(30 * 86_400));
        let (current_key, told) = (current.clone(), None);
        let mut rotation =
            Rotation { keyring, age_max, current: current_key, data: Some(data.clone()), told };
        for (day, rotated, key) in [(0, false, "k1"), (29, false, "k1"), (30, true, "k2")] {
            assert_eq!(rotation.rotate(at(day)).unwrap(), rotated);
            assert_eq!(current.get().name(), key);
            for _ in 0..2 {
                rotation.record(at(day)).unwrap();
            }
        }
        // It is not asked again what it has told.
        let chain = data.join("manifest.jsonl");
        std::fs::rename(&chain, data.join("aside")).unwrap();
        rotation.record(at(31)).unwrap();
        assert!(!chain.exists());
        std::fs::rename(data.join("aside"), &chain).unwrap();
        let (manifest, _) = Manifest::open(&data).unwrap();
        assert_eq!((manifest.head().number, manifest.state().key()), (2, Some("k2")));
        let text = std::fs::read_to_string(data.join("manifest.jsonl")).unwrap();
        let secrets = std::fs::read_to_string(data.join("keys")).unwrap();
        let secrets = secrets.lines().filter_map(|line| line.rsplit(' ').next());
        assert!(secrets.into_iter().all(|secret| secret.len() == 64 && !text.contains(secret)));
    }
}
