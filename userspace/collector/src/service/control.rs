//! The control socket: a Unix socket by which other commands ask a running collector.
//!
//! A question is a line of JSON, a [`Request`]; the answer is lines of JSON, of which one that has
//! the key `error` is the last. Who may write to the socket may ask: the owner and the group of the
//! collector.

mod client;
mod server;
mod tail;

pub use client::{Answers, ask};
pub use server::Control;

use serde::{Deserialize, Serialize};

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The last [`Status`](super::status::Status).
    Status,
    /// To read the configuration again; what that did, or why it was refused.
    Reload,
    /// Lines of the live log: the last ones, and then those that come.
    Tail {
        /// Conditions, `FIELD=VALUE`.
        filter: Vec<String>,
        /// How many of the last ones.
        lines: usize,
        /// Whether to go on with those that come.
        follow: bool,
    },
    /// The alarms that are raised.
    Alarms,
    /// Clears an alarm.
    ClearAlarm {
        /// The name of its rule.
        name: String,
    },
}

/// The name of the socket in the data directory.
pub const FILE_NAME: &str = "control.sock";

/// Longest question in bytes.
const REQUEST_MAX: u64 = 64 << 10;
