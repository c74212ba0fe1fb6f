//! A mail as text (RFC 5322).

/// Longest line of a mail, without its end (RFC 5322 §2.1.1).
const LINE_BYTES_MAX: usize = 998;

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

impl Letter<'_> {
    /// As it goes over the wire, but for the line that ends it.
    pub(super) fn text(&self, can_8bit: bool) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
