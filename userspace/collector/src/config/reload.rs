//! What a reload has to know of settings: which of them need a restart, and which files belong to them.

use super::{
    Settings,
    keys::{OnReload, TOP},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

impl Settings {
    /// The files that it is read with, each with the key that names it.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        fn named<'a>(
            key: &'static str,
            paths: impl IntoIterator<Item = &'a PathBuf>,
        ) -> impl Iterator<Item = (&'static str, &'a Path)> {
            paths.into_iter().map(move |path| (key, path.as_path()))
        }
        named("formats", self.formats.iter().flatten())
            .chain(named("binary_layouts", self.binary_layouts.iter().flatten()))
            .chain(named("im", self.im.iter().flat_map(|im| &im.key_file)))
            .chain(named("privacy", self.privacy.iter().flat_map(|privacy| &privacy.key_file)))
    }

    /// The keys for whose values a collector that was started with `started` needs a restart.
    pub fn restart_for(&self, started: &Settings) -> Vec<&'static str> {
        let mut keys = self.changed_from(started);
        keys.retain(|key| TOP.key(key).is_some_and(|key| key.on_reload == OnReload::Restart));
        // The format of a port can be changed, and the order of ports is nothing.
        if self.ports() == started.ports() {
            keys.retain(|key| *key != "listen");
        }
        keys
    }

    /// What is in force once a collector that went by `before` has read these settings, of which
    /// some keys need a restart. The ports stay, with the formats that they have here.
    pub fn in_force_after(&self, before: &Settings, restart: &[&str]) -> Settings {
        let mut in_force = self.clone().with(before, restart);
        in_force.listen = before.listen.as_ref().map(|specs| {
            let now = |spec: &String| {
                self.listen.iter().flatten().find(|other| place(other) == place(spec)).cloned()
            };
            specs.iter().map(|spec| now(spec).unwrap_or_else(|| spec.clone())).collect()
        });
        in_force
    }

    /// Where it listens, as it is written.
    fn ports(&self) -> BTreeSet<&str> {
        self.listen.iter().flatten().map(|spec| place(spec)).collect()
    }
}

/// A listener without its format.
fn place(spec: &str) -> &str {
    spec.split_once('=').map_or(spec, |(place, _)| place)
}
