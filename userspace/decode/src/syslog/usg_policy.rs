//! USG policy hits: a packet that a security policy let pass or refused.
//!
//! ```text
//! %%01POLICY/6/POLICYPERMIT(l):vsys=…, protocol=17, source-ip=…, source-port=…, destination-ip=…,
//! destination-port=…, time=YYYY/M/D hh:mm:ss, source-zone=…, destination-zone=…,
//! [application-name=…,] rule-name=….
//! ```
//! `time` is printed as `Mmm dd YYYY hh:mm:ss` too. It names no zone, and in all published lines it is
//! in another one than the header's. So it is the time of the event only where there is no header's,
//! which is the exporter's; else it is kept as text. The layout is that of lines which operators have
//! published.

use super::{
    Message, context,
    header::Header,
    pairs::{Keys, Pairs},
    scan, time,
    usg_default::{number, set_address},
    zone::Zones,
};
use crate::{
    batch::Batch,
    context::{EventTime, Format},
    extra::{KEY_MAX, add_text},
    reason::Reason,
    session::{Event, SessionRow},
    text::{Text, TextArena},
};

static KEYS: Keys = Keys {
    known: &[
        b"vsys",
        b"protocol",
        b"source-ip",
        b"source-port",
        b"destination-ip",
        b"destination-port",
        b"time",
        b"source-zone",
        b"destination-zone",
        b"user-name",
        b"application-name",
        b"rule-name",
    ],
    // Users are called as they like; zones are not.
    before_names: 9,
    is_other,
};

/// A word in lower case with hyphens.
fn is_other(word: &[u8]) -> bool {
    word.len() > 1
        && word.first().is_some_and(u8::is_ascii_lowercase)
        && word.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-')
}

/// Decodes one message's content into one session record.
pub fn decode(
    header: &Header<'_>,
    event: Event,
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let mut row = SessionRow { event: Some(event as u8), ..SessionRow::default() };
    let mut own_time = None;
    for (key, value) in Pairs::new(header.content, &KEYS) {
        if key.len() > KEY_MAX {
            return Err(Reason::SessionValue);
        }
        match key {
            b"time" if header.time.is_none() => own_time = time::read_policy(value),
            _ => set(&mut row, key, value, &mut batch.text)?,
        }
    }
    if row.src_v4.is_none() && row.src_v6.is_none() {
        return Err(Reason::SessionKeyMissing);
    }
    let extra = unknown_pairs(header.content, own_time.is_some(), &mut batch.text);
    row.extra = Some(extra).filter(|extra| !extra.is_empty());
    let mut context = context(Format::HuaweiUsgPolicy, header.host, message, batch);
    if let Some(time) = own_time.or(header.time) {
        let (unix_nanos, flags) = zones.resolve(time, context.exporter, message.exporter);
        context.flags = flags;
        context.event_time = match own_time {
            Some(_) => EventTime::Own(unix_nanos),
            None => EventTime::Header(unix_nanos),
        };
    }
    batch.session.push(&context, &row);
    Ok(())
}

/// Puts one value where its key says; one without a column is for [`unknown_pairs`].
fn set(
    row: &mut SessionRow,
    key: &[u8],
    value: &[u8],
    arena: &mut TextArena,
) -> Result<(), Reason> {
    match key {
        b"protocol" => row.protocol = scan::protocol(value),
        b"source-ip" => set_address(value, &mut row.src_v4, &mut row.src_v6)?,
        b"destination-ip" => set_address(value, &mut row.dst_v4, &mut row.dst_v6)?,
        b"source-port" => row.src_port = Some(number(value)?),
        b"destination-port" => row.dst_port = Some(number(value)?),
        b"source-zone" => row.src_zone = arena.push(value),
        b"destination-zone" => row.dst_zone = arena.push(value),
        b"user-name" => row.user = arena.push(value),
        b"application-name" => row.application = arena.push(value),
        b"rule-name" => row.policy = arena.push(value),
        _ => {}
    }
    Ok(())
}

/// The pairs that have no column, for `extra`.
fn unknown_pairs(content: &[u8], has_own_time: bool, arena: &mut TextArena) -> Text {
    let mut extra = Text::EMPTY;
    for (key, value) in Pairs::new(content, &KEYS) {
        let has_column = match key {
            b"vsys" => false,
            b"protocol" => scan::protocol(value).is_some(),
            b"time" => has_own_time,
            _ => KEYS.known.contains(&key),
        };
        if !has_column {
            add_text(&mut extra, key, value, arena);
        }
    }
    extra
}
