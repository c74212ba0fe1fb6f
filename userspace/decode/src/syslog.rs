//! Syslog: the messages of a datagram, told apart by what they hold, each given to its decoder.
//!
//! A message is [`split`] off. What it holds tells its format, on any port and under any header:
//!
//! | mark | format |
//! | --- | --- |
//! | `%%01SEC/…`, `publicportrange=` | [`cgn`], France Telecom's form |
//! | `NAT444:`, `NAT64:`, `DSLITE:`, … | [`cgn`], the bracket and pipe forms |
//! | `%%01SECLOG/…`, `%%: ` | [`header`], then [`usg_default`] or [`usg_mtn`]; IM logs: [`im`] |
//! | `%%01POLICY/6/POLICYPERMIT` | [`header`], then [`usg_policy`] |
//! | a declared format's own marks | [`crate::declared`] |
//! | `name(number)` and an action at the end | [`firebrick`] |
//!
//! What none of them knows is kept as `unparsed`. Formats without a header of their own come under
//! those of [`rfc`].

pub mod cgn;
mod clock;
mod cursor;
pub mod firebrick;
pub mod header;
mod heads;
pub mod im;
pub mod pairs;
pub mod rfc;
pub mod scan;
pub mod split;
pub mod time;
pub mod usg_default;
pub mod usg_mtn;
pub mod usg_policy;
pub mod zone;

use crate::{
    batch::Batch,
    context::{Context, Format},
    decoder::{Datagram, FormatHint, Outcome},
    reason::Reason,
    settings::{ExporterSettings, ImPolicy, Settings},
    unparsed::Unparsed,
};
use zone::Zones;

/// One message, for the decoder of its format.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// All of it, the priority included.
    pub text: &'a [u8],
    /// The datagram that it came in.
    pub datagram: &'a Datagram<'a>,
    /// What the configuration says about its exporter.
    pub exporter: &'a ExporterSettings,
    /// What the configuration says about everything.
    pub settings: &'a Settings,
}

