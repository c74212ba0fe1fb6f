//! Who asks.

use super::Request;
use std::{
    io::{self, BufRead, BufReader, Lines, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// How long the collector may take to answer: it gives a reload 30 seconds itself.
const PATIENCE: Duration = Duration::from_secs(40);

/// The lines of an answer.
#[derive(Debug)]
pub struct Answers(Lines<BufReader<UnixStream>>);

/// Asks the collector that listens here.
///
/// # Errors
/// One sentence: nobody is there, or may be asked.
pub fn ask(socket: &Path, request: &Request) -> Result<Answers, String> {
    let failed = |error: io::Error| {
        let socket = socket.display();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                format!("no collector answers at {socket}: {error}")
            }
            io::ErrorKind::PermissionDenied => format!(
                "the collector at {socket} may be asked by root, its user and its group: {error}"
            ),
            _ => format!("cannot ask the collector at {socket}: {error}"),
        }
    };
    let mut stream = UnixStream::connect(socket).map_err(failed)?;
    // Records may be long in coming; any other answer is not.
    let follows = matches!(request, Request::Tail { follow: true, .. });
    stream.set_read_timeout((!follows).then_some(PATIENCE)).map_err(failed)?;
    let line = serde_json::to_string(request).unwrap_or_default();
    stream.write_all(format!("{line}\n").as_bytes()).map_err(failed)?;
    Ok(Answers(BufReader::new(stream).lines()))
}

impl Iterator for Answers {
    type Item = Result<serde_json::Value, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = match self.0.next()? {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let seconds = PATIENCE.as_secs();
                return Some(Err(format!("the collector has not answered for {seconds} seconds")));
            }
            Err(error) => return Some(Err(format!("the collector does not answer: {error}"))),
        };
        let value: serde_json::Value = match serde_json::from_str(&line) {
            Ok(value) => value,
            Err(error) => return Some(Err(format!("the collector's answer is no JSON: {error}"))),
        };
        match value.get("error").and_then(|error| error.as_str()) {
            Some(error) => Some(Err(error.to_owned())),
            None => Some(Ok(value)),
        }
    }
}
