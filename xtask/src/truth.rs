//! `cargo xtask truth`: random records of every format, sent and decoded, compared field by field.

use anyhow::Result;

use crate::shell;

/// Compare what is decoded with what was sent, for many records of each format
#[derive(clap::Args)]
pub struct Arguments {
    /// Records of each format
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    records: u64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut test = shell::cargo();
    test.args(["test", "--release", "--package", "logweir", "--test", "truth"]);
    test.args(["every_formats_records_are_the_truth", "--", "--exact", "--nocapture"]);
    test.env("LOGWEIR_TRUTH_RECORDS", arguments.records.to_string());
    shell::run(&mut test)
}
