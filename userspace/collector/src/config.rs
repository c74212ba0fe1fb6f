//! The settings of `logweir run`: from a TOML file, overridden by options, then validated in one
//! step into what a pipeline is started with.

mod decoding;
mod exporter;
mod im;
mod journal;
mod privacy;
mod retention;
pub(crate) mod secret;

pub use exporter::{Exporter, parse_zone};
pub use im::{Im, MissingKey, Record};
pub use privacy::{Destinations, Privacy};
pub use retention::Retention;

use crate::{
    keyring::Rotation,
    listener::{ListenSpec, Listener},
    pipeline::{Input, PipelineConfig},
    service::control,
    steering::Prefix,
    templates,
};
use logweir_abi::LISTENERS_MAX;
use logweir_decode::nearest::nearest;
use logweir_store::{journal::JournalConfig, retention::Policy};
use serde::{Deserialize, Deserializer, de::Error};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Where datagrams come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// AF_XDP on an interface.
    Xdp,
    /// UDP sockets.
    Udp,
}

/// What becomes of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// Parquet in the directory of the store.
    #[default]
    Store,
    /// Counted and thrown away, to measure receiving and decoding alone.
    Discard,
}

/// Settings as they are written: nothing is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The interface to collect from.
    pub interface: Option<String>,
    /// Where datagrams come from; AF_XDP where there is an interface and it can be had.
    pub source: Option<SourceKind>,
    /// The ports to collect: `PORT`, `PORT=FORMAT`, `ADDRESS:PORT=FORMAT`.
    pub listen: Option<Vec<String>>,
    /// Exporters that may send, as addresses or prefixes; all where it is missing or empty.
    pub allow: Option<Vec<String>>,
    /// The directory of the store.
    pub data: Option<PathBuf>,
    /// What becomes of records; they are stored where it is missing.
    pub sink: Option<SinkKind>,
    /// Whether workers spin instead of sleeping.
    pub busy_poll: Option<bool>,
    /// RX queues to take; all of the interface's where it is missing.
    pub queues: Option<u32>,
    /// Workers that read UDP sockets.
    pub udp_workers: Option<usize>,
    /// Workers that decode what one RX queue, or one worker's UDP sockets, bring.
    pub workers_per_queue: Option<usize>,
    /// Frames in the RX ring of each queue: a power of two.
    pub rx_ring_size: Option<u32>,
    /// Receive buffer of each UDP socket, in bytes.
    pub receive_buffer_bytes: Option<usize>,
    /// Batches of records a worker may have in flight.
    pub batches: Option<usize>,
    /// Seconds after which records are in a file at the latest.
    pub part_age_seconds: Option<u64>,
    /// Milliseconds after which records are synced in the journal.
    pub journal_sync_ms: Option<u64>,
    /// Size of the journal's segments, in MiB.
    pub segment_mb: Option<u64>,
    /// Room for segments of the journal that are not sealed yet, in MiB.
    pub journal_max_mb: Option<u64>,
    /// The socket at which other commands ask the collector.
    pub control: Option<PathBuf>,
    /// Files that declare text formats.
    pub formats: Option<Vec<PathBuf>>,
    /// Files that declare layouts of binary session logs.
    pub binary_layouts: Option<Vec<PathBuf>>,
    /// What holds for single exporters.
    pub exporter: Option<Vec<Exporter>>,
    /// What becomes of instant-messenger logs.
    pub im: Option<Im>,
    /// What is left out of records.
    pub privacy: Option<Privacy>,
    /// How long records are kept, and how much of them.
    pub retention: Option<Retention>,
}

