//! What criterion leaves in `target/criterion`.

use std::{fs, path::Path, time::SystemTime};

use anyhow::{Context as _, Result};
use serde::{Deserialize, de::DeserializeOwned};

use crate::shell;

/// One function of a group.
pub struct Timing {
    /// Its name: an engine.
    pub function: String,
    /// Nanoseconds of one pass, the median.
    pub nanoseconds: f64,
    /// Records of one pass.
    pub records: f64,
    /// Bytes of payload of one pass.
    pub bytes: f64,
}

impl Timing {
    /// Records a second.
    pub fn rate(&self) -> f64 {
        self.records / self.nanoseconds * 1e9
    }

    /// Bytes a second.
    pub fn byte_rate(&self) -> f64 {
        self.bytes / self.nanoseconds * 1e9
    }
}

#[derive(Deserialize)]
struct Benchmark {
    function_id: String,
    throughput: Throughput,
}

#[derive(Deserialize)]
enum Throughput {
    ElementsAndBytes { elements: f64, bytes: f64 },
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// The functions of a group that were measured since then.
pub fn group(name: &str, since: SystemTime) -> Result<Vec<Timing>> {
    let directory = shell::target_dir().join("criterion").join(name);
    let mut timings = Vec::new();
    let entries = fs::read_dir(&directory)
        .with_context(|| format!("criterion left no {}", directory.display()))?;
    for entry in entries {
        let new = entry?.path().join("new");
        let estimates = new.join("estimates.json");
        let is_new = |file: &Path| fs::metadata(file).and_then(|file| file.modified());
        if is_new(&estimates).is_ok_and(|modified| modified >= since) {
            let Benchmark { function_id, throughput } = read(&new.join("benchmark.json"))?;
            let Throughput::ElementsAndBytes { elements, bytes } = throughput;
            let nanoseconds = read::<Estimates>(&estimates)?.median.point_estimate;
            timings.push(Timing { function: function_id, nanoseconds, records: elements, bytes });
        }
    }
    Ok(timings)
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read_to_string(file)?;
    serde_json::from_str(&text).with_context(|| format!("{} reads otherwise", file.display()))
}
