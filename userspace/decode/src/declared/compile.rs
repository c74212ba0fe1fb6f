//! From a declaration as it is written to a [`Plan`], or to what is wrong with it.

use super::{
    error::{Checked, Complaint, DeclarationError},
    field::{Family, Field, Target, What},
    huawei, language,
    pairs::Pairs,
    pattern::{self, Pattern, Piece},
    plan::{Events, Header, Kind, PORT_BLOCK_EVENTS, Plan, SESSION_EVENTS, Word},
};
use toml::Spanned;

/// Kinds of messages, a format.
const MESSAGES_MAX: usize = 64;
/// Patterns, a kind of message, those for missing values included.
const PATTERNS_MAX: usize = 64;
/// Bytes of a mark.
const MARK_MAX: usize = 64;
/// Bytes of a format's name.
const NAME_MAX: usize = 32;

/// Reads a file. A mark's place is asked of `mark`; `None` where there are too many.
pub(super) fn compile(
    text: &str,
    file: &str,
    is_taken: impl Fn(&str) -> bool,
    mark: &mut dyn FnMut(&str) -> Option<usize>,
) -> Result<Plan, DeclarationError> {
    let plan = || {
        let declared: language::File =
            toml::from_str(text).map_err(|error| Complaint::of_toml(&error))?;
        let name = check_name(&declared.format, is_taken)?;
        let header = header(declared.header.as_ref())?;
        if declared.message.is_empty() || declared.message.len() > MESSAGES_MAX {
            let rule = format!("a format has 1 to {MESSAGES_MAX} kinds of messages");
            return Err(Complaint::new(rule));
        }
        let mut messages: Vec<Kind> = Vec::new();
        for message in &declared.message {
            let kinds = kinds(message.get_ref(), mark);
            for kind in kinds.map_err(|complaint| complaint.at(message.span()))? {
                if let Some(earlier) = messages.iter().find(|earlier| hides(earlier, &kind)) {
                    return Err(unreachable_kind(earlier).at(message.span()));
                }
                messages.push(kind);
            }
        }
        let absent = declared.absent.iter().map(|word| word.as_bytes().into()).collect();
        let too_many = || Complaint::new("there are too many names of formats".to_owned());
        let name = crate::names::kept(name).ok_or_else(too_many)?;
        Ok(Plan { name, header, absent, messages })
    };
    plan().map_err(|complaint| complaint.in_file(file, text))
}

fn check_name(name: &Spanned<String>, is_taken: impl Fn(&str) -> bool) -> Checked<&str> {
    let text = name.get_ref().as_str();
    let is_right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let complaint = if text.is_empty() || text.len() > NAME_MAX || !text.bytes().all(is_right) {
        format!("a format's name is 1 to {NAME_MAX} lower-case letters, digits or \"-\"")
    } else if is_taken(text) {
        format!("there is a format \"{text}\" already")
    } else {
        return Ok(text);
    };
    Err(Complaint::new(complaint).at(name.span()))
}

fn header(word: Option<&Spanned<String>>) -> Checked<Header> {
    let Some(word) = word else { return Ok(Header::Rfc) };
    match word.get_ref().as_str() {
        "rfc" => Ok(Header::Rfc),
        "vrp" => Ok(Header::Vrp),
        "none" => Ok(Header::None),
        other => Err(Complaint::unknown("header", other, &["rfc", "vrp", "none"]).at(word.span())),
    }
}

/// The kinds of messages that one table declares: one, or for a router's list of positions one for
/// each event.
fn kinds(
    message: &language::Message,
    mark: &mut dyn FnMut(&str) -> Option<usize>,
) -> Checked<Vec<Kind>> {
    let family = match message.family.get_ref().as_str() {
        "session" => Family::Session,
        "port_block" => Family::PortBlock,
        other => {
            let complaint = Complaint::unknown("family", other, &["session", "port_block"]);
            return Err(complaint.at(message.family.span()));
        }
    };
    let pairs = message.pairs.as_ref();
    let pairs = pairs.map(|pairs| Pairs::compile(pairs, &message.keys, family)).transpose()?;
    if pairs.is_none() && !message.keys.is_empty() {
        return Err(Complaint::new("keys need pairs, which say how they are written"));
    }
    let marks = marks(message, mark)?;
    let texts = texts(message, family, pairs.is_some())?;
    let mut kinds = Vec::new();
    for Text { event, patterns } in texts {
        let mut patterns = compile_patterns(&patterns)?;
        let quote = pairs.as_ref().and_then(Pairs::quote);
        patterns.iter_mut().for_each(|pattern| pattern.set_quote(quote));
        let events = events(message, family, event, &patterns, pairs.as_ref())?;
        let (marks, pairs) = (marks.clone(), pairs.clone());
        kinds.push(Kind { marks, family, events, patterns, pairs, inferred: message.inferred });
    }
    Ok(kinds)
}

