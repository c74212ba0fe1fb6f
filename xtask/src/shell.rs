//! Running other programs, and saying clearly what is missing when they can't be run.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

/// The top of the checkout.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask lies in the checkout").to_owned()
}

/// Where cargo builds, and where tools are installed that only this checkout uses.
pub fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The cargo that runs this task.
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Whether this process may install packages.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The path of a program, if it is installed.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Runs a program with its output going where this one's goes.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", name(command)))?;
    ensure!(status.success(), "{} failed ({status})", name(command));
    Ok(())
}

/// Runs a program and gives what it prints.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {}", name(command)))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed: {}", name(command), stderr.trim());
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed what is no text", name(command)))
}

/// Installs Debian packages, or says who must.
pub fn apt_install(packages: &[&str], purpose: &str) -> Result<()> {
    let packages_text = packages.join(" ");
    if find("apt-get").is_none() {
        bail!("{purpose} needs what Debian has in {packages_text}: install it by your own means");
    }
    if !is_root() {
        bail!("{purpose} needs packages: run `sudo apt-get install -y {packages_text}`");
    }
    println!("installing the Debian packages {packages_text} ({purpose} needs them)");
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet");
        apt
    };
    run(apt().arg("update"))?;
    // Never at the price of a package that is there: rustc-web excludes rustc.
    run(apt().args(["install", "--yes", "--no-remove", "--no-install-recommends"]).args(packages))
        .with_context(|| format!("{packages_text} could not be installed"))
}

/// Asks a process to end.
pub fn terminate(process: &std::process::Child) {
    let pid = i32::try_from(process.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // One that has ended already needs no asking.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

fn name(command: &Command) -> String {
    Path::new(command.get_program())
        .file_name()
        .map_or_else(|| "a program".to_owned(), |name| format!("`{}`", name.to_string_lossy()))
}
