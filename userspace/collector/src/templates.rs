//! The templates of exporters in a file of the data directory, so that they outlive the collector.

use logweir_decode::netflow::{kept::KeptTemplate, registry::Registry};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The name of the file.
pub const FILE_NAME: &str = "templates.json";

/// How often it is looked whether something has changed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often the file is written although nothing has, because it tells when templates were sent.
const WRITE_EVERY: Duration = Duration::from_secs(300);

/// Of its time, one part in so many is spent writing: senders can change templates without end.
const TIME_SHARE: u32 = 20;

/// Reads what an earlier collector has left. What cannot be read is told, and as good as nothing:
/// exporters repeat their templates.
pub fn read(data: &Path) -> Vec<KeptTemplate> {
    let path = data.join(FILE_NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            crate::tell(&format!("cannot read {}: {error}", path.display()));
            return Vec::new();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        crate::tell(&format!("{} holds no templates: {error}", path.display()));
        Vec::new()
    })
}

/// Keeps the file up to date, as long as this lives.
#[derive(Debug)]
pub struct TemplateFile {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TemplateFile {
    /// Keeps the registry's templates in a data directory.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(data: &Path, registry: Arc<Registry>) -> io::Result<TemplateFile> {
        let stop = Arc::new(AtomicBool::new(false));
        let clerk = Clerk {
            registry,
            path: data.join(FILE_NAME),
            written: None,
            took: Duration::ZERO,
            is_told: false,
            stop: Arc::clone(&stop),
        };
        let thread = thread::Builder::new().name("lw-templates".into());
        let thread = thread.spawn(move || clerk.run())?;
        Ok(TemplateFile { stop, thread: Some(thread) })
    }
}

impl Drop for TemplateFile {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

struct Clerk {
    registry: Arc<Registry>,
    path: PathBuf,
    /// The registry's changes that are in the file, and when it was written.
    written: Option<(u64, Instant)>,
    /// How long that took.
    took: Duration,
    /// Whether it was told that the file cannot be written.
    is_told: bool,
    stop: Arc<AtomicBool>,
}

impl Clerk {
    fn run(mut self) {
        while !self.stop.load(Ordering::Acquire) {
            if self.is_due() {
                self.write();
            }
            thread::park_timeout(LOOK_EVERY);
        }
        self.write();
    }

    fn is_due(&self) -> bool {
        let Some((changes, at)) = self.written else { return self.registry.changes() > 0 };
        let elapsed = at.elapsed();
        let has_changed = changes != self.registry.changes();
        elapsed >= WRITE_EVERY || has_changed && elapsed >= self.took * TIME_SHARE
    }

    fn write(&mut self) {
        let begun = Instant::now();
        let changes = self.registry.changes();
        let written = replace(&self.path, &self.registry.kept());
        self.written = Some((changes, Instant::now()));
        self.took = begun.elapsed();
        match written {
            Ok(()) => self.is_told = false,
            Err(error) if !self.is_told => {
                self.is_told = true;
                crate::tell(&format!("cannot write {}: {error}", self.path.display()));
            }
            Err(_) => {}
        }
    }
}

/// It is not synced: a loss of power may cost templates, which are sent again.
fn replace(path: &Path, templates: &[KeptTemplate]) -> io::Result<()> {
    let unfinished = path.with_extension("json.new");
    let mut text = serde_json::to_vec_pretty(templates)?;
    text.push(b'\n');
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}
