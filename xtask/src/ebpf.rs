//! `cargo xtask ebpf`: builds the XDP program, and the programs that it is timed with, and writes
//! `ebpf/object/`, or checks that what is committed there is what the source gives.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use similar::TextDiff;

use self::{
    build::{Build, Object},
    toolchain::{Kind, Toolchain},
};
use crate::shell;

mod build;
mod llvm;
mod toolchain;

/// The XDP program, and what it is timed with.
const OBJECTS: [&str; 2] = ["steer", "timing"];
/// The versions that built them.
const TOOLS: &str = "tools";

/// Builds the XDP program into ebpf/object/ (objects, checksums, disassemblies, tool versions).
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
        OBJECTS.iter().try_for_each(|name| check_checksum(&committed, name))?;
    }
    let llvm = llvm::Tools::find_or_install()?;
    let toolchain = Toolchain::find_or_install(arguments.toolchain)?;
    println!("building with {toolchain}");
    let build = Build::run(&toolchain, &llvm)?;
    if !arguments.check {
        return write(&committed, &build);
    }
    build.objects.iter().try_for_each(|object| check(&committed, object, &build.tools, &llvm))
}

fn write(committed: &Path, build: &Build) -> Result<()> {
    fs::create_dir_all(committed).context("cannot make ebpf/object")?;
    let write = |file: &str, bytes: &[u8]| {
        fs::write(committed.join(file), bytes)
            .with_context(|| format!("cannot write ebpf/object/{file}"))
    };
    write(TOOLS, build.tools.as_bytes())?;
    for object in &build.objects {
        let name = object.name;
        write(&format!("{name}.o"), &object.bytes)?;
        write(&format!("{name}.o.sha256"), checksum(name, &object.bytes).as_bytes())?;
        write(&format!("{name}.dis"), object.disassembly.as_bytes())?;
        println!("wrote ebpf/object/{name}.o ({} instructions)", object.instructions);
    }
    Ok(())
}

/// Two builds are the same if their instructions are: line numbers and names in the BTF may differ
/// between versions of the tools.
fn check(committed: &Path, built: &Object, built_by: &str, llvm: &llvm::Tools) -> Result<()> {
    let name = built.name;
    let disassembly = llvm.disassemble(committed, &format!("{name}.o"))?;
    let tools = read(committed, TOOLS)?;
    ensure!(
        disassembly == built.disassembly,
        "ebpf/object/{name}.o is not what ebpf/steer gives: run `cargo xtask ebpf` and commit \
         ebpf/object\n{}\ncommitted by:\n{tools}\nbuilt by:\n{built_by}",
        difference(&disassembly, &built.disassembly),
    );
    println!("ebpf/object/{name}.o: {} instructions, as the source gives", built.instructions);

    if !tools.lines().any(|line| line == llvm.version()) {
        println!("ebpf/object/{name}.dis: not compared, written by another llvm-objdump");
        return Ok(());
    }
    let text = read(committed, &format!("{name}.dis"))?;
    ensure!(
        text == disassembly,
        "ebpf/object/{name}.dis is not the disassembly of {name}.o: run `cargo xtask ebpf` and \
         commit ebpf/object\n{}",
        difference(&text, &disassembly),
    );
    println!("ebpf/object/{name}.dis: the disassembly of {name}.o");
    Ok(())
}

fn check_checksum(committed: &Path, name: &str) -> Result<()> {
    let file = format!("{name}.o");
    let object = fs::read(committed.join(&file))
        .with_context(|| format!("cannot read ebpf/object/{file}"))?;
    let (said, is) = (read(committed, &format!("{file}.sha256"))?, checksum(name, &object));
    ensure!(
        said == is,
        "the SHA-256 in ebpf/object/{file}.sha256 ({}) is not that of {file} ({}): run \
         `cargo xtask ebpf` and commit ebpf/object",
        said.split_whitespace().next().unwrap_or("none"),
        is.split_whitespace().next().unwrap_or("none"),
    );
    println!("ebpf/object/{file}.sha256: that of {file}");
    Ok(())
}

/// As `sha256sum` writes and checks it.
fn checksum(name: &str, object: &[u8]) -> String {
    let mut line = String::new();
    for byte in Sha256::digest(object) {
        write!(line, "{byte:02x}").expect("a string grows");
    }
    line + "  " + name + ".o\n"
}

fn difference(committed: &str, built: &str) -> String {
    TextDiff::from_lines(committed, built)
        .unified_diff()
        .context_radius(3)
        .header("committed", "built")
        .to_string()
}

fn read(committed: &Path, file: &str) -> Result<String> {
    fs::read_to_string(committed.join(file))
        .with_context(|| format!("cannot read ebpf/object/{file}"))
}
