//! `cargo xtask bench report`: a page and the README's section from what was measured.

use anyhow::{Result, bail};

/// Make a page of what was measured
#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<()> {
    bail!("not written yet")
}
