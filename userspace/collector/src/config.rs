//! The settings of `logweir run`: from a TOML file, overridden by options, then validated in one
//! step into what a pipeline is started with.

mod alarm;
mod decoding;
mod exporter;
mod im;
mod journal;
mod keys;
mod limits;
mod metrics;
mod places;
mod privacy;
mod reload;
mod retention;
pub(crate) mod secret;
mod settings;
mod wrong;

pub use exporter::{Exporter, Line, parse_zone};
pub use im::{Im, MissingKey, Record};
pub use keys::{default_configuration, reference_page};
pub use limits::Limits;
pub use privacy::{Destinations, Privacy};
pub use retention::Retention;
pub use settings::{Settings, SinkKind, SourceKind};

use crate::{
    kept_file,
    keyring::Rotation,
    listener::{ListenSpec, Listener},
    pipeline::{Input, PipelineConfig},
    privileges::Places,
    service::{alarm::AlarmConfig, control, metrics::MetricsConfig},
    steering::Prefix,
    templates,
};
use logweir_abi::{ALLOW_MAX, LISTENERS_MAX};
use logweir_decode::{nearest::meant_of, netflow::kept::KeptTemplate};
use logweir_store::{journal::JournalConfig, retention::Policy};
use serde::{Deserialize, Deserializer, de::Error};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Settings that a collector can be started with.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// The pipeline.
    pub pipeline: PipelineConfig,
    /// What to do when AF_XDP cannot be had: the same by UDP sockets, unless it was demanded.
    pub fallback: Option<PipelineConfig>,
    /// The directory of the store; none where records are discarded.
    pub data: Option<PathBuf>,
    /// The socket at which other commands ask the collector.
    pub control: Option<PathBuf>,
    /// What a confined collector can reach; `None` where it is not to be confined.
    pub places: Option<Places>,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<MetricsConfig>,
    /// Age at which a file is completed.
    pub part_age_max: Duration,
    /// The journal of the store.
    pub journal: JournalConfig,
    /// What is deleted.
    pub retention: Policy,
    /// The keys of pseudonyms.
    pub keys: Option<Rotation>,
    /// What is watched for.
    pub alarms: AlarmConfig,
}

/// Reads a file.
///
/// # Errors
/// Names the file, the line and the nearest right word.
pub fn read(path: &Path) -> Result<Settings, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let settings = parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(settings.beside(path.parent().unwrap_or(Path::new(""))))
}

fn parse(text: &str) -> Result<Settings, String> {
    keys::check(text, &keys::TOP)?;
    let line = |offset| keys::line(text, offset);
    let mut settings: Settings = toml::from_str(text).map_err(|error| {
        let line = line(error.span().map_or(0, |span| span.start));
        let message = error.message().lines().next().unwrap_or("");
        match message.strip_prefix("unknown variant ") {
            Some(rest) => format!("line {line}: {}", unknown_word(rest)),
            None => format!("line {line}: {}", wrong::sentence(text, error.span(), message)),
        }
    })?;
    for exporter in settings.exporter.iter_mut().flatten() {
        exporter.line = Line(line(exporter.address.span().start));
    }
    Ok(settings)
}

/// The sentence about an unknown word, from the rest of serde's: "`word`, expected one of `a`, `b`".
fn unknown_word(rest: &str) -> String {
    let mut words = rest.split('`').skip(1).step_by(2);
    let word = words.next().unwrap_or("");
    no_such_word(word, &words.collect::<Vec<_>>())
}

fn no_such_word(word: &str, known: &[&str]) -> String {
    format!("unknown word '{word}'{}", meant_of(word, known))
}

/// Reads a word that stands for a value.
fn word<'de, D: Deserializer<'de>, T: Copy>(from: D, words: &[(&str, T)]) -> Result<T, D::Error> {
    let word = String::deserialize(from)?;
    let known = words.iter().find(|(known, _)| *known == word);
    known.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        D::Error::custom(no_such_word(&word, &known))
    })
}

impl RunConfig {
    /// Takes over the templates that an earlier collector of this data directory has left.
    pub fn know_templates(&mut self) {
        let Some(data) = &self.data else { return };
        let known: Vec<KeptTemplate> = kept_file::read(&data.join(templates::FILE_NAME));
        let known: Arc<[_]> = known.into();
        for pipeline in self.fallback.iter_mut().chain([&mut self.pipeline]) {
            pipeline.templates = Arc::clone(&known);
        }
    }
}

impl Settings {
    /// These settings, where relative names of files that they are read with are beside the
    /// configuration.
    fn beside(mut self, directory: &Path) -> Settings {
        let files = self.formats.iter_mut().chain(&mut self.binary_layouts).flatten();
        let key = self.im.iter_mut().flat_map(|im| &mut im.key_file);
        let keys = self.privacy.iter_mut().flat_map(|privacy| &mut privacy.key_file);
        let webhook = self.webhook.iter_mut().flat_map(|webhook| &mut webhook.ca_file);
        let email = self.email.iter_mut();
        let email = email.flat_map(|email| [&mut email.ca_file, &mut email.password_file]);
        for path in files.chain(key).chain(keys).chain(webhook).chain(email.flatten()) {
            *path = directory.join(&*path);
        }
        self
    }

