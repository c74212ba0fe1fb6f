//! Whether a file has known keys only, each with a value of its kind.

use super::{Kind, TOP, Table};
use crate::config::wrong;
use logweir_decode::nearest::nearest;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Checks all keys of a file, which is TOML.
///
/// # Errors
/// One sentence with the line, and the nearest right word or the right kind.
pub fn check(text: &str, table: &Table) -> Result<(), String> {
    let file = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().lines().next().unwrap_or("");
        format!("line {}: {}", line(text, at), wrong::sentence(text, error.span(), message))
    })?;
    Checker { text }.table(file.get_ref(), table)
}

/// The line in which a byte of the text stands, from 1 on.
pub fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

struct Checker<'a> {
    text: &'a str,
}

impl Checker<'_> {
    fn table(&self, found: &DeTable<'_>, table: &Table) -> Result<(), String> {
        // As they stand in the file, so that the first wrong one is told.
        let mut entries: Vec<_> = found.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let line = line(self.text, name.span().start);
            let name = name.get_ref().as_ref();
            let Some(key) = table.key(name) else {
                return Err(format!("line {line}: {}", unknown(name, table)));
            };
            self.value(name, value, key.kind)?;
        }
        Ok(())
    }

    fn value(&self, name: &str, value: &Spanned<DeValue<'_>>, kind: Kind) -> Result<(), String> {
        match (kind, value.get_ref()) {
            (Kind::Text, DeValue::String(_)) | (Kind::Flag, DeValue::Boolean(_)) => Ok(()),
            (Kind::Number, DeValue::Integer(number)) if !number.as_str().starts_with('-') => Ok(()),
            (Kind::Texts, DeValue::Array(values)) => {
                values.iter().try_for_each(|value| self.value(name, value, Kind::Text))
            }
            (Kind::Table(table), DeValue::Table(found)) => self.table(found, table),
            (Kind::Tables(table), DeValue::Array(values)) => {
                values.iter().try_for_each(|value| self.value(name, value, Kind::Table(table)))
            }
            (_, value_found) => Err(format!(
                "line {}: {name} has {} where {} belongs{}",
                line(self.text, value.span().start),
                kind_found(value_found),
                kind.name(),
                hint(name, kind),
            )),
        }
    }
}

/// The sentence about a key that a table does not have: a slip, or a key of another table, as one
/// that was written below a heading and is meant for the file itself.
fn unknown(name: &str, table: &Table) -> String {
    let known: Vec<_> = table.keys.iter().map(|key| key.name).collect();
    if let Some(near) = nearest(name, &known) {
        return format!("unknown key '{name}': did you mean '{near}'?");
    }
    if TOP.key(name).is_some_and(|key| key.kind.table().is_none()) {
        return format!(
            "the key '{name}' is none of [{}]: it belongs above the first table",
            table.name
        );
    }
    let others = TOP.tables().filter(|other| other.key(name).is_some());
    let others: Vec<_> = others.map(|other| format!("[{}]", other.name)).collect();
    match others.as_slice() {
        [] => format!("unknown key '{name}' (`logweir print-default-config` prints all keys)"),
        others => format!("the key '{name}' belongs into {}", others.join(" or ")),
    }
}

/// What was found, in a sentence.
fn kind_found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a time".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// How a list is written, for those who wrote something else.
fn hint(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Texts => format!(": {name} = [\"…\"]"),
        Kind::Table(_) => format!(": [{name}]"),
        Kind::Tables(_) => format!(": [[{name}]]"),
        Kind::Text | Kind::Number | Kind::Flag => String::new(),
    }
}