/// The keys of the file.
#[cfg(test)]
const KEYS: &[&str] = &[
    "interface",
    "source",
    "listen",
    "allow",
    "data",
    "sink",
    "busy_poll",
    "queues",
    "udp_workers",
    "workers_per_queue",
    "rx_ring_size",
    "receive_buffer_bytes",
    "batches",
    "part_age_seconds",
    "journal_sync_ms",
    "segment_mb",
    "journal_max_mb",
    "control",
    "formats",
    "binary_layouts",
    "exporter",
    "im",
    "privacy",
    "retention",
];

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
    /// Age at which a file is completed.
    pub part_age_max: Duration,
    /// The journal of the store.
    pub journal: JournalConfig,
    /// What is deleted.
    pub retention: Policy,
    /// The keys of pseudonyms.
    pub keys: Option<Rotation>,
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
    let line = |offset| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let mut settings: Settings = toml::from_str(text).map_err(|error| {
        let line = line(error.span().map_or(0, |span| span.start));
        let message = error.message().lines().next().unwrap_or("");
        match message.strip_prefix("unknown field ") {
            Some(rest) => format!("line {line}: {}", unknown_key(rest)),
            None => format!("line {line}: {message}"),
        }
    })?;
    for exporter in settings.exporter.iter_mut().flatten() {
        exporter.line = line(exporter.address.span().start);
    }
    Ok(settings)
}

/// The sentence about an unknown key, from the rest of serde's: "`key`, expected one of `a`, `b`".
fn unknown_key(rest: &str) -> String {
    let mut words = rest.split('`').skip(1).step_by(2);
    let key = words.next().unwrap_or("");
    let known: Vec<_> = words.collect();
    format!("unknown key '{key}': did you mean '{}'?", nearest(key, &known))
}

/// Reads a word that stands for a value.
fn word<'de, D: Deserializer<'de>, T: Copy>(from: D, words: &[(&str, T)]) -> Result<T, D::Error> {
    let word = String::deserialize(from)?;
    let known = words.iter().find(|(known, _)| *known == word);
    known.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let nearest = nearest(&word, &known);
        let known = known.join(", ");
        D::Error::custom(format!(
            "unknown word '{word}': did you mean '{nearest}'? (known: {known})"
        ))
    })
}

impl RunConfig {
    /// Takes over the templates that an earlier collector of this data directory has left.
    pub fn know_templates(&mut self) {
        let Some(data) = &self.data else { return };
        let known: Arc<[_]> = templates::read(data).into();
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
        for path in files.chain(key).chain(keys) {
            *path = directory.join(&*path);
        }
        self
    }

