//! docs/tour.md: what is typed there is typed again, on two hosts that have just been made, so that
//! what stands there is what comes back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use super::root::Root;
use crate::{netns::Link, shell};

mod page;
mod terminal;

use page::{Host, Piece, Typed};
use terminal::Terminal;

/// Types the page anew with a package that is installed in this root. Each command must end as it
/// does on the page, and show something where it does there.
pub fn check(package: &Path, root: &Root) -> Result<()> {
    walk(package, root, |before, now| {
        let Typed { command, shown, code, .. } = now;
        ensure!(before.code == *code, "{command}: its exit code is {code}: {shown:?}");
        ensure!(before.shown.is_empty() == shown.is_empty(), "{command}: {shown:?}");
        Ok(())
    })?;
    println!("docs/tour.md can be typed, and each command ends as it does there");
    Ok(())
}

/// The same, and writes down what comes back.
pub fn record(package: &Path, root: &Root) -> Result<()> {
    fs::write(file(), page::render(&walk(package, root, |_, _| Ok(()))?))?;
    println!("wrote {}", file().display());
    Ok(())
}

fn file() -> PathBuf {
    shell::root().join("docs/tour.md")
}

fn read() -> Result<String> {
    fs::read_to_string(file()).context("there is no docs/tour.md")
}

/// The page as it is now. Each command is looked at beside what it was on the page.
fn walk(
    package: &Path,
    root: &Root,
    look_at: impl Fn(&Typed, &Typed) -> Result<()>,
) -> Result<Vec<Piece>> {
    root.bring(package, "/root")?;
    let link = Link::new()?;
    link.raise_loopback()?;
    link.let_exporters_send()?;
    let mut collector = Terminal::open(link.in_collector("unshare"), root)?;
    let mut exporter = Terminal::open(link.in_exporter("unshare"), root)?;
    let mut pieces = page::parse(&read()?);
    for piece in &mut pieces {
        let Piece::Typed(typed) = piece else { continue };
        let terminal = match typed.host {
            Host::Collector => &mut collector,
            Host::Exporter => &mut exporter,
        };
        let (shown, code) = terminal.type_in(&typed.command)?;
        let now = Typed { shown, code, command: typed.command.clone(), host: typed.host };
        look_at(typed, &now)?;
        *typed = now;
    }
    Ok(pieces)
}
