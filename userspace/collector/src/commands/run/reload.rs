//! The configuration of a running collector, read again.

use crate::{
    clock,
    config::{self, MissingKey, RunConfig, Settings},
    output::rfc3339,
    privileges::is_among_others,
    service::{
        reload::{Answer, Reloaded},
        status::ConfigurationStatus,
    },
};
use std::{
    collections::BTreeSet,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// What a collector was started with, and what is in force.
pub(super) struct Configuration {
    file: Option<PathBuf>,
    /// What overrides the file.
    options: Settings,
    started: Settings,
    in_force: Settings,
    /// What was in the files that the settings name.
    contents: Vec<(&'static str, u64)>,
    status: ConfigurationStatus,
}

impl Configuration {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// Names the file, the line and the nearest right word.
    pub(super) fn read(file: Option<PathBuf>, options: Settings) -> Result<Self, String> {
        let settings = effective(file.as_ref(), &options)?;
        let status = ConfigurationStatus {
            file: file.as_ref().map(|file| file.display().to_string()),
            loaded_at: rfc3339(clock::now(), 3),
            ..ConfigurationStatus::default()
        };
        let contents = contents(&settings);
        Ok(Self { file, options, started: settings.clone(), in_force: settings, contents, status })
    }

    /// The settings that the collector is started with.
    pub(super) fn settings(&self) -> &Settings {
        &self.started
    }

    /// Takes the files of keys as they are now: what this collector itself has written there is no
    /// change of the configuration.
    pub(super) fn know_keys(&mut self) {
        for (known, now) in self.contents.iter_mut().zip(contents(&self.in_force)) {
            if ["im", "privacy"].contains(&known.0) {
                *known = now;
            }
        }
    }

    /// What is told of it.
    pub(super) fn status(&self) -> ConfigurationStatus {
        self.status.clone()
    }

    /// Reads the file again and lets `apply` bring it into force; where that cannot be done, all is as
    /// before. Says so, too.
    pub(super) fn reload(
        &mut self,
        apply: impl FnOnce(&RunConfig) -> Result<(), String>,
    ) -> Answer {
        let answer = self.try_reload(apply);
        match &answer {
            Ok(reloaded) => {
                self.status.loaded_at = rfc3339(clock::now(), 3);
                self.status.reloads += 1;
                self.status.last_error = None;
                crate::tell(&reloaded.to_string());
            }
            Err(error) => {
                self.status.refused += 1;
                self.status.last_error = Some(error.clone());
                crate::tell(&format!("not reloaded, the configuration stays as it was: {error}"));
            }
        }
        answer
    }

    fn try_reload(&mut self, apply: impl FnOnce(&RunConfig) -> Result<(), String>) -> Answer {
        let Some(file) = &self.file else {
            return Err("there is no file to read: it was started without --config".into());
        };
        let file = file.display().to_string();
        let settings = effective(self.file.as_ref(), &self.options)
            .map_err(|error| error + out_of_reach(Path::new(&file)))?;
        // Before they are read: what is written meanwhile is news the next time.
        let contents = contents(&settings);
        let config =
            settings.validate(MissingKey::Create).map_err(|error| format!("{file}: {error}"))?;
        apply(&config)?;
        let restart = settings.restart_for(&self.started);
        let in_force = settings.in_force_after(&self.in_force, &restart);
        let mut changed: BTreeSet<_> = in_force.changed_from(&self.in_force).into_iter().collect();
        let others = contents.iter().filter(|content| !self.contents.contains(content));
        changed.extend(others.map(|(key, _)| *key));
        (self.in_force, self.contents) = (in_force, contents);
        self.know_keys();
        let words = |key: &str| key.to_owned();
        Ok(Reloaded {
            file,
            changed: changed.into_iter().map(words).collect(),
            restart: restart.into_iter().map(words).collect(),
        })
    }
}

/// What to add to the sentence about a file that the collector may have given up, unknowingly.
fn out_of_reach(file: &Path) -> &'static str {
    let is_refused =
        || fs::File::open(file).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    if is_among_others(file) && is_refused() {
        ": where another file has taken its place it is read after a restart; in a directory of its \
         own it can be exchanged"
    } else {
        ""
    }
}

fn effective(file: Option<&PathBuf>, options: &Settings) -> Result<Settings, String> {
    let settings = file.map_or_else(|| Ok(Settings::default()), |file| config::read(file))?;
    Ok(settings.overridden_by(options.clone()))
}

/// What tells whether the files that settings name have changed; of what cannot be read, that it
/// cannot.
fn contents(settings: &Settings) -> Vec<(&'static str, u64)> {
    let content = |(key, path)| {
        let mut hasher = DefaultHasher::new();
        fs::read(path).ok().hash(&mut hasher);
        (key, hasher.finish())
    };
    settings.files().map(content).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_and_what_needs_a_restart_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("logweir.toml");
        let write = |text: &str| fs::write(&file, format!("data = \"/d\"\n{text}")).unwrap();
        write("listen = [\"514\", \"2055\"]\nqueues = 2");
        let options = Settings { batches: Some(4), ..Settings::default() };
        let mut configuration = Configuration::read(Some(file.clone()), options).unwrap();
        let mut reload = |text: &str| {
            write(text);
            configuration.reload(|_| Ok(())).map(|did| (did.changed, did.restart))
        };
        let told = |changed: &[&str], restart: &[&str]| {
            let words = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
            Ok((words(changed), words(restart)))
        };
        // A port's format is no matter of a restart, nor is what an option overrides.
        let text = "listen = [\"2055=netflow\", \"514\"]\nqueues = 2\nbatches = 8";
        assert_eq!(reload(text), told(&["listen"], &[]));
        assert_eq!(reload(text), told(&[], &[]));
        let text = "listen = [\"2055=netflow\", \"514\"]\nqueues = 3\nim.record = \"plain\"";
        assert_eq!(reload(text), told(&["im"], &["queues"]));
        assert_eq!(reload(text), told(&[], &["queues"]), "it still does");
        let back = text.replace("queues = 3", "queues = 2");
        assert_eq!(reload(&back), told(&[], &[]), "it was never in force");
        assert_eq!(reload(text), told(&[], &["queues"]));
        assert!(reload("lisen = []").unwrap_err().contains("line 2: unknown key 'lisen'"));
        assert!(
            reload("listen = [\"0\"]").unwrap_err().ends_with("port 0 is no port to listen on")
        );
        // Of a port that stays, the format is in force at once.
        assert_eq!(reload("listen = [\"2055\"]"), told(&["im", "listen"], &["listen", "queues"]));
        write("listen = [\"2055\"]\nallow = [\"192.0.2.1\"]");
        assert_eq!(configuration.reload(|_| Err("no".into())), Err("no".into()));
        let status = configuration.status();
        assert_eq!((status.reloads, status.refused), (7, 3));
        assert_eq!(status.last_error.as_deref(), Some("no"));
        let did = configuration.reload(|_| Ok(())).unwrap();
        assert_eq!(did.changed, ["allow"], "it was not in force before");
        assert_eq!(configuration.status().last_error, None);
        let mut without = Configuration::read(None, Settings::default()).unwrap();
        assert!(without.reload(|_| Ok(())).unwrap_err().contains("--config"));
    }

    #[test]
    fn keys_that_the_collector_makes_are_no_change() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let text = "listen = [\"514\"]\ndata = \"/d\"\n[privacy]\npseudonymise = [\"user\"]\n\
                    key_file = \"keys\"\nrotate = \"1d\"\n";
        fs::write(at("logweir.toml"), text).unwrap();
        let options = Settings::default();
        let mut configuration = Configuration::read(Some(at("logweir.toml")), options).unwrap();
        let mut keys = configuration.settings().validate(MissingKey::Create).unwrap().keys.unwrap();
        configuration.know_keys();
        let changed =
            |configuration: &mut Configuration| configuration.reload(|_| Ok(())).unwrap().changed;
        assert!(changed(&mut configuration).is_empty(), "the first key was made at the start");
        let in_two_days = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
        assert!(keys.rotate(in_two_days).unwrap());
        configuration.know_keys();
        assert!(changed(&mut configuration).is_empty(), "the second one took over since");
        fs::remove_file(at("keys")).unwrap();
        assert_eq!(changed(&mut configuration), ["privacy"], "somebody else did that");
        assert!(changed(&mut configuration).is_empty(), "the new key was made by that");
    }

    #[test]
    fn a_file_that_a_key_names_counts_as_its_value() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let declare = |pattern: &str| {
            let text = format!(
                "format = \"gate\"\n[[message]]\nmarks = [\"gate: \"]\nfamily = \"session\"\n\
                 event = \"create\"\npatterns = [\"{{_}}gate: {pattern}\"]\n"
            );
            fs::write(at("gate.toml"), text).unwrap();
        };
        declare("{src} to {dst}");
        let text = "listen = [\"514\"]\ndata = \"/d\"\nformats = [\"gate.toml\"]\n";
        fs::write(at("logweir.toml"), text).unwrap();
        let options = Settings::default();
        let mut configuration = Configuration::read(Some(at("logweir.toml")), options).unwrap();
        let mut reload = || configuration.reload(|_| Ok(()));
        assert!(reload().unwrap().changed.is_empty());
        declare("{dst} from {src}");
        assert_eq!(reload().unwrap().changed, ["formats"]);
        declare("{nonsense}");
        assert!(reload().unwrap_err().contains("gate.toml"));
        fs::remove_file(at("gate.toml")).unwrap();
        assert!(reload().unwrap_err().contains("cannot read"));
    }
}
