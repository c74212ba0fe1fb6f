//! Patterns: a line's text with placeholders in it.
//!
//! ```text
//! pattern = (literal | "{" target ["?"] "}")…      "{{" and "}}" are the braces themselves
//! ```
//! Literals anchor; a space in one matches any run of white space. The first literal stands at the
//! begin of the text; each placeholder takes the shortest text up to the literal behind it, the
//! last one all that is left. So there is nothing to try twice: a pattern is one pass, in time
//! proportional to the text, and an earlier place of a literal never spoils a later one.
//!
//! A mark may occur in text that users choose, such as a browser's name in a web server's log. So
//! what is only passed over in front of a pattern's first word is short and of harmless characters
//! ([`Part::in_head`]). And where pairs have quotes, the literal behind them stands outside of quotes.
//!
//! `?` says that the value may be missing together with the white space on one side of it: such a
//! pattern stands for several, one without the placeholder.

use super::{
    error::{Checked, Complaint},
    field::{Family, Field, Form, Target, What, check_times},
};
use crate::text::TextArena;
use memchr::memmem::Finder;

/// Placeholders, a pattern.
pub(super) const PLACEHOLDERS_MAX: usize = 48;
/// Placeholders that may be missing, a pattern: each doubles the patterns.
const OPTIONAL_MAX: usize = 3;
/// Bytes of a pattern.
const LEN_MAX: usize = 4096;
/// Bytes of a value in front of a pattern's first word.
const HEAD_LEN_MAX: usize = 96;
/// Letters and digits that make a literal the first word.
const WORD_MIN: usize = 2;
/// Bytes of a pair in `extra` beside its key and its value.
const HEAD: usize = 4;

/// A piece of a pattern as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Placeholder { target: Target, optional: bool },
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    lead: Literal,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    target: Target,
    after: Literal,
    /// Whether nothing that says whose line it is stands in front: its value then has at the most
    /// [`HEAD_LEN_MAX`] bytes, and no quote, `=`, `;` or line end.
    in_head: bool,
    /// Pairs: the quote that hides what it encloses.
    quote: Option<u8>,
}

/// Words with white space between them.
#[derive(Clone, Debug, Default)]
struct Literal {
    space_before: bool,
    words: Vec<Finder<'static>>,
    space_after: bool,
}

/// The values of a pattern's placeholders, and the text behind its last literal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Captures<'a> {
    pub(super) values: [&'a [u8]; PLACEHOLDERS_MAX],
    pub(super) rest: &'a [u8],
}

