//! What the settings say to the decoders.

use super::{MissingKey, Settings};
use logweir_decode::{
    binary::Layouts, declared::Formats, limits::Limits, privacy::Privacy, settings,
};
use std::{fs, path::Path};

impl Settings {
    /// What the decoders are told.
    ///
    /// # Errors
    /// One sentence that names the setting or the file.
    pub fn decoding(&self, missing: MissingKey) -> Result<settings::Settings, String> {
        let mut decoding = settings::Settings {
            limits: self.limits.as_ref().map_or(Ok(Limits::DEFAULT), |limits| limits.limits())?,
            declared: self.declared()?,
            binary: self.layouts()?,
            im: self.im.as_ref().map_or(Ok(settings::ImPolicy::Off), |im| im.policy(missing))?,
            privacy: self
                .privacy
                .as_ref()
                .map_or_else(|| Ok(Privacy::default()), |privacy| privacy.settings(missing))?,
            ..settings::Settings::default()
        };
        for exporter in self.exporter.iter().flatten() {
            let own = exporter.settings(&decoding.declared)?;
            let address = exporter.address.as_ref().to_canonical();
            if decoding.exporters.insert(address, own).is_some() {
                return Err(exporter.complaint("it is given twice"));
            }
        }
        Ok(decoding)
    }

    /// The text formats that are shipped, and the operator's.
    fn declared(&self) -> Result<Formats, String> {
        let mut formats = Formats::builtin();
        for path in self.formats.iter().flatten() {
            let text = read("formats", path)?;
            formats.add(&text, &path.display().to_string()).map_err(|error| error.to_string())?;
        }
        Ok(formats)
    }

    /// The binary layouts that are shipped, and the operator's.
    fn layouts(&self) -> Result<Layouts, String> {
        let mut layouts = Layouts::builtin();
        for path in self.binary_layouts.iter().flatten() {
            let text = read("binary_layouts", path)?;
            layouts.add(&text, &path.display().to_string()).map_err(|error| error.to_string())?;
        }
        Ok(layouts)
    }
}

fn read(setting: &str, path: &Path) -> Result<String, String> {
    fs::read_to_string(path)
        .map_err(|error| format!("{setting}: cannot read {}: {error}", path.display()))
}
