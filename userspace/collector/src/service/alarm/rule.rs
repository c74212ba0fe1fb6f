//! Rules: what is waited for, and what is done then.

use super::{event::EventKind, syslog::Priority};
use crate::service::live::filter::Filter;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use ureq::http::Uri;

/// A rule, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What people call it.
    pub name: String,
    /// What it waits for.
    pub matches: Matches,
    /// What is done then.
    pub actions: Actions,
}

/// What a rule waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matches {
    /// Records.
    Records(Filter),
    /// Events of the collector's own.
    Events {
        /// Which.
        kind: EventKind,
        /// From where on it is one; see [`EventKind::default_threshold`].
        threshold: Option<u64>,
        /// Of whom, and of what else the event tells.
        filter: Filter,
    },
}

/// What is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// A line of the live log that records of the sample do not drive out.
    pub log: bool,
    /// An alarm that stays until somebody clears it.
    pub alarm: bool,
    /// A message to the syslog server.
    pub syslog: Option<Priority>,
    /// A line of the next mail.
    pub email: bool,
    /// An HTTP POST to this URL.
    pub webhook: Option<Uri>,
}

impl Rule {
    /// The records that it waits for, if it waits for records.
    pub const fn records(&self) -> Option<&Filter> {
        match &self.matches {
            Matches::Records(filter) => Some(filter),
            Matches::Events { .. } => None,
        }
    }
}

/// The rules that are in force. They can be exchanged while the collector runs.
#[derive(Debug, Default)]
pub struct Rules {
    list: Mutex<Arc<[Arc<Rule>]>>,
    changes: AtomicU64,
}

impl Rules {
    /// Rules that are in force from the beginning.
    pub fn new(rules: &[Rule]) -> Self {
        let all = Self::default();
        all.replace(rules);
        all
    }

    /// Puts others in force.
    pub fn replace(&self, rules: &[Rule]) {
        let rules = rules.iter().cloned().map(Arc::new).collect();
        *self.list.lock().unwrap_or_else(PoisonError::into_inner) = rules;
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Those in force.
    pub fn read(&self) -> Arc<[Arc<Rule>]> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those in force, if they are others than at this count of changes.
    pub(in crate::service) fn since(&self, seen: &mut u64) -> Option<Arc<[Arc<Rule>]>> {
        let changes = self.changes.load(Ordering::Acquire);
        if changes == *seen {
            return None;
        }
        *seen = changes;
        Some(self.read())
    }
}
