//! The header of a USG syslog message, in all its variants (*Meanings of Log Fields*; the form of
//! the tag after VRP's log format).
//!
//! ```text
//! line   = ["<" PRI ">" [SP]] [relay] header content
//! header = time SP host SP tag       default timestamp local | utc
//!        | host SP tag               default timestamp none
//!        | host SP "%%: "            host-name
//!        | "%%: "                    none
//! tag    = "%%" 2DIGIT MODULE "/" SEVERITY "/" BRIEF "(" FLAG ")" ["[" COUNT "]"] ":"
//! relay  = "Mmm dd hh:mm:ss" SP host SP    before a VRP time, or a host and a tag
//! ```
//! With one name between `Mmm dd hh:mm:ss` and the tag the time is the device's own
//! (`info-center timestamp short-date`).
//! After `%%: ` a Default content brings its tag with it; an mtn content has none.

mod regular;

pub use regular::read as read_regular;

use super::time::{self, HeaderTime};
use crate::{context::UnixNanos, reason::Reason, session::Event};

/// A message's header, and the content that it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The device's time.
    pub time: Option<HeaderTime>,
    /// The device's name; empty where the header has none.
    pub host: &'a [u8],
    /// The module in its tag; empty where there is no tag.
    pub module: &'a [u8],
    /// What the log is called in its tag; empty where there is no tag.
    pub brief: &'a [u8],
    /// What follows the header.
    pub content: &'a [u8],
}

/// What kind of content a header announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `key=value` pairs of a session log.
    Default(Event),
    /// A sentence.
    Mtn,
    /// `key=value` pairs of a hit of a policy.
    Policy(Event),
}

impl Header<'_> {
    /// The kind of content; `None` for what is no session log.
    pub fn content_kind(&self) -> Option<Content> {
        let verb = [b"Built".as_slice(), b"Teardown"];
        let after_verb = verb.iter().find_map(|verb| self.content.strip_prefix(*verb));
        if after_verb.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_whitespace)) {
            return Some(Content::Mtn);
        }
        Some(Content::Default(match self.brief {
            b"SESSION_BUILT" => Event::Create,
            b"SESSION_TEARDOWN" => Event::End,
            b"SESSION_PERIODICALLY" => Event::Update,
            b"SESSION_URL" => Event::Flow,
            b"PACKET_DENY" => Event::Deny,
            b"POLICYPERMIT" if self.module == b"POLICY" => {
                return Some(Content::Policy(Event::Flow));
            }
            b"POLICYDENY" if self.module == b"POLICY" => {
                return Some(Content::Policy(Event::Deny));
            }
            _ => return None,
        }))
    }
}

/// Reads the header of a message that arrived at a time.
pub fn read(message: &[u8], received_at: UnixNanos) -> Result<Header<'_>, Reason> {
    let text = skip_spaces(skip_priority(message)?);
    let (time, host, text) = read_origin(text, received_at).ok_or(Reason::SyslogUnknown)?;
    let text = text.strip_prefix(b"%%:").map_or(text, skip_spaces);
    let tag = read_tag(text).unwrap_or(Tag { module: &[], brief: &[], content: text });
    let Tag { module, brief, content } = tag;
    Ok(Header { time, host, module, brief, content: skip_spaces(content) })
}

/// A tag, and what follows its colon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'a> {
    pub module: &'a [u8],
    pub brief: &'a [u8],
    pub content: &'a [u8],
}

/// Passes over `<PRI>`, which is optional.
pub(crate) fn skip_priority(message: &[u8]) -> Result<&[u8], Reason> {
    let (digits, text) = match message {
        [b'<', c, b'>', text @ ..] => ([b'0', b'0', *c], text),
        [b'<', b, c, b'>', text @ ..] => ([b'0', *b, *c], text),
        [b'<', a, b, c, b'>', text @ ..] => ([*a, *b, *c], text),
        [b'<', ..] => return Err(Reason::SyslogPriority),
        _ => return Ok(message),
    };
    let [a, b, c] = digits;
    let is_number = a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit();
    match is_number && digits <= *b"191" {
        true => Ok(text),
        false => Err(Reason::SyslogPriority),
    }
}

/// Reads time and host, up to the `%%` that every variant has.
fn read_origin(text: &[u8], received_at: UnixNanos) -> Option<(Option<HeaderTime>, &[u8], &[u8])> {
    if let Some((time, rest)) = time::read_vrp(text) {
        let (host, rest) = read_host(skip_spaces(rest))?;
        return Some((Some(time), host, rest));
    }
    if let Some((time, behind)) = time::read_rfc3164(text, received_at) {
        let (name, relayed) = split_once(skip_spaces(behind), b' ')?;
        let relayed = skip_spaces(relayed);
        if relayed.starts_with(b"%%") {
            // One name only: the device's own, and so is the time.
            return Some((Some(time), name, relayed));
        }
        let device = time::read_vrp(relayed);
        let (time, rest) = device.map_or((None, relayed), |(time, rest)| (Some(time), rest));
        let (host, rest) = read_host(skip_spaces(rest))?;
        return Some((time, host, rest));
    }
    let (host, rest) = read_host(text)?;
    Some((None, host, rest))
}

