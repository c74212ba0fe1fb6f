//! LLVM's tools for object files: they disassemble, and strip what the loader does not read.

use std::{path::Path, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::shell;

pub struct Tools {
    objdump: PathBuf,
    objcopy: PathBuf,
    version: String,
}

impl Tools {
    pub fn find_or_install() -> Result<Self> {
        if shell::find("llvm-objdump").is_none() || shell::find("llvm-objcopy").is_none() {
            shell::apt_install(&["llvm"], "disassembling the XDP program")?;
        }
        let objdump = shell::find("llvm-objdump").context("llvm-objdump is not in PATH")?;
        let objcopy = shell::find("llvm-objcopy").context("llvm-objcopy is not in PATH")?;
        let text = shell::output(Command::new(&objdump).arg("--version"))?;
        let version = text.lines().find_map(|line| line.split_once("LLVM version "));
        let version = version.map_or("of unknown version", |(_, number)| number.trim());
        let version = format!("llvm-objdump {version}");
        Ok(Self { objdump, objcopy, version })
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// Drops the DWARF sections, which name the machine's paths; the BTF stays.
    pub fn strip(&self, from: &Path, to: &Path) -> Result<()> {
        shell::run(Command::new(&self.objcopy).arg("--strip-debug").arg(from).arg(to))
    }

    /// The instructions and relocations, without the line that names the file.
    pub fn disassemble(&self, dir: &Path, object: &str) -> Result<String> {
        let arguments = ["--disassemble", "--reloc", "--no-show-raw-insn", object];
        let text = shell::output(Command::new(&self.objdump).current_dir(dir).args(arguments))?;
        let code = text.find("Disassembly of section").context("the object holds no code")?;
        Ok(text[code..].to_owned())
    }
}