/// Decodes all messages of a datagram.
pub fn decode(
    datagram: &Datagram<'_>,
    exporter: &ExporterSettings,
    settings: &Settings,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Outcome {
    let whole = Message { text: datagram.payload, datagram, exporter, settings };
    if expected(&whole, zones, batch).is_some() {
        return Outcome::Decoded;
    }
    let mut outcome = Outcome::Decoded;
    let mut rest = datagram.payload;
    let mut has_im = false;
    for count in 1.. {
        let (text, after) = split::next(rest);
        rest = after;
        let message = Message { text, datagram, exporter, settings };
        let im_before = batch.im.rows();
        let is_whole = count == 1 && rest.is_empty();
        let result = if text.is_empty() && count > 1
            || !is_whole && expected(&message, zones, batch).is_some()
        {
            Ok(())
        } else {
            message_records(&message, zones, batch)
        };
        has_im |= batch.im.rows() > im_before || result == Err(Reason::ImNotRecorded);
        if let Err(reason) = result {
            outcome = reject(text, reason, has_im, outcome, &message, batch);
        }
        if rest.is_empty() {
            break;
        }
        if count == settings.limits.messages_per_datagram {
            return reject(rest, Reason::TooManyLines, has_im, outcome, &message, batch);
        }
    }
    outcome
}

/// Decodes a text that is one of the messages that most datagrams hold, just as devices write it;
/// `None`, and nothing done, where it is not. No other decoder would take such a message, and
/// [`split::next`] would find no other end of it.
fn expected(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Option<()> {
    let usg = |zones: &mut Zones, batch: &mut Batch| {
        if usg_mtn::may_be_regular(message.text) {
            usg_mtn::decode_regular(message, zones, batch)
        } else {
            usg_default::decode_expected(message, zones, batch)
        }
    };
    match message.datagram.format {
        FormatHint::HuaweiUsgSyslog => usg(zones, batch),
        FormatHint::Cgn => cgn::decode_regular(message, zones, batch),
        FormatHint::Firebrick => firebrick::decode_regular(message, zones, batch),
        // In which order, only time depends on: what the lines of most devices end with.
        FormatHint::Auto | FormatHint::Syslog => match split::trim(message.text).last() {
            Some(b']') => cgn::decode_regular(message, zones, batch),
            Some(b'.') => usg(zones, batch).or_else(|| cgn::decode_regular(message, zones, batch)),
            _ => firebrick_alone(message, zones, batch)
                .or_else(|| cgn::decode_regular(message, zones, batch))
                .or_else(|| usg(zones, batch)),
        },
        _ => None,
    }
}

/// Decodes a text that is one regular line of a FireBrick and has no mark of any of the formats that
/// are asked before that one.
fn firebrick_alone(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Option<()> {
    // All that a USG writes has a tag.
    let has_mark = memchr::memchr(b'%', message.text).is_some()
        || cgn::may_be_marked(message.text)
        || message.settings.declared.may_know(message);
    if has_mark { None } else { firebrick::decode_regular(message, zones, batch) }
}

/// Decodes one message: by its pinned format, or by what it looks like.
fn message_records(
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let declared = &message.settings.declared;
    match message.datagram.format {
        FormatHint::HuaweiUsgSyslog => return usg(message, zones, batch),
        FormatHint::Cgn => return cgn::decode(message, zones, batch),
        FormatHint::Firebrick => return firebrick::decode(message, zones, batch),
        FormatHint::Declared(id) => {
            let decoded = declared.decode(Some(id), message, zones, batch);
            return decoded.unwrap_or(Err(Reason::SyslogUnknown));
        }
        _ => {}
    }
    for decode in [cgn::decode, usg] {
        match decode(message, zones, batch) {
            Err(Reason::SyslogUnknown) => {}
            known => return known,
        }
    }
    let fits_none = match declared.decode(None, message, zones, batch) {
        // It has the marks of a format only: what a rule or a user is called may look like one.
        Some(Err(Reason::DeclaredPattern)) => Reason::DeclaredPattern,
        Some(known) => return known,
        None => Reason::SyslogUnknown,
    };
    match firebrick::decode(message, zones, batch) {
        Err(Reason::SyslogUnknown) => Err(fits_none),
        known => known,
    }
}

/// A Huawei USG's message, under its own headers.
fn usg(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Result<(), Reason> {
    let header = header::read(message.text, message.datagram.received_at)?;
    if im::is_marked(&header) {
        return im::decode(&header, message, zones, batch);
    }
    match header.content_kind() {
        Some(header::Content::Default(event)) => {
            usg_default::decode(&header, event, message, zones, batch)
        }
        Some(header::Content::Mtn) => usg_mtn::decode(&header, message, zones, batch),
        Some(header::Content::Policy(event)) => {
            usg_policy::decode(&header, event, message, zones, batch)
        }
        None => Err(Reason::SyslogUnknown),
    }
}

/// Keeps a message that was not decoded; the datagram's outcome is the first such reason. Behind an
/// instant-messenger log (`has_im`) it may be a part of that, cut off by what a user is called.
fn reject(
    text: &[u8],
    reason: Reason,
    has_im: bool,
    outcome: Outcome,
    message: &Message<'_>,
    batch: &mut Batch,
) -> Outcome {
    // What must not be recorded is not kept as it came either.
    let is_plain = matches!(message.settings.im, ImPolicy::Plain);
    let reason = if !is_plain && (has_im || im::is_mentioned(text)) {
        Reason::ImNotRecorded
    } else {
        reason
    };
    if reason != Reason::ImNotRecorded
        && let Some(raw) = batch.text.push(text)
    {
        let context = message.datagram.context(Format::Unknown);
        batch.unparsed.push(&context, Unparsed { reason, raw });
    }
    if outcome == Outcome::Decoded { Outcome::Rejected(reason) } else { outcome }
}

/// The context of a record.
fn context(format: Format, host: &[u8], message: &Message<'_>, batch: &mut Batch) -> Context {
    Context {
        host: batch.text.intern(host).unwrap_or_default(),
        ..message.datagram.context(format)
    }
}

#[cfg(test)]
mod tests;
