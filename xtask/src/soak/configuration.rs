//! The collector's configuration, which each reload finds changed.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{deaf::Deaf, place::Place};

pub struct Configuration {
    pub file: PathBuf,
    data: PathBuf,
    alarms: String,
    version: Cell<u32>,
}

impl Configuration {
    /// Every unparsed record, of which the hostile exporter causes many, and every loss is told to
    /// servers that hang.
    pub fn new(directory: &Path, data: &Path, deaf: &Deaf) -> Result<Self> {
        fs::create_dir_all(data)?;
        let file = directory.join("logweir.toml");
        let Deaf { mail, web, .. } = deaf;
        let told = format!("email = true\nwebhook = \"http://127.0.0.1:{web}/\"\nalarm = true\n");
        let alarms = format!(
            "[email]\nserver = \"127.0.0.1:{mail}\"\nfrom = \"logweir@example.net\"\n\
             to = [\"noc@example.net\"]\npre_delay = \"1s\"\npost_delay = \"5s\"\n\
             [[rule]]\nname = \"strange\"\nmatch = [\"record=unparsed\"]\n{told}\
             [[rule]]\nname = \"too slow\"\nevent = \"queue_full\"\n{told}",
        );
        Ok(Self { file, data: data.to_owned(), alarms, version: Cell::new(0) })
    }

    /// Writes the next version of it: what may change while a collector runs is different each time,
    /// and what a record becomes is not.
    pub fn write(&self, place: &Place) -> Result<()> {
        let version = self.version.replace(self.version.get() + 1);
        let text = format!(
            "{}data = \"{}\"\nsegment_mb = 8\njournal_max_mb = 128\npart_age_seconds = 5\n\
             [[exporter]]\naddress = \"203.0.113.{}\"\nzone = \"UTC\"\n\
             [im]\nrecord = \"plain\"\n[limits]\nwaiting_seconds = 5\n{}",
            place.settings(),
            self.data.display(),
            1 + version % 250,
            self.alarms,
        );
        Ok(fs::write(&self.file, text)?)
    }
}
