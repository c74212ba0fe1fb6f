//! How a host is asked: files below /proc and /sys, and programs that somebody else wrote.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    process::{Command, Stdio},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

/// The text of a file without white space around it; `None` where it cannot be read.
pub fn text(path: impl AsRef<Path>) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The number that a file holds.
pub fn number<T: FromStr>(path: impl AsRef<Path>) -> Option<T> {
    text(path)?.parse().ok()
}

/// The names in a directory, sorted.
pub fn names(directory: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// What it printed.
    Told(String),
    /// It failed, with this complaint.
    Refused(String),
    /// It is not installed.
    Absent,
}

impl Said {
    /// What it printed, where it succeeded.
    pub fn told(&self) -> Option<&str> {
        match self {
            Self::Told(text) => Some(text),
            Self::Refused(_) | Self::Absent => None,
        }
    }
}

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where such programs are, also for those whose PATH has no sbin.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";

/// Runs a program that prints little.
pub fn program(name: &str, arguments: &[&str]) -> Said {
    let mut command = Command::new(name);
    command.args(arguments).env("PATH", PATH).env("LC_ALL", "C");
    match output(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped())) {
        Ok((true, told, _)) => Said::Told(told),
        Ok((false, told, complaint)) => {
            let said = if complaint.trim().is_empty() { told } else { complaint };
            Said::Refused(said.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Said::Absent,
        Err(error) => Said::Refused(error.to_string()),
    }
}

/// Whether it succeeded, and what it said to whom.
fn output(command: &mut Command) -> io::Result<(bool, String, String)> {
    let mut child = command.spawn()?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer"));
        }
        thread::sleep(Duration::from_millis(2));
    };
    let (mut told, mut complaint) = (String::new(), String::new());
    if let Some(stdout) = &mut child.stdout {
        stdout.read_to_string(&mut told)?;
    }
    if let Some(stderr) = &mut child.stderr {
        stderr.read_to_string(&mut complaint)?;
    }
    Ok((status.success(), told, complaint))
}

/// The numbers of a list as the kernel writes it, `0-3,8`.
pub fn list(text: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) {
            numbers.extend((first..=last).take(MAX_CPUS));
        }
    }
    numbers
}

/// No machine has more processors.
const MAX_CPUS: usize = 8_192;

/// Numbers as the kernel writes lists of them.
pub fn as_list(numbers: &[usize]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for run in numbers.chunk_by(|a, b| a + 1 == *b) {
        match run {
            [single] => parts.push(single.to_string()),
            [first, .., last] => parts.push(format!("{first}-{last}")),
            [] => {}
        }
    }
    parts.join(",")
}
