//! `key=value` pairs with commas between them, whose values may hold commas.
//!
//! A value ends only at a comma that is followed by a key and `=`, because names and URLs may hold
//! commas; the last value ends at the full stop. Keys come in any order.
//!
//! Some values are chosen by those whose sessions are logged: a URL may hold `,SourceIP=…`. So a
//! key that was there before is part of the value in which it stands; behind names, which firewalls
//! send late, so is a known key that they send in front of them; and the two parts of a URL, which
//! come last, end only where the other one begins.

/// The longest key that is looked for after a comma.
const KEY_LEN_MAX: usize = 32;

/// The keys of a kind of log.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// Those that are known, in the order in which devices send them; at most 32.
    pub known: &'static [&'static [u8]],
    /// How many of them are sent in front of all names: behind a name no known key goes back.
    pub before_names: usize,
    /// Whether a word may be one that is not known.
    pub is_other: fn(&[u8]) -> bool,
}

/// The pairs of a content.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a [u8],
    keys: &'static Keys,
    /// The position of the last key among those known: the next one is most likely behind it.
    position: usize,
    /// The keys that were there, by their bits.
    seen: u32,
}

impl<'a> Pairs<'a> {
    /// The pairs of a content; the full stop that ends it is taken off.
    pub fn new(content: &'a [u8], keys: &'static Keys) -> Self {
        let rest = content.strip_suffix(b".").unwrap_or(content);
        Self { rest, keys, position: 0, seen: 0 }
    }

    /// Whether a key that was not there before and `=` stand here: a known key, or (outside of
    /// URLs) any word that may be one.
    fn starts_with_key(&self, text: &[u8], in_url: bool) -> bool {
        let head = text.get(..text.len().min(KEY_LEN_MAX)).unwrap_or_default();
        let Some(equals) = memchr::memchr(b'=', head) else { return false };
        let Some(key) = head.get(..equals) else { return false };
        if let Some(position) = self.key_position(key) {
            if in_url {
                return self.seen & 1 << position == 0 && is_url(key);
            }
            let is_in_order = self.position < self.keys.before_names || position > self.position;
            return self.seen & 1 << position == 0 && is_in_order;
        }
        (self.keys.is_other)(key) && !in_url
    }

    /// Where a key stands among those known, beginning the search behind the last one.
    fn key_position(&self, key: &[u8]) -> Option<usize> {
        let (before, from) = self.keys.known.split_at_checked(self.position)?;
        let found = from.iter().position(|known| *known == key).map(|at| at + self.position);
        found.or_else(|| before.iter().position(|known| *known == key))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let equals = memchr::memchr(b'=', self.rest)?;
        let (key, value) = self.rest.split_at_checked(equals)?;
        let value = value.get(1..)?;
        if let Some(position) = self.key_position(key) {
            self.position = position;
            self.seen |= 1 << position;
        }
        let in_url = is_url(key);
        for comma in memchr::memchr_iter(b',', value) {
            let (before, after) = value.split_at_checked(comma)?;
            let after = super::header::skip_spaces(after.get(1..)?);
            if self.starts_with_key(after, in_url) {
                self.rest = after;
                return Some((key, before));
            }
        }
        self.rest = &[];
        Some((key, value))
    }
}

fn is_url(key: &[u8]) -> bool {
    matches!(key, b"Page" | b"Host")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syslog::usg_default::KEYS;

    fn pairs(content: &[u8]) -> Vec<(&[u8], &[u8])> {
        Pairs::new(content, &KEYS).collect()
    }

    #[test]
    fn a_value_ends_where_a_key_begins() {
        assert_eq!(
            pairs(b"SourceZone=a=b,PolicyName=Internet Access, branch,\n CloseReason=aged-out."),
            [
                (b"SourceZone".as_slice(), b"a=b".as_slice()),
                (b"PolicyName", b"Internet Access, branch"),
                (b"CloseReason", b"aged-out"),
            ]
        );
    }

    #[test]
    fn a_name_forges_no_key_that_stands_in_front_of_it() {
        assert_eq!(
            pairs(b"UserName=bob,SourceNatIP=192.0.2.66,New=1,SourceNatPort=66,CloseReason=x."),
            [
                (b"UserName".as_slice(), b"bob,SourceNatIP=192.0.2.66".as_slice()),
                (b"New", b"1,SourceNatPort=66"),
                (b"CloseReason", b"x"),
            ]
        );
    }

    #[test]
    fn an_unknown_key_ends_a_value_but_not_a_url() {
        assert_eq!(
            pairs(b"UserName=x,NewKey=1,Page=/a?b=1,Other=2,c=3,Host=h.example."),
            [
                (b"UserName".as_slice(), b"x".as_slice()),
                (b"NewKey", b"1"),
                (b"Page", b"/a?b=1,Other=2,c=3"),
                (b"Host", b"h.example"),
            ]
        );
    }
}
