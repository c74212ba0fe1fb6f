//! Mappings of deterministic NAT from a file.
//!
//! ```toml
//! [[mapping]]
//! inside = "198.51.100.1-198.51.100.14"   # or a prefix
//! outside = "192.0.2.1"
//! ports = "1024-65535"
//! dynamic_factor = 2                      # blocks of an address that are the dynamic pool; 0
//! algorithm = "sequential"                # RFC 7422 §2
//! from = "2026-03-01T00:00:00Z"           # always
//! to = "2026-04-01T00:00:00Z"             # still
//! ```

use super::parse_time;
use crate::{cli::Failure, steering::Prefix};
use logweir_store::{
    det_nat::{Assigned, Mapping, Range},
    lookup::{Asked, Lookup},
};
use serde::Deserialize;
use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

/// The file's name in a data directory.
const FILE: &str = "det-nat.toml";

/// The mappings of a file.
#[derive(Debug, Default)]
pub(super) struct DetNat {
    file: PathBuf,
    mappings: Vec<Mapping>,
}

/// What a mapping answers.
#[derive(Debug)]
pub(super) struct Assignment {
    pub assigned: Assigned,
    /// The file of the mapping, and its number there, from 1.
    pub file: PathBuf,
    pub number: usize,
}

impl DetNat {
    /// Reads the file that is named, else that in the data directory if there is one.
    pub fn load(named: Option<&Path>, data: &Path) -> Result<Self, Failure> {
        let file = named.map_or_else(|| data.join(FILE), Path::to_owned);
        let text = match fs::read_to_string(&file) {
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            text => text.map_err(|error| fault(&file, &format!("it cannot be read: {error}")))?,
        };
        let raw: File = toml::from_str(&text).map_err(|error| {
            let before = text.bytes().take(error.span().map_or(0, |span| span.start));
            let line = 1 + before.filter(|byte| *byte == b'\n').count();
            let message = error.message().lines().next().unwrap_or_default();
            fault(&file, &format!("line {line}: {message}"))
        })?;
        let mappings = (1..).zip(&raw.mapping).map(|(number, raw)| {
            raw.check().map_err(|error| fault(&file, &format!("mapping {number}: {error}")))
        });
        let mappings = mappings.collect::<Result<_, _>>()?;
        Ok(Self { file, mappings })
    }

    /// What the mappings that held at the time say.
    pub fn assignments(&self, lookup: &Lookup) -> Vec<Assignment> {
        let within = i64::try_from(lookup.within.as_nanos()).unwrap_or(i64::MAX);
        let held = (1..).zip(&self.mappings).filter(|(_, own)| own.held_at(lookup.at, within));
        let answer = |(number, mapping)| {
            let file = self.file.clone();
            let assignment = move |assigned| Assignment { assigned, file: file.clone(), number };
            assigned(mapping, &lookup.asked).into_iter().map(assignment)
        };
        held.flat_map(answer).collect()
    }
}

fn assigned(mapping: &Mapping, asked: &Asked) -> Vec<Assigned> {
    match asked {
        Asked::Public { address, port: Some(port) } => {
            mapping.of_outside(address.to_canonical(), *port).into_iter().collect()
        }
        Asked::Public { address, port: None } => mapping.sharing_outside(address.to_canonical()),
        Asked::Inside { address, .. } => {
            mapping.of_inside(address.to_canonical()).into_iter().collect()
        }
        Asked::User(_) => Vec::new(),
    }
}

fn fault(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::input(format!("{}: {}", file.display(), error.to_string().trim_end()))
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mapping: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    inside: String,
    outside: String,
    ports: String,
    #[serde(default)]
    dynamic_factor: u32,
    algorithm: Algorithm,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    Sequential,
}

impl Raw {
    fn check(&self) -> Result<Mapping, String> {
        let Algorithm::Sequential = self.algorithm;
        let time = |text: &Option<String>| text.as_deref().map(parse_time).transpose();
        let mapping = Mapping {
            inside: range(&self.inside)?,
            outside: range(&self.outside)?,
            ports: ports(&self.ports)?,
            dynamic_factor: self.dynamic_factor,
            since: time(&self.from)?,
            until: time(&self.to)?,
        };
        match mapping.ports_each() {
            0 => Err("there are more inside addresses than ports".into()),
            _ => Ok(mapping),
        }
    }
}

/// `FIRST-LAST`, a prefix, or an address.
fn range(text: &str) -> Result<Range, String> {
    if let Some((first, last)) = text.split_once('-') {
        let address = |text: &str| text.trim().parse().map_err(|_| no_range(text));
        return Range::new(address(first)?, address(last)?).ok_or_else(|| no_range(text));
    }
    let prefix: Prefix = text.parse().map_err(|_| no_range(text))?;
    let first = prefix.address();
    let last: IpAddr = match first {
        IpAddr::V4(v4) => (u32::from(v4) | u32::MAX.checked_shr(prefix.len().into()).unwrap_or(0))
            .to_be_bytes()
            .into(),
        IpAddr::V6(v6) => (u128::from(v6)
            | u128::MAX.checked_shr(prefix.len().into()).unwrap_or(0))
        .to_be_bytes()
        .into(),
    };
    Range::new(first, last).ok_or_else(|| no_range(text))
}

fn no_range(text: &str) -> String {
    format!("'{text}' is no address, prefix, or FIRST-LAST")
}

fn ports(text: &str) -> Result<[u16; 2], String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok([first, last]),
        _ => Err(format!("'{text}' are no ports as 1024-65535")),
    }
}
