//! What is wrong with a command line, as one sentence: the library's own words take several lines.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::{error::Error as _, num::ParseIntError};

/// The sentence; `None` where somebody asked for help or the version, which is nothing wrong.
pub(super) fn sentence(error: &clap::Error) -> Option<String> {
    let context = Context(error);
    let sentence = match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::UnknownArgument => context.unknown_argument(),
        ErrorKind::InvalidSubcommand => context.unknown_command(),
        ErrorKind::InvalidValue => context.no_such_value(),
        ErrorKind::ValueValidation => context.refused_value(),
        ErrorKind::MissingRequiredArgument => {
            let missing = context.words(ContextKind::InvalidArg);
            let missing: Vec<_> = missing.iter().map(|usage| named(usage)).collect();
            format!("{} is missing", missing.join(" and "))
        }
        ErrorKind::ArgumentConflict => context.conflict(),
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        }
    };
    Some(sentence)
}

/// What has to be given, from how the usage line shows it: `--at <TIME>`, or, where one of several
/// does, `<ADDR|--inside <ADDR>|--user <NAME>>`.
fn named(usage: &str) -> String {
    let inner = usage.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    let inner = inner.or_else(|| usage.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')));
    let choices: Vec<_> = inner.unwrap_or(usage).split('|').map(name).collect();
    match choices.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("one of {} and {last}", others.join(", "))
        }
        _ => choices.concat(),
    }
}

/// An option without what stands for its value.
fn name(choice: &str) -> &str {
    match choice.split([' ', '=']).next() {
        Some(option) if option.starts_with("--") => option,
        _ => choice,
    }
}

/// What the error is about.
struct Context<'a>(&'a clap::Error);

impl Context<'_> {
    fn words(&self, kind: ContextKind) -> Vec<String> {
        match self.0.get(kind) {
            Some(ContextValue::String(word)) => vec![word.clone()],
            Some(ContextValue::Strings(words)) => words.clone(),
            _ => Vec::new(),
        }
    }

    fn word(&self, kind: ContextKind) -> String {
        self.words(kind).into_iter().next().unwrap_or_default()
    }

    /// The option that is meant, without what stands for its value.
    fn option(&self) -> String {
        named(&self.word(ContextKind::InvalidArg))
    }

    /// `: did you mean '…'?` where something like it exists.
    fn meant(&self, kind: ContextKind) -> String {
        match self.words(kind).first() {
            Some(word) => format!(": did you mean '{word}'?"),
            None => String::new(),
        }
    }

    fn unknown_argument(&self) -> String {
        let word = self.word(ContextKind::InvalidArg);
        let what = if word.starts_with('-') { "option" } else { "argument" };
        format!("unknown {what} '{word}'{}", self.meant(ContextKind::SuggestedArg))
    }

    fn unknown_command(&self) -> String {
        let word = self.word(ContextKind::InvalidSubcommand);
        format!("unknown command '{word}'{}", self.meant(ContextKind::SuggestedSubcommand))
    }

    fn no_such_value(&self) -> String {
        let (option, value) = (self.option(), self.word(ContextKind::InvalidValue));
        let known = self.words(ContextKind::ValidValue);
        if value.is_empty() {
            return format!("{option} needs a value");
        }
        let words: Vec<_> = known.iter().map(String::as_str).collect();
        let meant = logweir_decode::nearest::meant_of(&value, &words);
        format!("{option}: unknown word '{value}'{meant}")
    }

    fn refused_value(&self) -> String {
        let (option, value) = (self.option(), self.word(ContextKind::InvalidValue));
        let Some(source) = self.0.source() else {
            return format!("{option}: '{value}' is refused");
        };
        if source.downcast_ref::<ParseIntError>().is_some() {
            return format!("{option}: '{value}' is no whole number of the right size");
        }
        // "0 is not in 1..=3600"
        if let Some((first, last)) = source
            .to_string()
            .split_once(" is not in ")
            .and_then(|(_, range)| range.split_once("..="))
        {
            return format!("{option}: '{value}' is not from {first} to {last}");
        }
        match source.to_string() {
            reason if reason.contains(&format!("'{value}'")) => format!("{option}: {reason}"),
            reason => format!("{option}: '{value}': {reason}"),
        }
    }

    fn conflict(&self) -> String {
        let others = self.words(ContextKind::PriorArg);
        let option = self.option();
        match others.first().map(|other| named(other)) {
            Some(other) if other == option => format!("{option} is given twice"),
            Some(other) => format!("{option} and {other} exclude each other"),
            None => format!("{option} cannot be given here"),
        }
    }
}
