//! Where a message ends, in a datagram that may hold several.
//!
//! A datagram normally holds one message. Another one begins
//!
//! * after a NUL;
//! * after a line end. Only in a log with a Huawei tag (`%%01`) is a line end white space, because the
//!   firewall's own documentation prints them wrapped, unless a priority (`<190>`) follows it or the
//!   full stop that ends every session log precedes it;
//! * directly at a priority after such a full stop of a log with a Huawei tag, or after the bracket
//!   that ends a CGNAT log.
//!
//! Users choose what they ask for and what they are called. So a tag counts only where a header has
//! one, and a bare priority begins no message behind `Page=`, `Host=`, a user's name, `|` or `"`, nor
//! in an instant messenger's log: otherwise a request for `/x.<190>…` would forge one.

use super::{cgn, im};
use memchr::{memchr_iter, memchr2, memchr3, memchr3_iter, memmem};

/// A header with its tag is no longer than this.
const HEADER_LEN_MAX: usize = 160;
/// A CGNAT log's bracket begins within this.
const CGNAT_HEADER_LEN_MAX: usize = 512;

/// The first message, trimmed, and what follows it.
pub fn next(payload: &[u8]) -> (&[u8], &[u8]) {
    let mut stop = FullStop::default();
    let mut content = Content::default();
    for at in memchr3_iter(b'\n', b'\0', b'<', payload) {
        let (before, after) = payload.split_at_checked(at).unwrap_or((payload, &[]));
        let stopped = stop.at_end_of(before);
        let boundary = match after {
            [b'\0', ..] => true,
            [b'\n', next @ ..] => {
                starts_with_priority(next) || stopped || !content.may_wrap(before)
            }
            _ => {
                starts_with_priority(after)
                    && (stopped && content.may_wrap(before)
                        || before.ends_with(b"]") && content.is_bracketed_cgnat(before))
                    && !content.is_chosen(before)
            }
        };
        if boundary {
            let separator = usize::from(!after.starts_with(b"<"));
            return (trim(before), trim_start(after.get(separator..).unwrap_or_default()));
        }
    }
    (trim(payload), &[])
}

/// What was found in a message so far. What is looked for in all of it is looked for again only where
/// not finding it ends the message, so that a datagram costs no more than its length.
#[derive(Default)]
struct Content {
    tag: bool,
    cgnat: Option<bool>,
    chosen: bool,
}

impl Content {
    /// Whether a line end may be white space.
    fn may_wrap(&mut self, message: &[u8]) -> bool {
        self.tag = self.tag || has_huawei_tag(message);
        self.tag
    }

    /// Whether it is a CGNAT log with brackets. The first place where it matters tells.
    fn is_bracketed_cgnat(&mut self, message: &[u8]) -> bool {
        *self.cgnat.get_or_insert_with(|| {
            let header = message.get(..message.len().min(CGNAT_HEADER_LEN_MAX));
            header.is_some_and(cgn::is_bracketed)
        })
    }

    /// Whether a value may have begun that a user chose.
    fn is_chosen(&mut self, message: &[u8]) -> bool {
        const KEYS: [&[u8]; 4] = [b"Page=", b"Host=", b"UserName=", b"user-name="];
        self.chosen = self.chosen
            || memchr2(b'|', b'"', message).is_some()
            || im::is_mentioned(message)
            || KEYS.iter().any(|key| memmem::find(message, key).is_some());
        self.chosen
    }
}

/// Whether a tag of Huawei's VRP stands in its header: `%%01…`, or `%%:` where the device leaves it
/// out. H3C's are `%%10…`. What stands behind a `|`, `=` or `"` is a value.
pub fn has_huawei_tag(message: &[u8]) -> bool {
    let header = message.get(..message.len().min(HEADER_LEN_MAX)).unwrap_or_default();
    let end = memchr3(b'|', b'=', b'"', header).unwrap_or(header.len());
    let header = header.get(..end).unwrap_or_default();
    // Each `%` may be its first: a host may be called `FW%`.
    memchr_iter(b'%', header).any(|at| {
        let tag = header.get(at..).and_then(|tag| tag.strip_prefix(b"%%")).unwrap_or_default();
        matches!(tag.trim_ascii_start(), [b'0' | b':', ..])
    })
}

/// Whether a priority stands here: `<`, one to three digits, `>`.
pub fn starts_with_priority(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [b'<', b'0'..=b'9', b'>', ..]
            | [b'<', b'0'..=b'9', b'0'..=b'9', b'>', ..]
            | [b'<', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'>', ..]
    )
}

/// Whether a text that grows ends with a full stop, padding aside. Each byte is looked at once: a
/// datagram of line ends must not cost the square of its length.
#[derive(Default)]
struct FullStop {
    seen: usize,
    stopped: bool,
}

