//! SHA-256 (FIPS 180-4) of bytes and of files, written as 64 hexadecimal digits, as `sha256sum`
//! prints it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
    str::FromStr,
};

/// A SHA-256.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// All bits zero: what stands for the digest of nothing at all.
    pub const ZERO: Digest = Digest([0; 32]);

    /// Bytes of its text.
    pub const TEXT_BYTES: usize = 64;

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The digest of a file, and its bytes.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of_file(path: &Path) -> io::Result<(Digest, u64)> {
        const AT_ONCE: usize = 1 << 18;
        let mut file = File::open(path)?;
        let (mut hasher, mut bytes) = (Sha256::new(), 0);
        let mut buffer = vec![0; AT_ONCE];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok((Digest(hasher.finalize().into()), bytes)),
                Ok(read) => {
                    hasher.update(buffer.get(..read).unwrap_or_default());
                    bytes += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let read = || {
            let mut digest = [0; 32];
            let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
            if pairs.len() != digest.len() {
                return None;
            }
            for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
                *byte = digit(*high)? << 4 | digit(*low)?;
            }
            Some(Digest(digest))
        };
        read().ok_or_else(|| format!("'{text}' is no SHA-256, which is 64 hexadecimal digits"))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha_256_of_the_standard() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), abc);
        assert_eq!(abc.parse(), Ok(Digest::of(b"abc")));
        for wrong in ["", "ba", &abc[1..], &abc.to_uppercase(), &abc.replace('b', "x")] {
            assert!(wrong.parse::<Digest>().unwrap_err().contains("64 hexadecimal"), "{wrong}");
        }
    }

    #[test]
    fn a_file_has_the_digest_of_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..1_000_003_u32).map(|index| (index % 251) as u8).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        let digest = Digest::of_file(file.path()).unwrap();
        assert_eq!(digest, (Digest::of(&bytes), bytes.len() as u64));
    }
}
