//! Syslog of Huawei USG firewalls: messages of a datagram, their headers and contents.
//!
//! A message is [`split`] off, its [`header`] read, and its content decoded as [`usg_default`]
//! (`key=value`) or [`usg_mtn`] (a sentence). What none of them knows is kept as `unparsed`.

pub mod header;
pub mod scan;
pub mod split;
pub mod time;
pub mod usg_default;
pub mod usg_mtn;

use crate::{
    batch::Batch,
    context::{Context, Format},
    decoder::{Datagram, Outcome},
    limits::Limits,
    reason::Reason,
    unparsed::Unparsed,
};

/// Decodes all messages of a datagram.
pub fn decode(datagram: &Datagram<'_>, limits: &Limits, batch: &mut Batch) -> Outcome {
    let mut outcome = Outcome::Decoded;
    let mut rest = datagram.payload;
    for count in 1.. {
        let (message, after) = split::next(rest);
        rest = after;
        let result = if message.is_empty() && count > 1 {
            Ok(())
        } else {
            message_record(message, datagram, batch)
        };
        if let Err(reason) = result {
            outcome = reject(message, reason, outcome, datagram, batch);
        }
        if rest.is_empty() {
            break;
        }
        if count == limits.messages_per_datagram {
            return reject(rest, Reason::TooManyLines, outcome, datagram, batch);
        }
    }
    outcome
}

fn message_record(
    message: &[u8],
    datagram: &Datagram<'_>,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let header = header::read(message)?;
    match header.content_kind() {
        Some(header::Content::Default(event)) => {
            usg_default::decode(&header, event, datagram, batch)
        }
        Some(header::Content::Mtn) => usg_mtn::decode(&header, datagram, batch),
        None => Err(Reason::SyslogUnknown),
    }
}

/// Keeps a message that was not decoded; the datagram's outcome is the first such reason.
fn reject(
    message: &[u8],
    reason: Reason,
    outcome: Outcome,
    datagram: &Datagram<'_>,
    batch: &mut Batch,
) -> Outcome {
    if let Some(raw) = batch.text.push(message) {
        batch.unparsed.push(&datagram.context(Format::Unknown), Unparsed { reason, raw });
    }
    if outcome == Outcome::Decoded { Outcome::Rejected(reason) } else { outcome }
}

/// The context of a session log.
fn session_context(
    format: Format,
    header: &header::Header<'_>,
    datagram: &Datagram<'_>,
    batch: &mut Batch,
) -> Context {
    Context { host: batch.text.push(header.host).unwrap_or_default(), ..datagram.context(format) }
}
