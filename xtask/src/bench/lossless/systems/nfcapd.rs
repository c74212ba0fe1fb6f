//! nfcapd of nfdump: NetFlow to its own files, here without compression, which is its fastest.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{RECEIVE_BUFFER_BYTES, System};
use crate::{
    bench::lossless::{place::Place, traffic::Traffic},
    shell,
};

pub struct Nfcapd;

impl System for Nfcapd {
    fn name(&self) -> String {
        "nfcapd".into()
    }

    fn traffic(&self) -> Traffic {
        Traffic::NetFlow
    }

    fn install(&self) -> Result<()> {
        if shell::find("nfcapd").is_some() {
            return Ok(());
        }
        shell::apt_install(&["nfdump"], "the comparison with nfcapd")
    }

    fn command(&self, place: &Place, directory: &Path) -> Result<Command> {
        let flows = directory.join("flows");
        fs::create_dir_all(&flows)?;
        let mut run = place.collector(Path::new("nfcapd"));
        run.arg("-w").arg(flows).args(["-p", &self.traffic().port().to_string()]);
        // A file a trial: it is closed when the program ends.
        run.args(["-b", &place.address, "-t", "3600"]);
        run.args(["-B", &RECEIVE_BUFFER_BYTES.to_string()]);
        Ok(run)
    }

    fn stored(&self, directory: &Path) -> Result<u64> {
        let mut flows = 0;
        for entry in fs::read_dir(directory.join("flows"))? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !name.starts_with("nfcapd.") || name.contains("current") {
                continue;
            }
            let mut count = Command::new("nfdump");
            let statistics = shell::output(count.arg("-r").arg(entry.path()).arg("-I"))?;
            let line = statistics.lines().find_map(|line| line.strip_prefix("Flows:"));
            let line = line.context("nfdump -I names no flows")?;
            flows += line.trim().parse::<u64>()?;
        }
        Ok(flows)
    }
}
