//! A JSON file of the data directory in which something outlives the collector: what exporters have
//! announced, what alarms are raised.

use serde::de::DeserializeOwned;
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How often it is looked whether something has changed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Of its time, one part in so many is spent writing: senders can change things without end.
const TIME_SHARE: u32 = 20;

/// What is kept.
pub trait Kept: Send + 'static {
    /// How often it is written although nothing has changed, if it is.
    const WRITE_EVERY: Option<Duration>;

    /// How often something has changed.
    fn changes(&self) -> u64;

    /// All of it.
    ///
    /// # Errors
    /// If it cannot be told in JSON.
    fn json(&self) -> serde_json::Result<Vec<u8>>;
}

/// Reads what an earlier collector has left. What cannot be read is told, and as good as nothing.
pub fn read<T: DeserializeOwned + Default>(path: &Path) -> T {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return T::default(),
        Err(error) => {
            crate::tell(&format!("cannot read {}: {error}", path.display()));
            return T::default();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        crate::tell(&format!("{} is left out: {error}", path.display()));
        T::default()
    })
}

/// Keeps the file up to date, as long as this lives.
#[derive(Debug)]
pub struct KeptFile {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl KeptFile {
    /// Keeps `kept` in the file, by a thread of this name.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(thread: &str, path: PathBuf, kept: impl Kept) -> io::Result<KeptFile> {
        let stop = Arc::new(AtomicBool::new(false));
        let clerk = Clerk { kept, path, written: None, took: Duration::ZERO, is_told: false };
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name(thread.to_owned());
        let thread = thread.spawn(move || clerk.run(&stopped))?;
        Ok(KeptFile { stop, thread: Some(thread) })
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

struct Clerk<K> {
    kept: K,
    path: PathBuf,
    /// The changes that are in the file, and when it was written.
    written: Option<(u64, Instant)>,
    /// How long that took.
    took: Duration,
    /// Whether it was told that the file cannot be written.
    is_told: bool,
}

impl<K: Kept> Clerk<K> {
    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            if self.is_due() {
                self.write();
            }
            thread::park_timeout(LOOK_EVERY);
        }
        if self.has_changed() {
            self.write();
        }
    }

    fn has_changed(&self) -> bool {
        self.kept.changes() != self.written.map_or(0, |(changes, _)| changes)
    }

    fn is_due(&self) -> bool {
        let Some((_, at)) = self.written else { return self.has_changed() };
        let elapsed = at.elapsed();
        K::WRITE_EVERY.is_some_and(|every| elapsed >= every)
            || self.has_changed() && elapsed >= self.took * TIME_SHARE
    }

    fn write(&mut self) {
        let begun = Instant::now();
        let changes = self.kept.changes();
        let json = self.kept.json().map_err(io::Error::from);
        let written = json.and_then(|json| replace(&self.path, &json));
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

/// Synced before it has its name: after a loss of power there is one of the two files, whole.
fn replace(path: &Path, json: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("json.new");
    let mut file = File::create(&unfinished)?;
    file.write_all(json)?;
    file.write_all(b"\n")?;
    file.sync_data()?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// As many numbers as there were changes.
    impl Kept for Arc<Mutex<Vec<u32>>> {
        const WRITE_EVERY: Option<Duration> = None;

        fn changes(&self) -> u64 {
            self.lock().unwrap().len() as u64
        }

        fn json(&self) -> serde_json::Result<Vec<u8>> {
            serde_json::to_vec(&*self.lock().unwrap())
        }
    }

    #[test]
    fn what_is_kept_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("numbers.json");
        assert!(read::<Vec<u32>>(&path).is_empty());
        let kept = Arc::new(Mutex::new(vec![1, 2]));
        let file = KeptFile::start("numbers", path.clone(), kept.clone()).unwrap();
        kept.lock().unwrap().push(3);
        drop(file);
        assert_eq!(read::<Vec<u32>>(&path), [1, 2, 3]);
        fs::write(&path, "[1,").unwrap();
        assert!(read::<Vec<u32>>(&path).is_empty());
    }

    #[test]
    fn a_change_is_written_while_it_lives() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("numbers.json");
        let kept = Arc::new(Mutex::new(vec![]));
        let _file = KeptFile::start("numbers", path.clone(), kept.clone()).unwrap();
        kept.lock().unwrap().push(7);
        while read::<Vec<u32>>(&path) != [7] {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
