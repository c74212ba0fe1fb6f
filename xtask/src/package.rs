//! `cargo xtask package`: builds the Debian package, and tries it: installed in a root of its own,
//! and started there as its unit says. The tour of the documentation is typed there too.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::shell;

mod root;
mod tour;
mod trial;
mod unit;

use root::Root;

const CARGO_DEB: &str = "cargo-deb";
const CARGO_DEB_VERSION: &str = "3.8.0";

/// Builds the Debian package into target/debian/, with manual pages and completions
#[derive(clap::Args)]
pub struct Arguments {
    /// Profile to build the program by
    #[arg(long, default_value = "release")]
    profile: String,
    /// Also install it in a new Debian root, start it there by its unit's command, and collect
    #[arg(long)]
    test: bool,
    /// Also type docs/tour.md anew in such a root, and write down there what comes back
    #[arg(long)]
    tour: bool,
    /// Build none, and take this one for --test or --tour
    #[arg(long, value_name = "FILE")]
    built: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(
        arguments.built.is_none() || arguments.test || arguments.tour,
        "--built needs --test or --tour: there is nothing else to do with it"
    );
    let package = match &arguments.built {
        Some(package) => package.clone(),
        None => build(&arguments.profile)?,
    };
    println!("the package is {}", package.display());
    if arguments.test || arguments.tour {
        ensure!(shell::is_root(), "only root can make a root to install the package in");
    }
    if arguments.tour {
        tour::record(&package, &Root::make()?)?;
    }
    if arguments.test {
        trial::run(&package, &Root::make()?)?;
        tour::check(&package, &Root::make()?)?;
    }
    Ok(())
}

/// Builds one that is not optimised, and tries it; why that could not be done.
pub fn try_out() -> Result<Option<String>> {
    if !shell::is_root() {
        return Ok(Some("a root to install the package in needs root".into()));
    }
    let root = match Root::make() {
        Ok(root) => root,
        Err(error) => return Ok(Some(format!("a root to install the package in: {error:#}"))),
    };
    let package = build("dev")?;
    trial::run(&package, &root)?;
    drop(root);
    tour::check(&package, &Root::make()?)?;
    Ok(None)
}

/// The package's file.
fn build(profile: &str) -> Result<PathBuf> {
    println!("building logweir ({profile})");
    let of_profile = ["--profile", profile, "--package", "logweir"];
    shell::run(shell::cargo().args(["build", "--quiet"]).args(of_profile))?;
    write_manual(&profile_dir(profile).join("manual"))?;
    let to = shell::target_dir().join("debian");
    if to.exists() {
        fs::remove_dir_all(&to).with_context(|| format!("cannot clear {}", to.display()))?;
    }
    let mut deb = shell::cargo();
    deb.current_dir(shell::root()).env("PATH", path_with_cargo_deb()?);
    // A release keeps its line tables for profilers, 90 MB that no host of a collector needs.
    deb.args(["deb", "--quiet", "--no-build", "--strip"]).args(of_profile).arg("--output").arg(&to);
    shell::run(&mut deb)?;
    let mut files = fs::read_dir(&to)?.map(|entry| entry.map(|entry| entry.path()));
    files.next().context("cargo-deb left no package")?.map_err(Into::into)
}

/// Where cargo puts what it builds by this profile.
fn profile_dir(profile: &str) -> PathBuf {
    shell::target_dir().join(if profile == "dev" { "debug" } else { profile })
}

/// Manual pages and completions, by the command line of the checkout.
fn write_manual(to: &Path) -> Result<()> {
    let mut manual = shell::cargo();
    manual.args(["run", "--quiet", "--package", "logweir", "--example", "manual", "--"]).arg(to);
    shell::run(&mut manual)
}

/// PATH, with cargo-deb in it: only this checkout uses it.
fn path_with_cargo_deb() -> Result<std::ffi::OsString> {
    let tools = shell::target_dir().join("tools");
    let installed = tools.join("bin").join(CARGO_DEB);
    if !installed.is_file() {
        println!("installing {CARGO_DEB} {CARGO_DEB_VERSION}");
        let mut install = shell::cargo();
        install.args(["install", "--quiet", "--locked", "--version", CARGO_DEB_VERSION]);
        shell::run(install.arg("--root").arg(&tools).arg(CARGO_DEB))?;
    }
    let version = shell::output(Command::new(&installed).arg("--version"))?;
    ensure!(
        version.trim().ends_with(CARGO_DEB_VERSION),
        "{CARGO_DEB} is {}: remove {} for {CARGO_DEB_VERSION}",
        version.trim(),
        installed.display()
    );
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&path));
    std::env::join_paths(dirs).context("PATH has a strange entry")
}
