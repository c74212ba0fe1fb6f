//! Commands and answers (RFC 5321 §4.1, §4.2).

use super::tls;
use std::io::{BufRead as _, BufReader, Read, Write};

/// Longest answer of a server.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// A connection to a server.
pub(super) struct Session<S>(BufReader<S>);

/// What a server has answered to EHLO: its extensions, a line each.
pub(super) struct Offers(String);

impl Offers {
    /// What stands behind an extension's keyword; `None` where the server does not have it.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        // The first line is the server's name.
        self.0.lines().skip(1).find_map(|line| {
            let line = line.get(4..)?;
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            name.eq_ignore_ascii_case(keyword).then_some(rest)
        })
    }
}

impl<S: Read + Write> Session<S> {
    /// With a server that has been greeted already.
    pub fn new(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    /// With a server that speaks first.
    pub fn greeted(stream: S) -> Result<Self, String> {
        let mut session = Self::new(stream);
        session.expect("220", "the greeting")?;
        Ok(session)
    }

    /// Tells this host's name, and hears what the server has to offer.
    pub fn hello(&mut self, host: &str) -> Result<Offers, String> {
        self.command(&format!("EHLO {host}"), "250").map(Offers)
    }

    /// Has the server wait for TLS; the stream on which it is to begin.
    pub fn starttls(mut self, host: &str) -> Result<S, String> {
        if self.hello(host)?.get("STARTTLS").is_none() {
            return Err(
                "it does not offer STARTTLS: nothing is sent in the clear unless tls is \"none\""
                    .into(),
            );
        }
        self.command("STARTTLS", "220")?;
        // Whoever sits between could have said it, and it would be taken for the server's word.
        if self.0.buffer().is_empty() {
            Ok(self.0.into_inner())
        } else {
            Err("it says more than it may before TLS begins".into())
        }
    }

    /// Says a command, and takes an answer whose code begins like this.
    pub fn command(&mut self, line: &str, code: &str) -> Result<String, String> {
        let word = line.split([':', ' ']).next().unwrap_or_default();
        self.say(line, code, word)
    }

    /// The same of anything; `what` stands for it in an error.
    pub fn say(&mut self, line: &str, code: &str, what: &str) -> Result<String, String> {
        let stream = self.0.get_mut();
        let said = stream.write_all(format!("{line}\r\n").as_bytes());
        said.and_then(|()| stream.flush()).map_err(|error| tls::sentence(&error))?;
        self.expect(code, what)
    }

    fn expect(&mut self, code: &str, to: &str) -> Result<String, String> {
        let mut answer = Vec::new();
        let mut lines = self.0.by_ref().take(ANSWER_BYTES_MAX);
        loop {
            let begin = answer.len();
            let read = lines.read_until(b'\n', &mut answer);
            let read = read.map_err(|error| tls::sentence(&error))?;
            // In whatever character set it is.
            let line = String::from_utf8_lossy(answer.get(begin..).unwrap_or_default());
            if read == 0 {
                return Err(format!("it hung up at {to}"));
            }
            // All lines but the last one have a hyphen behind the code.
            if line.as_bytes().get(3) != Some(&b'-') {
                return match line.starts_with(code) {
                    true => Ok(String::from_utf8_lossy(&answer).into_owned()),
                    false => Err(format!("its answer to {to}: {}", line.trim_end())),
                };
            }
        }
    }
}