fn marks(
    message: &language::Message,
    mark: &mut dyn FnMut(&str) -> Option<usize>,
) -> Checked<Vec<usize>> {
    let Some(marks) = &message.marks else { return Ok(Vec::new()) };
    if marks.is_empty() {
        return Err(Complaint::new(
            "an empty list of marks would be found in every line; without the key, the message is \
             read where its format is pinned",
        ));
    }
    let place = |text: &Spanned<String>| {
        let complaint = match text.get_ref().len() {
            0 => "a mark is not empty".to_owned(),
            1..=MARK_MAX => match mark(text.get_ref()) {
                Some(place) => return Ok(place),
                None => "there are too many marks, all declarations together".to_owned(),
            },
            _ => format!("a mark has at the most {MARK_MAX} bytes"),
        };
        Err(Complaint::new(complaint).at(text.span()))
    };
    marks.iter().map(place).collect()
}

/// A text of a kind of message: its patterns in pieces, and its event where the text tells.
pub(super) struct Text {
    pub(super) event: Option<&'static str>,
    pub(super) patterns: Vec<Vec<Piece>>,
}

impl Text {
    fn of(patterns: Vec<Vec<Piece>>) -> Vec<Text> {
        vec![Text { event: None, patterns }]
    }
}

fn texts(message: &language::Message, family: Family, has_pairs: bool) -> Checked<Vec<Text>> {
    let is_huawei = message.huawei_expression.is_some()
        || message.huawei_fields.is_some()
        || message.huawei_positions.is_some();
    if !is_huawei && !message.patterns.is_empty() {
        let read = |text: &Spanned<String>| {
            let pieces = pattern::read(text.get_ref(), family);
            pieces.map_err(|complaint| complaint.at(text.span()))
        };
        let patterns = message.patterns.iter().map(read).collect::<Checked<Vec<_>>>()?;
        check_pairs(&patterns, has_pairs)?;
        return Ok(Text::of(patterns));
    }
    if !message.patterns.is_empty() || is_huawei && has_pairs {
        return Err(Complaint::new("a Huawei template stands alone, without patterns and pairs"));
    }
    match (&message.huawei_expression, &message.huawei_fields, &message.huawei_positions) {
        (Some(expression), None, None) => {
            let patterns = huawei::expression(expression.get_ref());
            Ok(Text::of(patterns.map_err(|complaint| complaint.at(expression.span()))?))
        }
        (None, Some(fields), None) => {
            let separator = message.huawei_separator.as_deref().ok_or_else(|| {
                Complaint::new("huawei_fields needs huawei_separator, what stands between them")
            })?;
            let patterns = huawei::fields(fields.get_ref(), separator);
            Ok(Text::of(patterns.map_err(|complaint| complaint.at(fields.span()))?))
        }
        (None, None, Some(positions)) => {
            let by_event = message.events.is_some();
            huawei::positions(positions.get_ref(), family, by_event)
                .map_err(|complaint| complaint.at(positions.span()))
        }
        (None, None, None) if has_pairs => {
            let target = Target { what: What::Pairs, key: (*b"pairs").into() };
            Ok(Text::of(vec![vec![Piece::Placeholder { target, optional: false }]]))
        }
        (None, None, None) => {
            Err(Complaint::new("a message needs patterns, pairs or a Huawei template"))
        }
        _ => Err(Complaint::new("a message has one Huawei template")),
    }
}

