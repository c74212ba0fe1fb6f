//! Bytes of a stored record, of sessions as the traffic model has them: addresses of NAT pools, some
//! destinations popular and most rare, the creation and the end of each.

use std::{fs, path::Path};

use anyhow::{Result, anyhow};

use super::{cost::lossless, ours};
use crate::bench::{
    lossless::{
        XDP,
        systems::{Keep, System as _, nfcapd::Nfcapd},
        trial::Bench,
    },
    result::{Against, Figure, Target},
};

/// The most bytes that a record should take.
const BYTES_MAX: f64 = 20.0;
/// The most of the best other's.
const SHARE_MAX: f64 = 0.6;

/// What a system's files take.
#[derive(Debug)]
pub struct Size {
    pub name: String,
    is_ours: bool,
    records: u64,
    /// Bytes of files, by what they are.
    files: Vec<(&'static str, u64)>,
}

impl Size {
    fn bytes_a_record(&self) -> f64 {
        self.files.iter().map(|(_, bytes)| self.share(*bytes)).sum()
    }

    fn share(&self, bytes: u64) -> f64 {
        bytes as f64 / self.records.max(1) as f64
    }

    /// `parts 12.10, indexes 1.90`.
    fn shares(&self) -> String {
        let share = |(what, bytes): &(_, u64)| format!("{what} {:.2}", self.share(*bytes));
        self.files.iter().map(share).collect::<Vec<_>>().join(", ")
    }

    /// For the terminal.
    pub fn row(&self) -> Vec<String> {
        let name = if self.is_ours {
            format!("{} ({})", self.name, self.shares())
        } else {
            self.name.clone()
        };
        vec![name, format!("{:.2}", self.bytes_a_record())]
    }
}

/// Ours, and nfcapd with each compression that it has; those that lost records are told and left
/// out.
pub fn measure(bench: &Bench, rate: f64) -> Result<Vec<Size>> {
    let system = ours(bench, XDP, Keep::Store);
    let records = lossless(bench, &system, rate)?.stored;
    let files = our_files(&bench.directory.join("data"))?;
    let mut sizes = vec![Size { name: system.name(), is_ours: true, records, files }];
    for other in Nfcapd::all() {
        match lossless(bench, &other, rate) {
            Ok(trial) => {
                let mut bytes = 0;
                walk(&Nfcapd::files(&bench.directory), &mut |_, len| bytes += len)?;
                let (name, records) = (other.name(), trial.stored);
                let files = vec![("flows", bytes)];
                sizes.push(Size { name, is_ours: false, records, files });
            }
            Err(error) => println!("left out: {error:#}"),
        }
    }
    Ok(sizes)
}

fn our_files(data: &Path) -> Result<Vec<(&'static str, u64)>> {
    let mut files = vec![("parts", 0), ("indexes", 0), ("ledger, manifest and others", 0)];
    walk(data, &mut |path, len| {
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => 0,
            Some("trace") => 1,
            _ => 2,
        };
        files[kind].1 += len;
    })?;
    Ok(files)
}

/// Calls with each file below a directory and its bytes.
fn walk(directory: &Path, each: &mut dyn FnMut(&Path, u64)) -> Result<()> {
    let entries = fs::read_dir(directory)
        .map_err(|error| anyhow!("cannot read {}: {error}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        match metadata.is_dir() {
            true => walk(&entry.path(), each)?,
            false => each(&entry.path(), metadata.len()),
        }
    }
    Ok(())
}

/// Ours beside the others, the smallest first.
pub fn figure(sizes: &[Size]) -> Option<Figure> {
    let ours = sizes.iter().find(|size| size.is_ours)?;
    let value = ours.bytes_a_record();
    let mut against: Vec<_> = sizes
        .iter()
        .filter(|size| !size.is_ours)
        .map(|size| {
            let others = size.bytes_a_record();
            Against { what: size.name.clone(), value: others, ratio: others / value }
        })
        .collect();
    against.sort_by(|a, b| a.value.total_cmp(&b.value));
    let share = against.first().map_or(f64::NAN, |best| value / best.value);
    Some(Figure {
        row: Some(12),
        what: "bytes a session record on disk, creation and end".into(),
        value,
        unit: "bytes".into(),
        against,
        target: Some(Target {
            words: format!("≤ {BYTES_MAX}, and ≤ {SHARE_MAX} of the smallest of nfcapd's"),
            met: value <= BYTES_MAX && share <= SHARE_MAX,
        }),
        note: format!("{}; {share:.2} of the smallest of nfcapd's", ours.shares()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(is_ours: bool, bytes: u64) -> Size {
        let name = if is_ours { "ours" } else { "other" }.into();
        Size { name, is_ours, records: 10, files: vec![("all", bytes)] }
    }

    #[test]
    fn both_targets_must_be_met() {
        let met = |ours, others| {
            let figure = figure(&[size(true, ours), size(false, others)]).expect("a figure");
            figure.target.is_some_and(|target| target.met)
        };
        assert!(met(180, 400));
        assert!(!met(180, 200));
        assert!(!met(210, 800));
        assert!(!figure(&[size(true, 10)]).expect("a figure").target.expect("a target").met);
    }
}
