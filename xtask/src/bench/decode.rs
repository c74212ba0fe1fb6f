//! `cargo xtask bench decode`: runs criterion, and gathers its figures.

use anyhow::{Result, bail};

/// How fast datagrams become columns, beside other decoders
#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<()> {
    bail!("not written yet")
}
