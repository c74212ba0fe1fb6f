//! What a measurement leaves behind: figures, each beside what it is compared with, and plots.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::shell;

/// Where results and the report lie.
pub fn report_dir() -> PathBuf {
    shell::target_dir().join("bench-report")
}

/// The results of one `cargo xtask bench …`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    pub head: Head,
    pub figures: Vec<Figure>,
    pub plots: Vec<Plot>,
}

/// On what they were measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    pub cpu: String,
    pub cores: usize,
    pub kernel: String,
    pub rustc: String,
    /// With `+` behind it where the checkout had changes.
    pub commit: String,
    /// UTC, to the second.
    pub at: String,
    /// How packets came in and whose CPU time is counted, in words; empty where none came in.
    pub mode: String,
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// The row of the table of targets that it answers (benches/README.md).
    pub row: Option<u8>,
    /// What was measured: "NetFlow 1315 → columns, 24 records a flowset".
    pub what: String,
    pub value: f64,
    /// "records/s", "ns", …
    pub unit: String,
    /// What it is to be compared with, measured in the same run.
    pub against: Vec<Against>,
    /// The target in words, where there is one, and whether it was met.
    pub target: Option<Target>,
    /// What a reader must know: what bounds it, what was not tried.
    pub note: String,
}

/// A competitor's figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Against {
    pub what: String,
    pub value: f64,
    /// How many times better ours is: above 1 ours is ahead.
    pub ratio: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    /// "≥ 196 M records/s".
    pub words: String,
    pub met: bool,
}

/// Lines over a common axis.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plot {
    pub title: String,
    pub x: String,
    pub y: String,
    pub log_x: bool,
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Results {
    /// No figures yet, measured here and now.
    pub fn new(mode: &str) -> Self {
        Self { head: Head::here(mode), figures: Vec::new(), plots: Vec::new() }
    }

    /// Writes them as `NAME.json`, in the place of older ones.
    pub fn save(&self, name: &str) -> Result<()> {
        fs::create_dir_all(report_dir())?;
        let file = report_dir().join(name).with_extension("json");
        let text = serde_json::to_string_pretty(self)?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Reads what was saved; `None` where nothing was.
    pub fn load(name: &str) -> Result<Option<Self>> {
        let file = report_dir().join(name).with_extension("json");
        if !file.exists() {
            return Ok(None);
        }
        Self::read(&file).map(Some)
    }

    /// Reads a file of results.
    pub fn read(file: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not of this version", file.display()))
    }
}

impl Head {
    fn here(mode: &str) -> Self {
        let output = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            let text = shell::output(command.args(arguments).current_dir(shell::root()));
            text.map_or_else(|_| "unknown".into(), |text| text.trim().to_owned())
        };
        let is_changed = !output("git", &["status", "--porcelain"]).is_empty();
        let commit = output("git", &["rev-parse", "--short", "HEAD"]);
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.and_then(|line| line.split_once(": "));
        Self {
            cpu: model.map_or_else(|| "unknown".into(), |(_, name)| name.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: output("uname", &["-r"]),
            rustc: output("rustc", &["--version"]),
            commit: if is_changed { format!("{commit}+") } else { commit },
            at: output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
            mode: mode.to_owned(),
        }
    }
}
