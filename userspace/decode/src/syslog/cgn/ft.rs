//! France Telecom's CGNAT log (Huawei's `type3` and `type6`): a sentence and quoted pairs.
//!
//! ```text
//! header "%%01SEC/6/" action "(" flag "):" sentence "." 1*( key "='" value "'" )
//! type3  privateip publicip publicportrange='first~last' time='YYYY-MM-DD hh:mm:ss'
//! type6  sequence='0x…' sessionid='0x…' privateip srcvrfid publicip publicportrange time
//! ```
//! The header is RFC 5424's, whose MSGID names the scene (`NAT444userbased`), or one of VRP's own.
//! The documented action is `BIND` with the sentence `An initial portrange is assigned, in nat444
//! scene`; what a release and a keep-alive say is inferred from their words, and `BIND` with the words of
//! a release is neither. An empty value is none. `time` is read as
//! UTC, as the device prints it unless it is told `local-timezone`.

use super::contains;
use crate::{
    batch::Batch,
    context::{EventTime, Flags, Format},
    extra::add_text,
    port_block::{PortBlock, PortBlockEvent},
    reason::Reason,
    syslog::{
        Message, context,
        header::{self, Tag, skip_spaces, split_once},
        rfc, scan,
        time::{self, HeaderTime},
        zone::Zones,
    },
    text::{Text, TextArena},
};
use memchr::memmem;

/// A message of this form, its header read.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    time: Option<HeaderTime>,
    host: &'a [u8],
    app: &'a [u8],
    scene: &'a [u8],
    action: &'a [u8],
    content: &'a [u8],
}

/// The message, if its first tag is one of `SEC` and it has a range of ports.
pub fn find<'a>(message: &Message<'a>) -> Option<Log<'a>> {
    let tag = first_tag(message.text)?;
    if tag.module != b"SEC" || memmem::find(tag.content, b"publicportrange='").is_none() {
        return None;
    }
    let Tag { brief: action, content, .. } = tag;
    let header = rfc::read(message.text, message.datagram.received_at).ok()?;
    if header.text.starts_with(b"%%") {
        let rfc::RfcHeader { time, host, app, msg_id: scene, .. } = header;
        return Some(Log { time, host, app, scene, action, content });
    }
    let header::Header { time, host, .. } =
        header::read(message.text, message.datagram.received_at).ok()?;
    Some(Log { time, host, app: &[], scene: &[], action, content })
}

fn first_tag(text: &[u8]) -> Option<Tag<'_>> {
    let at = memchr::memchr_iter(b'%', text)
        .find(|at| text.get(at + 1).is_some_and(|next| *next == b'%'))?;
    let text = text.get(at..)?;
    header::read_tag(text.strip_prefix(b"%%:").map_or(text, skip_spaces))
}

/// Decodes a message into one record.
pub fn decode(
    log: &Log<'_>,
    message: &Message<'_>,
    zones: &Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let first_pair = Pairs(log.content).start().unwrap_or(log.content.len());
    let (sentence, pairs) = log.content.split_at_checked(first_pair).unwrap_or_default();
    let sentence = sentence.trim_ascii();
    let sentence = sentence.strip_suffix(b".").unwrap_or(sentence);
    let mut block = PortBlock::default();
    let mut own_time = None;
    for pair in Pairs(pairs) {
        let (key, value) = pair?;
        match key {
            _ if value.is_empty() => {}
            b"time" => own_time = Some(read_time(value)?),
            _ => set(&mut block, key, value)?,
        }
    }
    if block.private_addr.is_none() && block.public_addr.is_none() {
        return Err(Reason::CgnFields);
    }
    let mut context = context(Format::CgnFt, log.host, message, batch);
    if let Some(unix_nanos) = own_time {
        context.event_time = EventTime::Own(unix_nanos);
    } else if let Some(time) = log.time {
        let (unix_nanos, flags) = zones.resolve(time, context.exporter, message.exporter);
        context.event_time = EventTime::Header(unix_nanos);
        context.flags = context.flags.with(flags);
    }
    let (event, documented) = event(log.action, sentence);
    if !documented {
        context.flags = context.flags.with(Flags::READING_INFERRED);
    }
    block.event = event;
    block.scene = batch.text.push(scene(log.scene, sentence)).unwrap_or_default();
    let unusual = if documented { &[] } else { sentence };
    block.extra = extra(log, unusual, pairs, &mut batch.text);
    batch.port_block.push(&context, block);
    Ok(())
}

