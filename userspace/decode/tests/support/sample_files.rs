//! The captures of NetFlow, IPFIX and sFlow under `../shared/samples`, by exporter. They are no
//! part of the project: where they are absent, a test says so and passes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const FOLDERS: [&str; 4] =
    ["document-derived", "graylog-plugin-netflow", "logstash-codec-netflow", "telegraf"];

/// The sample files.
pub struct Samples {
    /// Files of one datagram each, by exporter, templates first. An exporter's files differ in
    /// what follows `_tpl`, `_opttpl` or `_data`, or in a number.
    pub payloads: BTreeMap<String, Vec<PathBuf>>,
    /// Capture files.
    pub captures: Vec<PathBuf>,
}

impl Samples {
    /// All of them; `None` where there are none.
    pub fn find() -> Option<Samples> {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
        if !samples.is_dir() {
            return None;
        }
        let folders = FOLDERS.map(|folder| samples.join(folder));
        let mut payloads: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for path in files(&folders, &["bin", "dat"]) {
            payloads.entry(exporter_of(name(&path)).to_owned()).or_default().push(path);
        }
        for files in payloads.values_mut() {
            files.sort_by_key(|path| !name(path).contains("tpl"));
        }
        Some(Samples { payloads, captures: files(&folders, &["pcap"]) })
    }
}

/// A file's name.
pub fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8")
}

fn files(folders: &[PathBuf], extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder).expect("a folder of samples") {
            let path = entry.expect("a sample").path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            // What is constructed is no capture: the tests of its format read it.
            let is_real = !name(&path).starts_with("CONSTRUCTED_");
            if is_real && extension.is_some_and(|extension| extensions.contains(&extension)) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn exporter_of(file: &str) -> &str {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    match ["_tpl", "_opttpl", "_data"].iter().filter_map(|mark| stem.find(mark)).min() {
        Some(at) => &stem[..at],
        None => stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['-', '_']),
    }
}
