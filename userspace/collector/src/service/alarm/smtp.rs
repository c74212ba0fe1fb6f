//! Just enough of SMTP (RFC 5321) to hand a mail to a relay: no TLS and no log-in, as the relay of the
//! same network wants none.

use crate::service::timed::Timed;
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

/// How long one of a server's addresses may take to answer at all, and all of the mail then. Servers
/// let whom they do not know wait.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest line of a mail, without its end (RFC 5322 §2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// Longest answer of a server.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// A mail.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The sender's address.
    pub from: &'a str,
    /// The recipients' addresses.
    pub to: &'a [String],
    /// Its own name, `NAME@HOST`: relays distrust mail without one.
    pub id: &'a str,
    /// In ASCII.
    pub subject: &'a str,
    /// When it was written, as RFC 5322 has it.
    pub date: &'a str,
    /// Lines of text.
    pub lines: &'a [String],
}

/// Hands a mail to a server; `host` is this one's name. What it has answered about recipients that
/// it does not take: the others have the mail.
///
/// # Errors
/// Says what the server has answered, or why there is none.
pub fn send(server: (&str, u16), host: &str, letter: &Letter<'_>) -> Result<Vec<String>, String> {
    let failed = |error: io::Error| error.to_string();
    let mut session = Session::open(server).map_err(failed)?;
    session.expect("220", "the greeting")?;
    let can_8bit = session.command(&format!("EHLO {host}"), "250")?.contains("8BITMIME");
    let body = if can_8bit { " BODY=8BITMIME" } else { "" };
    session.command(&format!("MAIL FROM:<{}>{body}", letter.from), "250")?;
    let mut refused = Vec::new();
    for to in letter.to {
        let answer = session.command(&format!("RCPT TO:<{to}>"), "25");
        refused.extend(answer.err().map(|error| format!("{to}: {error}")));
    }
    if refused.len() == letter.to.len() {
        return Err(refused.join("; "));
    }
    session.command("DATA", "354")?;
    let mut text = letter.text(can_8bit);
    text += ".";
    session.command(&text, "250")?;
    // It has taken the mail: how it says good-bye does not matter.
    let _ = session.command("QUIT", "221");
    Ok(refused)
}

impl Letter<'_> {
    /// As it goes over the wire, but for the line that ends it.
    fn text(&self, can_8bit: bool) -> String {
        let Letter { from, to, id, subject, date, .. } = self;
        let (charset, encoding) = if can_8bit { ("utf-8", "8bit") } else { ("us-ascii", "7bit") };
        let mut text = format!(
            "From: <{from}>\r\nTo: <{}>\r\nSubject: {subject}\r\nDate: {date}\r\nMessage-ID: <{id}>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\
             Auto-Submitted: auto-generated\r\n\r\n",
            to.join(">, <")
        );
        for line in self.lines {
            push_line(&mut text, line, can_8bit);
        }
        text
    }
}

/// Adds a line, in pieces where it is too long.
fn push_line(text: &mut String, line: &str, can_8bit: bool) {
    let mut len = 0;
    for c in line.chars() {
        let piece = if c.is_ascii_control() || !(c.is_ascii() || can_8bit) {
            c.escape_default().to_string()
        } else {
            c.to_string()
        };
        if len + piece.len() > LINE_BYTES_MAX - 1 {
            *text += "\r\n";
            len = 0;
        }
        // A dot alone would end the mail (RFC 5321 §4.5.2).
        if len == 0 && piece == "." {
            text.push('.');
        }
        *text += &piece;
        len += piece.len();
    }
    *text += "\r\n";
}

struct Session(BufReader<Timed<TcpStream>>);

