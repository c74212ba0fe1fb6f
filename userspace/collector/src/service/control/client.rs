//! Who asks.

use super::Request;
use std::{
    io::{BufRead, BufReader, Lines, Write},
    os::unix::net::UnixStream,
    path::Path,
};

/// The lines of an answer.
#[derive(Debug)]
pub struct Answers(Lines<BufReader<UnixStream>>);

/// Asks the collector that listens here.
///
/// # Errors
/// One sentence: nobody is there, or may be asked.
pub fn ask(socket: &Path, request: &Request) -> Result<Answers, String> {
    let failed = |error| format!("no collector answers at {}: {error}", socket.display());
    let mut stream = UnixStream::connect(socket).map_err(failed)?;
    let line = serde_json::to_string(request).unwrap_or_default();
    stream.write_all(format!("{line}\n").as_bytes()).map_err(failed)?;
    Ok(Answers(BufReader::new(stream).lines()))
}

impl Iterator for Answers {
    type Item = Result<serde_json::Value, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = match self.0.next()? {
            Ok(line) => line,
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
