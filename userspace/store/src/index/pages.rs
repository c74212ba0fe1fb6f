//! Equal entries in pages of 4 KiB, each with a checksum, so that one can be read without the rest.

use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a page.
pub(super) const PAGE: usize = 4_096;

/// Bytes of a checksum: XXH3, 64 bits, little-endian.
pub(super) const CHECKSUM: usize = 8;

/// How many entries of this length a page holds.
pub(super) const fn per_page(entry: usize) -> usize {
    (PAGE - CHECKSUM) / entry
}

/// Entries of `N` bytes as pages. The last one is as long as any other, zeros where no entry is.
pub(super) fn write<const N: usize>(entries: &[[u8; N]]) -> Vec<u8> {
    let mut out = Vec::new();
    for entries in entries.chunks(per_page(N)) {
        let mut page = entries.as_flattened().to_vec();
        page.resize(PAGE - CHECKSUM, 0);
        seal(&mut page);
        out.extend(page);
    }
    out
}

/// Puts the checksum of bytes behind them.
pub(super) fn seal(bytes: &mut Vec<u8>) {
    bytes.extend(xxh3_64(bytes).to_le_bytes());
}

/// The bytes in front of their checksum; `None` if it is not theirs.
pub(super) fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let (bytes, checksum) = bytes.split_last_chunk()?;
    (u64::from_le_bytes(*checksum) == xxh3_64(bytes)).then_some(bytes)
}
