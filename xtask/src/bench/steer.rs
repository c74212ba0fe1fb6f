//! `cargo xtask bench steer`: the XDP program under BPF_PROG_TEST_RUN.

use anyhow::{Result, bail};

/// What the XDP program takes for a packet
#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<()> {
    bail!("not written yet")
}
