//! `cargo xtask ebpf`: builds the XDP program and writes `ebpf/object/`, or checks that what is
//! committed there is what the source gives.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use similar::TextDiff;

use self::{
    build::Build,
    toolchain::{Kind, Toolchain},
};
use crate::shell;

mod build;
mod llvm;
mod toolchain;

const OBJECT: &str = "steer.o";
const CHECKSUM: &str = "steer.o.sha256";
const DISASSEMBLY: &str = "steer.dis";
const TOOLS: &str = "steer.tools";

/// Builds the XDP program into ebpf/object/ (object, checksum, disassembly, tool versions).
#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; fail if the committed object is not what the source gives.
    #[arg(long)]
    check: bool,
    /// Take this toolchain; without it, the first one of these that is at hand.
    #[arg(long, value_enum)]
    toolchain: Option<Kind>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let committed = shell::root().join("ebpf/object");
    if arguments.check {
        check_checksum(&committed)?;
    }
    let llvm = llvm::Tools::find_or_install()?;
    let toolchain = Toolchain::find_or_install(arguments.toolchain)?;
    println!("building with {toolchain}");
    let build = Build::run(&toolchain, &llvm)?;
    if arguments.check { check(&committed, &build, &llvm) } else { write(&committed, &build) }
}

fn write(committed: &Path, build: &Build) -> Result<()> {
    fs::create_dir_all(committed).context("cannot make ebpf/object")?;
    for (name, bytes) in [
        (OBJECT, build.object.as_slice()),
        (CHECKSUM, checksum(&build.object).as_bytes()),
        (DISASSEMBLY, build.disassembly.as_bytes()),
        (TOOLS, build.tools.as_bytes()),
    ] {
        fs::write(committed.join(name), bytes)
            .with_context(|| format!("cannot write ebpf/object/{name}"))?;
    }
    println!("wrote ebpf/object/{OBJECT} ({} instructions)", build.instructions);
    Ok(())
}

/// Two builds are the same if their instructions are: line numbers and names in the BTF may differ
/// between versions of the tools.
fn check(committed: &Path, build: &Build, llvm: &llvm::Tools) -> Result<()> {
    let disassembly = llvm.disassemble(committed, OBJECT)?;
    if disassembly != build.disassembly {
        let committed_tools = read(committed, TOOLS)?;
        bail!(
            "ebpf/object/{OBJECT} is not what ebpf/steer gives: run `cargo xtask ebpf` and commit \
             ebpf/object\n{}\ncommitted by:\n{committed_tools}\nbuilt by:\n{}",
            difference(&disassembly, &build.disassembly),
            build.tools,
        );
    }
    println!("ebpf/object/{OBJECT}: {} instructions, as the source gives", build.instructions);

    let tools = read(committed, TOOLS)?;
    if !tools.lines().any(|line| line == llvm.version()) {
        println!("ebpf/object/{DISASSEMBLY}: not compared, written by another llvm-objdump");
        return Ok(());
    }
    let text = read(committed, DISASSEMBLY)?;
    ensure!(
        text == disassembly,
        "ebpf/object/{DISASSEMBLY} is not the disassembly of {OBJECT}: run `cargo xtask ebpf` and \
         commit ebpf/object\n{}",
        difference(&text, &disassembly),
    );
    println!("ebpf/object/{DISASSEMBLY}: the disassembly of {OBJECT}");
    Ok(())
}

fn check_checksum(committed: &Path) -> Result<()> {
    let object = fs::read(committed.join(OBJECT))
        .with_context(|| format!("cannot read ebpf/object/{OBJECT}"))?;
    let (said, is) = (read(committed, CHECKSUM)?, checksum(&object));
    ensure!(
        said == is,
        "the SHA-256 in ebpf/object/{CHECKSUM} ({}) is not that of {OBJECT} ({}): run `cargo xtask ebpf` and commit \
         ebpf/object",
        said.split_whitespace().next().unwrap_or("none"),
        is.split_whitespace().next().unwrap_or("none"),
    );
    println!("ebpf/object/{CHECKSUM}: that of {OBJECT}");
    Ok(())
}

/// As `sha256sum` writes and checks it.
fn checksum(object: &[u8]) -> String {
    let mut line = String::new();
    for byte in Sha256::digest(object) {
        write!(line, "{byte:02x}").expect("a string grows");
    }
    line + "  " + OBJECT + "\n"
}

fn difference(committed: &str, built: &str) -> String {
    TextDiff::from_lines(committed, built)
        .unified_diff()
        .context_radius(3)
        .header("committed", "built")
        .to_string()
}

fn read(committed: &Path, name: &str) -> Result<String> {
    fs::read_to_string(committed.join(name))
        .with_context(|| format!("cannot read ebpf/object/{name}"))
}