fn check_pairs(patterns: &[Vec<Piece>], has_pairs: bool) -> Checked<()> {
    let has = |pieces: &Vec<Piece>| {
        pieces.iter().any(
            |piece| matches!(piece, Piece::Placeholder { target, .. } if target.what == What::Pairs),
        )
    };
    match (patterns.iter().any(has), has_pairs) {
        (true, false) => Err(Complaint::new("{pairs} needs pairs, which say how they are written")),
        (false, true) => Err(Complaint::new("pairs need a place: {pairs} in a pattern")),
        _ => Ok(()),
    }
}

fn compile_patterns(texts: &[Vec<Piece>]) -> Checked<Vec<Pattern>> {
    let mut patterns: Vec<Pattern> = Vec::new();
    for text in texts {
        for (variant, pattern) in pattern::compile(text)?.into_iter().enumerate() {
            let is_hidden =
                patterns.iter().any(|known| known.fits_all() || known.same_literals(&pattern));
            if !is_hidden {
                patterns.push(pattern);
            } else if variant == 0 {
                return Err(Complaint::new(
                    "a pattern can never be reached: one before it fits the same texts",
                ));
            }
        }
    }
    if patterns.len() > PATTERNS_MAX {
        let rule = format!("a message has at the most {PATTERNS_MAX} patterns");
        return Err(Complaint::new(rule));
    }
    Ok(patterns)
}

fn events(
    message: &language::Message,
    family: Family,
    of_text: Option<&'static str>,
    patterns: &[Pattern],
    pairs: Option<&Pairs>,
) -> Checked<Events> {
    let known = match family {
        Family::Session => SESSION_EVENTS,
        Family::PortBlock => PORT_BLOCK_EVENTS,
    };
    let find = |word: &str| {
        let found = known.iter().find(|(name, _)| *name == word).map(|(_, happened)| *happened);
        let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        found.ok_or_else(|| Complaint::unknown("event", word, &names()))
    };
    let is_event = |target: &Target| target.what == What::Field(Field::Event);
    let reads_event = patterns.iter().any(|pattern| pattern.targets().any(is_event))
        || pairs.is_some_and(|pairs| pairs.targets().any(is_event));
    match (&message.event, &message.events) {
        (Some(_), Some(events)) if !events.is_empty() => {
            Err(Complaint::new("a message has event or events, not both"))
        }
        (None, Some(events)) if reads_event => {
            let mut words = Vec::new();
            for (text, event) in events {
                let happened = find(event.get_ref());
                let happened = happened.map_err(|complaint| complaint.at(event.span()))?;
                let begin = text.strip_suffix('*');
                let (is_begin, text) = (begin.is_some(), begin.unwrap_or(text));
                words.push(Word { text: text.as_bytes().into(), is_begin, happened });
            }
            // Whole words go before begins, and longer begins before shorter ones.
            words.sort_by_key(|word| (word.is_begin, std::cmp::Reverse(word.text.len())));
            Ok(Events::Words(words))
        }
        (None, Some(_)) => Err(Complaint::new("events need a place: a field \"event\"")),
        (_, None) if reads_event => {
            Err(Complaint::new("the words in the place of \"event\" need events, their meanings"))
        }
        (Some(event), _) => find(event.get_ref())
            .map(Events::Always)
            .map_err(|complaint| complaint.at(event.span())),
        (None, None) => {
            let word = of_text.or((family == Family::Session
                && (message.huawei_expression.is_some() || message.huawei_fields.is_some()))
            .then_some("by_end_time"));
            let word = word.ok_or_else(|| Complaint::new("a message needs event or events"))?;
            find(word).map(Events::Always)
        }
    }
}

/// Whether a kind can never be reached behind another one.
fn hides(earlier: &Kind, later: &Kind) -> bool {
    let has_marks = earlier.marks.iter().all(|mark| later.marks.contains(mark));
    let is_pinned_as_well = earlier.marks.is_empty() == later.marks.is_empty();
    let fits = |pattern: &Pattern| {
        earlier.patterns.iter().any(|known| known.fits_all() || known.same_literals(pattern))
    };
    has_marks
        && is_pinned_as_well
        && earlier.pairs.is_none() == later.pairs.is_none()
        && later.patterns.iter().all(fits)
}

fn unreachable_kind(earlier: &Kind) -> Complaint {
    let marks = if earlier.marks.is_empty() { "no marks" } else { "no other marks" };
    Complaint::new(format!(
        "this message can never be reached: one before it needs {marks} and fits the same texts"
    ))
}
