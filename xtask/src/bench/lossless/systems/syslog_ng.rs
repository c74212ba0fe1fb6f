//! syslog-ng: lines unparsed, to one file. Its package excludes rsyslog's, so it is unpacked and
//! not installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{RECEIVE_BUFFER_BYTES, System, lines, write};
use crate::{
    bench::lossless::{place::Place, traffic::Traffic},
    shell,
};

pub struct SyslogNg;

const PACKAGE: &str = "syslog-ng-core";

/// Where it is unpacked.
fn unpacked() -> PathBuf {
    shell::target_dir().join("bench-peers").join(PACKAGE)
}

/// An installed one, or the unpacked one.
fn program() -> Option<PathBuf> {
    let unpacked = unpacked().join("usr/sbin/syslog-ng");
    shell::find("syslog-ng").or_else(|| unpacked.is_file().then_some(unpacked))
}

impl System for SyslogNg {
    fn name(&self) -> String {
        "syslog-ng".into()
    }

    fn traffic(&self) -> Traffic {
        Traffic::Syslog
    }

    fn install(&self) -> Result<()> {
        if program().is_some() {
            return Ok(());
        }
        let libraries = libraries()?;
        let libraries: Vec<_> = libraries.iter().map(String::as_str).collect();
        if !libraries.is_empty() {
            shell::apt_install(&libraries, "the comparison with syslog-ng")?;
        }
        let directory = unpacked();
        fs::create_dir_all(&directory)?;
        let mut download = Command::new("apt-get");
        shell::output(download.args(["download", PACKAGE]).current_dir(&directory))?;
        for entry in fs::read_dir(&directory)? {
            let package = entry?.path();
            if package.extension().is_some_and(|extension| extension == "deb") {
                shell::output(Command::new("dpkg").arg("-x").arg(&package).arg(&directory))?;
            }
        }
        program().map(drop).context("its package has no syslog-ng")
    }

    fn command(&self, place: &Place, directory: &Path) -> Result<Command> {
        let program = program().context("it is not installed")?;
        let mut version = own(Command::new(&program));
        let version = shell::output(version.arg("--version"))?;
        let config_version = version.lines().find_map(|line| line.strip_prefix("Config version:"));
        let text = format!(
            "@version: {}\n\
             options {{ flush-lines(1000); use-dns(no); stats-freq(0); create-dirs(no); }};\n\
             source s {{ network(transport(\"udp\") ip(\"{}\") port({}) \
                         so-rcvbuf({RECEIVE_BUFFER_BYTES}) flags(no-parse) \
                         log-fetch-limit(1000) log-iw-size(100000)); }};\n\
             destination d {{ file(\"{}\" template(\"${{MSG}}\\n\") log-fifo-size(500000)); }};\n\
             log {{ source(s); destination(d); }};\n",
            config_version.context("it does not tell its version")?.trim(),
            place.address,
            self.traffic().port(),
            directory.join("lines").display(),
        );
        let mut run = own(place.collector(&program));
        run.args(["-F", "--no-caps", "-f"]).arg(write(directory.join("syslog-ng.conf"), &text)?);
        run.arg("-R").arg(directory.join("persist")).arg("-p").arg(directory.join("pid"));
        run.arg("-c").arg(directory.join("control"));
        Ok(run)
    }

    fn stored(&self, directory: &Path) -> Result<u64> {
        lines(&directory.join("lines"))
    }
}

/// With the libraries and modules of the unpacked package.
fn own(mut command: Command) -> Command {
    let libraries = unpacked().join("usr/lib/syslog-ng");
    let entries = fs::read_dir(&libraries).into_iter().flatten().flatten();
    if let Some(modules) = entries.map(|entry| entry.path()).find(|path| path.is_dir()) {
        command.env("LD_LIBRARY_PATH", &libraries).arg("--module-path").arg(modules);
    }
    command
}

/// The libraries that its package wants and that are missing; what is there is left as it is.
fn libraries() -> Result<Vec<String>> {
    let mut depends = Command::new("apt-cache");
    let text = shell::output(depends.args(["depends", "--no-recommends", PACKAGE]))?;
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    let libraries = names.filter(|name| name.starts_with("lib")).map(str::to_owned);
    Ok(libraries.filter(|name| !is_installed(name)).collect())
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    let status = shell::output(query.args(["--show", "--showformat=${Status}", package]));
    status.is_ok_and(|status| status.ends_with(" installed"))
}
