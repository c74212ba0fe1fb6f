//! `cargo xtask bench link`: what the decoders' figures mean for links of 10, 25 and 100 Gbit/s.

use anyhow::{Result, bail};

/// Datagrams, records and cores of full links
#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<()> {
    bail!("not written yet")
}
