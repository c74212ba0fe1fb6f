//! A new Debian root, in which a package is installed as on a host.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::shell;

/// What is in it besides the least there is: what the package's scripts call, what it recommends, and
/// what its user asks the collector with.
const PACKAGES: &str = "adduser,ca-certificates,curl";

/// The root's directory. It is gone when this is dropped; what it was copied from stays, since
/// making that takes minutes.
pub struct Root(PathBuf);

impl Root {
    /// Makes one of the release that this host has, from where its apt gets packages.
    pub fn make() -> Result<Self> {
        let (mirror, release) = mirror()?;
        let base = shell::target_dir().join(format!("debian-{release}-with-{PACKAGES}"));
        if !base.exists() {
            bootstrap(&base, &release, &mirror)?;
        }
        let root = Self(shell::target_dir().join("package-root"));
        root.clear()?;
        shell::run(Command::new("cp").arg("--archive").arg(&base).arg(&root.0))?;
        Ok(root)
    }

    /// Where a file of the root is.
    pub fn path_of(&self, file: &str) -> PathBuf {
        self.0.join(file.trim_start_matches('/'))
    }

    /// Copies a package into a directory of the root; its file there.
    pub fn bring(&self, package: &Path, directory: &str) -> Result<PathBuf> {
        let name = package.file_name().context("the package is a file")?;
        let file = Path::new(directory).join(name);
        fs::copy(package, self.path_of(&file.to_string_lossy()))
            .context("cannot copy the package into the root")?;
        Ok(file)
    }

    /// Installs a package.
    pub fn install(&self, package: &Path) -> Result<()> {
        let file = self.bring(package, "/")?;
        print!("{}", shell::output(self.command("dpkg").arg("--install").arg(file))?);
        Ok(())
    }

    /// A program of the root.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("chroot");
        command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
        command.arg(&self.0).arg(program);
        command
    }

    fn clear(&self) -> Result<()> {
        if self.0.exists() {
            fs::remove_dir_all(&self.0).context("cannot clear the root of an earlier run")?;
        }
        Ok(())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // The next run clears what is left.
        let _ = self.clear();
    }
}

/// Makes a Debian of this release, as small as there is with these packages.
fn bootstrap(base: &Path, release: &str, mirror: &str) -> Result<()> {
    if shell::find("debootstrap").is_none() {
        shell::apt_install(&["debootstrap"], "a root to install the package in")?;
    }
    println!("making a Debian root ({release})");
    // Under another name until it is whole.
    let making = base.with_extension("making");
    if making.exists() {
        fs::remove_dir_all(&making).context("cannot clear what an earlier run has left")?;
    }
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", &format!("--include={PACKAGES}"), release]);
    debootstrap.arg(&making);
    // What it unpacks is many lines, of interest only when it fails.
    shell::output(debootstrap.arg(mirror))?;
    Ok(fs::rename(making, base)?)
}

/// Where this host's apt gets packages, and of which release.
fn mirror() -> Result<(String, String)> {
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"]);
    let targets = shell::output(&mut apt)?;
    let first = targets.lines().next().and_then(|line| line.split_once(' '));
    let (mirror, release) = first.context("apt has no list of packages: run `apt-get update`")?;
    Ok((mirror.to_owned(), release.to_owned()))
}
