//! The page: text, and within blocks what was typed behind a prompt, with what came back.

use std::fmt::Write as _;

/// Where something is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Collector,
    Exporter,
}

impl Host {
    const ALL: [Host; 2] = [Host::Collector, Host::Exporter];

    const fn prompt(self) -> &'static str {
        match self {
            Host::Collector => "collector# ",
            Host::Exporter => "exporter# ",
        }
    }
}

/// A part of the page.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// A line that stays as it is.
    Line(String),
    Typed(Typed),
}

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub struct Typed {
    pub host: Host,
    /// Its lines, without the prompt.
    pub command: String,
    /// The lines that came back.
    pub shown: Vec<String>,
    pub code: i32,
}

const EXIT_CODE: (&str, &str) = ("[exit code ", "]");

/// Takes a page apart.
pub fn parse(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = page.lines().peekable();
    let is_end = |line: &str| line == "```" || prompted(line).is_some();
    while let Some(line) = lines.next() {
        let Some((host, first)) = prompted(line) else {
            pieces.push(Piece::Line(line.to_owned()));
            continue;
        };
        let mut command = first.to_owned();
        while let Some(line) = lines.next_if(|_| goes_on(&command)) {
            command.push('\n');
            command.push_str(line);
        }
        let (mut shown, mut code) = (Vec::new(), 0);
        while let Some(line) = lines.next_if(|line| !is_end(line)) {
            match exit_code(line) {
                Some(told) => code = told,
                None => shown.push(line.to_owned()),
            }
        }
        pieces.push(Piece::Typed(Typed { host, command, shown, code }));
    }
    pieces
}

/// Puts it together again.
pub fn render(pieces: &[Piece]) -> String {
    let mut page = String::new();
    for piece in pieces {
        // To write to a string cannot fail.
        let _ = match piece {
            Piece::Line(line) => writeln!(page, "{line}"),
            Piece::Typed(typed) => write!(page, "{typed}"),
        };
    }
    page
}

impl std::fmt::Display for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}{}", self.host.prompt(), self.command)?;
        self.shown.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        let (begin, end) = EXIT_CODE;
        if self.code == 0 { Ok(()) } else { writeln!(f, "{begin}{}{end}", self.code) }
    }
}

fn prompted(line: &str) -> Option<(Host, &str)> {
    Host::ALL.into_iter().find_map(|host| Some((host, line.strip_prefix(host.prompt())?)))
}

fn exit_code(line: &str) -> Option<i32> {
    let (begin, end) = EXIT_CODE;
    line.strip_prefix(begin)?.strip_suffix(end)?.parse().ok()
}

/// Whether the next line is a part of this command: after a backslash, and before the end of what
/// stands there for a program to read.
fn goes_on(command: &str) -> bool {
    let document = command.split_once("<<'").and_then(|(_, rest)| rest.split_once('\''));
    match document {
        Some((end, text)) => text.lines().skip(1).all(|line| line != end),
        None => command.ends_with('\\'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Title\n\n```text\ncollector# cat > a <<'END'\none\n\nEND\ncollector# ls \\\n    \
                        a b\na\n\nls: no b\n[exit code 2]\nexporter# true\n```\nwords\n";

    #[test]
    fn a_page_is_what_it_was_when_it_is_put_together_again() {
        let pieces = parse(PAGE);
        assert_eq!(render(&pieces), PAGE);
        let typed: Vec<_> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Typed(typed) => {
                    Some((typed.command.as_str(), typed.shown.len(), typed.code))
                }
                Piece::Line(_) => None,
            })
            .collect();
        let document = "cat > a <<'END'\none\n\nEND";
        assert_eq!(typed, [(document, 0, 0), ("ls \\\n    a b", 3, 2), ("true", 0, 0)]);
    }
}
