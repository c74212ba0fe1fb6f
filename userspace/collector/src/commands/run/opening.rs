//! Opening the sources, with rights that the rest of the process has given up by then.

use crate::{
    config::RunConfig,
    pipeline::{PipelineConfig, Sources},
};
use crossbeam_channel::{Sender, bounded};
use std::thread::{self, JoinHandle};

/// A thread that keeps the rights of its process while the others give them up, for as long as it
/// takes to open the sources. They are opened last, when all that they give can be stored.
pub(super) struct Opening {
    go: Sender<()>,
    thread: JoinHandle<Result<Opened, String>>,
}

/// The sources, and by what configuration they were opened.
type Opened = (Sources, PipelineConfig);

impl Opening {
    /// Starts the thread, which waits.
    pub(super) fn start(config: &RunConfig) -> Result<Self, String> {
        let (go, wait) = bounded(1);
        let (wanted, fallback) = (config.pipeline.clone(), config.fallback.clone());
        let thread = thread::Builder::new().name("lw-opening".into()).spawn(move || {
            wait.recv().map_err(|_| "nobody wants the sources")?;
            open(wanted, fallback)
        });
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self { go, thread })
    }

    /// Has the sources opened; then the thread is gone, and nobody has its rights.
    pub(super) fn finish(self) -> Result<Opened, String> {
        let _ = self.go.send(());
        self.thread.join().unwrap_or_else(|_| Err("opening the sources panicked".into()))
    }
}

fn open(wanted: PipelineConfig, fallback: Option<PipelineConfig>) -> Result<Opened, String> {
    match (Sources::open(&wanted), fallback) {
        (Ok(sources), _) => Ok((sources, wanted)),
        (Err(error), None) => Err(error),
        (Err(error), Some(fallback)) => match Sources::open(&fallback) {
            Ok(sources) => {
                crate::tell(&format!("no AF_XDP, collecting by UDP sockets instead: {error}"));
                Ok((sources, fallback))
            }
            // What keeps both from being had is nothing about AF_XDP.
            Err(neither) if neither == error => Err(error),
            Err(neither) => {
                Err(format!("{error}; and UDP sockets cannot be had either: {neither}"))
            }
        },
    }
}
