//! The header of China Telecom's and China Unicom's CGNAT logs.
//!
//! ```text
//! ["<" PRI ">"] ["1"] [host] time [host] [app] [procid] mark
//! mark  = scene ":" event "[" …        brackets
//!       | scene ":" event digits "|" … pipes
//!       | scene ["-"] "[" event …      brackets, Cisco IOS XR
//!       | scene digits …               bare, a template of Huawei NE
//! scene = NAT444 | NAT44 | NAT64 | DSLITE | DS-LITE | LAFT6
//! ```
//! It looks like RFC 5424, but its time has spaces inside. A missing word is `-`. The host stands
//! in front of the time or behind it. Any word may be in angle brackets. With two times the first
//! is a relay's, and so is what stands in front of the second.

mod regular;

pub use regular::read as read_regular;

use crate::{
    context::UnixNanos,
    syslog::{
        header::{skip_priority, skip_spaces},
        time::{self, HeaderTime},
    },
};
use aho_corasick::packed::Searcher;
use std::{collections::BTreeSet, sync::LazyLock};

/// Names in front of the mark: host, app and process.
const NAMES_MAX: usize = 3;
/// The longest APP-NAME (RFC 5424 §6); the bound keeps what many groups repeat small.
const NAME_LEN_MAX: usize = 48;
/// The longest name of an event; they have up to 18 letters. Each bracket's record may repeat it.
const EVENT_LEN_MAX: usize = 20;
/// Words that are looked at.
const WORDS_MAX: usize = 12;

/// How the values behind the header are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In brackets.
    Brackets,
    /// Separated by `|`.
    Pipes,
    /// Separated by spaces and nothing else.
    Bare,
}

/// A header, and what it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The box's time.
    pub time: Option<HeaderTime>,
    /// The first name.
    pub host: &'a [u8],
    /// The second name; often the box's own.
    pub app: &'a [u8],
    /// The third name.
    pub proc_id: &'a [u8],
    /// The kind of translation.
    pub scene: &'a [u8],
    /// What happened; empty where that stands in the brackets or nowhere.
    pub event: &'a [u8],
    /// How the values are written.
    pub form: Form,
    /// The values, from their bracket on.
    pub values: &'a [u8],
}

/// Reads the header of a message; `None` for a message without the marks.
pub fn read(message: &[u8], received_at: UnixNanos) -> Option<Header<'_>> {
    let text = skip_spaces(skip_priority(message).ok()?);
    let mut rest = text.strip_prefix(b"1 ").unwrap_or(text);
    let mut time: Option<HeaderTime> = None;
    let mut names: [&[u8]; NAMES_MAX] = [&[]; NAMES_MAX];
    let mut count = 0;
    for _ in 0..WORDS_MAX {
        rest = skip_spaces(rest);
        if let Some((found, after)) = read_time(rest, received_at) {
            if time.is_some() {
                (names, count) = ([b"".as_slice(); NAMES_MAX], 0);
            }
            (time, rest) = (Some(found), after);
            continue;
        }
        if let Some(mark) = read_mark(rest) {
            let [host, app, proc_id] = names;
            let Mark { scene, event, form, values } = mark;
            let header = Header { time, host, app, proc_id, scene, event, form, values };
            return Some(header).filter(|_| form != Form::Bare || time.is_some());
        }
        let end = memchr::memchr(b' ', rest).filter(|end| *end <= NAME_LEN_MAX)?;
        let (word, after) = rest.split_at_checked(end)?;
        *names.get_mut(count)? = unbracketed(word);
        (count, rest) = (count + 1, after);
    }
    None
}

/// A time, where a word begins that may be one.
fn read_time(text: &[u8], received_at: UnixNanos) -> Option<(HeaderTime, &[u8])> {
    match text {
        [b'0'..=b'9' | b'A'..=b'Z', ..] | [b'<', b'0'..=b'9', ..] => {
            time::read_cgn(text, received_at)
        }
        _ => None,
    }
}

