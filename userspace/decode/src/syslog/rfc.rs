//! The headers of ordinary syslog, RFC 5424 and RFC 3164, in front of a vendor's text.
//!
//! ```text
//! RFC 5424  <PRI>1 YYYY-MM-DDThh:mm:ss[.f]Z|±hh:mm HOST APP PROCID MSGID SD|- [BOM] text
//! RFC 3164  <PRI>Mmm dd hh:mm:ss [YYYY] HOST text   text most often begins with a tag and a colon
//! bare      <PRI>text
//! ```
//! The priority is optional, and a space may follow it. RFC 3164 leaves the year and the zone out:
//! the year is the one that brings the time nearest to that of arrival.

use super::{
    clock,
    header::{skip_priority, skip_spaces, split_once},
    heads::{Heads, Origin, Reader},
    time::{self, HeaderTime},
};
use crate::{context::UnixNanos, decoder::Datagram, reason::Reason};

/// A message's header, and the text that it leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RfcHeader<'a> {
    /// The sender's time.
    pub time: Option<HeaderTime>,
    /// The sender's name; empty where there is none.
    pub host: &'a [u8],
    /// RFC 5424: APP-NAME; empty where there is none.
    pub app: &'a [u8],
    /// RFC 5424: MSGID; empty where there is none.
    pub msg_id: &'a [u8],
    /// RFC 5424: STRUCTURED-DATA with its brackets; empty where there is none.
    pub structured: &'a [u8],
    /// What follows the header.
    pub text: &'a [u8],
    /// RFC 5424: all from APP-NAME on. Otherwise the text: what a vendor's own form begins with.
    pub body: &'a [u8],
}

/// Reads the header of a message that arrived at a time.
///
/// # Errors
/// [`Reason::SyslogPriority`] for a priority that is none. Any other header that cannot be read is
/// taken as text.
pub fn read(message: &[u8], received_at: UnixNanos) -> Result<RfcHeader<'_>, Reason> {
    let text = skip_spaces(skip_priority(message)?);
    let header = read_5424(text).or_else(|| read_3164(text, received_at));
    Ok(header.unwrap_or(RfcHeader { text, body: text, ..RfcHeader::default() }))
}

/// As [`read`]; what the exporter's last header said is not read again. Of RFC 5424's, which differ
/// in more than their time, none is kept.
#[inline(always)]
pub fn read_known<'a>(
    message: &'a [u8],
    datagram: &Datagram<'_>,
    heads: &mut Heads,
) -> Result<RfcHeader<'a>, Reason> {
    let Datagram { exporter, received_at, .. } = *datagram;
    let known = heads.recall(Reader::Rfc3164, (exporter, received_at), message);
    if let Some((Origin { time, names: [host, ..] }, text)) = known
        && text.first().is_some_and(|next| !next.is_ascii_whitespace())
    {
        return Ok(RfcHeader { time, host, text, body: text, ..RfcHeader::default() });
    }
    let header = read(message, received_at)?;
    let RfcHeader { time, host, text, .. } = header;
    // A tag in the host's place belongs to the text.
    if time.is_some() && !host.is_empty() && header.body.len() == text.len() {
        let origin = Origin { time, names: [host, &[], &[]] };
        heads.keep(Reader::Rfc3164, exporter, (message, text), &origin);
    }
    Ok(header)
}

fn read_5424(text: &[u8]) -> Option<RfcHeader<'_>> {
    let rest = text.strip_prefix(b"1 ")?;
    let (time, rest) = match rest.strip_prefix(b"- ") {
        Some(rest) => (None, rest),
        None => {
            let (time, rest) = time::read_rfc3339(rest)?;
            (Some(time), rest.strip_prefix(b" ")?)
        }
    };
    let (host, body) = word(rest)?;
    let (app, rest) = word(body)?;
    let (_procid, rest) = word(rest)?;
    let (msg_id, rest) = word(rest)?;
    let (structured, rest) = structured_data(rest)?;
    let text = skip_spaces(rest);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    Some(RfcHeader { time, host, app, msg_id, structured, text, body })
}

fn read_3164(text: &[u8], received_at: UnixNanos) -> Option<RfcHeader<'_>> {
    let usual = clock::read_rfc3164(text, received_at);
    let (time, rest) = usual.or_else(|| time::read_rfc3164(text, received_at))?;
    let (host, text) = word(skip_spaces(rest))?;
    // A tag in the host's place belongs to the text.
    let (host, text) =
        if host.ends_with(b":") { ([].as_slice(), skip_spaces(rest)) } else { (host, text) };
    let text = skip_spaces(text);
    Some(RfcHeader { time: Some(time), host, text, body: text, ..RfcHeader::default() })
}

