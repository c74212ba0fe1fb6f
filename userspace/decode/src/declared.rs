//! Text formats that are declared in a few lines and not programmed: other vendors' logs, and what
//! an operator's own firewall was told to print.
//!
//! A declaration is a TOML file (`language`; `docs/formats/declared.md` describes it). It is
//! compiled once (`compile`) into a `plan`: one pass over a message finds the marks of all
//! formats, the text of a format whose marks are there is held against its `pattern`s, and what
//! these and its `pairs` cut out becomes a record (`draft`).

mod compile;
mod draft;
mod error;
mod field;
mod huawei;
mod language;
mod pairs;
mod pattern;
mod plan;
mod time;

pub use error::DeclarationError;

use crate::{
    batch::Batch,
    context::Format,
    decoder::FormatHint,
    reason::Reason,
    syslog::{Message, zone::Zones},
};
use aho_corasick::{AhoCorasick, packed::Searcher};
use plan::Plan;
use std::collections::BTreeSet;

/// A declared format, by its place in [`Formats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeclaredId(pub u16);

/// The declarations that come with the program: file name and text.
pub const BUILTIN: &[(&str, &str)] = &[
    ("6wind.toml", include_str!("../formats/6wind.toml")),
    ("a10.toml", include_str!("../formats/a10.toml")),
    ("cisco.toml", include_str!("../formats/cisco.toml")),
    ("dptech.toml", include_str!("../formats/dptech.toml")),
    ("fortinet.toml", include_str!("../formats/fortinet.toml")),
    ("h3c.toml", include_str!("../formats/h3c.toml")),
    ("juniper.toml", include_str!("../formats/juniper.toml")),
    ("mikrotik.toml", include_str!("../formats/mikrotik.toml")),
    ("nat-acct.toml", include_str!("../formats/nat-acct.toml")),
    ("nfware.toml", include_str!("../formats/nfware.toml")),
    ("nokia.toml", include_str!("../formats/nokia.toml")),
    ("rfc5424-nat.toml", include_str!("../formats/rfc5424-nat.toml")),
    ("vyos.toml", include_str!("../formats/vyos.toml")),
];

/// Marks of all formats together.
const MARKS_MAX: usize = 512;

/// All declared formats.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    plans: Vec<Plan>,
    marks: Vec<String>,
    /// Finds the marks; `None` while there are none.
    finder: Option<AhoCorasick>,
    /// Finds, many times faster, whether a message may have all marks of any kind: one of each
    /// kind's, the longest one. `None` where the machine has no instructions for it.
    filter: Option<Searcher>,
}

/// Which marks a message has.
struct Found([u64; MARKS_MAX / 64]);

impl Formats {
    /// The formats of [`BUILTIN`].
    pub fn builtin() -> Formats {
        let mut formats = Formats::default();
        for (file, text) in BUILTIN {
            let added = formats.add(text, file);
            debug_assert!(added.is_ok(), "{added:?}");
        }
        formats
    }

    /// Adds a declaration. `file` is what errors call it. Where the marks of several formats occur
    /// in a message, the one that was added last is asked first.
    ///
    /// # Errors
    /// What is wrong with the declaration; then nothing is added.
    pub fn add(&mut self, text: &str, file: &str) -> Result<(), DeclarationError> {
        let mut marks = self.marks.clone();
        let is_taken = |name: &str| {
            self.by_name(name).is_some()
                || FormatHint::NAMES.iter().any(|(known, _)| *known == name)
                || Format::ALL.iter().any(|format| format.name() == name)
        };
        let plan = compile::compile(text, file, is_taken, &mut |mark| {
            let known = marks.iter().position(|known| known == mark);
            if known.is_none() && marks.len() < MARKS_MAX {
                marks.push(mark.to_owned());
                return Some(marks.len() - 1);
            }
            known
        })?;
        let finder = match marks.as_slice() {
            [] => None,
            marks => Some(AhoCorasick::new(marks).map_err(|error| {
                error::Complaint::new(format!("its marks cannot be searched for: {error}"))
                    .in_file(file, text)
            })?),
        };
        self.plans.push(plan);
        (self.marks, self.finder) = (marks, finder);
        self.filter = self.filter();
        Ok(())
    }

    fn filter(&self) -> Option<Searcher> {
        let kinds = self.plans.iter().flat_map(|plan| &plan.messages);
        let marks = kinds.filter_map(|kind| {
            let marks = kind.marks.iter().filter_map(|mark| self.marks.get(*mark));
            marks.max_by_key(|mark| mark.len())
        });
        Searcher::new(marks.collect::<BTreeSet<_>>())
    }

    /// The format of this name.
    pub fn by_name(&self, name: &str) -> Option<DeclaredId> {
        let position = self.plans.iter().position(|plan| plan.name == name)?;
        u16::try_from(position).ok().map(DeclaredId)
    }

    /// The name of a format.
    pub fn name(&self, DeclaredId(id): DeclaredId) -> Option<&'static str> {
        self.plans.get(usize::from(id)).map(|plan| plan.name)
    }

    /// The names of all formats.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.plans.iter().map(|plan| plan.name)
    }

    /// Decodes a message by one format, or (`None`) by whichever knows it; `None` where none does.
    pub fn decode(
        &self,
        id: Option<DeclaredId>,
        message: &Message<'_>,
        zones: &mut Zones,
        batch: &mut Batch,
    ) -> Option<Result<(), Reason>> {
        if id.is_none() && !self.may_know(message) {
            return None;
        }
        let found = self.find_marks(message.text);
        if let Some(DeclaredId(id)) = id {
            let plan = self.plans.get(usize::from(id))?;
            return plan.decode(|marks| found.has_all(marks), message, zones, batch);
        }
        let mut failed = None;
        for plan in self.plans.iter().rev() {
            let has_marks = |marks: &[usize]| !marks.is_empty() && found.has_all(marks);
            match plan.decode(has_marks, message, zones, batch) {
                Some(Ok(())) => return Some(Ok(())),
                Some(Err(reason)) => failed = failed.or(Some(Err(reason))),
                None => {}
            }
        }
        failed
    }

    /// Whether a message may have all marks of a format. Where it may not, [`Formats::decode`] finds
    /// none that knows it.
    pub(crate) fn may_know(&self, message: &Message<'_>) -> bool {
        match &self.filter {
            Some(filter) => filter.find(message.text).is_some(),
            None => !self.plans.is_empty(),
        }
    }

    fn find_marks(&self, text: &[u8]) -> Found {
        let mut found = Found([0; MARKS_MAX / 64]);
        if let Some(finder) = &self.finder {
            for hit in finder.find_overlapping_iter(text) {
                found.add(hit.pattern().as_usize());
            }
        }
        found
    }
}

impl Found {
    fn add(&mut self, mark: usize) {
        if let Some(word) = self.0.get_mut(mark / 64) {
            *word |= 1 << (mark % 64);
        }
    }

    fn has_all(&self, marks: &[usize]) -> bool {
        marks
            .iter()
            .all(|mark| self.0.get(mark / 64).is_some_and(|word| word >> (mark % 64) & 1 == 1))
    }
}

#[cfg(test)]
mod tests;
