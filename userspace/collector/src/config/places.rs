//! The files that a configuration names, by what is done with them: a collector that is confined
//! reaches no others.

use super::Settings;
use crate::privileges::Places;
use std::path::Path;

impl Settings {
    /// What a collector with these settings reads and writes while it runs.
    pub(super) fn places(&self, control: Option<&Path>) -> Places {
        let mut places = Places::default();
        places.write.extend(self.data.clone());
        if let Some(control) = control {
            places.write_file(control);
        }
        let read = self.formats.iter().chain(&self.binary_layouts).flatten();
        let key = self.im.iter().flat_map(|im| &im.key_file);
        let webhook = self.webhook.iter().flat_map(|webhook| &webhook.ca_file);
        let email = self.email.iter().flat_map(|email| [&email.ca_file, &email.password_file]);
        read.chain(key)
            .chain(webhook)
            .chain(email.flatten())
            .for_each(|path| places.read_file(path));
        // A new key takes over in a new file.
        let keys = self.privacy.iter().flat_map(|privacy| &privacy.key_file);
        keys.for_each(|path| places.write_file(path));
        self.unknown_capture.iter().for_each(|path| places.write_file(path));
        if let Some(interface) = &self.interface {
            places.read_interface(interface);
        }
        places
    }
}
