//! Syslog messages to a server: RFC 5424 by UDP (RFC 5426).

use logweir_decode::nearest::meant_of;
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

/// The facilities that are for a site's own use, from 16 on.
const FACILITIES: [&str; 8] =
    ["local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];

/// The severities, from 0 on.
const SEVERITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];

/// Longest message: a server need not take more (RFC 5424 §6.1).
const MESSAGE_BYTES_MAX: usize = 2_048;

/// Facility and severity of a message: eight times the one and the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority(u8);

impl Priority {
    /// From `local0` or `local0.warning`; without a severity it is `notice`.
    ///
    /// # Errors
    /// One sentence with the nearest right word.
    pub fn parse(text: &str) -> Result<Priority, String> {
        let (facility, severity) = text.split_once('.').unwrap_or((text, "notice"));
        let place = |what: &str, word: &str, words: &[&str]| {
            let place = words.iter().zip(0..).find(|(known, _)| **known == word);
            place
                .map(|(_, place)| place)
                .ok_or_else(|| format!("unknown {what} '{word}'{}", meant_of(word, words)))
        };
        let facility: u8 = place("facility", facility, &FACILITIES)?;
        let severity: u8 = place("severity", severity, &SEVERITIES)?;
        Ok(Priority((16 + facility) * 8 + severity))
    }
}

/// A syslog server.
#[derive(Debug)]
pub struct Syslog {
    socket: UdpSocket,
    server: SocketAddr,
    host: String,
}

impl Syslog {
    /// Gets ready to send.
    ///
    /// # Errors
    /// One sentence that names the server.
    pub fn new(server: SocketAddr) -> Result<Syslog, String> {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let failed = |error: io::Error| format!("no syslog to {server}: {error}");
        let socket = UdpSocket::bind(any).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(Syslog { socket, server, host: super::host_name() })
    }

    /// Sends what a rule of this name has matched.
    ///
    /// # Errors
    /// What sending gives. Whether anybody receives it cannot be told.
    pub fn send(&self, priority: Priority, at: &str, rule: &str, json: &str) -> io::Result<()> {
        let message = message(priority, at, &self.host, rule, json);
        self.socket.send_to(message.as_bytes(), self.server).map(drop)
    }
}

/// A message of RFC 5424; the rule's name is its structured data.
fn message(Priority(priority): Priority, at: &str, host: &str, rule: &str, json: &str) -> String {
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let host = if host.is_empty() { "-" } else { &host };
    let rule = rule.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
    let process = std::process::id();
    let mut message = format!(
        "<{priority}>1 {at} {host} logweir {process} rule [rule@32473 name=\"{rule}\"] {json}"
    );
    while message.len() > MESSAGE_BYTES_MAX {
        message.pop();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_form_of_the_rfc_and_its_length() {
        let priority = Priority::parse("local3.warning").unwrap();
        let text = message(priority, "2026-03-01T12:00:00.000Z", "a b", "x]\"", "{\"a\":1}");
        let process = std::process::id();
        let expected = format!(
            "<156>1 2026-03-01T12:00:00.000Z ab logweir {process} rule \
             [rule@32473 name=\"x\\]\\\"\"] {{\"a\":1}}"
        );
        assert_eq!(text, expected);
        // A letter of two bytes is not cut in half.
        let long = message(priority, "-", "", "r", &"ä".repeat(4_000)).len();
        assert!((MESSAGE_BYTES_MAX - 1..=MESSAGE_BYTES_MAX).contains(&long), "{long}");
        assert_eq!(Priority::parse("local0"), Ok(Priority(133)));
        let error = Priority::parse("local0.warn").unwrap_err();
        let words = "unknown severity 'warn': did you mean 'warning'? (known: emergency, ";
        assert!(error.starts_with(words), "{error}");
        assert!(Priority::parse("lokal1").unwrap_err().contains("'local1'"));
    }
}
