//! What a check comes to: what is, what should be, why, and what changes it.

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Good,
    /// The collector works; it would work better.
    Advice,
    /// It could not be told, and the finding says what would tell it.
    Unknown,
    /// The collector would not work, would lose what it need not lose, or would state wrong times.
    Wrong,
}

impl Severity {
    /// The word of the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Advice => "advice",
            Self::Unknown => "unknown",
            Self::Wrong => "WRONG",
        }
    }
}

/// Something that is looked at on every host, whatever comes out.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What it is called.
    pub name: &'static str,
    /// Why it matters, without a full stop.
    pub why: &'static str,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is.
    pub is: String,
    /// What should be.
    pub should: String,
    /// Why.
    pub why: &'static str,
    /// Shell commands that make it so, a line each; `None` where none is needed or known.
    pub command: Option<String>,
}

impl Check {
    /// It came out so.
    pub fn found(
        self,
        severity: Severity,
        is: impl Into<String>,
        should: impl Into<String>,
    ) -> Finding {
        let Self { name, why } = self;
        Finding { check: name, severity, is: is.into(), should: should.into(), why, command: None }
    }

    /// It is as it should be.
    pub fn good(self, is: impl Into<String>, should: impl Into<String>) -> Finding {
        self.found(Severity::Good, is, should)
    }

    /// It would be better otherwise.
    pub fn advice(self, is: impl Into<String>, should: impl Into<String>) -> Finding {
        self.found(Severity::Advice, is, should)
    }

    /// It must be otherwise.
    pub fn wrong(self, is: impl Into<String>, should: impl Into<String>) -> Finding {
        self.found(Severity::Wrong, is, should)
    }

    /// It could not be told, for this reason.
    pub fn unknown(self, reason: impl Into<String>, should: impl Into<String>) -> Finding {
        self.found(Severity::Unknown, reason, should)
    }
}

impl Finding {
    /// This finding, with what changes it.
    #[must_use]
    pub fn changed_by(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

/// Findings about one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// What they are about.
    pub name: String,
    /// In the order in which they were looked at.
    pub findings: Vec<Finding>,
}

impl Group {
    /// Of these findings.
    pub fn new(name: &str, findings: Vec<Finding>) -> Self {
        Self { name: name.to_owned(), findings }
    }
}

/// A word as the shell takes it for itself, whatever is in it.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=,+@".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