/// Reads a pattern as it is written.
pub(super) fn read(text: &str, family: Family) -> Checked<Vec<Piece>> {
    if text.len() > LEN_MAX {
        return Err(Complaint::new(format!("a pattern has at the most {LEN_MAX} bytes")));
    }
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        literal.push_str(before);
        if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            literal.push_str(from.get(..1).unwrap_or_default());
            rest = after;
            continue;
        }
        let inner = from.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let Some((inner, after)) = inner else {
            return Err(Complaint::new("a brace is not closed; a brace itself is written twice"));
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        let (name, optional) = inner.strip_suffix('?').map_or((inner, false), |name| (name, true));
        pieces.push(Piece::Placeholder { target: Target::read(name, family)?, optional });
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// Compiles pieces: one pattern, and one for each way in which optional values may be missing.
pub(super) fn compile(pieces: &[Piece]) -> Checked<Vec<Pattern>> {
    check(pieces)?;
    let optional: Vec<usize> = pieces
        .iter()
        .enumerate()
        .filter(|(_, piece)| matches!(piece, Piece::Placeholder { optional: true, .. }))
        .map(|(at, _)| at)
        .collect();
    if optional.len() > OPTIONAL_MAX {
        let rule = format!("a pattern has at the most {OPTIONAL_MAX} values that may be missing");
        return Err(Complaint::new(rule));
    }
    let variants = (0..1_usize << optional.len()).map(|missing| {
        let is_missing = |at: usize| {
            optional
                .iter()
                .position(|known| *known == at)
                .is_some_and(|bit| missing >> bit & 1 == 1)
        };
        let present =
            pieces.iter().enumerate().filter(|(at, _)| !is_missing(*at)).map(|(_, piece)| piece);
        Pattern::new(present)
    });
    variants.collect()
}

/// Refuses what could not be read in one way.
fn check(pieces: &[Piece]) -> Checked<()> {
    let targets = pieces.iter().filter_map(|piece| match piece {
        Piece::Placeholder { target, .. } => Some(target),
        Piece::Literal(_) => None,
    });
    match targets.clone().count() {
        0 => return Err(Complaint::new("a pattern without a placeholder reads nothing")),
        1..=PLACEHOLDERS_MAX => {}
        _ => {
            let rule = format!("a pattern has at the most {PLACEHOLDERS_MAX} placeholders");
            return Err(Complaint::new(rule));
        }
    }
    let mut seen: Vec<&Target> = Vec::new();
    for target in targets.clone().filter(|target| target.what != What::Drop) {
        if seen.contains(&target) {
            let name = String::from_utf8_lossy(&target.key);
            return Err(Complaint::new(format!("\"{name}\" stands twice in one pattern")));
        }
        seen.push(target);
    }
    check_times(&targets)?;
    check_neighbours(pieces)?;
    check_extra_size(pieces)
}

fn check_neighbours(pieces: &[Piece]) -> Checked<()> {
    for pair in pieces.windows(2) {
        match pair {
            [Piece::Placeholder { target: a, .. }, Piece::Placeholder { target: b, .. }] => {
                let names = [a, b].map(|target| String::from_utf8_lossy(&target.key));
                let [a, b] = names;
                return Err(Complaint::new(format!(
                    "nothing stands between \"{a}\" and \"{b}\": where one ends could not be told"
                )));
            }
            [
                Piece::Placeholder {
                    target: Target { what: What::Time(_, Form::DateTime), key },
                    ..
                },
                Piece::Literal(literal),
            ] if literal.starts_with(|first: char| first.is_ascii_whitespace()) => {
                let name = String::from_utf8_lossy(key);
                return Err(Complaint::new(format!(
                    "\"{name}:datetime\" holds a space itself, so none may follow it; write \
                     \"{{{name}:date}} {{{name}:clock}}\""
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The names of `extra` are the declaration's, their room is the batch's, which knows the length of
/// the text only (see [`TextArena::EXPANSION_MAX`]).
fn check_extra_size(pieces: &[Piece]) -> Checked<()> {
    let targets = pieces.iter().filter_map(|piece| match piece {
        Piece::Placeholder { target, .. } => Some(target),
        Piece::Literal(_) => None,
    });
    // Where there are pairs, these may have been there before, and any of its values is one too many.
    let has_pairs = targets.clone().any(|target| target.what == What::Pairs);
    let named = targets.filter(|target| match target.what {
        What::Drop | What::Pairs => false,
        What::Extra => true,
        What::Time(_, form) => has_pairs || form == Form::Zone,
        What::Field(field) => {
            use Field::*;
            has_pairs || matches!(field, Event | Protocol | SrcVrf | DstVrf | TunnelAddr)
        }
    });
    let names: usize = named.clone().map(|target| target.key.len() + HEAD).sum();
    let literals = pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => text.split_ascii_whitespace().map(str::len).sum::<usize>().max(1),
        Piece::Placeholder { .. } => 0,
    });
    // An empty value is not kept, so that there is a byte of text for each name.
    let text: usize = literals.sum::<usize>() + named.count();
    if names > text * (TextArena::EXPANSION_MAX - 1) {
        return Err(Complaint::new(
            "the names are so much longer than the text around them that a line could outgrow \
             its room",
        ));
    }
    Ok(())
}

impl Pattern {
    fn new<'p>(pieces: impl Iterator<Item = &'p Piece>) -> Checked<Pattern> {
        let mut literal = String::new();
        let mut lead = None;
        let mut target: Option<&Target> = None;
        let mut parts = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => literal.push_str(text),
                Piece::Placeholder { target: next, .. } => {
                    match target.replace(next) {
                        None => lead = Some(Literal::new(literal.trim_ascii_start())),
                        Some(_) if literal.is_empty() => {
                            return Err(Complaint::new(
                                "nothing stands between two placeholders when the one between \
                                 them is missing",
                            ));
                        }
                        Some(target) => parts.push(Part::new(target, &literal)),
                    }
                    literal.clear();
                }
            }
        }
        // The text is trimmed, so nothing of it is white space at its end.
        let literal = literal.trim_ascii_end();
        match target {
            Some(target) => parts.push(Part::new(target, literal)),
            None => lead = Some(Literal::new(literal.trim_ascii_start())),
        }
        let mut pattern = Pattern { lead: lead.unwrap_or_default(), parts };
        pattern.mark_head();
        Ok(pattern)
    }

    /// Marks the placeholders in front of the first word, or of the first value of a type.
    fn mark_head(&mut self) {
        let is_loose = |part: &Part| {
            matches!(part.target.what, What::Drop | What::Extra | What::Field(Field::Host))
        };
        let ends = |part: &Part| part.after.is_word() || !is_loose(part);
        let end = self.parts.iter().position(ends).filter(|_| !self.lead.is_word());
        let head = end.map_or(0, |end| end + 1);
        for part in self.parts.iter_mut().take(head) {
            part.in_head = is_loose(part);
        }
    }

    /// Says in which quotes the values of its pairs may stand.
    pub(super) fn set_quote(&mut self, quote: Option<u8>) {
        for part in self.parts.iter_mut().filter(|part| part.target.what == What::Pairs) {
            part.quote = quote;
        }
    }

    /// What its placeholders are for, in their order.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Target> + Clone {
        self.parts.iter().map(|part| &part.target)
    }

    /// Whether it fits every text.
    pub(super) fn fits_all(&self) -> bool {
        let any = |target: &Target| match target.what {
            What::Drop | What::Extra | What::Pairs => true,
            What::Field(field) => matches!(
                field,
                Field::Policy | Field::User | Field::Application | Field::Url | Field::Host
            ),
            What::Time(..) => false,
        };
        let is_open = |part: &Part| part.after.is_empty() && any(&part.target);
        self.lead.is_empty() && matches!(self.parts.as_slice(), [part] if is_open(part))
    }

    /// Whether it reads the same texts, into whatever fields.
    pub(super) fn same_literals(&self, other: &Pattern) -> bool {
        let literals = self.parts.iter().map(|part| part.after.key());
        self.lead.key() == other.lead.key()
            && literals.eq(other.parts.iter().map(|part| part.after.key()))
            && self.targets().map(|target| target.what).eq(other.targets().map(|t| t.what))
    }

    /// The values in a text, if it fits.
    pub(super) fn captures<'a>(&self, text: &'a [u8]) -> Option<Captures<'a>> {
        let mut captures = Captures { values: [&[]; PLACEHOLDERS_MAX], rest: &[] };
        let mut at = self.lead.here(text, 0)?;
        for (part, value) in self.parts.iter().zip(&mut captures.values) {
            let unquoted = part.quote.and_then(|quote| part.after.find_unquoted(text, at, quote));
            let (start, end) = unquoted.or_else(|| part.after.find(text, at))?;
            *value = text.get(at..start)?;
            if part.in_head && !is_harmless(value) {
                return None;
            }
            at = end;
        }
        captures.rest = text.get(at..)?;
        Some(captures)
    }
}

