//! The collector's configuration, which each reload finds changed.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::place::Place;

pub struct Configuration {
    pub file: PathBuf,
    data: PathBuf,
    version: Cell<u32>,
}

impl Configuration {
    pub fn new(directory: &Path, data: &Path) -> Result<Self> {
        fs::create_dir_all(data)?;
        let file = directory.join("logweir.toml");
        Ok(Self { file, data: data.to_owned(), version: Cell::new(0) })
    }

    /// Writes the next version of it: what may change while a collector runs is different each time,
    /// and what a record becomes is not.
    pub fn write(&self, place: &Place) -> Result<()> {
        let version = self.version.replace(self.version.get() + 1);
        let text = format!(
            "{}data = \"{}\"\nsegment_mb = 8\njournal_max_mb = 128\npart_age_seconds = 5\n\
             [[exporter]]\naddress = \"203.0.113.{}\"\nzone = \"UTC\"\n\
             [im]\nrecord = \"plain\"\n",
            place.settings(),
            self.data.display(),
            1 + version % 250,
        );
        Ok(fs::write(&self.file, text)?)
    }
}
