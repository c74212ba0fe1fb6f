//! The system's limit of receive buffers, raised so that every collector gets the one it asks for:
//! not all of them exceed the limit as root may.

use std::fs;

use anyhow::{Context as _, Result};

use super::systems::RECEIVE_BUFFER_BYTES;

const LIMIT: &str = "/proc/sys/net/core/rmem_max";

/// Dropping it sets the limit back.
pub struct RaisedLimit {
    before: u32,
}

impl RaisedLimit {
    pub fn new() -> Result<Self> {
        let before = fs::read_to_string(LIMIT)?.trim().parse()?;
        let limit = RECEIVE_BUFFER_BYTES.max(before);
        fs::write(LIMIT, limit.to_string()).with_context(|| format!("cannot write {LIMIT}"))?;
        Ok(Self { before })
    }
}

impl Drop for RaisedLimit {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = fs::write(LIMIT, self.before.to_string());
    }
}
