//! Two network namespaces with a veth pair between them: a collector's host and its exporters.

use std::{process, process::Command};

use anyhow::Result;

use crate::shell;

/// The collector's end of the veth pair.
pub const COLLECTOR_INTERFACE: &str = "lwc0";
/// The exporters' end.
pub const EXPORTER_INTERFACE: &str = "lwe0";
/// The collector's address.
pub const COLLECTOR_ADDRESS: &str = "192.0.2.1";

/// The namespaces; dropping removes them and the pair.
pub struct Link {
    collector: String,
    exporter: String,
}

impl Link {
    /// Makes the namespaces and the pair.
    pub fn new() -> Result<Self> {
        let id = process::id();
        let link =
            Self { collector: format!("logweir-{id}-c"), exporter: format!("logweir-{id}-e") };
        link.build()?;
        Ok(link)
    }

    fn build(&self) -> Result<()> {
        let (collector, exporter) = (self.collector.as_str(), self.exporter.as_str());
        ip(&["netns", "add", collector])?;
        ip(&["netns", "add", exporter])?;
        #[rustfmt::skip]
        ip(&["link", "add", COLLECTOR_INTERFACE, "netns", collector, "type", "veth",
             "peer", "name", EXPORTER_INTERFACE, "netns", exporter])?;
        let address = format!("{COLLECTOR_ADDRESS}/24");
        ip(&["-n", collector, "addr", "add", &address, "dev", COLLECTOR_INTERFACE])?;
        ip(&["-n", collector, "link", "set", COLLECTOR_INTERFACE, "up"])?;
        ip(&["-n", exporter, "link", "set", EXPORTER_INTERFACE, "up"])?;
        // With a queueing discipline veth pushes back where its receive ring of 256 is full;
        // without one it drops.
        let mut tc = self.in_exporter("tc");
        shell::run(tc.args(["qdisc", "replace", "dev", EXPORTER_INTERFACE, "root", "pfifo"]))
    }

    /// Lets programs on the exporters' side send from any address of 198.18.0.0/15, which the
    /// model's exporters have.
    pub fn let_exporters_send(&self) -> Result<()> {
        let (collector, exporter) = (self.collector.as_str(), self.exporter.as_str());
        ip(&["-n", exporter, "addr", "add", "192.0.2.2/24", "dev", EXPORTER_INTERFACE])?;
        ip(&["-n", exporter, "link", "set", "lo", "up"])?;
        ip(&["-n", exporter, "route", "add", "local", "198.18.0.0/15", "dev", "lo"])?;
        ip(&["-n", collector, "route", "add", "198.18.0.0/15", "dev", COLLECTOR_INTERFACE])
    }

    /// Lets programs on the collector's side reach each other.
    pub fn raise_loopback(&self) -> Result<()> {
        ip(&["-n", &self.collector, "link", "set", "lo", "up"])
    }

    /// A program on the collector's side.
    pub fn in_collector(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        in_namespace(&self.collector, program)
    }

    /// A program on the exporters' side.
    pub fn in_exporter(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        in_namespace(&self.exporter, program)
    }

    /// Packets that the exporters' interface could not pass on.
    pub fn exporter_drops(&self) -> Result<u64> {
        let table = shell::output(self.in_exporter("cat").arg("/proc/net/dev"))?;
        const TX_DROPPED: usize = 11;
        let line = table
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(EXPORTER_INTERFACE)?.strip_prefix(':'));
        let dropped = line.and_then(|line| line.split_whitespace().nth(TX_DROPPED)?.parse().ok());
        Ok(dropped.unwrap_or(0))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for namespace in [&self.collector, &self.exporter] {
            // What is not there need not be removed.
            let _ = shell::output(Command::new("ip").args(["netns", "del", namespace]));
        }
    }
}

fn in_namespace(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program);
    command
}

fn ip(arguments: &[&str]) -> Result<()> {
    shell::run(Command::new("ip").args(arguments))
}
