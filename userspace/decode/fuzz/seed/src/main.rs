//! Makes the corpora that the fuzz targets start from, in `corpus/TARGET/`: the documents' examples,
//! what the model of exporters sends in every format it has, and what a hostile one sends.
//!
//! Whatever a file's format, `auto` gets it too.

mod lines;

use logweir_traffic::{
    Format, Model, ModelConfig,
    hostile::{Attack, Hostile},
    syslog::Header,
};
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Datagrams of each format, and of each attack.
const DATAGRAMS: usize = 12;
/// The fuzz targets take no longer input.
const LEN_MAX: usize = 4096;

/// The targets of each format of the model; those that it does not name go to `declared`.
const TARGETS: [(&str, &[&str]); 16] = [
    ("huawei-usg-netflow", &["netflow_v9"]),
    ("netflow-v5", &["netflow_v5"]),
    ("netflow-v9", &["netflow_v9"]),
    ("ipfix", &["ipfix"]),
    ("huawei-usg-syslog", &["usg_syslog", "zones"]),
    ("huawei-usg-mtn", &["usg_syslog"]),
    ("huawei-usg-policy", &["usg_syslog"]),
    ("huawei-usg-im", &["im"]),
    ("cgn-cn", &["cgn"]),
    ("cgn-unicom", &["cgn"]),
    ("cgn-ft", &["cgn"]),
    ("firebrick", &["firebrick"]),
    ("h3c-userlog", &["binary"]),
    ("huawei-elog", &["binary"]),
    ("juniper-srx", &["declared"]),
    ("fortinet", &["declared"]),
];

fn main() -> io::Result<()> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut corpus = Corpus { dir: fuzz.join("corpus"), numbers: HashMap::new(), all: Vec::new() };
    documents(&fuzz.join("../testdata"), &mut corpus)?;
    models(&mut corpus)?;
    attacks(&mut corpus)?;
    for (target, line) in lines::LINES {
        corpus.add(target, line.as_bytes())?;
    }
    declarations(&fuzz.join(".."), &mut corpus)?;
    corpus.mixed()
}

/// The corpora in the making.
struct Corpus {
    dir: PathBuf,
    numbers: HashMap<String, u32>,
    /// All datagrams, for `auto`.
    all: Vec<Vec<u8>>,
}

impl Corpus {
    /// Adds a datagram to a target's corpus.
    fn add(&mut self, target: &str, payload: &[u8]) -> io::Result<()> {
        self.all.push(payload.to_vec());
        match target {
            // Its first byte numbers a format.
            "declared" => self.write(target, &[&[0], payload].concat()),
            _ => self.write(target, payload),
        }
    }

    /// Writes a file.
    fn write(&mut self, target: &str, input: &[u8]) -> io::Result<()> {
        let dir = self.dir.join(target);
        fs::create_dir_all(&dir)?;
        let number = self.numbers.entry(target.to_owned()).or_default();
        *number += 1;
        fs::write(dir.join(format!("seed_{number:04}")), &input[..input.len().min(LEN_MAX)])
    }

    /// For `auto`: each datagram alone, and all together in inputs that are full.
    fn mixed(&mut self) -> io::Result<()> {
        let mut full = Vec::new();
        for (index, payload) in std::mem::take(&mut self.all).iter().enumerate() {
            let framed = framed(index as u8 & 7, payload);
            if full.len() + framed.len() > LEN_MAX {
                self.write("auto", &full)?;
                full.clear();
            }
            full.extend(&framed);
            self.write("auto", &framed)?;
        }
        self.write("auto", &full)
    }
}

/// A datagram as `auto` and `zones` take it: exporter, time that passes, length.
fn framed(exporter: u8, payload: &[u8]) -> Vec<u8> {
    let [len_0, len_1] = (payload.len() as u16).to_be_bytes();
    [&[exporter, 1, len_0, len_1], payload].concat()
}

fn documents(testdata: &Path, corpus: &mut Corpus) -> io::Result<()> {
    for file in fs::read_dir(testdata)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(&path)?;
        if name.contains("userlog") || name.contains("elog") {
            corpus.add("binary", &bytes)?;
        } else if name.ends_with(".bin") {
            corpus.add("netflow_v9", &bytes)?;
        } else if name.contains("wrapped") {
            corpus.add("usg_syslog", &bytes)?;
        } else if name.ends_with(".log") {
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                corpus.add("usg_syslog", line)?;
            }
        }
    }
    Ok(())
}

fn models(corpus: &mut Corpus) -> io::Result<()> {
    let mut buffer = [0; 1400];
    for format in Format::ALL {
        let named = TARGETS.iter().find(|(name, _)| *name == format.name());
        let targets = named.map_or(&["declared"] as &[_], |(_, targets)| targets);
        let v6 = |has: bool| if has { 0.3 } else { 0.0 };
        let config = ModelConfig {
            format,
            exporters: 5,
            subscribers: 1_000,
            sessions_live_max: 200,
            nat64_share: v6(format.has_nat64()),
            dslite_share: v6(format.has_dslite()),
            headers: Header::ALL.to_vec(),
            lines_per_datagram: 2,
            quirk_share: 0.3,
            vrfs: 2,
            records_per_datagram_max: 6,
            ..ModelConfig::default()
        };
        let mut model = Model::new(config).map_err(io::Error::other)?;
        for _ in 0..DATAGRAMS {
            let len = model.next_datagram(&mut buffer, None).len;
            for target in targets {
                match *target {
                    "zones" => corpus.write("zones", &framed(1, &buffer[..len]).repeat(2))?,
                    target => corpus.add(target, &buffer[..len])?,
                }
            }
        }
    }
    Ok(())
}

fn attacks(corpus: &mut Corpus) -> io::Result<()> {
    let mut hostile = Hostile::new(1);
    let mut datagram = Vec::new();
    for attack in Attack::ALL {
        for _ in 0..DATAGRAMS {
            hostile.datagram_of(attack, &mut datagram);
            match datagram[..] {
                [0, 5, ..] => corpus.add("netflow_v5", &datagram)?,
                [0, 10, ..] => corpus.add("ipfix", &datagram)?,
                [0, ..] => corpus.add("netflow_v9", &datagram)?,
                [b'<', ..] => corpus.add("usg_syslog", &datagram)?,
                _ => corpus.add("binary", &datagram)?,
            }
        }
    }
    Ok(())
}

/// Files that operators write, with something to decode by them where that is simple.
fn declarations(decode: &Path, corpus: &mut Corpus) -> io::Result<()> {
    let samples = corpus.all.clone();
    for text in toml_files(&decode.join("src/binary/layouts"))? {
        corpus.write("binary_layout_file", &text)?;
        for sample in samples.iter().filter(|sample| matches!(sample[..], [1 | 3 | 16, ..])) {
            corpus.write("binary_layout_file", &[&text[..], &[0], sample].concat())?;
        }
    }
    for text in toml_files(&decode.join("formats"))? {
        corpus.write("declaration_file", &text)?;
        for (_, line) in lines::LINES.iter().filter(|(target, _)| *target == "declared") {
            corpus.write("declaration_file", &[&text[..], &[0], line.as_bytes()].concat())?;
        }
    }
    Ok(())
}

fn toml_files(dir: &Path) -> io::Result<Vec<Vec<u8>>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let files = fs::read_dir(dir)?.map(|file| Ok(file?.path())).collect::<io::Result<Vec<_>>>()?;
    let toml = files.iter().filter(|path| path.extension().is_some_and(|end| end == "toml"));
    toml.map(fs::read).collect()
}
