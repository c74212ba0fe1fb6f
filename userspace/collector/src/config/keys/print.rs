//! The keys, written out: as a configuration with comments, and as the reference page.

use super::{Key, Kind, NEEDED, OnReload, TOP, Table};
use std::fmt::Write;

/// A configuration in which every key stands with what it is. Those that must be there are set;
/// the others are comments, without a space behind the `#`.
pub fn default_configuration() -> String {
    let mut text = String::new();
    comment(&mut text, TOP.about);
    text.push_str("#\n");
    comment(
        &mut text,
        "Lines like `#key = value` show a key with its default or an example: take the `#` off to \
         set it. The page configuration.md has more on each.",
    );
    let (tables, keys): (Vec<_>, Vec<_>) =
        TOP.keys.iter().partition(|key| key.kind.table().is_some());
    for key in keys {
        write_key(&mut text, key, key.default != NEEDED);
    }
    for key in tables {
        match key.kind {
            Kind::Tables(table) => write_table(&mut text, table, &format!("#[[{}]]", table.name)),
            Kind::Table(table) => write_table(&mut text, table, &format!("[{}]", table.name)),
            Kind::Text | Kind::Number | Kind::Flag | Kind::Texts => {}
        }
    }
    text
}

fn write_table(text: &mut String, table: &Table, heading: &str) {
    text.push_str("\n\n");
    comment(text, table.about);
    text.push_str(heading);
    text.push('\n');
    for key in table.keys {
        write_key(text, key, true);
    }
}

fn write_key(text: &mut String, key: &Key, as_comment: bool) {
    text.push('\n');
    let Key { about, default, .. } = key;
    let default = if *default == NEEDED { String::new() } else { format!(" Default: {default}.") };
    comment(text, &format!("{}.{default}", capital(about)));
    let mark = if as_comment { "#" } else { "" };
    // A String takes all that is written to it.
    let _ = writeln!(text, "{mark}{} = {}", key.name, key.example);
}

/// Writes a text as comment lines.
fn comment(text: &mut String, words: &str) {
    const WIDTH: usize = 98;
    let mut column = WIDTH;
    for word in words.replace("**", "").split(' ') {
        let len = word.chars().count();
        if column + 1 + len > WIDTH {
            let newline = if text.is_empty() || text.ends_with('\n') { "#" } else { "\n#" };
            text.push_str(newline);
            column = 1;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + len;
    }
    text.push('\n');
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The page docs/configuration.md: its text is in `reference.md`, where `{keys}` stands for the keys
/// of the file, `{keys NAME}` for those of a table, and `{restart}` for those that need a restart.
pub fn reference_page() -> String {
    let mut page = include_str!("reference.md").replace("{keys}\n", &rows(&TOP));
    for table in TOP.tables() {
        page = page.replace(&format!("{{keys {}}}\n", table.name), &rows(table));
    }
    let restart = TOP.keys.iter().filter(|key| key.on_reload == OnReload::Restart);
    let restart: Vec<_> = restart.map(|key| format!("`{}`", key.name)).collect();
    page.replace("{restart}", &restart.join(", "))
}

/// The Markdown table of a table's keys.
fn rows(table: &Table) -> String {
    let mut text = String::from("| key | what it is | default |\n| --- | --- | --- |\n");
    for Key { name, about, default, .. } in table.keys {
        // A String takes all that is written to it.
        let _ = writeln!(text, "| `{name}` | {about} | {default} |");
    }
    text
}
