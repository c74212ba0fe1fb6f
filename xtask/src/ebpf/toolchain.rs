//! A Rust compiler with a `core` for `bpfel-unknown-none`, and the linker for it.
//!
//! Stable Rust has no such `core`. Debian packages one; nightly builds it from source.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

pub const TARGET: &str = "bpfel-unknown-none";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "libstd-rust-web-dev-bpf"];
const LINKER: &str = "bpf-linker";
const LINKER_VERSION: &str = "0.10.1";

/// Where the compiler is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Debian's rustc-web with libstd-rust-web-dev-bpf.
    Debian,
    /// rustup's nightly with rust-src.
    Nightly,
}

/// Compiler and linker.
pub struct Toolchain {
    kind: Kind,
    rustc_version: String,
    linker: PathBuf,
}

impl Toolchain {
    pub fn find_or_install(wanted: Option<Kind>) -> Result<Self> {
        let kind = match wanted {
            Some(Kind::Debian) => install_debian()?,
            Some(Kind::Nightly) if has_nightly() => Kind::Nightly,
            Some(Kind::Nightly) => bail!(
                "there is no nightly with rust-src: run `rustup toolchain install nightly \
                 --component rust-src`"
            ),
            None if has_debian() => Kind::Debian,
            None if has_nightly() => Kind::Nightly,
            None => install_debian().context(
                "no compiler for eBPF is at hand (Debian's rustc-web with libstd-rust-web-dev-bpf, \
                 or `rustup toolchain install nightly --component rust-src`)",
            )?,
        };
        let rustc_version = shell::output(rustc(kind).arg("--version"))?.trim().to_owned();
        Ok(Self { kind, rustc_version, linker: find_or_install_linker()? })
    }

    /// The cargo command that builds for the target; arguments and flags are the caller's.
    pub fn cargo_build(&self) -> Result<Command> {
        let mut cargo = match self.kind {
            Kind::Debian => {
                let mut cargo = shell::cargo();
                // The target is not for everyone: its compiler asks for nightly or for this.
                cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").arg("build");
                cargo
            }
            Kind::Nightly => {
                let mut cargo = Command::new("rustup");
                cargo.args(["run", "nightly", "cargo", "build", "-Z", "build-std=core"]);
                cargo.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
                cargo
            }
        };
        let linker_dir = self.linker.parent().context("the linker lies in a folder")?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(linker_dir.to_owned()).chain(std::env::split_paths(&path));
        cargo.env("PATH", std::env::join_paths(dirs).context("PATH has a strange entry")?);
        cargo.args(["--release", "--locked", "--target", TARGET]);
        Ok(cargo)
    }

    /// A line for each tool.
    pub fn versions(&self) -> String {
        format!("{}\n{LINKER} {LINKER_VERSION}\n", self.rustc_version)
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match self.kind {
            Kind::Debian => "Debian's rustc-web",
            Kind::Nightly => "rustup's nightly, -Z build-std=core",
        };
        write!(f, "{} ({origin}) and {LINKER} {LINKER_VERSION}", self.rustc_version)
    }
}

fn rustc(kind: Kind) -> Command {
    match kind {
        Kind::Debian => Command::new(DEBIAN_RUSTC),
        Kind::Nightly => {
            let mut rustc = Command::new("rustup");
            rustc.args(["run", "nightly", "rustc"]);
            rustc
        }
    }
}

fn has_debian() -> bool {
    let libdir = ["--print", "target-libdir", "--target", TARGET];
    let Ok(dir) = shell::output(Command::new(DEBIAN_RUSTC).args(libdir)) else { return false };
    let Ok(mut files) = Path::new(dir.trim()).read_dir() else { return false };
    files.any(|file| file.is_ok_and(|f| f.file_name().to_string_lossy().starts_with("libcore-")))
}

fn install_debian() -> Result<Kind> {
    if !has_debian() {
        shell::apt_install(&DEBIAN_PACKAGES, "building the XDP program")?;
    }
    Ok(Kind::Debian)
}

fn has_nightly() -> bool {
    let sysroot = shell::output(rustc(Kind::Nightly).args(["--print", "sysroot"]));
    sysroot
        .is_ok_and(|dir| Path::new(dir.trim()).join("lib/rustlib/src/rust/library/core").exists())
}

/// The pinned linker: of this checkout, else of this machine, else installed for this checkout.
fn find_or_install_linker() -> Result<PathBuf> {
    let tools = shell::target_dir().join("tools");
    let own = tools.join("bin").join(LINKER);
    let fits = |linker: &PathBuf| {
        shell::output(Command::new(linker).arg("--version"))
            .is_ok_and(|version| version.split_whitespace().nth(1) == Some(LINKER_VERSION))
    };
    if let Some(linker) = [Some(own.clone()), shell::find(LINKER)].into_iter().flatten().find(fits)
    {
        return Ok(linker);
    }
    println!("installing {LINKER} {LINKER_VERSION} into target/tools");
    shell::run(
        shell::cargo()
            .args(["install", LINKER, "--version", LINKER_VERSION, "--locked", "--force", "--root"])
            .arg(&tools),
    )
    .with_context(|| {
        format!("{LINKER} could not be installed: does cargo reach its registry, and is a C compiler here?")
    })?;
    Ok(own)
}
