//! Building the objects so that they are the same wherever the checkout lies.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{
    OBJECTS,
    llvm::Tools,
    toolchain::{TARGET, Toolchain},
};
use crate::shell;

/// What a build gives.
pub struct Build {
    pub objects: Vec<Object>,
    /// A line for each tool.
    pub tools: String,
}

/// A built object.
pub struct Object {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub disassembly: String,
    pub instructions: usize,
}

impl Build {
    pub fn run(toolchain: &Toolchain, llvm: &Tools) -> Result<Self> {
        let target_dir = shell::target_dir().join("ebpf");
        let steer = shell::root().join("ebpf/steer");
        // RUSTFLAGS are split at spaces; these may hold paths with one.
        let flags = rustc_flags()?.join("\u{1f}");
        let mut cargo = toolchain.cargo_build()?;
        cargo
            .current_dir(&steer)
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", flags)
            .env("CARGO_TARGET_DIR", &target_dir);
        shell::run(&mut cargo).context("the XDP programs do not build")?;

        let release = target_dir.join(TARGET).join("release");
        let objects = OBJECTS.iter().map(|name| Object::new(name, &release, llvm));
        let tools = toolchain.versions() + llvm.version() + "\n";
        Ok(Self { objects: objects.collect::<Result<_>>()?, tools })
    }
}

impl Object {
    /// Strips what was linked as `name`, and looks at it.
    fn new(name: &'static str, release: &Path, llvm: &Tools) -> Result<Self> {
        let file = format!("{name}.o");
        let stripped = release.join(&file);
        llvm.strip(&release.join(name), &stripped)?;
        let bytes = fs::read(&stripped).context("the stripped object is gone")?;
        let disassembly = llvm.disassemble(release, &file)?;
        Ok(Self { name, bytes, instructions: instructions(&disassembly), disassembly })
    }
}

fn rustc_flags() -> Result<Vec<String>> {
    let mut flags: Vec<String> =
        ["-C", "debuginfo=2", "-C", "link-arg=--btf"].map(Into::into).into();
    for (from, to) in remapped_paths()? {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    Ok(flags)
}

/// Folders of this machine, with the names that stand for them in the object. The program's own are
/// relative to where it is compiled: the linker finds the source and puts its lines into the BTF,
/// where the verifier's log shows them. Where several fit, the last is taken.
fn remapped_paths() -> Result<Vec<(PathBuf, String)>> {
    let root = shell::root();
    let mut paths = vec![
        (root.clone(), "../..".to_owned()),
        (root.join("ebpf/abi"), "../abi".to_owned()),
        (root.join("ebpf/steer"), ".".to_owned()),
    ];
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        let home = PathBuf::from(env::var_os("HOME")?);
        Some(home.join(".cargo"))
    });
    let registries = home.context("neither CARGO_HOME nor HOME is set")?.join("registry/src");
    if let Ok(entries) = registries.read_dir() {
        for registry in entries.flatten() {
            paths.push((registry.path(), "crates".to_owned()));
        }
    }
    Ok(paths)
}

/// Counts those of the programs, not the memory functions that lie beside them.
fn instructions(disassembly: &str) -> usize {
    let code = disassembly.split_once("section xdp").map_or("", |(_, code)| code);
    let last = code.lines().rev().find_map(|line| {
        let (number, _) = line.split_once(':')?;
        number.trim().parse::<usize>().ok()
    });
    last.map_or(0, |number| number + 1)
}
