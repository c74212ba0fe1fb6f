//! What a unit file says of how its service is started: its command, user and capabilities.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

/// The `[Service]` of a unit, as far as a start without systemd can do as it says.
#[derive(Debug, PartialEq, Eq)]
pub struct Unit {
    /// The words of `ExecStart=`.
    pub command: Vec<String>,
    pub user: String,
    pub group: String,
    /// `AmbientCapabilities=`, in lower case and without the prefix.
    pub capabilities: Vec<String>,
}

impl Unit {
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("the package brought no {}", path.display()))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let found = lines.find(|(name, _)| *name == key).map(|(_, value)| value.to_owned());
            found.with_context(|| format!("the unit has no {key}="))
        };
        let words = |value: String| value.split_whitespace().map(str::to_owned).collect();
        let capabilities: Vec<String> = words(value("AmbientCapabilities")?.to_lowercase());
        Ok(Self {
            command: words(value("ExecStart")?),
            user: value("User")?,
            group: value("Group")?,
            capabilities: capabilities.iter().map(|name| name.replace("cap_", "")).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_tells_how_it_is_started() {
        let text = "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/x run\nUser=u\nGroup=g\n\
            # a comment\nAmbientCapabilities=CAP_BPF CAP_NET_RAW\n";
        let unit = Unit::parse(text).unwrap();
        assert_eq!(unit.command, ["/bin/x", "run"]);
        assert_eq!((unit.user.as_str(), unit.group.as_str()), ("u", "g"));
        assert_eq!(unit.capabilities, ["bpf", "net_raw"]);
        let error = Unit::parse(&text.replace("User", "Usre")).unwrap_err();
        assert_eq!(error.to_string(), "the unit has no User=");
    }
}