impl FullStop {
    fn at_end_of(&mut self, text: &[u8]) -> bool {
        let added = text.get(self.seen..).unwrap_or_default();
        if let Some(last) = added.iter().rfind(|byte| !is_padding(**byte)) {
            self.stopped = *last == b'.';
        }
        self.seen = text.len();
        self.stopped
    }
}

fn is_padding(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_padding(*byte)).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

/// A message without the padding behind it.
pub fn trim(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !is_padding(*byte)).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(mut payload: &[u8]) -> Vec<&[u8]> {
        let mut messages = Vec::new();
        loop {
            let (message, rest) = next(payload);
            messages.push(message);
            if rest.is_empty() {
                return messages;
            }
            payload = rest;
        }
    }

    #[test]
    fn one_message_is_one_whatever_ends_it() {
        for payload in [b"<190>a b.".as_slice(), b"<190>a b.\n", b"<190>a b.\r\n\0", b"<190>a b."] {
            assert_eq!(messages(payload), [b"<190>a b."]);
        }
    }

    #[test]
    fn a_wrapped_line_is_one_message() {
        for message in ["<190>%%:a,\nb=1.", "<190>FW%%%01a,\nb=1.", "<190>% %% %%\t01a,\nb=1."] {
            assert_eq!(messages(format!("{message}\n").as_bytes()), [message.as_bytes()]);
        }
    }

    #[test]
    fn elsewhere_a_line_is_a_message() {
        assert_eq!(
            messages(b"<134>a: 0 TCP(6) Drop\nb: 0"),
            [&b"<134>a: 0 TCP(6) Drop"[..], b"b: 0"]
        );
        assert_eq!(
            messages(b"<134>1 NAT444:A [1]<134>1 b"),
            [&b"<134>1 NAT444:A [1]"[..], b"<134>1 b"]
        );
        let forged: &[u8] = b"<134>1 h NAT444:SessionA 1|2|http://h.example/].<134>1 b";
        assert_eq!(messages(forged), [forged]);
    }

    #[test]
    fn several_messages_are_told_apart() {
        let expected: [&[u8]; 3] = [b"<190>%%01a.", b"<190>b", b"<9>c"];
        assert_eq!(messages(b"<190>%%01a.<190>b\n<9>c"), expected);
        assert_eq!(messages(b"<190>%%01a.\0<190>b\0<9>c\0"), expected);
        assert_eq!(messages(b"a.\nb."), [b"a.", b"b."]);
    }

    #[test]
    fn what_a_user_chose_forges_no_message() {
        for forged in [
            "<190>FW %%01SECLOG/6/SESSION_URL(l):Page=/x.<190>FW,Host=h.example.",
            "<190>FW %%01SECLOG/6/SESSION_URL(l):Host=h.<190>FW %%01.",
            "<190>FW %%01SECLOG/6/SESSION_BUILT(l):UserName=bob.<190>FW %%01.",
            "<190>FW %%01SECLOG/6/IM_USER_ONLINE(l):NickName=bob.<190>FW %%01.",
            "<190>FW %%01POLICY/6/POLICYPERMIT(l):user-name=bob.<190>FW %%01.",
            "<134>1 h NAT444:SessionA 1|2|http://h/%%01.<134>1 h NAT444:UserbasedA [6 10.0.0.1]",
            "<134>1 h NAT444:A [1 2] http://h/|].<134>1 b",
            r#"<134>date=2020 url="h/x.<190>FW %%01SECLOG/6/SESSION_BUILT(l):Protocol=tcp.""#,
            r#"<134>nginx: "GET /x].<134>b" 200"#,
            "<134>user bob.<190>FW %%01",
            "<134>user bob]<190>FW %%01",
        ] {
            assert_eq!(messages(forged.as_bytes()), [forged.as_bytes()], "{forged}");
        }
    }

    #[test]
    fn a_tag_in_a_value_joins_no_lines() {
        for line in [r#"<134>nginx: "GET /%%01""#, "<134>url=/%%01", "<134>1|/%%01"] {
            let payload = [line, "Default: 0 TCP(6) Drop"].join("\n");
            assert_eq!(messages(payload.as_bytes()).len(), 2, "{line}");
        }
        let long = format!("<134>{}%%01\nb", "a ".repeat(80));
        assert_eq!(messages(long.as_bytes()).len(), 2);
    }

    #[test]
    fn an_angle_bracket_in_a_value_ends_nothing() {
        assert_eq!(messages(b"<190>UserName=a<1>b,c=1.5<x>"), [b"<190>UserName=a<1>b,c=1.5<x>"]);
    }
}
