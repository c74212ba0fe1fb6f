//! The README's performance section.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::{
    rows::{self, Row},
    sets::Set,
    words,
};
use crate::bench::result::Figure;

const BEGIN: &str = "<!-- performance: made by cargo xtask bench report -->";
const END: &str = "<!-- end of performance -->";

/// The README with `section` between its marks.
pub fn replace(readme: &str, section: &str) -> Result<String> {
    let (before, rest) =
        readme.split_once(BEGIN).with_context(|| format!("README.md has no line \"{BEGIN}\""))?;
    let (_, after) =
        rest.split_once(END).with_context(|| format!("README.md has no line \"{END}\""))?;
    Ok(format!("{before}{BEGIN}\n\n{section}\n{END}{after}"))
}

/// What stands between the marks.
pub fn section(sets: &[Set]) -> String {
    if sets.is_empty() {
        return "Not measured yet.\n".into();
    }
    let mut text = heads(sets);
    text.push_str("\n| # | what | measured | target | | against, in the same run |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- |\n");
    let rows = rows::of(sets);
    for row in &rows {
        text.push_str(&lines(row));
    }
    text.push_str(&shortfalls(&rows));
    text
}

/// The machine once, if it is the same for all; then each measurement's commit, time and mode.
fn heads(sets: &[Set]) -> String {
    let machines: Vec<String> = sets.iter().map(|set| words::machine(&set.results.head)).collect();
    let is_one = machines.iter().all(|machine| *machine == machines[0]);
    let mut text = String::new();
    if is_one {
        let _ = writeln!(text, "{}.\n", machines[0]);
    }
    for (set, machine) in sets.iter().zip(&machines) {
        let head = &set.results.head;
        let _ =
            write!(text, "- `cargo xtask bench {}`, {}, commit {}", set.name, head.at, head.commit);
        if !is_one {
            let _ = write!(text, ", {machine}");
        }
        if !head.mode.is_empty() {
            let _ = write!(text, ": {}", head.mode);
        }
        text.push('\n');
    }
    text
}

/// A line for each figure that answers the row.
fn lines(row: &Row<'_>) -> String {
    if row.figures.is_empty() {
        return format!("| {} | {} | not measured | | | |\n", row.number, row.what);
    }
    let line = |figure: &&Figure| {
        let target = figure.target.as_ref().map_or("", |target| target.words.as_str());
        let cells = [
            row.number.to_string(),
            figure.what.clone(),
            words::quantity(figure.value, &figure.unit),
            target.to_owned(),
            words::verdict(figure).to_owned(),
            words::comparisons(figure),
        ];
        format!("| {} |\n", cells.map(|cell| escape(&cell)).join(" | "))
    };
    row.figures.iter().map(line).collect()
}

/// Why a target was not met.
fn shortfalls(rows: &[Row<'_>]) -> String {
    let mut text = String::new();
    for row in rows {
        for figure in row.figures.iter().filter(|figure| words::verdict(figure) == "not met") {
            let (what, note) = (escape(&figure.what), escape(&figure.note));
            let _ = writeln!(text, "- Row {}, {what}: {note}.", row.number);
        }
    }
    if text.is_empty() { text } else { format!("\nWhat falls short, and why:\n\n{text}") }
}

/// Text as it stands in a table of Markdown.
fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let readme = format!("# a\n\n{BEGIN}\nold\n{END}\n\nb\n");
        let replaced = replace(&readme, "new\n").expect("the marks are there");
        assert_eq!(replaced, format!("# a\n\n{BEGIN}\n\nnew\n\n{END}\n\nb\n"));
        assert_eq!(replace(&replaced, "new\n").expect("as above"), replaced);
        assert!(replace("# a\n", "new\n").is_err());
    }
}
