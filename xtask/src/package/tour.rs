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

use page::{Host, Piece};
use terminal::Terminal;

/// Types the page anew with a package that is installed in this root. Each command must end as it
/// does on the page, and show something where it does there.
pub fn check(package: &Path, root: &Root) -> Result<()> {
    for (before, now) in page::parse(&read()?).iter().zip(&walk(package, root)?) {
        let (Piece::Typed(before), Piece::Typed(now)) = (before, now) else { continue };
        let command = &now.command;
        ensure!(before.code == now.code, "{command}: its exit code is {}", now.code);
        ensure!(before.shown.is_empty() == now.shown.is_empty(), "{command}: {:?}", now.shown);
    }
    println!("docs/tour.md can be typed, and each command ends as it does there");
    Ok(())
}

/// The same, and writes down what comes back.
pub fn record(package: &Path, root: &Root) -> Result<()> {
    fs::write(file(), page::render(&walk(package, root)?))?;
    println!("wrote {}", file().display());
    Ok(())
}

fn file() -> PathBuf {
    shell::root().join("docs/tour.md")
}

fn read() -> Result<String> {
    fs::read_to_string(file()).context("there is no docs/tour.md")
}

fn walk(package: &Path, root: &Root) -> Result<Vec<Piece>> {
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
        (typed.shown, typed.code) = terminal.type_in(&typed.command)?;
    }
    Ok(pieces)
}
