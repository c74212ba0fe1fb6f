//! nfcapd of nfdump: NetFlow to its own files, without compression, which is its fastest, or with
//! one of those that it has.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{RECEIVE_BUFFER_BYTES, System};
use crate::{
    bench::lossless::{place::Place, traffic::Traffic},
    shell,
};

/// nfcapd without compression, or with that of an option.
#[derive(Clone, Copy, Default)]
pub struct Nfcapd {
    pub compression: Option<&'static str>,
}

/// LZ4, its fastest compression.
pub const LZ4: Nfcapd = Nfcapd { compression: Some("-y") };

impl Nfcapd {
    /// Without compression, and with each that this build of it has.
    pub fn all() -> Vec<Self> {
        let mut help = Command::new("nfcapd");
        let help = help.arg("-h").output().map(|output| [output.stdout, output.stderr].concat());
        let help = String::from_utf8_lossy(&help.unwrap_or_default()).into_owned();
        let zstd = help.contains("zstd").then_some("-z=zstd");
        let compressions = ["-y", "-z", "-j"].into_iter().chain(zstd).map(Some);
        std::iter::once(None).chain(compressions).map(|compression| Self { compression }).collect()
    }

    /// Where its files are.
    pub fn files(directory: &Path) -> PathBuf {
        directory.join("flows")
    }
}

impl System for Nfcapd {
    fn name(&self) -> String {
        match self.compression {
            None => "nfcapd".into(),
            Some(option) => format!("nfcapd {option}"),
        }
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
        let flows = Self::files(directory);
        fs::create_dir_all(&flows)?;
        let mut run = place.collector(Path::new("nfcapd"));
        run.arg("-w").arg(flows).args(["-p", &self.traffic().port().to_string()]);
        // A file a trial: it is closed when the program ends.
        run.args(["-b", &place.address, "-t", "3600"]);
        run.args(["-B", &RECEIVE_BUFFER_BYTES.to_string()]);
        run.args(self.compression);
        Ok(run)
    }

    fn stored(&self, directory: &Path) -> Result<u64> {
        let mut flows = 0;
        for entry in fs::read_dir(Self::files(directory))? {
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
