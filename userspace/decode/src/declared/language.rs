//! The language of declarations as it is written: TOML, one file a format. What it means is in
//! `docs/formats/declared.md`; what it becomes, in [`super::compile`].

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The name in records, options and configuration.
    pub(super) format: Spanned<String>,
    /// What stands in front of the text: `rfc`, `vrp` or `none`.
    pub(super) header: Option<Spanned<String>>,
    /// Values that stand for an absent one; the empty value always does.
    #[serde(default)]
    pub(super) absent: Vec<String>,
    /// Its kinds of messages, in the order in which they are tried.
    pub(super) message: Vec<Spanned<Message>>,
}

/// One kind of message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// Texts that all occur in it. Without them it is read only where the format is pinned.
    pub(super) marks: Option<Vec<Spanned<String>>>,
    /// `session` or `port_block`.
    pub(super) family: Spanned<String>,
    /// What all of them report, or `by_end_time`.
    pub(super) event: Option<Spanned<String>>,
    /// What the words in the place of `event` mean; one that ends in `*` stands for all that begin so.
    pub(super) events: Option<BTreeMap<String, Spanned<String>>>,
    /// The text, tried in this order.
    #[serde(default)]
    pub(super) patterns: Vec<Spanned<String>>,
    /// How the part `{pairs}` is taken apart; all of the text where there is no pattern.
    pub(super) pairs: Option<Pairs>,
    /// The fields of the pairs' keys.
    #[serde(default)]
    pub(super) keys: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Whether the reading is a guess.
    #[serde(default)]
    pub(super) inferred: bool,
    /// Huawei USG: the content of `expression message`.
    pub(super) huawei_expression: Option<Spanned<String>>,
    /// Huawei USG: the fields of list mode.
    pub(super) huawei_fields: Option<Spanned<Vec<HuaweiField>>>,
    /// Huawei USG: what stands between the fields of list mode.
    pub(super) huawei_separator: Option<String>,
    /// Huawei NE: the `nat position` lines, one a line.
    pub(super) huawei_positions: Option<Spanned<String>>,
}

/// How pairs are written; each is one character.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pairs {
    /// Between pairs; a space stands for any white space.
    pub(super) separator: Spanned<String>,
    /// Between key and value.
    pub(super) assign: Spanned<String>,
    /// Around values that may hold separators.
    pub(super) quote: Option<Spanned<String>>,
    /// Whether keys are looked up by the number in brackets behind them: `Name(number)`.
    #[serde(default)]
    pub(super) by_number: bool,
    /// Whether a value goes on to the separator in front of the next key.
    #[serde(default)]
    pub(super) open_values: bool,
}

/// A field of a Huawei USG's list mode.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HuaweiField {
    /// Its name in the command.
    pub(super) field: String,
    /// Its `prefix-characters`.
    #[serde(default)]
    pub(super) prefix: String,
}