/// A word without angle brackets; the nil value is empty.
fn unbracketed(word: &[u8]) -> &[u8] {
    let word = word.strip_prefix(b"<").and_then(|word| word.strip_suffix(b">")).unwrap_or(word);
    if is_nil(word) { &[] } else { word }
}

/// Whether a value is missing: nothing, a hyphen, or the dash that a typesetter made of it.
pub fn is_nil(value: &[u8]) -> bool {
    matches!(value, b"" | b"-" | b"\xe2\x80\x93" | b"\xe2\x80\x94")
}

struct Mark<'a> {
    scene: &'a [u8],
    event: &'a [u8],
    form: Form,
    values: &'a [u8],
}

fn read_mark(text: &[u8]) -> Option<Mark<'_>> {
    let (scene, rest) = read_scene(text)?;
    if let Some(rest) = rest.strip_prefix(b":") {
        let rest = skip_spaces(rest);
        let rest = rest.strip_prefix(b"<").unwrap_or(rest);
        let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (event, rest) =
            rest.split_at_checked(len).filter(|_| (1..=EVENT_LEN_MAX).contains(&len))?;
        let values = skip_spaces(rest.strip_prefix(b">").unwrap_or(rest));
        let form = match values.first()? {
            b'[' => Form::Brackets,
            b'0'..=b'9' if memchr::memchr(b'|', values).is_some() => Form::Pipes,
            _ => return None,
        };
        return Some(Mark { scene, event, form, values });
    }
    let rest = skip_spaces(rest.strip_prefix(b" ")?);
    let (form, values) = match rest.first()? {
        b'[' => (Form::Brackets, rest),
        b'0'..=b'9' => (Form::Bare, rest),
        _ => {
            let end = memchr::memchr(b' ', rest)?;
            let (word, rest) = rest.split_at_checked(end)?;
            let values = skip_spaces(rest);
            let is_xr = is_nil(word) && values.starts_with(b"[");
            (Form::Brackets, Some(values).filter(|_| is_xr)?)
        }
    };
    Some(Mark { scene, event: &[], form, values })
}

/// The kinds of translation, in either case.
const SCENES: [&[u8]; 6] = [b"NAT444", b"NAT44", b"NAT64", b"DSLITE", b"DS-LITE", b"LAFT6"];

/// Whether a text may have a kind of translation in it, by how these begin.
pub fn may_have_scene(text: &[u8]) -> bool {
    static FINDER: LazyLock<Option<Searcher>> = LazyLock::new(|| {
        let beginnings = SCENES.iter().filter_map(|scene| scene.first_chunk::<3>());
        Searcher::new(beginnings.flat_map(spellings).collect::<BTreeSet<_>>())
    });
    FINDER.as_ref().is_none_or(|finder| finder.find(text).is_some())
}

/// Whether a name begins as a kind of translation does.
fn may_begin_scene(name: &[u8]) -> bool {
    let Some(letters) = name.first_chunk::<3>() else { return false };
    let mut beginnings = SCENES.iter().filter_map(|scene| scene.first_chunk::<3>());
    beginnings.any(|beginning| beginning.eq_ignore_ascii_case(letters))
}

/// The letters in either case, each on its own.
fn spellings(letters: &[u8; 3]) -> impl Iterator<Item = [u8; 3]> {
    let letters = *letters;
    (0..8u8).map(move |lower| {
        let mut bit = 0;
        letters.map(|letter| {
            bit += 1;
            if lower >> (bit - 1) & 1 == 1 { letter.to_ascii_lowercase() } else { letter }
        })
    })
}

/// The kind of translation, which may be in angle brackets, and what follows it.
fn read_scene(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (inner, bracketed) = match text.strip_prefix(b"<") {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    if !matches!(inner.first()?.to_ascii_uppercase(), b'N' | b'D' | b'L') {
        return None;
    }
    SCENES.iter().find_map(|scene| {
        let (name, rest) = inner.split_at_checked(scene.len())?;
        let rest = if bracketed { rest.strip_prefix(b">")? } else { rest };
        let ends = rest.first().is_some_and(|byte| matches!(byte, b':' | b' '));
        (ends && name.eq_ignore_ascii_case(scene)).then_some((name, rest))
    })
}
