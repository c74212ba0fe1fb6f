//! `cargo xtask bench report`: a page and the README's section from what was measured.
//!
//! The page shows what lies in `target/bench-report`, whatever it is. What the README says is made
//! of results that are committed (`benches/results`): whoever reviews it sees the figures change,
//! and can make the section again, on another machine too.

mod html;
mod plot;
mod readme;
mod rows;
mod scale;
mod sets;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use self::sets::Set;
use super::result::report_dir;
use crate::shell;

/// Make a page of what was measured
#[derive(clap::Args)]
pub struct Arguments {
    /// Also copy the results to benches/results, and write the README's section from them
    #[arg(long)]
    publish: bool,
    /// Write nothing; fail if the README's section is not what benches/results gives
    #[arg(long, conflicts_with = "publish")]
    check: bool,
    /// Where the results lie, and the page goes [default: target/bench-report]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.check {
        return check();
    }
    let dir = arguments.dir.clone().unwrap_or_else(report_dir);
    let sets = sets::load(&dir)?;
    ensure!(!sets.is_empty(), "nothing was measured yet: run `cargo xtask bench decode` first");
    write(&dir.join("index.html"), &html::page(&sets))?;
    write(&dir.join("performance.md"), &readme::section(&sets))?;
    println!("wrote {}", dir.join("index.html").display());
    if arguments.publish {
        publish(&dir, &sets)?;
    }
    Ok(())
}

/// That the README says what the committed results say.
pub fn check() -> Result<()> {
    let sets = sets::load(&published_dir())?;
    let readme = fs::read_to_string(readme_file()).context("cannot read README.md")?;
    ensure!(
        readme::replace(&readme, &readme::section(&sets))? == readme,
        "README.md's performance section is not what benches/results gives: measure, and run \
         `cargo xtask bench report --publish`"
    );
    println!("README.md: its performance section is what benches/results gives");
    Ok(())
}

fn publish(dir: &Path, sets: &[Set]) -> Result<()> {
    fs::create_dir_all(published_dir()).context("cannot make benches/results")?;
    for set in sets {
        let file = format!("{}.json", set.name);
        fs::copy(dir.join(&file), published_dir().join(&file))
            .with_context(|| format!("cannot copy {file} to benches/results"))?;
    }
    // Of all that is there, and not of what was just measured alone.
    let section = readme::section(&sets::load(&published_dir())?);
    let readme = fs::read_to_string(readme_file()).context("cannot read README.md")?;
    write(&readme_file(), &readme::replace(&readme, &section)?)?;
    println!("wrote README.md's performance section, from benches/results: commit both");
    Ok(())
}

fn published_dir() -> PathBuf {
    shell::root().join("benches/results")
}

fn readme_file() -> PathBuf {
    shell::root().join("README.md")
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
