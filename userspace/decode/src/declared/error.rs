//! What is wrong with a declaration, in one sentence.

use crate::nearest::nearest;
use std::{error::Error, fmt, ops::Range};

/// Why a declaration was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclarationError {
    file: String,
    line: Option<usize>,
    message: String,
}

impl fmt::Display for DeclarationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl Error for DeclarationError {}

/// A complaint about a place in the text of a file.
#[derive(Debug)]
pub(super) struct Complaint {
    /// Bytes of the text; `None` for the whole file.
    at: Option<Range<usize>>,
    message: String,
}

/// What loading a part of a declaration comes to.
pub(super) type Checked<T> = Result<T, Complaint>;

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { at: None, message: message.into() }
    }

    /// Says where, unless something within said so before.
    pub(super) fn at(mut self, at: Range<usize>) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// A word that is not one of those that may stand there.
    pub(super) fn unknown(what: &str, word: &str, right: &[&str]) -> Self {
        Self::new(match nearest(word, right) {
            Some(near) => format!("there is no {what} \"{word}\"; the nearest is \"{near}\""),
            None => format!("there is no {what} \"{word}\", only {}", right.join(", ")),
        })
    }

    /// What the TOML reader says, with the nearest right word where it lists the right ones.
    pub(super) fn of_toml(error: &toml::de::Error) -> Self {
        let words: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
        let message = match words.split_first() {
            Some((wrong, right @ [_, ..])) if error.message().starts_with("unknown field") => {
                return Self { at: error.span(), ..Self::unknown("key", wrong, right) };
            }
            _ => error.message().replace('\n', " "),
        };
        Self { at: error.span(), message }
    }

    pub(super) fn in_file(self, file: &str, text: &str) -> DeclarationError {
        let line = self.at.map(|at| {
            let before = text.as_bytes().get(..at.start).unwrap_or_default();
            before.iter().filter(|byte| **byte == b'\n').count() + 1
        });
        DeclarationError { file: file.to_owned(), line, message: self.message }
    }
}