    /// These settings, where `over` does not say otherwise.
    #[must_use]
    pub fn overridden_by(self, over: Settings) -> Settings {
        Settings {
            interface: over.interface.or(self.interface),
            source: over.source.or(self.source),
            listen: over.listen.or(self.listen),
            allow: over.allow.or(self.allow),
            data: over.data.or(self.data),
            sink: over.sink.or(self.sink),
            busy_poll: over.busy_poll.or(self.busy_poll),
            queues: over.queues.or(self.queues),
            udp_workers: over.udp_workers.or(self.udp_workers),
            workers_per_queue: over.workers_per_queue.or(self.workers_per_queue),
            rx_ring_size: over.rx_ring_size.or(self.rx_ring_size),
            receive_buffer_bytes: over.receive_buffer_bytes.or(self.receive_buffer_bytes),
            batches: over.batches.or(self.batches),
            part_age_seconds: over.part_age_seconds.or(self.part_age_seconds),
            journal_sync_ms: over.journal_sync_ms.or(self.journal_sync_ms),
            segment_mb: over.segment_mb.or(self.segment_mb),
            journal_max_mb: over.journal_max_mb.or(self.journal_max_mb),
            control: over.control.or(self.control),
            formats: over.formats.or(self.formats),
            binary_layouts: over.binary_layouts.or(self.binary_layouts),
            exporter: over.exporter.or(self.exporter),
            im: over.im.or(self.im),
            privacy: over.privacy.or(self.privacy),
            retention: over.retention.or(self.retention),
        }
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
            let same =
                |other: &Listener| (other.address, other.port) == (listener.address, listener.port);
            if listeners.iter().any(same) {
                return Err(format!("listen: port {} is given twice", listener.port));
            }
            listeners.push(listener);
        }
        let allow = self.allow.as_deref().unwrap_or_default();
        let allow: Vec<Prefix> = allow
            .iter()
            .map(|prefix| prefix.parse().map_err(|error| format!("allow: '{prefix}': {error}")))
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
                let input = Input::Xdp { interface: interface.clone(), queues: self.queues };
                (input, source.is_none().then_some(udp))
            }
        };
        if !allow.is_empty() && matches!(input, Input::Udp { .. }) {
            return Err(
                "allow needs source xdp: UDP sockets take what the kernel gives them".into()
            );
        }
        let keys = self.keys(missing_key, &decoding.privacy, data.as_deref())?;
        let mut pipeline = self.pipeline(input, listeners, allow)?;
        pipeline.settings = decoding;
        let fallback = fallback.map(|input| PipelineConfig { input, ..pipeline.clone() });
        let part_age_max = Duration::from_secs(self.part_age_seconds.unwrap_or(60));
        Ok(RunConfig {
            pipeline,
            fallback,
            control: self.control.clone().or_else(|| Some(data.as_ref()?.join(control::FILE_NAME))),
            data,
            part_age_max,
            journal: self.journal(part_age_max)?,
            keys,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_told_with_its_line_and_the_right_word() {
        let error = parse("data = \"/d\"\ninterfaec = \"eth0\"\n").unwrap_err();
        assert_eq!(error, "line 2: unknown key 'interfaec': did you mean 'interface'?");
        let error = parse("queues = \"two\"").unwrap_err();
        assert!(error.starts_with("line 1: "), "{error}");
    }

    #[test]
    fn every_key_is_known() {
        let tables = [
            ("", KEYS),
            ("[[exporter]]\n", exporter::KEYS),
            ("[im]\n", im::KEYS),
            ("[privacy]\n", privacy::KEYS),
            ("[retention]\n", retention::KEYS),
        ];
        for (table, keys) in tables {
            for key in keys {
                // No value is of this kind.
                let error = parse(&format!("{table}{key} = [[1]]")).unwrap_err();
                assert!(!error.contains("unknown key"), "{error}");
            }
            let error = parse(&format!("{table}x = 1")).unwrap_err();
            assert!(error.contains("unknown key 'x': did you mean '"), "{error}");
        }
    }

    #[test]
    fn the_reference_has_every_key_and_its_example_is_good() {
        let reference = include_str!("../../../docs/configuration.md");
        let (head, tables) = reference.split_once("## `[[exporter]]`").unwrap();
        let (exporter, tables) = tables.split_once("## `[im]`").unwrap();
        let (im, tables) = tables.split_once("## `[privacy]`").unwrap();
        let (privacy, retention) = tables.split_once("## `[retention]`").unwrap();
        for (section, keys) in [
            (head, KEYS),
            (exporter, exporter::KEYS),
            (im, im::KEYS),
            (privacy, privacy::KEYS),
            (retention, retention::KEYS),
        ] {
            for key in keys {
                assert!(section.contains(&format!("| `{key}` |")), "{key}");
            }
        }
        let (_, example) = reference.split_once("```toml\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let mut settings = parse(example).unwrap();
        // There are no such files here.
        (settings.formats, settings.binary_layouts) = (None, None);
        let config = settings.validate(MissingKey::Leave).unwrap();
        assert_eq!(config.pipeline.settings.exporters.len(), 2);
    }

    #[test]
    fn each_wrong_word_is_told_with_its_line_and_the_right_one() {
        let exporter = "\n[[exporter]]\naddress = \"192.0.2.1\"\n";
        for (table, wrong, sentence) in [
            (exporter, "zone = \"Europe/Warsav\"", "unknown zone 'Europe/Warsav': did you mean"),
            (exporter, "zone = \"+8\"", "'+8' is no distance from UTC"),
            (exporter, "mtn_counters = \"as_printed\"", "did you mean 'as-printed'?"),
            (exporter, "nat_events = \"draft-02\"", "did you mean 'draft02'?"),
            (exporter, "nat_event = \"nel\"", "did you mean 'nat_events'?"),
            ("\n[im]\n\n", "record = \"hash\"", "did you mean 'hashed'?"),
            ("\n[retention]\n\n", "session = \"180\"", "'180' is no age like 12h, 180d"),
            ("\n[privacy]\n\n", "destinations = \"omitted\"", "did you mean 'omit'?"),
            ("\n[privacy]\n\n", "pseudonymise = [\"users\"]", "only 'user' can"),
            ("\n[im]\n\n", "keyfile = \"k\"", "did you mean 'key_file'?"),
        ] {
            let error = parse(&format!("{table}{wrong}\n")).unwrap_err();
            assert!(error.starts_with("line 4: ") && error.contains(sentence), "{error}");
        }
        let validate = |text: &str| {
            let text = format!("listen = [\"514\"]\ndata = \"/d\"\n{text}");
            parse(&text).unwrap().validate(MissingKey::Leave).unwrap_err()
        };
        let error = validate(&format!("{exporter}format = \"cgn-cm\""));
        let words = "line 5: exporter 192.0.2.1: unknown format 'cgn-cm': did you mean 'cgn-cn'?";
        assert!(error.starts_with(words), "{error}");
        let mapped = exporter.replace("192", "::ffff:192");
        let error = validate(&format!("{exporter}{mapped}"));
        assert_eq!(error, "line 8: exporter ::ffff:192.0.2.1: it is given twice");
        let error = parse("[[exporter]]\naddress = \"192.0.2\"").unwrap_err();
        assert!(error.starts_with("line 2: "), "{error}");
    }

    #[test]
    fn files_are_looked_for_beside_the_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logweir.toml");
        fs::write(&path, "formats = [\"a.toml\", \"/b.toml\"]\nbinary_layouts = [\"c.toml\"]\nim.key_file = \"k\"")
            .unwrap();
        let settings = read(&path).unwrap();
        let expected = [directory.path().join("a.toml"), "/b.toml".into()];
        assert_eq!(settings.formats.as_deref(), Some(expected.as_slice()));
        assert_eq!(settings.binary_layouts, Some(vec![directory.path().join("c.toml")]));
        assert_eq!(settings.im.clone().unwrap().key_file, Some(directory.path().join("k")));
        let error = settings.decoding(MissingKey::Leave).unwrap_err();
        assert!(error.starts_with("formats: cannot read "), "{error}");
        fs::write(&expected[0], "nonsense = 1").unwrap();
        let error = settings.decoding(MissingKey::Leave).unwrap_err();
        assert!(error.contains("a.toml"), "{error}");
    }

    #[test]
    fn options_override_the_file() {
        let file = parse("listen = [\"514\"]\ndata = \"/a\"").unwrap();
        let over = Settings { data: Some("/b".into()), ..Settings::default() };
        let config = file.overridden_by(over).validate(MissingKey::Leave).unwrap();
        assert_eq!(config.data, Some(PathBuf::from("/b")));
        assert_eq!(config.pipeline.listeners[0].port, 514);
        assert_eq!(config.pipeline.input, Input::Udp { workers: 1 });
    }

    #[test]
    fn each_wrong_setting_is_named() {
        let good = Settings {
            listen: Some(vec!["2055".into()]),
            data: Some("/d".into()),
            ..Settings::default()
        };
        assert!(good.validate(MissingKey::Leave).is_ok());
        for (settings, word) in [
            (Settings { listen: None, ..good.clone() }, "--listen"),
            (Settings { data: None, ..good.clone() }, "--data"),
            (Settings { source: Some(SourceKind::Xdp), ..good.clone() }, "--interface"),
            (Settings { udp_workers: Some(0), ..good.clone() }, "udp_workers is 0"),
            (Settings { workers_per_queue: Some(9), ..good.clone() }, "workers_per_queue is 9"),
            (Settings { batches: Some(1), ..good.clone() }, "batches is 1"),
            (Settings { journal_sync_ms: Some(0), ..good.clone() }, "journal_sync_ms is 0"),
            (Settings { segment_mb: Some(2_000), ..good.clone() }, "segment_mb is 2000"),
            (Settings { journal_max_mb: Some(200), ..good.clone() }, "journal_max_mb is 200"),
            (
                Settings {
                    privacy: Some(Privacy {
                        pseudonymise: vec!["user".into()],
                        ..Privacy::default()
                    }),
                    ..good.clone()
                },
                "key_file",
            ),
            (Settings { rx_ring_size: Some(100), ..good.clone() }, "rx_ring_size is 100"),
            (Settings { listen: Some(vec!["x".into()]), ..good.clone() }, "'x'"),
            (Settings { allow: Some(vec!["192.0.2.0/99".into()]), ..good.clone() }, "allow"),
            (
                Settings { listen: Some(vec!["514".into(), "[::]:514".into()]), ..good.clone() },
                "twice",
            ),
        ] {
            let error = settings.validate(MissingKey::Leave).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