impl Session {
    fn open(server: (&str, u16)) -> io::Result<Session> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in server.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_PATIENCE) {
                Ok(stream) => return Ok(Session(BufReader::new(Timed::new(stream, PATIENCE)))),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Says something, and takes an answer whose code begins like this.
    fn command(&mut self, line: &str, code: &str) -> Result<String, String> {
        let what = line.split([':', ' ']).next().filter(|word| word.len() < 9);
        let said = self.0.get_mut().write_all(format!("{line}\r\n").as_bytes());
        said.map_err(|error| error.to_string())?;
        self.expect(code, what.unwrap_or("the mail"))
    }

    fn expect(&mut self, code: &str, to: &str) -> Result<String, String> {
        let mut answer = Vec::new();
        let mut lines = self.0.by_ref().take(ANSWER_BYTES_MAX);
        loop {
            let begin = answer.len();
            let read = lines.read_until(b'\n', &mut answer).map_err(|error| error.to_string())?;
            // In whatever character set it is.
            let line = String::from_utf8_lossy(answer.get(begin..).unwrap_or_default());
            if read == 0 {
                return Err(format!("the server hung up at {to}"));
            }
            // All lines but the last one have a hyphen behind the code.
            if line.as_bytes().get(3) != Some(&b'-') {
                return match line.starts_with(code) {
                    true => Ok(String::from_utf8_lossy(&answer).into_owned()),
                    false => Err(format!("the server's answer to {to}: {}", line.trim_end())),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, thread};

    /// A server that knows `a` alone, and what it was told.
    fn server() -> (u16, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let run = move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut told = Vec::new();
            stream.write_all(b"220 gr\xfc\xdfe\r\n").unwrap();
            for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
                let answer: &[u8] = match line.as_str() {
                    "DATA" => b"354 go on\r\n",
                    "QUIT" => b"221 bye\r\n",
                    "RCPT TO:<b@example.net>" => b"550 no such user\r\n",
                    _ if line.starts_with("EHLO") => b"250-here\r\n250 8BITMIME\r\n",
                    _ if told.contains(&"DATA".to_owned()) && line != "." => b"",
                    _ => b"250 well\r\n",
                };
                told.push(line);
                stream.write_all(answer).unwrap();
            }
            told
        };
        (port, thread::spawn(run))
    }

    #[test]
    fn one_who_is_not_known_does_not_keep_mail_from_the_others() {
        let lines = ["alarm".into()];
        let send = |to: &[String], port| {
            let letter = Letter {
                from: "l@example.net",
                to,
                subject: "s",
                date: "d",
                id: "i",
                lines: &lines,
            };
            send(("127.0.0.1", port), "h", &letter)
        };
        let (port, told) = server();
        let refused = send(&["b@example.net".into(), "a@example.net".into()], port).unwrap();
        assert!(refused[0].starts_with("b@example.net: ") && refused.len() == 1, "{refused:?}");
        assert!(told.join().unwrap().contains(&"alarm".to_owned()));
        let (port, told) = server();
        let error = send(&["b@example.net".into()], port).unwrap_err();
        assert!(error.ends_with("550 no such user"), "{error}");
        assert!(!told.join().unwrap().contains(&"DATA".to_owned()));
    }

    #[test]
    fn lines_keep_to_the_protocol() {
        let lines = ["a".repeat(2_000), ".".into(), "ä\r\n.\r\nQUIT".into()];
        let to = ["a@example.net".into(), "b@example.net".into()];
        let letter = Letter {
            from: "l@example.net",
            to: &to,
            id: "1@h",
            subject: "s",
            date: "d",
            lines: &lines,
        };
        for can_8bit in [true, false] {
            let text = letter.text(can_8bit);
            assert!(text.contains("To: <a@example.net>, <b@example.net>\r\n"), "{text}");
            assert!(text.lines().all(|line| line.len() <= LINE_BYTES_MAX && line != "."));
            assert!(text.contains("\r\n..\r\n"));
            assert_eq!(text.is_ascii(), !can_8bit);
            let a_umlaut = if can_8bit { "ä" } else { "\\u{e4}" };
            assert!(text.ends_with(&format!("{a_umlaut}\\r\\n.\\r\\nQUIT\r\n")), "{text}");
        }
    }
}