impl Part {
    fn new(target: &Target, after: &str) -> Part {
        let after = Literal::new(after);
        Part { target: target.clone(), after, in_head: false, quote: None }
    }
}

/// Whether a value in front of a pattern's first word is none that a user of a session chose.
fn is_harmless(value: &[u8]) -> bool {
    let is_other = |byte: &u8| matches!(byte, b'"' | b'=' | b';' | b'\r' | b'\n');
    value.len() <= HEAD_LEN_MAX && !value.iter().any(is_other)
}

impl Literal {
    fn new(text: &str) -> Literal {
        let words = text.split_ascii_whitespace();
        let is_space = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        Literal {
            space_before: is_space(text.as_bytes().first()),
            words: words.map(|word| Finder::new(word).into_owned()).collect(),
            space_after: is_space(text.as_bytes().last()),
        }
    }

    fn key(&self) -> (bool, Vec<&[u8]>, bool) {
        (self.space_before, self.words.iter().map(Finder::needle).collect(), self.space_after)
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty() && !self.space_before
    }

    /// Whether it has enough letters and digits to tell a line from others.
    fn is_word(&self) -> bool {
        let bytes = self.words.iter().flat_map(|word| word.needle());
        bytes.filter(|byte| byte.is_ascii_alphanumeric()).count() >= WORD_MIN
    }

    /// Where it ends, if it stands here.
    fn here(&self, text: &[u8], at: usize) -> Option<usize> {
        let after = skip_spaces(text, at);
        if self.space_before && after == at {
            return None;
        }
        self.words_here(text, if self.space_before { after } else { at })
    }

    /// Where it ends, if its first word stands here. White space at its end may be the text's end.
    fn words_here(&self, text: &[u8], mut at: usize) -> Option<usize> {
        for (index, word) in self.words.iter().enumerate() {
            if index > 0 {
                let after = skip_spaces(text, at);
                if after == at {
                    return None;
                }
                at = after;
            }
            at = text.get(at..)?.starts_with(word.needle()).then_some(at + word.needle().len())?;
        }
        if !self.space_after || self.words.is_empty() {
            return Some(at);
        }
        let after = skip_spaces(text, at);
        (after > at || at == text.len()).then_some(after)
    }

