//! The keys of the configuration file: one table of what each is, from which unknown keys and wrong
//! kinds are told (`check`), and the default configuration and the reference page are written
//! (`print`).
//!
//! A key is added by a [`Key`] here or in the file of its table, and a field of the same name in
//! the struct that the table is read into; tests hold the two together.

mod check;
mod print;
mod top;

pub(super) use check::{check, line};
pub use print::{default_configuration, reference_page};
pub use top::TOP;

/// A table of keys.
#[derive(Debug)]
pub struct Table {
    /// Its name; empty for the file itself.
    pub name: &'static str,
    /// What it is about, in a line.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// A key. Texts are Markdown, on one line each.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Of which kind its value is.
    pub kind: Kind,
    /// What it is.
    pub about: &'static str,
    /// What holds where it is missing, or [`NEEDED`].
    pub default: &'static str,
    /// A value: the default where that can be written, as TOML.
    pub example: &'static str,
    /// What a reload does with a changed value; keys of tables go with their table.
    pub on_reload: OnReload,
}

/// The default of a key that must be there.
pub const NEEDED: &str = "–";

/// Kinds of values.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number, 0 or more.
    Number,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    Texts,
    /// A table.
    Table(&'static Table),
    /// A list of tables.
    Tables(&'static Table),
}

/// What becomes of a changed value at a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReload {
    /// It is in force at once.
    Applied,
    /// It is in force after a restart.
    Restart,
}

impl Table {
    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The tables in it.
    pub fn tables(&self) -> impl Iterator<Item = &'static Table> {
        self.keys.iter().filter_map(|key| key.kind.table())
    }
}

impl Kind {
    /// Its name in a sentence.
    const fn name(self) -> &'static str {
        match self {
            Kind::Text => "a text in quotes",
            Kind::Number => "a whole number",
            Kind::Flag => "true or false",
            Kind::Texts => "a list of texts",
            Kind::Table(_) => "a table",
            Kind::Tables(_) => "a list of tables",
        }
    }

    /// The table that it is, or that each of its values is.
    pub const fn table(self) -> Option<&'static Table> {
        match self {
            Kind::Table(table) | Kind::Tables(table) => Some(table),
            Kind::Text | Kind::Number | Kind::Flag | Kind::Texts => None,
        }
    }
}

#[cfg(test)]
mod tests;