    /// Checks all of it, and reads the files that it names.
    ///
    /// # Errors
    /// One sentence that names the setting.
    pub fn validate(&self, missing_key: MissingKey) -> Result<RunConfig, String> {
        let specs = self.listen.as_deref().unwrap_or_default();
        if specs.is_empty() {
            return Err("nothing to listen on: give at least one --listen PORT[=FORMAT]".into());
        }
        let decoding = Arc::new(self.decoding(missing_key)?);
        let mut listeners = Vec::new();
        for (number, spec) in specs.iter().enumerate() {
            let spec = ListenSpec::parse(spec, &decoding.declared)
                .map_err(|error| format!("listen: {error}"))?;
            let number = u16::try_from(number)
                .ok()
                .filter(|number| u32::from(*number) < LISTENERS_MAX)
                .ok_or_else(|| format!("listen: there are more than {LISTENERS_MAX}"))?;
            let listener = spec.listener(number);
            let same = |other: &Listener| other.place() == listener.place();
            if listeners.iter().any(same) {
                return Err(format!("listen: port {} is given twice", listener.port));
            }
            listeners.push(listener);
        }
        // Whoever empties the list may mean nobody, and without one all may send.
        if self.allow.as_ref().is_some_and(Vec::is_empty) {
            return Err(
                "allow is empty: name those that may send, or leave it out if all may".into()
            );
        }
        let allow = self.allow.as_deref().unwrap_or_default();
        let allow: Vec<Prefix> = allow
            .iter()
            .map(|prefix| prefix.parse().map_err(|error| format!("allow: {error}")))
            .collect::<Result<_, _>>()?;
        let data = match self.sink.unwrap_or_default() {
            SinkKind::Store => {
                Some(self.data.clone().ok_or("no place for the records: give --data DIR")?)
            }
            SinkKind::Discard => None,
        };
        let udp_workers = self.udp_workers.unwrap_or(1);
        if !(1..=64).contains(&udp_workers) {
            return Err(format!("udp_workers is {udp_workers}: it must be from 1 to 64"));
        }
        let udp = Input::Udp { workers: udp_workers };
        let (input, fallback) = match (self.source, &self.interface) {
            (Some(SourceKind::Udp), _) | (None, None) => (udp, None),
            (Some(SourceKind::Xdp), None) => {
                return Err("source xdp needs an interface: give --interface IF".into());
            }
            (source, Some(interface)) => {
                check_allow(&allow)?;
                let input = Input::Xdp { interface: interface.clone(), queues: self.queues };
                (input, source.is_none().then_some(udp))
            }
        };
        let keys = self.keys(missing_key, &decoding.privacy, data.as_deref())?;
        let mut pipeline = self.pipeline(input, listeners, allow)?;
        pipeline.settings = decoding;
        let fallback = fallback.map(|input| PipelineConfig { input, ..pipeline.clone() });
        let part_age_seconds = self.part_age_seconds.unwrap_or(60);
        if !(1..=3_600).contains(&part_age_seconds) {
            return Err(format!(
                "part_age_seconds is {part_age_seconds}: it must be from 1 to 3600"
            ));
        }
        let part_age_max = Duration::from_secs(part_age_seconds);
        let control =
            self.control.clone().or_else(|| Some(data.as_ref()?.join(control::FILE_NAME)));
        let confine = self.confine.unwrap_or(true);
        Ok(RunConfig {
            pipeline,
            fallback,
            places: confine.then(|| self.places(control.as_deref())),
            control,
            data,
            metrics: self.metrics()?,
            part_age_max,
            journal: self.journal(part_age_max)?,
            keys,
            alarms: self.alarms()?,
            retention: self.retention.as_ref().map(Retention::policy).unwrap_or_default(),
        })
    }

    /// The keys that workers use, where something becomes a pseudonym.
    fn keys(
        &self,
        missing: MissingKey,
        in_use: &logweir_decode::privacy::Privacy,
        data: Option<&Path>,
    ) -> Result<Option<Rotation>, String> {
        let (Some(privacy), Some(current)) = (&self.privacy, in_use.user_key.clone()) else {
            return Ok(None);
        };
        let rotation = |keyring| Rotation {
            keyring,
            age_max: privacy.rotate,
            current,
            data: data.map(Path::to_owned),
            told: None,
        };
        Ok(privacy.keyring(missing)?.map(rotation))
    }

    fn pipeline(
        &self,
        input: Input,
        listeners: Vec<Listener>,
        allow: Vec<Prefix>,
    ) -> Result<PipelineConfig, String> {
        let mut pipeline = PipelineConfig::new(input, listeners);
        pipeline.allow = allow;
        pipeline.busy_poll = self.busy_poll.unwrap_or(false);
        if let Some(workers) = self.workers_per_queue {
            if !(1..=8).contains(&workers) {
                return Err(format!("workers_per_queue is {workers}: it must be from 1 to 8"));
            }
            pipeline.workers_per_queue = workers;
        }
        if let Some(size) = self.rx_ring_size {
            if !size.is_power_of_two() || !(64..=65_536).contains(&size) {
                return Err(format!(
                    "rx_ring_size is {size}: it must be a power of two from 64 to 65536"
                ));
            }
            pipeline.rx_ring_size = size;
        }
        if let Some(bytes) = self.receive_buffer_bytes {
            if !(4_096..=1 << 30).contains(&bytes) {
                return Err(format!(
                    "receive_buffer_bytes is {bytes}: it must be from 4096 to 1073741824"
                ));
            }
            pipeline.receive_buffer_bytes = bytes;
        }
        if let Some(batches) = self.batches {
            if !(2..=256).contains(&batches) {
                return Err(format!("batches is {batches}: it must be from 2 to 256"));
            }
            pipeline.batches = batches;
        }
        Ok(pipeline)
    }
}

/// Refuses a list that the XDP program has no room for.
fn check_allow(allow: &[Prefix]) -> Result<(), String> {
    for (is_ipv4, family) in [(true, "IPv4"), (false, "IPv6")] {
        let count = allow.iter().filter(|prefix| prefix.address().is_ipv4() == is_ipv4).count();
        if count > ALLOW_MAX as usize {
            return Err(format!(
                "allow has {count} {family} prefixes: {ALLOW_MAX} are the most with AF_XDP"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