/// A word and what follows the space behind it; the nil value `-` is empty.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = split_once(text, b' ')?;
    Some((if word == b"-" { &[] } else { word }, rest))
}

/// `-`, or groups in brackets, in whose quoted values `\` takes its meaning from what follows.
fn structured_data(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some((&[], rest));
    }
    if !text.starts_with(b"[") {
        return None;
    }
    let (mut quoted, mut escaped, mut open) = (false, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' if !quoted && !open => open = true,
            b']' if !quoted => open = false,
            _ if !open => return text.split_at_checked(at),
            _ => {}
        }
    }
    if open { None } else { Some((text, &[])) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-02T00:00:00Z.
    const ARRIVAL: UnixNanos = 1_767_312_000_000_000_000;

    #[test]
    fn rfc_5424() {
        let line = br#"<134>1 2018-11-12T11:25:30.252715Z fw NAT 5901 SADD [n A="]\"" B="x"][m] t"#;
        let header = read(line, ARRIVAL).unwrap();
        let time = HeaderTime { unix_nanos: 1_542_021_930_252_715_000, has_zone: true };
        assert_eq!(header.time, Some(time));
        assert_eq!((header.host, header.app), (b"fw".as_slice(), b"NAT".as_slice()));
        assert_eq!(header.msg_id, b"SADD");
        assert_eq!(header.structured, br#"[n A="]\"" B="x"][m]"#);
        assert_eq!(header.text, b"t");
        assert_eq!(header.body, br#"NAT 5901 SADD [n A="]\"" B="x"][m] t"#);
        let header = read(b"<134>1 - - - - - - \xef\xbb\xbfhello", ARRIVAL).unwrap();
        let body = b"- - - - \xef\xbb\xbfhello";
        assert_eq!(header, RfcHeader { text: b"hello", body, ..RfcHeader::default() });
    }

    #[test]
    fn rfc_3164_takes_the_nearest_year() {
        let header = read(b"<14>Dec 31 23:59:59 fw RT_NAT: text", ARRIVAL).unwrap();
        let time = HeaderTime { unix_nanos: 1_767_225_599_000_000_000, has_zone: false };
        assert_eq!(header.time, Some(time));
        assert_eq!((header.host, header.text), (b"fw".as_slice(), b"RT_NAT: text".as_slice()));
        let header = read(b"<14>Jan  2 00:00:00 tag: text", ARRIVAL).unwrap();
        assert_eq!((header.host, header.text), (b"".as_slice(), b"tag: text".as_slice()));
    }

    #[test]
    fn rfc_3164_times_are_not_of_the_future() {
        // The time of arrival in seconds, what the header says, and seconds.
        for (arrival, date, expected) in [
            (1_767_312_000, "Dec 31 23:59:59", 1_767_225_599),
            (1_767_182_400, "Jan  1 00:00:00", 1_767_225_600),
            (1_767_182_400, "Jan  3 00:00:00", 1_735_862_400),
            (1_767_312_000, "Aug  1 00:00:00", 1_754_006_400),
            (1_767_312_000, "Feb 29 00:00:00", 1_709_164_800),
        ] {
            let line = format!("<14>{date} fw t");
            let header = read(line.as_bytes(), arrival * 1_000_000_000).unwrap();
            let seconds = header.time.unwrap().unix_nanos / 1_000_000_000;
            assert_eq!(seconds, expected, "{date}");
        }
    }

    #[test]
    fn rfc_3164_with_a_year() {
        let header = read(b"<6> Dec 01 16:15:43 2019 fw %%10session: text", ARRIVAL).unwrap();
        let time = HeaderTime { unix_nanos: 1_575_216_943_000_000_000, has_zone: false };
        assert_eq!(header.time, Some(time));
        assert_eq!((header.host, header.text), (b"fw".as_slice(), b"%%10session: text".as_slice()));
    }

    #[test]
    fn what_has_no_header_is_text() {
        for line in ["<14>hello", "hello", "<14> hello", "<14>1 hello"] {
            let header = read(line.as_bytes(), ARRIVAL).unwrap();
            assert!(header.text.ends_with(b"hello") && header.time.is_none(), "{line}");
        }
        assert_eq!(read(b"<999>hello", ARRIVAL), Err(Reason::SyslogPriority));
    }
}
