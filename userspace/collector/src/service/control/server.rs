//! Who answers: a thread that waits for questions, and one for each that is being answered.

use super::{REQUEST_MAX, Request, tail};
use crate::service::{alarm::Alarms, reload::Asker, status::Board, timed::Timed};
use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Questions that are answered at the same time; others are told to come again.
const ANSWERED_MAX: usize = 16;

/// How long somebody may take to ask, and to take in a line of the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest path of a Unix socket, in bytes: its place in `sockaddr_un`, less a zero.
const PATH_MAX: usize = 107;

/// The collector's user and its group.
const MODE: u32 = 0o660;

/// The socket, as long as this lives.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Answers questions at this socket. A socket that nobody listens at is replaced.
    ///
    /// # Errors
    /// One sentence that names the socket.
    pub fn start(
        path: &Path,
        board: Board,
        reload: Asker,
        alarms: Alarms,
    ) -> Result<Control, String> {
        let failed = |error| format!("cannot listen at {}: {error}", path.display());
        if UnixStream::connect(path).is_ok() {
            return Err(format!("another collector answers at {}", path.display()));
        }
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => {
                fs::remove_file(path).map_err(failed)?;
            }
            Ok(_) => return Err(format!("control: {} is there and is no socket", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        if path.as_os_str().len() > PATH_MAX {
            let path = path.display();
            return Err(format!(
                "control: {path} is too long: a socket's path has {PATH_MAX} bytes at most"
            ));
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(MODE)).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let desk =
            Desk { board, reload, alarms, being_answered: Arc::default(), stop: Arc::clone(&stop) };
        let thread = thread::Builder::new().name("lw-control".into());
        let thread = thread.spawn(move || desk.run(&listener)).map_err(failed)?;
        Ok(Control { path: path.to_owned(), stop, thread: Some(thread) })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // It wakes up to see that it is to stop.
        let woken = UnixStream::connect(&self.path).is_ok();
        let _ = fs::remove_file(&self.path);
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

/// What questions are answered from.
#[derive(Clone)]
struct Desk {
    board: Board,
    reload: Asker,
    alarms: Alarms,
    /// One for each question that is being answered.
    being_answered: Arc<()>,
    stop: Arc<AtomicBool>,
}

impl Desk {
    fn run(self, listener: &UnixListener) {
        for stream in listener.incoming() {
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            match stream {
                Ok(stream) => self.attend(stream),
                // No file descriptor is free: not for ever.
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Answers on a thread of its own, so that nobody has to wait for somebody slow.
    fn attend(&self, mut stream: UnixStream) {
        if stream.set_write_timeout(Some(PATIENCE)).is_err() {
            return;
        }
        if Arc::strong_count(&self.being_answered) > ANSWERED_MAX {
            let _ = say_error(&mut stream, "too many questions at once: ask again later");
            return;
        }
        let desk = self.clone();
        let thread = thread::Builder::new().name("lw-answer".into());
        // Without a thread the caller sees the end of an empty answer.
        let _ = thread.spawn(move || desk.answer(stream));
    }

    /// Answers one question. Who does not take in the answer does not get it.
    fn answer(&self, mut stream: UnixStream) {
        let _ = match read_request(&stream) {
            Ok(Request::Status) => say(&mut stream, &*self.board.read()),
            Ok(Request::Reload) => match self.reload.ask() {
                Ok(reloaded) => say(&mut stream, &reloaded),
                Err(error) => say_error(&mut stream, &error),
            },
            Ok(Request::Tail { filter, lines, follow }) => {
                tail::answer(&mut stream, &self.alarms.live, &filter, lines, follow, &self.stop)
            }
            Ok(Request::Alarms) => {
                let alarms = self.alarms.latches.read();
                alarms.iter().try_for_each(|alarm| say(&mut stream, alarm))
            }
            Ok(Request::ClearAlarm { name }) => match self.alarms.latches.clear(&name) {
                Ok(()) => say(&mut stream, &serde_json::json!({ "cleared": name })),
                Err(error) => say_error(&mut stream, &error),
            },
            Err(error) => say_error(&mut stream, &error),
        };
    }
}

fn read_request(stream: &UnixStream) -> Result<Request, String> {
    let mut line = String::new();
    let not_read = |error| format!("the question is not read: {error}");
    let timed = Timed::new(stream.try_clone().map_err(not_read)?, PATIENCE);
    BufReader::new(timed.take(REQUEST_MAX)).read_line(&mut line).map_err(not_read)?;
    serde_json::from_str(&line).map_err(|error| format!("the question is not understood: {error}"))
}

pub(super) fn say(stream: &mut UnixStream, value: &impl serde::Serialize) -> io::Result<()> {
    let line = serde_json::to_string(value)?;
    stream.write_all(format!("{line}\n").as_bytes())
}

pub(super) fn say_error(stream: &mut UnixStream, error: &str) -> io::Result<()> {
    say(stream, &serde_json::json!({ "error": error }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{
        alarm::{Acting, AlarmConfig},
        control::ask,
        reload,
        status::Status,
    };

    #[test]
    fn a_question_is_answered_and_a_wrong_one_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        assert!(ask(&path, &Request::Status).unwrap_err().contains("no collector answers"));
        let board = Board::default();
        board.post(Status { description: "a test".into(), ..Status::default() });
        let acting = Acting::start(&AlarmConfig::default(), board.clone()).unwrap();
        let start =
            || Control::start(&path, board.clone(), reload::connect().0, acting.alarms().clone());
        let control = start().unwrap();
        assert!(start().unwrap_err().contains("another collector"));
        let answers: Vec<_> = ask(&path, &Request::Status).unwrap().collect();
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].as_ref().unwrap()["description"], "a test");
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"{\"ask\":\"statsu\"}\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("not understood"), "{answer}");
        // As a collector leaves it that was killed.
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        drop(control);
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        drop(start().unwrap());
        fs::write(&path, "somebody's").unwrap();
        assert!(start().unwrap_err().ends_with("is there and is no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's");
    }
}
