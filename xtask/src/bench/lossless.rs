//! `cargo xtask bench lossless`: the highest rate without loss, ours and that of other collectors.

use anyhow::{Result, bail};

/// Search the highest rate without loss
#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<()> {
    bail!("not written yet")
}
