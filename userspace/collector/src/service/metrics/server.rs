//! Who answers over HTTP: a thread that waits for connections, and one for each that is being
//! answered.

use super::{
    MetricsConfig,
    http::{Connection, Request, Response},
    pages::Pages,
};
use crate::service::status::Board;
use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Requests that are answered at the same time; others are told to come again.
const ANSWERED_MAX: usize = 8;

/// How long somebody may take to ask and to take in the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server, as long as this lives.
#[derive(Debug)]
pub struct Metrics {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Metrics {
    /// Serves what is posted on the board.
    ///
    /// # Errors
    /// One sentence that names the address.
    pub fn start(config: MetricsConfig, board: Board) -> Result<Metrics, String> {
        let failed =
            |error: io::Error| format!("cannot serve metrics at {}: {error}", config.address);
        let listener = TcpListener::bind(config.address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let pages = Arc::new(Pages::new(board, config.exporters_max));
        let stop = Arc::new(AtomicBool::new(false));
        let desk = Desk { pages, stop: Arc::clone(&stop) };
        let thread = thread::Builder::new().name("lw-metrics".into());
        let thread = thread.spawn(move || desk.run(&listener)).map_err(failed)?;
        Ok(Metrics { address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // It wakes up to see that it is to stop.
        let woken = TcpStream::connect_timeout(&self.address, PATIENCE).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

/// What requests are answered from.
struct Desk {
    /// Each that is being answered has one too.
    pages: Arc<Pages>,
    stop: Arc<AtomicBool>,
}

impl Desk {
    fn run(self, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            match stream {
                Ok(stream) => self.attend(Connection::new(stream, PATIENCE)),
                // No file descriptor is free: not for ever.
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Answers on a thread of its own, so that nobody has to wait for somebody slow.
    fn attend(&self, mut connection: Connection) {
        if Arc::strong_count(&self.pages) > ANSWERED_MAX {
            let busy = Response::plain("503 Service Unavailable", "too many at once\n");
            let _ = connection.write(&busy, false);
            return;
        }
        let pages = Arc::clone(&self.pages);
        let thread = thread::Builder::new().name("lw-scrape".into());
        // Without a thread the caller sees the connection closed.
        let _ = thread.spawn(move || answer(connection, &pages));
    }
}

/// Answers one request. Who does not take in the answer does not get it.
fn answer(mut connection: Connection, pages: &Pages) -> io::Result<()> {
    match connection.read()? {
        Ok(request @ Request { head_only, .. }) => {
            connection.write(&pages.answer(&request), head_only)
        }
        Err(refusal) => connection.write(&refusal, false),
    }
}

#[cfg(test)]
mod tests;
