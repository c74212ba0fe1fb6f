//! Instant-messenger logs of a Huawei USG, as syslog: users of QQ and WeChat coming online and
//! going offline (`firewall log im enable`).
//!
//! Neither the name of the log nor its keys are public. A `SECLOG` line is taken for one if its
//! BRIEF has `IM` as a word, or if it is no session log and has a key that names a messenger or an
//! account. Addresses, ports and times are expected under the keys of session logs. So every record
//! is marked as inferred.
//!
//! Who uses which account is personal data ([`crate::im`]). Where accounts are to be hashed, so is
//! every value of which it is not known that it is harmless, and text that is no pair: what an
//! account may hide in is not kept in plain. Nothing here is refused for a value that cannot be,
//! because what is refused is kept as it came.

use super::{
    Message, context,
    header::Header,
    pairs::Pairs,
    scan,
    usg_default::{self, KEYS},
    zone::Zones,
};
use crate::{
    batch::Batch,
    context::{EventTime, Flags, Format},
    extra::{KEY_MAX, add_text},
    im::{Im, ImEvent},
    reason::Reason,
    record::Time,
    session::SessionRow,
    settings::ImPolicy,
    text::{Text, TextArena},
};
use memchr::memmem;
use std::net::IpAddr;

/// As much of a tag as is looked at: a text may be full of what looks like one.
const TAG_LEN_MAX: usize = 64;

/// Whether a message is an instant-messenger log.
pub fn is_marked(header: &Header<'_>) -> bool {
    let is_session = |brief: &[u8]| brief.starts_with(b"SESSION") || brief.starts_with(b"PACKET");
    if header.module != b"SECLOG" || header.content_kind().is_some() || is_session(header.brief) {
        return false;
    }
    has_im_word(header.brief)
        || Pairs::new(header.content, &KEYS).any(|(key, _)| is_account(key) || is_messenger(key))
}

/// Whether a text that no decoder knows has a tag with `IM` as a word: it may hold an account.
pub fn is_mentioned(text: &[u8]) -> bool {
    memmem::find_iter(text, b"SECLOG/").any(|at| {
        let tag = text.get(at..).unwrap_or_default();
        let tag = tag.get(..tag.len().min(TAG_LEN_MAX)).unwrap_or_default();
        let tag = tag.split(|byte| matches!(byte, b'(' | b':' | b' ')).next().unwrap_or_default();
        has_im_word(tag)
    })
}

fn has_im_word(brief: &[u8]) -> bool {
    brief.split(|byte| matches!(byte, b'_' | b'/')).any(|word| word == b"IM")
}

/// Decodes a message, if the configuration lets it be recorded.
///
/// # Errors
/// [`Reason::ImNotRecorded`] where it does not.
pub fn decode(
    header: &Header<'_>,
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Result<(), Reason> {
    let key = match &message.settings.im {
        ImPolicy::Off => return Err(Reason::ImNotRecorded),
        ImPolicy::Hashed(key) => Some(key),
        ImPolicy::Plain => None,
    };
    let mut context = context(Format::HuaweiUsgIm, header.host, message, batch);
    let mut fields = Fields { event: event_of_brief(header.brief), ..Fields::default() };
    let mut extra = Text::EMPTY;
    let mut pairs = Pairs::new(header.content, &KEYS).peekable();
    if pairs.peek().is_none() {
        add_private(&mut extra, b"content", header.content, key, &mut batch.text);
    }
    for (name, value) in pairs {
        if !fields.take(name, value) {
            add_other(&mut extra, name, value, key, &mut batch.text);
        }
    }
    context.flags = Flags::READING_INFERRED;
    if let Some(unix_nanos) = fields.own_time() {
        context.event_time = EventTime::Own(unix_nanos);
    } else if let Some(time) = header.time {
        let (unix_nanos, flags) = zones.resolve(time, context.exporter, message.exporter);
        context.event_time = EventTime::Header(unix_nanos);
        context.flags = context.flags.with(flags);
    }
    let im = fields.record(extra, key, &mut batch.text);
    batch.im.push(&context, im);
    Ok(())
}

/// What the pairs of a message say.
#[derive(Default)]
struct Fields<'a> {
    event: ImEvent,
    application: Option<&'a [u8]>,
    account: Option<&'a [u8]>,
    /// Protocol, addresses, ports and times, as in session logs.
    session: SessionRow,
}

