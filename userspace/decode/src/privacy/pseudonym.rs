//! Pseudonyms: a keyed hash in the place of a name, the same for the same name as long as the key
//! is, and nothing that leads back without the key.

use std::{
    fmt,
    sync::{PoisonError, RwLock},
};

/// A key and its name, with which its pseudonyms begin.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    name: String,
    secret: [u8; 32],
}

impl Key {
    /// The most bytes of a pseudonym.
    pub const PSEUDONYM_BYTES_MAX: usize = Self::NAME_BYTES_MAX + 1 + Self::DIGITS;

    /// The most bytes of a name; longer ones are cut.
    pub const NAME_BYTES_MAX: usize = 15;

    /// 128 bits: that two of a billion names meet by chance is less likely than one in 10²⁰.
    const DIGITS: usize = 32;

    /// A key of this name.
    pub fn new(name: &str, secret: [u8; 32]) -> Self {
        Self {
            name: name.chars().take(Self::NAME_BYTES_MAX).filter(char::is_ascii).collect(),
            secret,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pseudonym of a value: the key's name, a colon, and the first 128 bits of its keyed
    /// BLAKE3 hash in hexadecimal.
    pub fn pseudonym(&self, value: &[u8]) -> String {
        let hash = blake3::keyed_hash(&self.secret, value).to_hex();
        let digits = hash.get(..Self::DIGITS).unwrap_or(&hash);
        format!("{}:{digits}", self.name)
    }
}

impl fmt::Debug for Key {
    /// A secret is printed nowhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.name)
    }
}

/// The key of the present, which is exchanged while workers use it.
#[derive(Debug)]
pub struct CurrentKey(RwLock<Key>);

impl PartialEq for CurrentKey {
    fn eq(&self, other: &Self) -> bool {
        // One lock after the other: it may be the same one.
        let key = self.get();
        key == other.get()
    }
}

impl Eq for CurrentKey {}

impl CurrentKey {
    /// Begins with this key.
    pub fn new(key: Key) -> Self {
        Self(RwLock::new(key))
    }

    /// The key of the present.
    pub fn get(&self) -> Key {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes another key that of the present.
    pub fn set(&self, key: Key) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}
