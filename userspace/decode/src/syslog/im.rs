//! Instant-messenger logs of a Huawei USG, as syslog: users of QQ and WeChat coming online and
//! going offline (`firewall log im enable`).
//!
//! Neither the name of the log nor its keys are public. A line is taken for one if its tag names
//! instant messengers (`IM`, `QQ` or `WeChat`, in letters of either case), or if it is a `SECLOG`
//! or has no tag, is no known session log and has a key that names a messenger or an account. Of a
//! session log with such a key, the value is kept as the configuration says. Addresses, ports and times are expected under the keys of session logs. So every record
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
    record::{Time, inner_address},
    session::SessionRow,
    settings::ImPolicy,
    text::{Text, TextArena},
};
use memchr::memmem;

/// As much of a tag as is looked at: a text may be full of what looks like one.
const TAG_LEN_MAX: usize = 64;

/// Whether a message is an instant-messenger log.
pub fn is_marked(header: &Header<'_>) -> bool {
    if has_im_word(header.module) || has_im_word(header.brief) {
        return true;
    }
    let may_be = header.module.is_empty() || header.module.eq_ignore_ascii_case(b"SECLOG");
    let is_mark = |key: &[u8]| {
        key.iter().all(u8::is_ascii_alphanumeric) && (is_account(key) || is_messenger(key))
    };
    may_be
        && header.content_kind().is_none()
        && Pairs::new(header.content, &KEYS).any(|(key, _)| is_mark(key))
}

/// Whether a text that no decoder knows may hold an account: it is Huawei's by its looks and has a
/// tag that names a messenger, or a key that names an account.
pub fn is_mentioned(text: &[u8]) -> bool {
    let has_module = || {
        let mut slashes = memchr::memchr_iter(b'/', text);
        slashes.any(|at| ends_with_seclog(text.get(..at).unwrap_or_default()))
    };
    if memmem::find(text, b"%%").is_none() && !has_module() {
        return false;
    }
    memchr::memchr_iter(b'/', text).any(|at| is_im_tag(text, at))
        || memchr::memchr_iter(b'=', text).any(|at| {
            let (before, key) = word_before(text, at);
            // A parameter of a URL is none of the firewall's keys.
            !matches!(before, Some(b'?' | b'&' | b';' | b'/')) && is_private(key)
        })
}

fn ends_with_seclog(text: &[u8]) -> bool {
    text.last_chunk::<6>().is_some_and(|end| end.eq_ignore_ascii_case(b"SECLOG"))
}

/// Whether the slash at a place is the first one of a tag, `MODULE/SEVERITY/BRIEF`, that names a
/// messenger.
fn is_im_tag(text: &[u8], slash: usize) -> bool {
    let (_, module) = word_before(text, slash);
    let behind = text.get(slash + 1..).unwrap_or_default();
    let has_severity = matches!(behind, [digit, b'/', ..] if digit.is_ascii_digit());
    if !has_severity && !ends_with_seclog(module) {
        return false;
    }
    let tag = behind.get(..behind.len().min(TAG_LEN_MAX)).unwrap_or_default();
    let tag = tag.split(|byte| matches!(byte, b'(' | b':' | b' ')).next().unwrap_or_default();
    // The digits in front of a module are the version's.
    let digits = module.iter().take_while(|byte| byte.is_ascii_digit()).count();
    has_im_word(module.get(digits..).unwrap_or_default()) || has_im_word(tag)
}

/// The letters and digits that end at a place, as many as a key has, and what stands before them.
fn word_before(text: &[u8], at: usize) -> (Option<u8>, &[u8]) {
    let head = text.get(at.saturating_sub(KEY_MAX)..at).unwrap_or_default();
    let len = head.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let (before, word) = head.split_at_checked(head.len() - len).unwrap_or_default();
    (before.last().copied(), word)
}

/// Whether a part of a tag names instant messengers: `IM_USER`, `SESSION_QQ`, `IMONLINE`.
fn has_im_word(part: &[u8]) -> bool {
    part.split(|byte| matches!(byte, b'_' | b'/')).any(|word| {
        let behind = |name: &[u8]| {
            let (head, behind) = word.split_at_checked(name.len())?;
            head.eq_ignore_ascii_case(name).then_some(behind)
        };
        behind(b"IM").is_some_and(|rest| rest.is_empty() || event_of(rest) != ImEvent::Unknown)
            || [b"QQ".as_slice(), b"WECHAT", b"WEIXIN"].iter().any(|name| behind(name).is_some())
    })
}