impl<'a> Fields<'a> {
    /// Takes a pair; `false` where there is no field for it, or its value cannot be.
    fn take(&mut self, key: &[u8], value: &'a [u8]) -> bool {
        let row = &mut self.session;
        let set_address = usg_default::set_address;
        match key {
            b"Protocol" => put(&mut row.protocol, scan::protocol(value)),
            b"SourceIP" => set_address(value, &mut row.src_v4, &mut row.src_v6).is_ok(),
            b"DestinationIP" => set_address(value, &mut row.dst_v4, &mut row.dst_v6).is_ok(),
            b"SourceNatIP" => set_address(value, &mut row.nat_src_v4, &mut row.nat_src_v6).is_ok(),
            b"DestinationNatIP" => {
                set_address(value, &mut row.nat_dst_v4, &mut row.nat_dst_v6).is_ok()
            }
            b"SourcePort" => put(&mut row.src_port, usg_default::number(value).ok()),
            b"DestinationPort" => put(&mut row.dst_port, usg_default::number(value).ok()),
            b"SourceNatPort" => put(&mut row.nat_src_port, usg_default::number(value).ok()),
            b"DestinationNatPort" => put(&mut row.nat_dst_port, usg_default::number(value).ok()),
            b"BeginTime" => put(&mut row.start_s, usg_default::number(value).ok()),
            b"EndTime" => put(&mut row.end_s, usg_default::number(value).ok()),
            // An account has digits, a messenger's name has none.
            _ if is_application(key)
                && self.application.is_none()
                && !value.iter().any(u8::is_ascii_digit) =>
            {
                put(&mut self.application, Some(value))
            }
            _ if is_account(key) && self.account.is_none() => put(&mut self.account, Some(value)),
            _ => match event_of(value) {
                ImEvent::Unknown => false,
                event => {
                    self.event = event;
                    true
                }
            },
        }
    }

    /// Seconds that the log gives for the event itself, in nanoseconds.
    fn own_time(&self) -> Option<i64> {
        let SessionRow { start_s, end_s, .. } = self.session;
        let own =
            if self.event == ImEvent::Offline { end_s.or(start_s) } else { start_s.or(end_s) };
        own.filter(|seconds| *seconds != 0).map(|seconds| i64::from(seconds) * 1_000_000_000)
    }

    fn record(&self, extra: Text, key: Option<&[u8; 32]>, arena: &mut TextArena) -> Im {
        let row = &self.session;
        let account = self.account.unwrap_or_default();
        let account = match key {
            Some(key) if !account.is_empty() => arena.push(&hash(key, account)),
            _ => arena.push(account),
        };
        Im {
            event: self.event,
            application: arena.push(self.application.unwrap_or_default()).unwrap_or_default(),
            account: account.unwrap_or_default(),
            protocol: row.protocol,
            src_addr: address(row.src_v4, row.src_v6),
            src_port: row.src_port,
            dst_addr: address(row.dst_v4, row.dst_v6),
            dst_port: row.dst_port,
            nat_src_addr: address(row.nat_src_v4, row.nat_src_v6),
            nat_src_port: row.nat_src_port,
            nat_dst_addr: address(row.nat_dst_v4, row.nat_dst_v6),
            nat_dst_port: row.nat_dst_port,
            start: Time::from_columns(row.start_s, None),
            end: Time::from_columns(row.end_s, None),
            extra,
        }
    }
}