    /// Where it first stands, from `at` on: its begin and its end. The empty one stands at the end.
    fn find(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let Some(first) = self.words.first() else {
            if !self.space_before {
                return Some((text.len(), text.len()));
            }
            let start = at + text.get(at..)?.iter().position(u8::is_ascii_whitespace)?;
            return Some((start, skip_spaces(text, start)));
        };
        let mut from = at;
        loop {
            let word = from + first.find(text.get(from..)?)?;
            let start = if self.space_before { skip_spaces_back(text, at, word) } else { word };
            let spaced = start < word || !self.space_before;
            if let Some(end) = self.words_here(text, word).filter(|_| spaced) {
                return Some((start, end));
            }
            from = word + 1;
        }
    }

    /// Where it first stands outside of quotes, in which `\` takes the next character's meaning away
    /// (RFC 5424 section 6.3.3); `None` where all of it is inside, as behind a quote without an end.
    fn find_unquoted(&self, text: &[u8], at: usize, quote: u8) -> Option<(usize, usize)> {
        let (mut quoted, mut escaped, mut from) = (false, false, at);
        let mut seen = at;
        loop {
            let (start, end) = self.find(text, from)?;
            for byte in text.get(seen..start)? {
                let closes_or_opens = *byte == quote && !escaped;
                escaped = quoted && *byte == b'\\' && !escaped;
                quoted ^= closes_or_opens;
            }
            if !quoted {
                return Some((start, end));
            }
            if end <= start {
                return None;
            }
            (seen, from) = (start, end);
        }
    }
}