/// What happened, and whether the words are those that are documented.
fn event(action: &[u8], sentence: &[u8]) -> (PortBlockEvent, bool) {
    const RELEASED: [&[u8]; 9] = [
        b"released",
        b"release",
        b"freed",
        b"withdrawn",
        b"withdraw",
        b"reclaimed",
        b"recycled",
        b"unassigned",
        b"unbound",
    ];
    let words = || sentence.split(|byte| !byte.is_ascii_alphanumeric());
    let says = |word: &[u8]| words().any(|said| said.eq_ignore_ascii_case(word));
    let acts = |word: &[u8]| contains(action, word);
    if acts(b"UNBIND") || acts(b"FREE") || acts(b"RELEASE") {
        (PortBlockEvent::Release, false)
    } else if RELEASED.iter().any(|word| says(word)) {
        let disagrees = action == b"BIND";
        (if disagrees { PortBlockEvent::Unknown } else { PortBlockEvent::Release }, false)
    } else if acts(b"ALIVE") || contains(sentence, b"alive") {
        (PortBlockEvent::Keepalive, false)
    } else if action == b"BIND" || says(b"assigned") {
        let documented = action == b"BIND" && says(b"initial") && says(b"assigned");
        (PortBlockEvent::Allocate, documented)
    } else {
        (PortBlockEvent::Unknown, false)
    }
}

/// `NAT444` of the MSGID `NAT444userbased`, else the word between `in` and `scene`.
fn scene<'a>(msg_id: &'a [u8], sentence: &'a [u8]) -> &'a [u8] {
    const SUFFIX: &[u8] = b"userbased";
    if !msg_id.is_empty() {
        let split = msg_id.split_at_checked(msg_id.len().saturating_sub(SUFFIX.len()));
        let stem = split.filter(|(_, suffix)| suffix.eq_ignore_ascii_case(SUFFIX));
        return stem.map_or(msg_id, |(stem, _)| stem);
    }
    let words = sentence.split(|byte| *byte == b' ' || *byte == b'.');
    let mut before = [b"".as_slice(); 2];
    for word in words {
        if word == b"scene" && before.first().is_some_and(|first| *first == b"in") {
            return before.last().copied().unwrap_or_default();
        }
        before = [before.last().copied().unwrap_or_default(), word];
    }
    &[]
}

/// Puts one value where its key says; one without a column is for [`extra`].
fn set(block: &mut PortBlock, key: &[u8], value: &[u8]) -> Result<(), Reason> {
    let number = || scan::number_or_hex(value).ok_or(Reason::CgnValue);
    match key {
        b"privateip" => block.private_addr = Some(address(value)?),
        b"publicip" => block.public_addr = Some(address(value)?),
        b"publicportrange" => {
            let (first, last) = split_once(value, b'~').ok_or(Reason::CgnValue)?;
            let (first, last) = (port(first)?, port(last)?);
            if first > last {
                return Err(Reason::CgnValue);
            }
            (block.port_first, block.port_last) = (Some(first), Some(last));
        }
        b"sequence" => block.sequence = Some(number()?),
        b"sessionid" => block.session_id = Some(number()?),
        b"srcvrfid" => {
            block.src_vrf = Some(u32::try_from(number()?).map_err(|_| Reason::CgnValue)?);
        }
        _ => {}
    }
    Ok(())
}

fn has_column(key: &[u8]) -> bool {
    const KEYS: [&[u8]; 7] = [
        b"privateip",
        b"publicip",
        b"publicportrange",
        b"sequence",
        b"sessionid",
        b"srcvrfid",
        b"time",
    ];
    KEYS.contains(&key)
}

fn address(value: &[u8]) -> Result<std::net::IpAddr, Reason> {
    scan::address(value).ok_or(Reason::CgnValue)
}

fn port(value: &[u8]) -> Result<u16, Reason> {
    let number = scan::number(value).ok_or(Reason::CgnValue)?;
    u16::try_from(number).map_err(|_| Reason::CgnPort)
}

fn read_time(value: &[u8]) -> Result<i64, Reason> {
    let time = time::read_vrp(value).filter(|(_, rest)| rest.is_empty());
    time.map(|(time, _)| time.unix_nanos).ok_or(Reason::CgnValue)
}

fn extra(log: &Log<'_>, sentence: &[u8], pairs: &[u8], arena: &mut TextArena) -> Text {
    let mut extra = Text::EMPTY;
    add_text(&mut extra, b"app", log.app, arena);
    if !sentence.is_empty() {
        add_text(&mut extra, b"action", log.action, arena);
        add_text(&mut extra, b"sentence", sentence, arena);
    }
    for (key, value) in Pairs(pairs).filter_map(Result::ok).filter(|(key, _)| !has_column(key)) {
        add_text(&mut extra, key, value, arena);
    }
    extra
}

/// The pairs of a content.
struct Pairs<'a>(&'a [u8]);

impl Pairs<'_> {
    /// Where the next pair begins: at the word in front of `='`.
    fn start(&self) -> Option<usize> {
        let equals = memmem::find(self.0, b"='")?;
        let before = self.0.get(..equals)?;
        let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        Some(before.iter().rposition(|byte| !is_key(byte)).map_or(0, |at| at + 1))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Reason>;

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.0.get(self.start()?..)?;
        let (key, value) = split_once(pair, b'=')?;
        let Some((value, rest)) = split_once(value.get(1..)?, b'\'') else {
            self.0 = &[];
            return Some(Err(Reason::CgnFields));
        };
        self.0 = rest;
        Some(Ok((key, value)))
    }
}
