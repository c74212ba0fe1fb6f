//! `cargo xtask bench counts`: instructions a datagram, by callgrind, compared with those that are committed.

use anyhow::{Result, bail};

/// Count instructions a datagram and compare them with the committed counts
#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<()> {
    bail!("not written yet")
}
