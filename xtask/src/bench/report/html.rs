//! The page: one file that needs nothing beside it.

use std::fmt::Write as _;

use super::{
    plot,
    rows::{self, Row},
    sets::Set,
    words,
};
use crate::bench::result::Figure;

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub fn page(sets: &[Set]) -> String {
    let mut body = String::from("<h1>logweir: what was measured</h1>\n");
    body.push_str(&heads(sets));
    body.push_str("<h2>The targets</h2>\n");
    body.push_str(&targets(&rows::of(sets)));
    let plots = sets.iter().flat_map(|set| &set.results.plots);
    let plots: String = plots.filter(|plot| !plot.lines.is_empty()).map(plot::figure).collect();
    if !plots.is_empty() {
        let _ = write!(body, "<h2>Plots</h2>\n<div class=\"plots\">{plots}</div>\n");
    }
    for set in sets {
        let others: Vec<&Figure> =
            set.results.figures.iter().filter(|figure| figure.row.is_none()).collect();
        if !others.is_empty() {
            let name = escape(&set.name);
            let _ = writeln!(body, "<h2>Further figures: {name}</h2>");
            body.push_str(&table(&["what", "measured", "against", "note"], &further(&others)));
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>logweir: what was measured</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    )
}

/// On what each set was measured.
fn heads(sets: &[Set]) -> String {
    let rows = sets.iter().map(|set| {
        let head = &set.results.head;
        let cells = [&format!("bench {}", set.name), &head.commit, &head.at, &head.mode];
        Cells { class: "", cells: cells.map(|cell| escape(cell)).to_vec() }
    });
    let rows: Vec<Cells> = rows.collect();
    let mut machines: Vec<String> =
        sets.iter().map(|set| escape(&words::machine(&set.results.head))).collect();
    machines.dedup();
    let machines = machines.join("<br>");
    format!("<p>{machines}</p>\n{}", table(&["measured by", "commit", "at", "mode"], &rows))
}

fn targets(rows: &[Row<'_>]) -> String {
    let mut lines = Vec::new();
    for row in rows {
        let number = row.number.to_string();
        if row.figures.is_empty() {
            let cells = [&number, row.what, "–", "–", "not measured", "–", ""];
            lines.push(Cells { class: "none", cells: cells.map(escape).to_vec() });
        }
        for figure in &row.figures {
            let verdict = words::verdict(figure);
            let target = figure.target.as_ref().map_or("–", |target| target.words.as_str());
            let cells = [
                &number,
                &figure.what,
                &words::quantity(figure.value, &figure.unit),
                target,
                verdict,
                &words::comparisons(figure),
                &figure.note,
            ];
            let class = match verdict {
                "met" => "met",
                "not met" => "short",
                _ => "none",
            };
            lines.push(Cells { class, cells: cells.map(escape).to_vec() });
        }
    }
    table(&["row", "what", "measured", "target", "verdict", "against", "note"], &lines)
}

fn further(figures: &[&Figure]) -> Vec<Cells> {
    let line = |figure: &&Figure| {
        let cells = [
            &figure.what,
            &words::quantity(figure.value, &figure.unit),
            &words::comparisons(figure),
            &figure.note,
        ];
        Cells { class: "", cells: cells.map(|cell| escape(cell)).to_vec() }
    };
    figures.iter().map(line).collect()
}

/// A row of a table, escaped.
struct Cells {
    class: &'static str,
    cells: Vec<String>,
}

/// A table whose cells know their column's name: a narrow page shows each row as a list of them.
fn table(head: &[&str], rows: &[Cells]) -> String {
    let names: String = head.iter().map(|name| format!("<th>{name}</th>")).collect();
    let mut text = format!("<table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n");
    for row in rows {
        let cell = |(name, cell): (&&str, &String)| {
            format!("<td class=\"{}\" data-name=\"{name}\">{cell}</td>", class(name))
        };
        let cells: String = head.iter().zip(&row.cells).map(cell).collect();
        let _ = writeln!(text, "<tr class=\"{}\">{cells}</tr>", row.class);
    }
    text + "</tbody>\n</table>\n"
}

/// A column's class: its name, or the last word of it.
fn class(name: &str) -> &str {
    name.split(' ').next_back().unwrap_or(name)
}

/// Text as it stands in HTML and SVG.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