/// Whether a key of a session log, or of a text that no decoder knows, is about an account.
fn is_private(key: &[u8]) -> bool {
    const WORDS: [&[u8]; 4] = [b"account", b"qq", b"wechat", b"weixin"];
    let has = |word: &[u8]| key.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    let is_user = key.first_chunk::<6>().is_some_and(|key| key.eq_ignore_ascii_case(b"IMUser"));
    key.len() <= KEY_MAX && (is_messenger(key) || is_user || WORDS.iter().any(|word| has(word)))
}

/// What is kept of the value of a key of a session log: nothing, a hash (written to `room`), or
/// all, if the configuration says so about accounts and the key is about one.
pub(super) fn kept<'v>(
    policy: &ImPolicy,
    key: &[u8],
    value: &'v [u8],
    room: &'v mut [u8; 32],
) -> Option<&'v [u8]> {
    match policy {
        _ if !is_private(key) => Some(value),
        ImPolicy::Off => None,
        ImPolicy::Hashed(hash_key) if !value.is_empty() => {
            *room = hash(hash_key, value);
            Some(room)
        }
        ImPolicy::Hashed(_) | ImPolicy::Plain => Some(value),
    }
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
            _ if is_harmless(key) => false,
            _ if is_application(key) && self.application.is_none() && may_be_name(key, value) => {
                put(&mut self.application, Some(value))
            }
            _ if is_account(key) && self.account.is_none() => put(&mut self.account, Some(value)),
            // The tag tells better than a value does, and the first value better than others.
            _ => match (self.event, event_of(value)) {
                (_, ImEvent::Unknown) => false,
                (ImEvent::Unknown, event) => {
                    self.event = event;
                    true
                }
                (known, event) => known == event,
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
            src_addr: inner_address(row.src_v4, row.src_v6),
            src_port: row.src_port,
            dst_addr: inner_address(row.dst_v4, row.dst_v6),
            dst_port: row.dst_port,
            nat_src_addr: inner_address(row.nat_src_v4, row.nat_src_v6),
            nat_src_port: row.nat_src_port,
            nat_dst_addr: inner_address(row.nat_dst_v4, row.nat_dst_v6),
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

/// Whether a key is that of the messenger's name.
fn is_application(key: &[u8]) -> bool {
    matches!(key, b"ApplicationName" | b"Application") || is_messenger(key)
}

/// Whether only an instant-messenger log would have a key, because it names the messenger.
fn is_messenger(key: &[u8]) -> bool {
    const NAMES: [&[u8]; 4] = [b"IMType", b"IMName", b"IMApp", b"IMSoftware"];
    NAMES.iter().any(|name| key.eq_ignore_ascii_case(name))
}

/// Whether a value may be a messenger's name. An account has digits, which a messenger's name has
/// not; what is called a name may be the user's.
fn may_be_name(key: &[u8], value: &[u8]) -> bool {
    const MESSENGERS: [&[u8]; 14] = [
        b"QQ",
        b"TIM",
        b"WeChat",
        b"Weixin",
        b"MSN",
        b"Skype",
        b"ICQ",
        b"Fetion",
        b"WhatsApp",
        b"Telegram",
        b"LINE",
        b"Viber",
        b"GTalk",
        b"DingTalk",
    ];
    if key.eq_ignore_ascii_case(b"IMName") {
        return MESSENGERS.iter().any(|name| value.eq_ignore_ascii_case(name));
    }
    !value.iter().any(u8::is_ascii_digit)
}

/// Whether no account is expected under a key.
fn is_harmless(key: &[u8]) -> bool {
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
    HARMLESS.contains(&key)
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
    let is_word = key.first().is_some_and(u8::is_ascii_alphabetic)
        && key.len() <= KEY_MAX
        && key.iter().all(|byte| byte.is_ascii_alphabetic());
    // A value that is more than one word, with a number among them, may be no value of its key's.
    let is_text = value.iter().any(|byte| matches!(byte, b',' | b' '))
        && value.iter().any(u8::is_ascii_digit);
    if is_harmless(key) && !is_text {
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
