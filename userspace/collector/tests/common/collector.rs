//! A collector: the real program, started, asked to stop, and what it left behind.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long a collector may take to say that it collects, or to end, before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// A running collector. It is killed when it is dropped.
pub struct Collector {
    pub child: Child,
    lines: mpsc::Receiver<String>,
    stderr: Option<thread::JoinHandle<String>>,
    balance: PathBuf,
    /// The line in which it says what it collects from, and how.
    pub description: String,
}

/// What a collector left behind.
pub struct Stopped {
    pub status: ExitStatus,
    pub balance: Value,
    /// What it printed after its description, and its complaints.
    pub printed: String,
}

impl Collector {
    /// Starts `command` with `--data` and `--balance` in `directory`, and waits until it collects.
    pub fn start(command: &mut Command, directory: &Path) -> Self {
        let balance = directory.join("balance.json");
        command.arg("--data").arg(directory.join("data")).arg("--balance").arg(&balance);
        let mut child = command
            .args(["--status-seconds", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut stderr = child.stderr.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).ok();
            text
        });
        let mut collector =
            Self { child, lines, stderr: Some(stderr), balance, description: String::new() };
        match collector.lines.recv_timeout(PATIENCE) {
            Ok(line) => collector.description = line,
            Err(error) => {
                collector.child.kill().ok();
                panic!("no collector: {error}: {}", collector.complaints());
            }
        }
        assert!(collector.description.starts_with("collecting: "), "{}", collector.description);
        collector
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(self) -> Stopped {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it runs");
        self.ended()
    }

    /// Waits until it has ended by itself.
    pub fn ended(mut self) -> Stopped {
        let status = self.wait();
        let mut printed: String = self.lines.iter().map(|line| line + "\n").collect();
        printed += &self.complaints();
        let balance = fs::read(&self.balance)
            .unwrap_or_else(|error| panic!("no balance: {error}; {status}: {printed}"));
        let balance = serde_json::from_slice(&balance).expect("the balance is JSON");
        Stopped { status, balance, printed }
    }

    fn wait(&mut self) -> ExitStatus {
        let pauses = PATIENCE.as_millis() / PAUSE.as_millis();
        for _ in 0..pauses {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            thread::sleep(PAUSE);
        }
        panic!("the collector does not end");
    }

    fn complaints(&mut self) -> String {
        let reader = self.stderr.take().expect("read once");
        reader.join().expect("the reader does not panic")
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Stopped {
    /// A number of the balance, by its JSON pointer.
    pub fn count(&self, pointer: &str) -> u64 {
        let value = self.balance.pointer(pointer).and_then(Value::as_u64);
        value.unwrap_or_else(|| panic!("no number at {pointer}: {}", self.printed))
    }
}