fn skip_spaces(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The begin of the white space in front of `at`, but not before `from`.
fn skip_spaces_back(text: &[u8], from: usize, at: usize) -> usize {
    let before = text.get(from..at).unwrap_or_default();
    at - before.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::bytes::Regex;

    /// A pattern and the regular expression that says the same, for texts in which no two
    /// characters of white space stand together.
    fn both(pieces: &[&str]) -> Option<(Pattern, Regex)> {
        let text: String = pieces.concat();
        let pattern = compile(&read(&text, Family::Session).ok()?).ok()?.into_iter().next()?;
        let text = text.trim();
        let mut regex = String::from("(?s-u)^");
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            regex.push_str(&literal_regex(literal));
            regex.push_str("(.*?)");
            rest = after.split_once('}').map(|(_, rest)| rest).unwrap_or_default();
        }
        regex.push_str(&if rest.is_empty() { "$".into() } else { literal_regex(rest) });
        Some((pattern, Regex::new(&regex).unwrap()))
    }

    /// How many placeholders stand in front of the first word.
    fn head_len(pattern: &str) -> usize {
        let is_word =
            |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric()).count() >= WORD_MIN;
        pattern.split(['{', '}']).step_by(2).position(is_word).unwrap_or(0)
    }

    fn literal_regex(literal: &str) -> String {
        let words: Vec<String> = literal.split(' ').map(regex::escape).collect();
        let ends = literal.ends_with(' ') && !literal.trim().is_empty();
        let joined = words.join("[ \n]");
        if ends { format!("{}(?:[ \n]|$)", joined.strip_suffix("[ \n]").unwrap()) } else { joined }
    }

    /// A run of white space becomes one line end if it has one, else one space.
    fn collapse(text: &[u8]) -> Vec<u8> {
        let mut collapsed: Vec<u8> = Vec::new();
        for byte in text {
            let is_space = byte.is_ascii_whitespace();
            match collapsed.last_mut() {
                Some(last) if is_space && last.is_ascii_whitespace() => {
                    *last = if *byte == b'\n' { b'\n' } else { *last };
                }
                _ if is_space && *byte != b'\n' => collapsed.push(b' '),
                _ => collapsed.push(*byte),
            }
        }
        collapsed
    }

    const NAMES: [&str; 6] =
        ["{extra.a}", "{extra.b}", "{extra.c}", "{extra.d}", "{extra.e}", "{extra.f}"];

    /// Literals and placeholders in turn.
    fn pieces() -> impl Strategy<Value = Vec<String>> {
        (prop::collection::vec("[ab]{0,2} ?[ab:]{1,2} ?| ", 1..6), any::<bool>()).prop_map(
            |(literals, ends_with_literal)| {
                let mut pieces = Vec::new();
                for (literal, name) in literals.iter().zip(NAMES) {
                    pieces.extend([literal.clone(), name.to_owned()]);
                }
                if ends_with_literal {
                    pieces.push("b".to_owned());
                }
                pieces
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn agrees_with_a_regular_expression(
            pieces in pieces(),
            values in prop::collection::vec("[ab: \n\t]{0,4}", 7),
            noise in "[ab: ]{0,12}",
            fits in any::<bool>(),
        ) {
            let names: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let Some((pattern, regex)) = both(&names) else { return Ok(()) };
            let mut values = values.into_iter();
            let text: String = if fits {
                let value = |piece: &String| {
                    if piece.starts_with('{') { values.next().unwrap() } else { piece.clone() }
                };
                pieces.iter().map(value).collect()
            } else {
                noise
            };
            let text = text.trim_matches(|c: char| c.is_ascii_whitespace()).as_bytes();
            let collapsed = collapse(text);
            let expected = regex.captures(&collapsed).map(|captures| {
                captures.iter().skip(1).map(|value| value.unwrap().as_bytes().to_vec()).collect::<Vec<_>>()
            });
            let head = head_len(names.concat().trim());
            let expected = expected.filter(|values| {
                values.iter().take(head).all(|value| is_harmless(value))
            });
            let count = pattern.targets().count();
            let read = pattern
                .captures(text)
                .map(|captures| captures.values[..count].iter().map(|v| collapse(v)).collect::<Vec<_>>());
            prop_assert_eq!(read, expected, "{:?} on {:?}", names.concat(), collapsed);
        }

        #[test]
        fn bytes_of_any_kind_are_read_or_not(
            pieces in pieces(),
            text in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let names: Vec<&str> = pieces.iter().map(String::as_str).collect();
            if let Some((pattern, _)) = both(&names) {
                let _ = pattern.captures(&text);
            }
        }
    }

    #[test]
    fn a_value_may_be_missing_with_its_space() {
        let pieces = read("a {user?} b {extra.c}", Family::Session).unwrap();
        let patterns = compile(&pieces).unwrap();
        let values = |text: &'static str| {
            let captures = patterns.iter().find_map(|pattern| pattern.captures(text.as_bytes()));
            captures.map(|captures| captures.values[..2].to_vec())
        };
        assert_eq!(values("a jo b 1"), Some(vec![b"jo".as_slice(), b"1"]));
        assert_eq!(values("a  b 1"), Some(vec![b"1".as_slice(), b""]));
    }

    #[test]
    fn only_harmless_text_stands_in_front_of_the_first_word() {
        let fits = |pattern: &str, text: &str| {
            let pieces = read(pattern, Family::Session).unwrap();
            compile(&pieces).unwrap()[0].captures(text.as_bytes()).is_some()
        };
        for head in ["", "a: b, c", &"x".repeat(HEAD_LEN_MAX)] {
            assert!(fits("{_}nat: {src}", &format!("{head}nat: 1")), "{head}");
        }
        for head in ["\"", "a=b", "a;", "a\nb", "a\r", &"x".repeat(HEAD_LEN_MAX + 1)] {
            assert!(!fits("{_}nat: {src}", &format!("{head}nat: 1")), "{head}");
            assert!(!fits("{_}: {host}nat: {src}", &format!("a: {head}nat: 1")), "{head}");
            // Behind a word, in front of a value of a type, or where there is no word.
            for pattern in ["log {_}nat: {src}", "{src} {_}nat: {dst}", "log {_}:{src}"] {
                assert!(fits(pattern, &format!("log {head}nat: 1")), "{pattern}");
            }
            assert!(fits("{_}/{extra.a}", &format!("{head}/1")), "{head}");
        }
    }

    #[test]
    fn what_stands_behind_pairs_is_outside_of_their_quotes() {
        let pieces = read("a [{pairs}]", Family::Session).unwrap();
        let mut pattern = compile(&pieces).unwrap().remove(0);
        pattern.set_quote(Some(b'"'));
        for (text, expected) in [
            (r#"a [u="x]" v="1"] w"#, r#"u="x]" v="1""#),
            (r#"a [u="x\"]" v="1"]"#, r#"u="x\"]" v="1""#),
            (r#"a [u="x\\"] v="1"]"#, r#"u="x\\""#),
            (r#"a [u="x\]" v="1"]"#, r#"u="x\]" v="1""#),
            (r#"a [u="x] v]"#, r#"u="x"#),
        ] {
            let captures = pattern.captures(text.as_bytes()).unwrap();
            assert_eq!(captures.values[0], expected.as_bytes(), "{text}");
        }
    }

    #[test]
    fn braces_are_written_twice() {
        let pieces = read("{{{extra.a}}} b", Family::Session).unwrap();
        let patterns = compile(&pieces).unwrap();
        assert_eq!(patterns[0].captures(b"{x} b").unwrap().values[0], b"x");
    }
}
