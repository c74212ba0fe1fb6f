//! Pairs: `key=value` with a separator between them.
//!
//! A value ends at the separator, or at the closing quote where it begins with one (in which `\`
//! takes the next character's meaning away). `open_values` are those that may hold separators
//! without quotes (CEF): they end at the separator in front of the next key. What stands between
//! pairs and has no assignment comes back under no key.

use super::{
    error::{Checked, Complaint},
    field::{Family, Target, What, check_times},
    language,
};
use std::collections::BTreeMap;
use toml::Spanned;

/// How pairs are written, and what their keys are for.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    separator: u8,
    assign: u8,
    quote: Option<u8>,
    by_number: bool,
    open_values: bool,
    /// Sorted by the key.
    keys: Vec<(Box<[u8]>, Target)>,
}

impl Pairs {
    pub(super) fn compile(
        pairs: &language::Pairs,
        keys: &BTreeMap<Spanned<String>, Spanned<String>>,
        family: Family,
    ) -> Checked<Pairs> {
        let mut compiled = Vec::with_capacity(keys.len());
        for (key, target) in keys {
            let read = Target::read(target.get_ref(), family);
            let read = read.map_err(|complaint| complaint.at(target.span()))?;
            if read.what == What::Pairs {
                return Err(Complaint::new("pairs cannot hold pairs").at(target.span()));
            }
            let is_number = |key: &str| key.bytes().all(|byte| byte.is_ascii_digit());
            if pairs.by_number && !is_number(key.get_ref()) {
                return Err(
                    Complaint::new("a key that is looked up by_number is a number").at(key.span())
                );
            }
            compiled.push((key.get_ref().as_bytes().into(), read));
        }
        check_times(&compiled.iter().map(|(_, target)| target))?;
        compiled.sort_by(|(a, _): &(Box<[u8]>, Target), (b, _)| a.cmp(b));
        let separator = one_byte(&pairs.separator)?;
        let assign = one_byte(&pairs.assign)?;
        if separator == assign {
            return Err(Complaint::new("separator and assign are the same").at(pairs.assign.span()));
        }
        Ok(Pairs {
            separator,
            assign,
            quote: pairs.quote.as_ref().map(one_byte).transpose()?,
            by_number: pairs.by_number,
            open_values: pairs.open_values,
            keys: compiled,
        })
    }

    /// What a key's value is for; `None` for a key that is not declared.
    pub(super) fn target(&self, key: &[u8]) -> Option<&Target> {
        let key = if self.by_number { number_behind(key)? } else { key };
        let at = self.keys.binary_search_by(|(known, _)| known.as_ref().cmp(key)).ok()?;
        self.keys.get(at).map(|(_, target)| target)
    }

    /// What its keys are for.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.keys.iter().map(|(_, target)| target)
    }

    /// The quote around values that may hold separators.
    pub(super) fn quote(&self) -> Option<u8> {
        self.quote
    }

    /// The pairs of a text.
    pub(super) fn iter<'p, 'a>(&'p self, text: &'a [u8]) -> Iter<'p, 'a> {
        Iter { pairs: self, rest: text }
    }

    fn is_separator(&self, byte: u8) -> bool {
        byte == self.separator || self.separator == b' ' && byte.is_ascii_whitespace()
    }

    /// Where a value ends, without its quotes, and where the text goes on.
    fn value_end(&self, text: &[u8]) -> (usize, usize, usize) {
        if let Some((quote, [first, inner @ ..])) = self.quote.zip(Some(text))
            && *first == quote
            && let Some(len) = closing_quote(inner, quote)
        {
            return (1, 1 + len, 2 + len);
        }
        let end = if self.open_values {
            self.open_value_end(text)
        } else {
            text.iter().position(|byte| self.is_separator(*byte)).unwrap_or(text.len())
        };
        (0, end, end)
    }

    /// The separator in front of the key of the next assignment.
    fn open_value_end(&self, text: &[u8]) -> usize {
        let mut separator = None;
        let mut escaped = false;
        for (at, byte) in text.iter().enumerate() {
            match *byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                byte if byte == self.assign => {
                    if let Some(end) = separator {
                        return end;
                    }
                }
                byte if self.is_separator(byte) => separator = Some(at),
                _ => {}
            }
        }
        text.len()
    }
}

/// An iterator over pairs: key (empty for text that is no pair) and value.
#[derive(Debug)]
pub(super) struct Iter<'p, 'a> {
    pairs: &'p Pairs,
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'_, 'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let pairs = self.pairs;
        let spaces =
            self.rest.iter().take_while(|b| pairs.is_separator(**b) || b.is_ascii_whitespace());
        let text = self.rest.get(spaces.count()..).unwrap_or_default();
        if text.is_empty() {
            return None;
        }
        // A word ends at an assignment, which makes it a key, or at a separator.
        let end = text.iter().position(|byte| *byte == pairs.assign || pairs.is_separator(*byte));
        let (word, after) = text.split_at_checked(end.unwrap_or(text.len()))?;
        let Some((_, value)) = after.split_first().filter(|(byte, _)| **byte == pairs.assign)
        else {
            self.rest = after;
            return Some((&[], word.trim_ascii()));
        };
        let (start, end, next) = pairs.value_end(value);
        self.rest = value.get(next..).unwrap_or_default();
        Some((word.trim_ascii(), value.get(start..end).unwrap_or_default()))
    }
}

/// Where the quote ends that was opened in front of the text.
fn closing_quote(text: &[u8], quote: u8) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let closes = *byte == quote && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })
}

/// The number in `Name(number)`.
fn number_behind(key: &[u8]) -> Option<&[u8]> {
    let inner = key.strip_suffix(b")")?;
    let open = memchr::memrchr(b'(', inner)?;
    inner.get(open + 1..)
}

fn one_byte(text: &Spanned<String>) -> Checked<u8> {
    match text.get_ref().as_bytes() {
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err(Complaint::new("this is one ASCII character").at(text.span())),
    }
}
