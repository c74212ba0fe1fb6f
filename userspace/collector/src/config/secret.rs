//! Files of secrets: who may read them, and how keys are written in them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

/// A key.
pub(crate) type Secret = [u8; 32];

/// The text of a file that not everyone may read or change.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    /// Bits of the mode that let everyone read or write.
    const EVERYONE: u32 = 0o007;
    const BYTES_MAX: u64 = 1 << 20;
    let file = File::open(path)?;
    if file.metadata()?.mode() & EVERYONE != 0 {
        return Err(io::Error::other("everyone may read or change it: chmod o= would mend that"));
    }
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Makes a file that only its owner may read. What cannot be written whole is not there.
pub(crate) fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    // With the name: what is stored under a key that is then lost can never be traced.
    let written = written.and_then(|()| sync_parent(path));
    // Half a key would be refused at every later start.
    written.or_else(|error| fs::remove_file(path).and(Err(error)))
}

/// Makes a name in the directory of this path durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// A key of the kernel's random numbers.
pub(crate) fn random() -> io::Result<Secret> {
    let mut secret = Secret::default();
    File::open("/dev/urandom")?.read_exact(&mut secret)?;
    Ok(secret)
}

/// A key of 64 hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<Secret> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut key = Secret::default();
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != key.len() {
        return None;
    }
    for (byte, [high, low]) in key.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(key)
}