/// Sets a field to a value that could be read.
fn put<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    let could = value.is_some();
    if could {
        *field = value;
    }
    could
}

fn address(v4: Option<u32>, v6: Option<[u8; 16]>) -> Option<IpAddr> {
    v4.map(|v4| IpAddr::V4(v4.into())).or(v6.map(|v6| IpAddr::V6(v6.into())))
}

/// Whether a key is that of the messenger's name.
fn is_application(key: &[u8]) -> bool {
    matches!(key, b"ApplicationName" | b"Application") || is_messenger(key)
}

/// Whether only an instant-messenger log would have a key, because it names the messenger.
fn is_messenger(key: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] = [b"IMType", b"IMName", b"IMApp", b"IMSoftware", b"ImType", b"ImName"];
    NAMES.contains(&key)
}

/// Whether a key is that of an account.
fn is_account(key: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"account", b"qq", b"wechat", b"number", b"uin"];
    let has = |word: &[u8]| key.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    key.len() <= KEY_MAX && (WORDS.iter().any(|word| has(word)) || key.starts_with(b"IMUser"))
}

fn event_of_brief(brief: &[u8]) -> ImEvent {
    let mut events = brief.split(|byte| *byte == b'_').map(event_of);
    events.find(|event| *event != ImEvent::Unknown).unwrap_or_default()
}

/// The event of a word.
fn event_of(word: &[u8]) -> ImEvent {
    const ONLINE: [&[u8]; 5] = [b"online", b"login", b"logon", b"up", b"on"];
    const OFFLINE: [&[u8]; 5] = [b"offline", b"logout", b"logoff", b"down", b"off"];
    let is = |words: &[&[u8]]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    match (is(&ONLINE), is(&OFFLINE)) {
        (true, _) => ImEvent::Online,
        (_, true) => ImEvent::Offline,
        _ => ImEvent::Unknown,
    }
}

/// Keeps a pair without a field. A key that does not look like one is text, and part of the value.
fn add_other(
    extra: &mut Text,
    key: &[u8],
    value: &[u8],
    hash_key: Option<&[u8; 32]>,
    arena: &mut TextArena,
) {
    const HARMLESS: [&[u8]; 12] = [
        b"IPVer",
        b"SendPkts",
        b"SendBytes",
        b"RcvPkts",
        b"RcvBytes",
        b"SourceVpnID",
        b"DestinationVpnID",
        b"SourceZone",
        b"DestinationZone",
        b"PolicyName",
        b"CloseReason",
        b"Vsys",
    ];
    let is_word = key.first().is_some_and(u8::is_ascii_alphabetic)
        && key.len() <= KEY_MAX
        && key.iter().all(|byte| byte.is_ascii_alphabetic());
    if HARMLESS.contains(&key) {
        add_text(extra, key, value, arena);
    } else if is_word {
        add_private(extra, key, value, hash_key, arena);
    } else if let Some(hash_key) = hash_key {
        let mut hasher = blake3::Hasher::new_keyed(hash_key);
        hasher.update(key).update(b"=").update(value);
        add_text(extra, b"content", &digits(&hasher.finalize()), arena);
    } else {
        add_text(extra, key, value, arena);
    }
}

/// Keeps a value that an account may hide in.
fn add_private(
    extra: &mut Text,
    key: &[u8],
    value: &[u8],
    hash_key: Option<&[u8; 32]>,
    arena: &mut TextArena,
) {
    match hash_key {
        Some(hash_key) if !value.is_empty() => add_text(extra, key, &hash(hash_key, value), arena),
        _ => add_text(extra, key, value, arena),
    }
}

fn hash(key: &[u8; 32], value: &[u8]) -> [u8; 32] {
    digits(&blake3::keyed_hash(key, value))
}

/// The first 16 bytes of a hash, in lower-case hexadecimal digits.
fn digits(hash: &blake3::Hash) -> [u8; 32] {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(hash.as_bytes()) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    digits
}
