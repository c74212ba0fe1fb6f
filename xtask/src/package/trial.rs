//! The package as somebody finds it who installs it: the files are there, the collector starts by
//! its unit's command as its unit's user, collects what an exporter sends, and stores all of it.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{root::Root, unit::Unit};
use crate::{
    netns::{COLLECTOR_ADDRESS, COLLECTOR_INTERFACE, EXPORTER_INTERFACE, Link},
    shell,
};

const PROGRAM: &str = "/usr/bin/logweir";
const CONFIGURATION: &str = "/etc/logweir/logweir.toml";
const UNIT: &str = "/usr/lib/systemd/system/logweir.service";
const DATA: &str = "/var/lib/logweir";
const BALANCE: &str = "/var/lib/logweir/balance.json";
const NOTIFY: &str = "/run/notify";
/// A port of the default configuration.
const PORT: u16 = 2055;
const RECORDS: &str = "50000";
const RATE: &str = "20000";

/// What a package must bring beside the program; manual pages are packed in a release.
const FILES: [&str; 8] = [
    UNIT,
    CONFIGURATION,
    "/usr/share/man/man1/logweir.1",
    "/usr/share/man/man1/logweir-run.1",
    "/usr/share/bash-completion/completions/logweir",
    "/usr/share/zsh/vendor-completions/_logweir",
    "/usr/share/fish/vendor_completions.d/logweir.fish",
    "/usr/share/doc/logweir/installing.md",
];

/// Tries a package in a new root.
pub fn run(package: &Path, root: &Root) -> Result<()> {
    root.install(package)?;
    for file in FILES {
        let is_there = ["", ".gz"].iter().any(|end| root.path_of(&format!("{file}{end}")).exists());
        ensure!(is_there, "the package brought no {file}");
    }
    say(root, &["check-config", CONFIGURATION])?;

    // What the default configuration asks its reader to write.
    let configuration = root.path_of(CONFIGURATION);
    let text = fs::read_to_string(&configuration)?;
    let settings = format!("interface = \"{COLLECTOR_INTERFACE}\"\nsource = \"xdp\"\n");
    fs::write(&configuration, settings + &text)?;

    let link = Link::new()?;
    let service = Service::start(root, &link)?;
    let generated = generate(root, &link)?;
    service.stop()?;
    check(root, &generated)?;
    say(root, &["ledger", "--data", DATA])?;
    say(root, &["verify", "--data", DATA])?;
    shell::output(root.command("dpkg").args(["--purge", "logweir"]))?;
    ensure!(!root.path_of(PROGRAM).exists(), "the package left its program behind");
    ensure!(root.path_of(BALANCE).exists(), "the package took the store with it");
    println!("the package installs, starts by its unit's command, collects, and leaves the store");
    Ok(())
}

/// The collector, as a service manager without systemd starts it. Dropping it ends it.
struct Service(Child);

impl Service {
    fn start(root: &Root, link: &Link) -> Result<Self> {
        let unit = Unit::read(&root.path_of(UNIT))?;
        let notify = UnixDatagram::bind(root.path_of(NOTIFY)).context("no socket to hear at")?;
        fs::set_permissions(root.path_of(NOTIFY), fs::Permissions::from_mode(0o666))?;
        notify.set_read_timeout(Some(Duration::from_secs(60)))?;
        // The mounts are this process's own, and gone with it.
        const MOUNTED: &str = "mount -t proc proc \"$0/proc\" && mount -t sysfs sysfs \"$0/sys\" \
             && exec chroot \"$0\" \"$@\"";
        let mut start = link.in_collector("unshare");
        start.args(["--mount", "sh", "-c", MOUNTED]).arg(root.path_of("/"));
        start.args(["setpriv", "--reuid", &unit.user, "--regid", &unit.group, "--init-groups"]);
        // The last one is for LimitMEMLOCK=, which not every root may set.
        let names = unit.capabilities.iter().map(|name| format!(",+{name}"));
        let capabilities = format!("-all{},+ipc_lock", names.collect::<String>());
        for set in ["--bounding-set", "--inh-caps", "--ambient-caps"] {
            start.args([set, &capabilities]);
        }
        println!("starting {}", unit.command.join(" "));
        start.args(&unit.command).args(["--balance", BALANCE]).env("NOTIFY_SOCKET", NOTIFY);
        let mut service = Self(start.stdin(Stdio::null()).spawn().context("it does not start")?);
        let mut message = [0; 256];
        let length = notify.recv(&mut message).with_context(|| match service.0.try_wait() {
            Ok(Some(status)) => format!("the collector ended ({status}): see above"),
            _ => "the collector does not say that it is ready".into(),
        })?;
        ensure!(message[..length] == *b"READY=1", "the collector said something else first");
        Ok(service)
    }

    /// Asks it to end, and waits until it has.
    fn stop(mut self) -> Result<()> {
        shell::terminate(&self.0);
        let status = self.0.wait()?;
        ensure!(status.success(), "the collector failed ({status})");
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            shell::terminate(&self.0);
            let _ = self.0.wait();
        }
    }
}

/// Sends what an exporter sends; the generator's own account of it.
fn generate(root: &Root, link: &Link) -> Result<Value> {
    let mut from = link.in_exporter(root.path_of(PROGRAM));
    from.args(["generate", "--to", EXPORTER_INTERFACE]);
    from.args(["--target", &format!("{COLLECTOR_ADDRESS}:{PORT}")]);
    Ok(serde_json::from_str(&shell::output(from.args(["--count", RECORDS, "--rate", RATE]))?)?)
}

/// Whether all of it is stored.
fn check(root: &Root, generated: &Value) -> Result<()> {
    let balance = fs::read(root.path_of(BALANCE)).context("the collector left no balance")?;
    let balance: Value = serde_json::from_slice(&balance)?;
    let stored = &balance["records"]["stored"];
    println!("generated {} records, stored {stored}", generated["records"]);
    ensure!(balance["unaccounted"]["total"] == 0, "not all is accounted for");
    ensure!(*stored == generated["records"], "not all is stored: {balance}");
    ensure!(balance["nic"]["rx_packets"] == balance["xdp"]["seen"], "counters differ: {balance}");
    Ok(())
}

/// Runs the program in the root, and prints what it says.
fn say(root: &Root, arguments: &[&str]) -> Result<()> {
    let said = shell::output(root.command(PROGRAM).args(arguments))?;
    println!("logweir {}: {}", arguments.join(" "), said.trim_end());
    Ok(())
}