/// The host name, which may be missing, and the text from `%%` on.
fn read_host(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.starts_with(b"%%") {
        return Some((&[], text));
    }
    let end = text.iter().position(|byte| *byte == b' ')?;
    let (host, rest) = text.split_at_checked(end)?;
    let rest = skip_spaces(rest);
    rest.starts_with(b"%%").then_some((host, rest))
}

/// Reads the tag.
pub(super) fn read_tag(text: &[u8]) -> Option<Tag<'_>> {
    let rest = skip_spaces(text.strip_prefix(b"%%")?);
    let (digits, rest) = rest.split_at_checked(2)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (tag, content) = split_once(rest, b':')?;
    let (module, tag) = split_once(tag, b'/')?;
    let (_severity, tag) = split_once(tag, b'/')?;
    let (brief, _flag_and_count) = split_once(tag, b'(')?;
    Some(Tag { module: skip_spaces(module), brief, content })
}

pub(super) fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(separator, text)?;
    let (before, after) = text.split_at_checked(at)?;
    Some((before, after.get(1..)?))
}

pub(crate) fn skip_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    text.get(spaces..).unwrap_or_default()
}

/// Whether a name is a host's and cannot be taken for anything else: no time, no mark of another
/// format, no flag of summer time, which would be the time's.
fn is_plain_host(host: &[u8]) -> bool {
    host.iter().all(|byte| is_plain(*byte)) && !host.starts_with(b"DST")
}

/// Whether a host name may have a character without being taken for anything else.
fn is_plain(byte: u8) -> bool {
    const PLAIN: [bool; 256] = {
        let (mut plain, mut byte) = ([false; 256], 0u8);
        let mut bytes = plain.as_mut_slice();
        while let Some((entry, behind)) = bytes.split_first_mut() {
            *entry = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            (bytes, byte) = (behind, byte.wrapping_add(1));
        }
        plain
    };
    PLAIN.get(usize::from(byte)).is_some_and(|plain| *plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant() {
        let default = "%%01SECLOG/6/SESSION_BUILT(l):IPVer=4";
        for (line, host, has_time) in [
            (format!("<190>2016-01-08 10:21:48 FW {default}"), "FW", true),
            (format!("<190> 2016-01-08 10:21:48 FW {default}"), "FW", true),
            (format!("<190>FW {default}"), "FW", false),
            (format!("<190>FW %%: {default}"), "FW", false),
            (format!("<190>%%: {default}"), "", false),
            (format!("Sep 9 11:56:41 192.0.2.1 2020-09-09 10:05:11 FW {default}"), "FW", true),
            (format!("<190>Sep 19 11:56:41 192.0.2.1 FW {default}"), "FW", false),
            (format!("<190>Oct  5 2018 10:52:19.12+02:00 DST FW {default}"), "FW", true),
            ("<190>FW %%01SECLOG/6/SESSION_BUILT(l)[12]: IPVer=4".into(), "FW", false),
            ("<190>FW %% 01 SECLOG/6/SESSION_BUILT(l): IPVer=4".into(), "FW", false),
            (format!("<190>Sep 19 11:56:41 FW {default}"), "FW", true),
            (format!("<190>2016-01-08T10:21:48+08:00 FW {default}"), "FW", true),
        ] {
            let header = read(line.as_bytes(), 0).unwrap();
            assert_eq!(header.host, host.as_bytes(), "{line}");
            assert_eq!(header.time.is_some(), has_time, "{line}");
            assert_eq!(header.content_kind(), Some(Content::Default(Event::Create)), "{line}");
            assert_eq!(header.content, b"IPVer=4", "{line}");
        }
    }

    #[test]
    fn mtn_needs_no_tag() {
        for line in ["<190>%%: Built an udp", "<190>FW %%:  Built an udp"] {
            assert_eq!(read(line.as_bytes(), 0).unwrap().content_kind(), Some(Content::Mtn));
        }
    }

    #[test]
    fn what_is_no_header_has_a_reason() {
        for (line, reason) in [
            ("<192>FW %%: x", Reason::SyslogPriority),
            ("<>FW %%: x", Reason::SyslogPriority),
            ("<1", Reason::SyslogPriority),
            ("<190>kernel: hello", Reason::SyslogUnknown),
            ("", Reason::SyslogUnknown),
        ] {
            assert_eq!(read(line.as_bytes(), 0), Err(reason), "{line}");
        }
    }
}
